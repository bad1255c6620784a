//! What tells one state of the configuration's files from another.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    files::{list_files, list_folder},
    policies::FOLDERS,
};
use crate::config::{At, Settings};

/// The state of every file and folder that a configuration is read from, that of the configuration
/// file first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamps {
    own: Vec<Stamp>,
    /// Those of `shadow_policies`.
    shadow: Vec<Stamp>,
}

/// The state of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    path: PathBuf,
    /// Device, inode, length, time of the last change (which can't be set back as that of the last
    /// modification can); none while the file isn't there.
    state: Option<(u64, u64, u64, i64, i64)>,
}

impl Stamps {
    /// As the files of the configuration at `file`, which says `settings`, are now.
    pub(super) fn of(file: &Path, settings: &Settings) -> Self {
        let mut own = vec![file.to_owned()];
        own.extend(folder(&settings.identity_pools.value));
        own.extend(policies(&settings.policies.value));
        let groups = settings.user_pools.iter().filter_map(|pool| pool.groups.as_ref());
        own.extend(groups.map(|groups| groups.value.clone()));
        if let Some(tls) = &settings.listen.proxy.tls {
            own.extend([tls.cert.value.clone(), tls.key.value.clone()]);
            own.extend(tls.clients.as_ref().map(|clients| clients.ca.value.clone()));
        }
        let mut shadow = Vec::new();
        if let Some(At { value, .. }) = &settings.shadow_policies {
            shadow = policies(value);
            // It may have to come into being.
            shadow.push(value.clone());
        }
        let stamps = |paths: Vec<PathBuf>| paths.iter().map(|path| Stamp::of(path)).collect();
        Self { own: stamps(own), shadow: stamps(shadow) }
    }

    /// Whether all that decides is as it was.
    pub(super) fn differ_in_shadow_alone(&self, before: &Self) -> bool {
        self.own == before.own && self.shadow != before.shadow
    }

    /// Whether the configuration file is the one that `stamp` is of.
    pub(super) fn begins_with(&self, stamp: &Stamp) -> bool {
        self.own.first() == Some(stamp)
    }
}

impl Stamp {
    /// As the file is now.
    pub(super) fn of(path: &Path) -> Self {
        let state =
            fs::metadata(path).ok().map(|m| (m.dev(), m.ino(), m.len(), m.ctime(), m.ctime_nsec()));
        Self { path: path.to_owned(), state }
    }
}

/// A folder of policies, and what is read in it.
fn policies(policies: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        FOLDERS.iter().flat_map(|(name, _)| folder(&policies.join(name))).collect();
    let cedar = policies.join("cedar");
    paths.extend(list_files(&cedar, &|_| true).unwrap_or_default());
    paths.push(cedar);
    paths
}

fn folder(folder: &Path) -> Vec<PathBuf> {
    let mut paths = list_folder(folder).unwrap_or_default();
    paths.push(folder.to_owned());
    paths
}
