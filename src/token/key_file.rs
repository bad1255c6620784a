//! A JWK Set in a file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;

use super::keys::Document;
use super::{KeysError, MAX_KEYS_BYTES};

/// Why a file has no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system doesn't let it be read, or it is no regular file.
    #[error("can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is no JWK Set, or none with a usable key.
    #[error("{0}")]
    Keys(#[from] KeysError),
}

/// Reads the file at `path` as a key set would be loaded from it. May block for a moment.
///
/// # Errors
/// [`KeyFileError`] if no key would come of it.
pub fn check_key_file(path: &Path) -> Result<(), KeyFileError> {
    Document::parse(&read(path)?)?;
    Ok(())
}

/// The text of the file, or as much of it as shows that it is too long.
pub(super) fn read(path: &Path) -> io::Result<Bytes> {
    // The metadata first: opening a FIFO would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_KEYS_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(text.into())
}
