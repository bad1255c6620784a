//! What headers say of a body: checksums, and `Content-MD5`.

use ::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{S3Error, headers::text};
use crate::{
    services::Body,
    sigv4::{Algorithm, Digest, Proof},
};

/// What the headers say of the body: `Content-MD5`, and one checksum.
///
/// # Errors
/// [`S3Error::InvalidRequest`] for two checksums, [`S3Error::InvalidDigest`] for one that is none, and
/// [`S3Error::UnknownHeader`] for an algorithm that can't be computed.
fn stated(headers: &HeaderMap) -> Result<Vec<Digest>, S3Error> {
    let mut named = named(headers);
    let (checksum, None) = (named.next(), named.next()) else { return Err(SEVERAL) };
    let mut digests = Vec::new();
    if let Some(value) = text(headers, CONTENT_MD5)? {
        let digest = STANDARD.decode(value).ok().and_then(Digest::content_md5);
        digests.push(digest.ok_or(S3Error::InvalidDigest("Content-MD5"))?);
    }
    if let Some(name) = checksum {
        let algorithm =
            Algorithm::of_header(name).ok_or_else(|| S3Error::UnknownHeader(name.into()))?;
        let value = text(headers, name)?.unwrap_or_default();
        let bytes = STANDARD.decode(value).ok();
        let digest = bytes.and_then(|bytes| Digest::checksum(algorithm, bytes));
        digests.push(digest.ok_or(S3Error::InvalidDigest(algorithm.name()))?);
    }
    Ok(digests)
}

/// The headers that have a checksum.
pub(super) fn named(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let names = headers.keys().map(|name| name.as_str());
    names.filter(|name| name.starts_with(PREFIX) && !SAYINGS.contains(name))
}

/// `body`, which has to be what the headers say of it: now if it was read whole, otherwise as it is
/// streamed. S3 `demands` of some operations that they say something.
///
/// # Errors
/// As [`stated`], [`S3Error::Body`], and [`S3Error::InvalidRequest`] if there is nothing and it is
/// demanded.
pub(super) fn prove(headers: &HeaderMap, body: Body, demands: bool) -> Result<Body, S3Error> {
    let stated = stated(headers)?;
    if demands && stated.is_empty() {
        return Err(S3Error::InvalidRequest(
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    let of = |proof| stated.into_iter().fold(proof, Proof::and);
    match body {
        Body::Streamed(proof) => Ok(Body::Streamed(of(proof))),
        Body::Whole { bytes, sha256 } => {
            let bytes = of(Proof::NONE).unwrap(bytes)?;
            Ok(Body::Whole { bytes, sha256 })
        }
    }
}

/// The value of `Content-MD5` for `body`.
pub(super) fn content_md5(body: &[u8]) -> String {
    let mut hasher = Algorithm::Md5.hasher();
    hasher.update(body);
    STANDARD.encode(hasher.finish())
}

/// Removes every checksum, which was another body's.
pub(super) fn remove(headers: &mut HeaderMap) {
    let doomed: Vec<_> =
        headers.keys().filter(|name| name.as_str().starts_with(PREFIX)).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
    headers.remove(CONTENT_MD5);
    headers.remove("x-amz-sdk-checksum-algorithm");
}

/// Two checksums, of which a backend would keep either.
pub(super) const SEVERAL: S3Error = S3Error::InvalidRequest(
    "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
);

const PREFIX: &str = "x-amz-checksum-";
const CONTENT_MD5: &str = "content-md5";

/// Headers that begin like a checksum and are none.
const SAYINGS: [&str; 3] =
    ["x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"];

#[cfg(test)]
mod tests;
