//! The three parts of temporary credentials, in the shapes that AWS gives them.

use std::fmt;

use aws_lc_rs::rand;

use crate::clock::Time;

use super::error::StsError;

/// What a caller signs requests with. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretAccessKey(pub(super) String);

impl SecretAccessKey {
    /// The 40 characters, for the one who signs, verifies or answers with them.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretAccessKey(…)")
    }
}

/// Temporary credentials as they are given to a caller.
#[derive(Clone, PartialEq, Eq)]
pub struct TemporaryCredentials {
    /// `ASIA` and 16 characters of base32.
    pub access_key_id: String,
    /// 40 characters of base64.
    pub secret_access_key: SecretAccessKey,
    /// The sealed grant. Whoever has it and the secret is the session; `Debug` leaves it out.
    pub session_token: String,
    /// The first moment at which they are refused.
    pub expires: Time,
}

impl fmt::Debug for TemporaryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporaryCredentials")
            .field("access_key_id", &self.access_key_id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// A fresh access key id: 80 random bits after AWS's prefix for temporary ones.
///
/// # Errors
/// [`StsError::Crypto`] if there is no randomness.
pub(super) fn fresh_id() -> Result<String, StsError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| StsError::Crypto)?;
    let bits = u128::from_be_bytes(bytes);
    let mut id = String::with_capacity(PREFIX.len() + DIGITS);
    id.push_str(PREFIX);
    for place in 0..DIGITS {
        let digit = u8::try_from((bits >> (5 * place)) & 31).unwrap_or(0);
        // RFC 4648's base32: A to Z, then 2 to 7.
        id.push(char::from(if digit < 26 { b'A' + digit } else { b'2' + (digit - 26) }));
    }
    Ok(id)
}

/// Does `id` look like one of ours?
pub(super) fn is_id(id: &str) -> bool {
    id.strip_prefix(PREFIX).is_some_and(|rest| {
        rest.len() == DIGITS && rest.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'))
    })
}

/// AWS's prefix of temporary access key ids
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>).
const PREFIX: &str = "ASIA";
const DIGITS: usize = 16;
