//! Policies of buckets and tables that are put through the gate: their files in `resources/`.
//!
//! A file is written beside its place, synced, and renamed: whoever reads the folder sees the old
//! text or the new one. What a crash leaves behind has a hidden name, which loading passes over and
//! the next change takes for itself; changes are made one after another.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{files::read_file, policies::PolicyFiles};
use crate::{
    config::{self, Position, Problem, Settings},
    gate::{StoredPolicy, revision},
    iam::Arn,
};

/// A file of `resources/`. What is in it was checked when it was loaded.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceFile {
    resource: String,
    policy: Box<RawValue>,
}

impl ResourceFile {
    /// The document as it is written; one that is a string, without its encoding.
    fn document(&self) -> Option<String> {
        let raw = self.policy.get();
        if !raw.starts_with('"') {
            return Some(raw.to_owned());
        }
        let text: String = serde_json::from_str(raw).ok()?;
        match text.trim_ascii_start().starts_with('{') {
            true => Some(text),
            false => {
                let decoded = percent_encoding::percent_decode_str(&text).decode_utf8();
                decoded.ok().map(|text| text.into_owned())
            }
        }
    }
}

/// Every policy of a resource as it is written, by ARN; none where no route tells of them.
pub(super) fn documents(
    settings: &Settings,
    files: &PolicyFiles,
    problems: &mut Vec<Problem>,
) -> HashMap<String, StoredPolicy> {
    let mut found = HashMap::new();
    if !stores(settings) {
        return found;
    }
    for (path, text) in files.resources() {
        let file: Option<ResourceFile> = serde_json::from_str(text).ok();
        match file.and_then(|file| Some((file.document()?, file.resource))) {
            Some((text, resource)) => {
                let stored = StoredPolicy { file: path.to_owned(), text: text.into() };
                found.insert(resource, stored);
            }
            None => {
                let message = "its policy can't be told as it is written".to_owned();
                problems.push(Problem::error(path, Position::START, message));
            }
        }
    }
    found
}

/// A warning where policies couldn't be written.
pub(super) fn warn_unless_writable(settings: &Settings) -> Option<Problem> {
    let route = settings.routes.iter().find(|route| is_stored(route))?;
    let folder = folder(settings);
    let place = folder.ancestors().find(|place| place.exists()).unwrap_or(&folder);
    let error = rustix::fs::access(place, rustix::fs::Access::WRITE_OK).err()?;
    let message = format!(
        "route `{}` stores resource policies, and {} can't be written to: {error}",
        route.name,
        place.display()
    );
    Some(Problem::warning(&settings.file, route.position, message))
}

fn stores(settings: &Settings) -> bool {
    settings.routes.iter().any(is_stored)
}

fn is_stored(route: &config::Route) -> bool {
    route.resource_policies == config::ResourcePolicies::Stored
}

/// Where resources have their policies.
pub(super) fn folder(settings: &Settings) -> PathBuf {
    settings.policies.value.join("resources")
}

/// A file that was written or removed, and what was there.
#[derive(Debug)]
pub(super) struct Undo {
    path: PathBuf,
    before: Option<String>,
}

impl Undo {
    /// Puts back what was there.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn undo(self) -> io::Result<()> {
        match self.before {
            Some(text) => replace(&self.path, &text),
            None => remove(&self.path),
        }
    }
}

/// Writes the policy of `resource` into `folder`: into the file that has it, or one of its own.
///
/// # Errors
/// What the system says. Then nothing has changed.
pub(super) fn put(
    folder: &Path,
    known: Option<&StoredPolicy>,
    resource: &Arn,
    policy: &str,
) -> io::Result<Undo> {
    fs::create_dir_all(folder)?;
    let (path, before) = match known.map(|known| (&known.file, current(known, resource))) {
        Some((file, Some(before))) => (file.clone(), Some(before)),
        _ => (unused(folder, resource)?, None),
    };
    let name = serde_json::to_string(resource.as_str()).map_err(io::Error::other)?;
    // Not serialised anew: what was put is what is told and what is enforced.
    let text = format!("{{ \"Resource\": {name}, \"Policy\": {policy} }}\n");
    replace(&path, &text)?;
    Ok(Undo { path, before })
}

/// Removes the file of the policy of `resource`; none if it isn't as it was loaded.
///
/// # Errors
/// What the system says.
pub(super) fn delete(known: &StoredPolicy, resource: &Arn) -> io::Result<Option<Undo>> {
    let Some(before) = current(known, resource) else { return Ok(None) };
    remove(&known.file)?;
    Ok(Some(Undo { path: known.file.clone(), before: Some(before) }))
}

/// The text of the file, if it is still that of this resource.
fn current(known: &StoredPolicy, resource: &Arn) -> Option<String> {
    let file = read_file(&known.file).ok()?;
    let found: ResourceFile = serde_json::from_str(&file.text).ok()?;
    (found.resource == resource.as_str()).then_some(file.text)
}

/// A name that no file has: of the resource's own where that is short and plain, with a hash of its
/// ARN else. Nothing of a resource's name becomes a folder.
fn unused(folder: &Path, resource: &Arn) -> io::Result<PathBuf> {
    let name = resource.resource();
    let name = name.strip_prefix("table/").unwrap_or(name);
    let plain: String =
        name.chars().map(|c| if is_plain(c) { c } else { '_' }).take(MAX_PLAIN).collect();
    let (service, hash) = (resource.service(), revision(resource.as_str()));
    let own = (plain == name).then(|| folder.join(format!("{service}-{plain}.json")));
    let hashed = folder.join(format!("{service}-{plain}-{hash}.json"));
    let free = |path: &PathBuf| fs::symlink_metadata(path).is_err();
    own.into_iter().chain([hashed]).find(free).ok_or_else(|| {
        io::Error::new(io::ErrorKind::AlreadyExists, "its file is there, and isn't in force")
    })
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let aside = folder.join(ASIDE);
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Never through a link that is there.
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&aside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&aside, path));
    if renamed.is_err() {
        // Left behind it would be taken by the next change anyway.
        let _ = fs::remove_file(&aside);
        return renamed;
    }
    sync(folder)
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync(path.parent().unwrap_or(Path::new(".")))
}

/// Without it, a rename may be forgotten at a power failure.
fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// What is being written; loading passes over hidden names.
const ASIDE: &str = ".poolgate-policy.tmp";
/// Characters of a resource's name in a file's.
const MAX_PLAIN: usize = 128;

#[cfg(test)]
mod tests;
