//! SPIFFE ids (the SPIFFE-ID specification, §2): who a workload is, as its certificate says.

use std::fmt;

/// `spiffe://trust-domain/path`, as it may be compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpiffeId(Box<str>);

/// Why a URI is no SPIFFE id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeError {
    /// Longer than 2048 bytes (§2.3).
    #[error("it is longer than 2048 bytes")]
    TooLong,
    /// Not `spiffe://`.
    #[error("its scheme is not spiffe")]
    Scheme,
    /// Not 1 to 255 of lower-case letters, digits, `.`, `-` and `_` (§2.1); ports and user names
    /// among what it must not have.
    #[error("its trust domain is not of 1 to 255 lower-case letters, digits, '.', '-' and '_'")]
    TrustDomain,
    /// An empty segment, `.` or `..`, a trailing slash, or a character other than letters, digits,
    /// `.`, `-` and `_` (§2.2); query, fragment and escapes among them.
    #[error("its path has an empty, '.' or '..' segment, or a character that it must not have")]
    Path,
}

impl SpiffeId {
    /// Reads a SPIFFE id. The path may be empty: the trust domain's own id.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, SpiffeError> {
        if text.len() > MAX_LENGTH {
            return Err(SpiffeError::TooLong);
        }
        let rest = text.strip_prefix("spiffe://").ok_or(SpiffeError::Scheme)?;
        let (domain, path) = match rest.split_once('/') {
            Some((domain, path)) => (domain, Some(path)),
            None => (rest, None),
        };
        let of_domain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
        if !(1..=MAX_DOMAIN).contains(&domain.len()) || !domain.bytes().all(of_domain) {
            return Err(SpiffeError::TrustDomain);
        }
        let of_path = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        let is_segment =
            |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(of_path);
        if path.is_some_and(|path| !path.split('/').all(is_segment)) {
            return Err(SpiffeError::Path);
        }
        Ok(Self(text.into()))
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MAX_LENGTH: usize = 2048;
const MAX_DOMAIN: usize = 255;

#[cfg(test)]
mod tests;
