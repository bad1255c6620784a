//! What tells one state of the configuration's files from another.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    files::{list_files, list_folder},
    policies::FOLDERS,
};
use crate::{
    clock::Time,
    config::{At, Settings},
};

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
    /// None while the file isn't there.
    state: Option<State>,
    /// Those of the links that lead to it: one that is replaced and put back again may have led elsewhere while
    /// something was read.
    links: Vec<State>,
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    device: u64,
    inode: u64,
    length: u64,
    /// Of the last change, in seconds and nanoseconds: it can't be set back as that of the last modification can.
    changed: (i64, i64),
    /// Whether it can be read twice; what comes through a pipe is gone.
    lasts: bool,
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
        Self { own: stamps(&own), shadow: stamps(&shadow) }
    }

    /// Whether all that decides is as it was.
    pub(super) fn differ_in_shadow_alone(&self, before: &Self) -> bool {
        self.own == before.own && self.shadow != before.shadow
    }

    /// Whether something that decides had changed so shortly before `time` that its stamp may have stayed as it is in another change
    /// since: the system's clock for it stands still in between. What changes in the future tells nothing.
    pub(super) fn may_be_racy(&self, time: Time) -> bool {
        let racy = |state: &State| {
            let (secs, nanos) = state.changed;
            let changed = secs.saturating_mul(1000).saturating_add(nanos / 1_000_000);
            state.lasts && time.millis().abs_diff(changed) <= TICK
        };
        self.own.iter().any(|stamp| stamp.state.iter().chain(&stamp.links).any(racy))
    }

    /// Whether the configuration file is the one that `stamp` is of.
    pub(super) fn begins_with(&self, stamp: &Stamp) -> bool {
        self.own.first() == Some(stamp)
    }
}

impl Stamp {
    /// As the file is now.
    pub(super) fn of(path: &Path) -> Self {
        let state = fs::metadata(path).ok().map(|found| state(&found));
        let mut links = Vec::new();
        if state.is_none_or(|state| state.lasts) {
            follow(path, &mut links);
        }
        Self { path: path.to_owned(), state, links }
    }

    /// The same of a file in a folder that has a stamp of its own: there may be thousands.
    fn of_listed(path: &Path) -> Self {
        match fs::symlink_metadata(path) {
            Ok(found) if !found.is_symlink() => {
                Self { path: path.to_owned(), state: Some(state(&found)), links: Vec::new() }
            }
            _ => Self::of(path),
        }
    }
}

fn state(found: &fs::Metadata) -> State {
    State {
        device: found.dev(),
        inode: found.ino(),
        length: found.len(),
        changed: (found.ctime(), found.ctime_nsec()),
        lasts: found.is_file() || found.is_dir() || found.is_symlink(),
    }
}

/// Those of `paths`; each folder stands behind what is in it.
fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let folders: HashSet<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let stamp = |path: &PathBuf| match path.parent().is_some_and(|folder| folders.contains(folder))
    {
        true => Stamp::of_listed(path),
        false => Stamp::of(path),
    };
    paths.iter().map(stamp).collect()
}

/// Adds the links on the way to `path`.
fn follow(path: &Path, links: &mut Vec<State>) {
    let mut way = PathBuf::new();
    let mut rest = path.components();
    while let Some(component) = rest.next() {
        let folder = way.clone();
        way.push(component);
        let Ok(found) = fs::symlink_metadata(&way) else { return };
        if !found.is_symlink() {
            continue;
        }
        links.push(state(&found));
        let Ok(target) = fs::read_link(&way) else { return };
        // As the system does.
        if links.len() < MAX_LINKS {
            follow(&folder.join(target).join(rest.as_path()), links);
        }
        return;
    }
}

/// How long the clock by which changes are stamped may stand still, in milliseconds.
const TICK: u64 = 12;
/// Links that Linux follows on one way.
const MAX_LINKS: usize = 40;

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
