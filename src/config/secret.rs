//! Secrets: named in the file, read when it is loaded, never shown.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::map::Map;
use super::read::{Section, section};
use super::value::VariableName;

/// A secret's bytes. Not empty; without the newlines that end a file.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A secret of these bytes, without the newlines at their end; `None` if nothing is left.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().rposition(|b| !matches!(b, b'\r' | b'\n'))?;
        bytes.get(..=end).map(|bytes| Self(bytes.to_vec()))
    }

    /// A secret of exactly these bytes, of which there must be some.
    pub(super) fn exactly(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for the one who uses them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether `presented` is the secret, in a time that tells nothing but its length.
    pub fn matches(&self, presented: &[u8]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.0, presented).is_ok()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Section for Secret {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let file = map.optional::<PathBuf>("file", "A file that holds the secret.");
        let env =
            map.optional::<VariableName>("env", "An environment variable that holds the secret.");
        map.exactly_one();
        let (name, bytes) = match (file?, env?) {
            (Some(file), None) => ("file", read_file(&file)),
            (None, Some(VariableName(name))) => ("env", read_variable(map, &name)),
            _ => return None,
        };
        let secret = bytes
            .and_then(|bytes| Secret::new(&bytes).ok_or_else(|| "the secret is empty".to_owned()));
        secret.map_err(|message| map.error(Some(name), message)).ok()
    }
}

section!(Secret);

/// What an environment variable holds.
pub(super) fn read_variable(map: &mut Map<'_, '_>, name: &str) -> Result<Vec<u8>, String> {
    let value = map.reader().and_then(|reader| reader.variable(name));
    value
        .map(std::ffi::OsString::into_encoded_bytes)
        .ok_or_else(|| format!("the environment variable {name} is not set"))
}

/// What a secret's file holds.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("can't read {}: {error}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("{} is larger than 64 KiB", path.display()));
    }
    Ok(bytes)
}

const MAX_BYTES: u64 = 64 << 10;
