//! What tells one state of the configuration's files from another.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::policies::{FOLDERS, list_files, list_folder};
use crate::config::Settings;

/// The state of every file and folder that a configuration is read from, that of the configuration
/// file first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamps(Vec<Stamp>);

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
        let policies = &settings.policies.value;
        let mut folders = vec![settings.identity_pools.value.clone()];
        let mut of_cedar = Vec::new();
        let shadow = settings.shadow_policies.as_ref().map(|shadow| &shadow.value);
        for policies in [policies].into_iter().chain(shadow) {
            folders.extend(FOLDERS.map(|(name, _)| policies.join(name)));
            of_cedar.push(policies.join("cedar"));
        }
        let mut paths = vec![file.to_owned()];
        for folder in folders {
            paths.extend(list_folder(&folder).unwrap_or_default());
            paths.push(folder);
        }
        for folder in of_cedar {
            paths.extend(list_files(&folder, &|_| true).unwrap_or_default());
            paths.push(folder);
        }
        let groups = settings.user_pools.iter().filter_map(|pool| pool.groups.as_ref());
        paths.extend(groups.map(|groups| groups.value.clone()));
        if let Some(tls) = &settings.listen.proxy.tls {
            paths.extend([tls.cert.value.clone(), tls.key.value.clone()]);
            paths.extend(tls.clients.as_ref().map(|clients| clients.ca.value.clone()));
        }
        Self(paths.iter().map(|path| Stamp::of(path)).collect())
    }

    /// Whether the configuration file is the one that `stamp` is of.
    pub(super) fn begins_with(&self, stamp: &Stamp) -> bool {
        self.0.first() == Some(stamp)
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
