//! The credential a request carries: none, a bearer token, a token with a proof of its key (DPoP),
//! or an AWS signature.
//!
//! A credential is read from `Authorization` (or seen in a presigned query), never from an
//! `access_token` parameter or a form (RFC 6750 §2.2 and §2.3: both end up in logs). Two
//! credentials are refused, and a malformed one is never taken for none.

use ::http::header::AUTHORIZATION;
use ::http::{HeaderMap, HeaderName, HeaderValue};

use super::target::query_pairs;
use super::{RequestError, visible};

/// What a request offers to prove who sent it. `Debug` does not show tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credentials<'h> {
    /// No credential of any kind.
    None,
    /// A bearer token, of RFC 6750's `b64token` syntax.
    Bearer(&'h str),
    /// A token that is bound to a key, of the same syntax (RFC 9449 §7.1). Its proof is in `DPoP`.
    Dpop(&'h str),
    /// An AWS signature, version 4 or 4A, in `Authorization` or in the query, or a part of one: a
    /// session token alone.
    SigV4,
    /// Another authentication scheme.
    Unsupported(&'h str),
}

impl std::fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer",
            Self::Dpop(_) => "DPoP",
            Self::SigV4 => "SigV4",
            Self::Unsupported(_) => "Unsupported",
        })
    }
}

/// The credential of a request with these headers and this raw query. A session token belongs to a
/// signature, whether that is there or not.
///
/// # Errors
/// [`RequestError::Repeated`] and [`RequestError::NotAscii`] of `Authorization`,
/// [`RequestError::Authorization`] if it is malformed, [`RequestError::SeveralCredentials`] if the
/// query is signed as well.
pub fn credentials<'h>(
    headers: &'h HeaderMap,
    query: Option<&str>,
) -> Result<Credentials<'h>, RequestError> {
    read(headers, query, b64token)
}

/// The same, for whoever verifies a token, which may be any text here. One that was verified has the right
/// syntax; of one that was refused, [`credentials`] tells whether that is the reason.
///
/// # Errors
/// As [`credentials`], but for the syntax of a token.
pub fn presented<'h>(
    headers: &'h HeaderMap,
    query: Option<&str>,
) -> Result<Credentials<'h>, RequestError> {
    read(headers, query, |token| std::str::from_utf8(token).ok().filter(|text| !text.is_empty()))
}

fn read<'h>(
    headers: &'h HeaderMap,
    query: Option<&str>,
    token: impl FnOnce(&[u8]) -> Option<&str>,
) -> Result<Credentials<'h>, RequestError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(RequestError::Repeated("Authorization"));
    }
    let presigned = query.is_some_and(is_signed_query);
    match first {
        // A session token without its signature is half a credential, and not none.
        None if presigned || headers.contains_key(SESSION_TOKEN) => Ok(Credentials::SigV4),
        None => Ok(Credentials::None),
        Some(_) if presigned => Err(RequestError::SeveralCredentials),
        Some(value) => authorization(value, token).ok_or_else(|| match visible(value) {
            Some(_) => RequestError::Authorization,
            None => RequestError::NotAscii("Authorization"),
        }),
    }
}

/// The scheme in which a token is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenScheme {
    /// `Bearer`.
    Bearer,
    /// `DPoP`.
    Dpop,
}

/// The scheme of the token in `Authorization`; none if it isn't one, or malformed. Of one that was `read`
/// before, only the scheme is looked at.
pub fn token_scheme(headers: &HeaderMap, read: bool) -> Option<TokenScheme> {
    if !read {
        return match credentials(headers, None).ok()? {
            Credentials::Bearer(_) => Some(TokenScheme::Bearer),
            Credentials::Dpop(_) => Some(TokenScheme::Dpop),
            _ => None,
        };
    }
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let is = |scheme: &[u8]| {
        value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let bearer = is(b"Bearer ").then_some(TokenScheme::Bearer);
    bearer.or_else(|| is(b"DPoP ").then_some(TokenScheme::Dpop))
}

/// RFC 9110 §11.4: a scheme, spaces, credentials.
fn authorization(
    header: &HeaderValue,
    read: impl FnOnce(&[u8]) -> Option<&str>,
) -> Option<Credentials<'_>> {
    let value = header.as_bytes();
    let space = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, mut token) = value.split_at_checked(space)?;
    if scheme.is_empty() || !scheme.iter().copied().all(is_token_byte) {
        return None;
    }
    while let [b' ', rest @ ..] = token {
        token = rest;
    }
    if scheme.eq_ignore_ascii_case(b"Bearer") {
        return read(token).map(Credentials::Bearer);
    }
    if scheme.eq_ignore_ascii_case(b"DPoP") {
        return read(token).map(Credentials::Dpop);
    }
    let signed = [b"AWS4-HMAC-SHA256".as_slice(), b"AWS4-ECDSA-P256-SHA256"];
    let text = visible(header)?;
    if signed.iter().any(|name| scheme.eq_ignore_ascii_case(name)) {
        return Some(Credentials::SigV4);
    }
    text.get(..space).map(Credentials::Unsupported)
}

/// RFC 6750 §2.1: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn b64token(token: &[u8]) -> Option<&str> {
    let end = token.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let body = token.get(..end)?;
    // A token has a thousand bytes: many are looked at in one step where there is a fixed number of them and no short
    // cut between, whatever else the compiler thinks of this place.
    let (pieces, rest) = body.as_chunks::<32>();
    let good = !body.is_empty() && pieces.iter().all(|piece| are_b64(piece)) && are_b64(rest);
    good.then(|| std::str::from_utf8(token).ok())?
}

#[inline]
fn are_b64(bytes: &[u8]) -> bool {
    let refused = |byte: u8| {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        // `-`, `.`, `/` and the digits.
        let digit = byte.wrapping_sub(b'-') < 13;
        u8::from(!(letter | digit | (byte == b'_') | (byte == b'~') | (byte == b'+')))
    };
    bytes.iter().fold(0, |any, byte| any | refused(*byte)) == 0
}

/// RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a query carries a signature or a session token. Names in any case: a request that only
/// looks signed must not pass for one without a credential.
pub fn is_signed_query(query: &str) -> bool {
    // Most queries have no name that could be one of these, and needn't be decoded.
    let could =
        |pair: &str| matches!(pair.as_bytes().first(), Some(b'x' | b'X' | b'a' | b'A' | b'%'));
    if !query.split('&').any(could) {
        return false;
    }
    let signs = [
        "X-Amz-Signature",
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        // Of version 2, with which some SDKs still presign: to be refused by its name.
        SIGNED_BY_VERSION_2,
    ];
    query_pairs(query).any(|(name, _)| signs.iter().any(|sign| name.eq_ignore_ascii_case(sign)))
}

/// The parameter by which a query is signed by Signature Version 2.
pub const SIGNED_BY_VERSION_2: &str = "AWSAccessKeyId";

/// The header that proves the possession of a token's key (RFC 9449 §4.1).
pub const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The session token of temporary AWS credentials.
pub const SESSION_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// The operation of an AWS API that is spoken in JSON, with the service that it belongs to.
pub const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

#[cfg(test)]
mod tests;
