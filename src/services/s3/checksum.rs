//! Checksums of a body that was read whole.

use ::http::HeaderMap;
use aws_lc_rs::digest::{self, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use crc_fast::{CrcAlgorithm, checksum};
use md5::{Digest, Md5};

use super::{S3Error, headers::text};

/// Checks what the headers say of `body`. S3 demands that they say something.
///
/// # Errors
/// [`S3Error::InvalidRequest`], [`S3Error::InvalidDigest`], [`S3Error::BadDigest`], and
/// [`S3Error::UnknownHeader`] for an algorithm that can't be computed.
pub(super) fn verify(headers: &HeaderMap, body: &[u8]) -> Result<(), S3Error> {
    match verify_stated(headers, body)? {
        true => Ok(()),
        false => Err(S3Error::InvalidRequest(
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        )),
    }
}

/// The same where the headers need say nothing; says whether they do.
///
/// # Errors
/// As [`verify`].
pub(super) fn verify_stated(headers: &HeaderMap, body: &[u8]) -> Result<bool, S3Error> {
    let mut stated = headers
        .keys()
        .map(|name| name.as_str())
        .filter(|name| name.starts_with(PREFIX) && !SAYINGS.contains(name));
    let checksum = match (stated.next(), stated.next()) {
        (one, None) => one,
        _ => {
            return Err(S3Error::InvalidRequest(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
    };
    let content_md5 = text(headers, CONTENT_MD5)?;
    if let Some(value) = content_md5 {
        same("Content-MD5", value, &Md5::digest(body))?;
    }
    if let Some(name) = checksum {
        let value = text(headers, name)?.unwrap_or_default();
        let (proper, bytes) =
            computed(name, body).ok_or_else(|| S3Error::UnknownHeader(name.into()))?;
        same(proper, value, &bytes)?;
    }
    Ok(checksum.is_some() || content_md5.is_some())
}

/// The value of `Content-MD5` for `body`.
pub(super) fn content_md5(body: &[u8]) -> String {
    STANDARD.encode(Md5::digest(body))
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

fn same(name: &'static str, value: &str, computed: &[u8]) -> Result<(), S3Error> {
    let stated = STANDARD.decode(value).ok().filter(|bytes| bytes.len() == computed.len());
    match stated {
        None => Err(S3Error::InvalidDigest(name)),
        Some(stated) if stated == computed => Ok(()),
        Some(_) => Err(S3Error::BadDigest(name)),
    }
}

fn computed(name: &str, body: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    let crc = |algorithm, bytes: usize| {
        let big_endian = checksum(algorithm, body).to_be_bytes();
        big_endian.into_iter().skip(8 - bytes).collect::<Vec<u8>>()
    };
    let sha = |algorithm| digest(algorithm, body).as_ref().to_vec();
    Some(match name {
        "x-amz-checksum-crc32" => ("CRC32", crc(CrcAlgorithm::Crc32IsoHdlc, 4)),
        "x-amz-checksum-crc32c" => ("CRC32C", crc(CrcAlgorithm::Crc32Iscsi, 4)),
        "x-amz-checksum-crc64nvme" => ("CRC64NVME", crc(CrcAlgorithm::Crc64Nvme, 8)),
        "x-amz-checksum-md5" => ("MD5", Md5::digest(body).to_vec()),
        "x-amz-checksum-sha1" => ("SHA1", sha(&digest::SHA1_FOR_LEGACY_USE_ONLY)),
        "x-amz-checksum-sha256" => ("SHA256", sha(&digest::SHA256)),
        "x-amz-checksum-sha512" => ("SHA512", sha(&digest::SHA512)),
        _ => return None,
    })
}

const PREFIX: &str = "x-amz-checksum-";
const CONTENT_MD5: &str = "content-md5";

/// Headers that begin like a checksum and are none.
const SAYINGS: [&str; 3] =
    ["x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"];

#[cfg(test)]
mod tests;
