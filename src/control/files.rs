//! Reading policy folders: which files count, and what is wrong with one that can't be read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    config::{Position, Problem, json::locate},
    iam::{JsonPath, MAX_FILE_BYTES},
};

use super::policies::steps;

/// A file and its text.
#[derive(Debug)]
pub(super) struct PolicyFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// What can't be read, and why.
#[derive(Debug)]
pub(super) enum Unread {
    /// What the configuration names, or a folder in it.
    Named(PathBuf, io::Error),
    /// A file in such a folder, and where in it.
    File(PathBuf, Position, String),
}

impl PolicyFile {
    pub(super) fn problem(&self, path: &JsonPath, message: &str) -> Problem {
        let (line, column) = locate(&self.text, &steps(path));
        Problem::error(&self.path, Position { line, column }, message.to_owned())
    }
}

impl Unread {
    fn file(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::File(path.to_owned(), Position::START, format!("can't be read: {error}"))
    }

    /// Where to look: in the file, or where the configuration has a name at `position`.
    pub(super) fn problem(self, configuration: &Path, position: Position) -> Problem {
        match self {
            Self::File(path, position, message) => Problem::error(&path, position, message),
            Self::Named(path, error) => {
                let message = format!("can't read {}: {error}", path.display());
                Problem::error(configuration, position, message)
            }
        }
    }
}

/// The JSON files of a folder and the folders in it, in the order of their names. Names that begin
/// with a dot are passed over: Kubernetes keeps its own copies of a mount under such. Others than
/// JSON and notes are errors.
pub(super) fn read_folder(folder: &Path) -> Result<Vec<PolicyFile>, Unread> {
    let mut files = Vec::new();
    for path in list_folder(folder)? {
        if !is_json(&path) {
            // A policy under another name would decide nothing, and be thought to.
            let message = "only files that end in .json are read; rename it, or move it elsewhere";
            return Err(Unread::File(path, Position::START, message.to_owned()));
        }
        files.push(read_file(&path)?);
    }
    Ok(files)
}

/// The paths of the files of a folder and the folders in it, but for notes.
pub(super) fn list_folder(folder: &Path) -> Result<Vec<PathBuf>, Unread> {
    list_files(folder, &|path| !is_note(path))
}

pub(super) fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// What is for people to read may lie beside the files.
fn is_note(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md" || extension == "txt")
}

/// The same of the files that are `wanted`.
pub(super) fn list_files(
    folder: &Path,
    wanted: &dyn Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, Unread> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 1)];
    while let Some((folder, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            // A link to a folder above, most likely.
            let error = io::Error::other(format!("folders are nested deeper than {MAX_DEPTH}"));
            return Err(Unread::Named(folder, error));
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => match folder.is_symlink() {
                // What it should lead to may be what forbids.
                true => {
                    let error = io::Error::other("it is a link that leads nowhere");
                    return Err(Unread::Named(folder, error));
                }
                false => continue,
            },
            Err(error) => return Err(Unread::Named(folder, error)),
        };
        for entry in entries {
            let path = entry.map_err(|error| Unread::Named(folder.clone(), error))?.path();
            let hidden = path.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            if path.is_dir() {
                open.push((path, depth + 1));
            } else if wanted(&path) {
                found.push(path);
            }
            if found.len() + open.len() > MAX_FILES {
                let error = io::Error::other(format!("more than {MAX_FILES} files"));
                return Err(Unread::Named(folder, error));
            }
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn read_file(path: &Path) -> Result<PolicyFile, Unread> {
    read_capped(path, MAX_BYTES)
}

/// A file of at most `most` bytes.
pub(super) fn read_capped(path: &Path, most: u64) -> Result<PolicyFile, Unread> {
    let unread = |error: io::Error| Unread::file(path, error);
    let metadata = fs::metadata(path).map_err(unread)?;
    // Opening a FIFO would wait for its writer.
    if !metadata.is_file() {
        return Err(Unread::file(path, "it is not a regular file"));
    }
    let size = metadata.len();
    if size > most {
        return Err(Unread::file(path, format!("{size} bytes are more than {most}")));
    }
    let text = String::from_utf8(fs::read(path).map_err(unread)?).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let at = Position::of_offset(&String::from_utf8_lossy(before), valid);
        Unread::File(path.to_owned(), at, "not UTF-8 from here on: save it as UTF-8".to_owned())
    })?;
    if text.starts_with(BYTE_ORDER_MARK) {
        let message = "it begins with a byte order mark: save it as UTF-8 without one";
        return Err(Unread::File(path.to_owned(), Position::START, message.to_owned()));
    }
    Ok(PolicyFile { path: path.to_owned(), text })
}

/// What some editors write before UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// Files of a policy folder.
const MAX_FILES: usize = 50_000;
/// Levels of a policy folder, itself among them.
const MAX_DEPTH: usize = 8;
/// Bytes of one policy file.
const MAX_BYTES: u64 = MAX_FILE_BYTES as u64;
