//! What a token says of itself, for messages to whoever sent it. Nothing of it is verified.

use super::ClaimValue;

use crate::clock::Time;

use super::compact::Compact;

/// What a token says of itself.
pub(crate) struct Stated {
    /// `iss`, its first 256 bytes.
    pub(crate) issuer: String,
    /// `exp`.
    pub(crate) expires: Option<Time>,
}

/// What `token` says of itself, if it can be read.
pub(crate) fn stated(token: &str) -> Option<Stated> {
    let payload = Compact::parse(token).ok()?.payload;
    let issuer = payload.get("iss").and_then(ClaimValue::as_str).unwrap_or_default();
    let end = issuer.floor_char_boundary(MAX_ISSUER);
    Some(Stated {
        issuer: issuer.get(..end).unwrap_or_default().to_owned(),
        expires: payload.get("exp").and_then(ClaimValue::as_i64).map(Time::from_secs),
    })
}

const MAX_ISSUER: usize = 256;
