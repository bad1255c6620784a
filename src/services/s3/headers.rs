//! Headers: which go upstream, and which are refused by name.
//!
//! An allow-list. A header of S3's that isn't known might change what the request does, so it is
//! refused; one that is known and means nothing on the operation is left out, as S3 ignores it.

use ::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    S3Error, checksum,
    row::{Family, Row},
};
use crate::services::Body;

/// A header's one value.
///
/// # Errors
/// If it isn't visible ASCII, or if there is another.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, S3Error> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        (Some(Err(_opaque)), _) => {
            Err(S3Error::InvalidArgument("A header you provided isn't ASCII"))
        }
        (Some(_), Some(_)) => {
            Err(S3Error::InvalidArgument("A header you provided may be given once only"))
        }
    }
}

/// Whether a header that says `true` or `false` says anything but `false`.
pub(super) fn says_true(headers: &HeaderMap, name: &str) -> Result<bool, S3Error> {
    Ok(text(headers, name)?.is_some_and(|value| !value.trim().eq_ignore_ascii_case("false")))
}

/// Adds to `headers` those that a presigned URL carries as parameters.
pub(super) fn merge(headers: &mut HeaderMap, hoisted: HeaderMap) -> Result<(), S3Error> {
    for (name, value) in hoisted {
        let Some(name) = name else { continue };
        if headers.insert(name, value).is_some() {
            return Err(S3Error::InvalidArgument(
                "A header may be given as one or in the query, not both",
            ));
        }
    }
    Ok(())
}

/// Refuses headers that aren't known.
pub(super) fn check<'h>(names: impl Iterator<Item = &'h HeaderName>) -> Result<(), S3Error> {
    for name in names {
        if name.as_str().starts_with("x-amz-") && class(name.as_str()) == Class::Unknown {
            return Err(S3Error::UnknownHeader(name.as_str().into()));
        }
    }
    Ok(())
}

/// Makes the headers of a body in chunks those of what is inside: of its length, and without the coding.
/// `sha256` says whether it is one, and `body` was read as that.
///
/// # Errors
/// [`S3Error::UnknownHeader`] and [`S3Error::NotImplemented`] for the headers of chunks where there are
/// none, the second also for chunks that were not taken off; [`S3Error::InvalidArgument`] for chunks in chunks.
pub(super) fn unwrap(
    headers: &mut HeaderMap,
    sha256: Option<&str>,
    body: &Body,
) -> Result<(), S3Error> {
    let mut codings = Vec::new();
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let parts = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        codings.extend(parts.filter(|part| !part.is_empty()));
    }
    let all = codings.len();
    codings.retain(|coding| !coding.eq_ignore_ascii_case(b"aws-chunked"));
    let chunked = all - codings.len();
    if !sha256.is_some_and(|value| value.trim_start().starts_with("STREAMING-")) {
        return match [DECODED_LENGTH, TRAILER].into_iter().find(|name| headers.contains_key(*name))
        {
            Some(name) => Err(S3Error::UnknownHeader(name.into())),
            None if chunked > 0 => Err(S3Error::NotImplemented),
            None => Ok(()),
        };
    }
    if chunked > 1 {
        return Err(S3Error::InvalidArgument("aws-chunked may be applied once only"));
    }
    let length = match body {
        Body::Whole { bytes, .. } => bytes.len() as u64,
        Body::Streamed(proof) => proof.chunks().ok_or(S3Error::NotImplemented)?.length(),
    };
    if chunked > 0 {
        let rest = HeaderValue::from_bytes(&codings.join(&b", "[..]));
        headers.remove(header::CONTENT_ENCODING);
        if let Ok(rest) = rest
            && !rest.is_empty()
        {
            headers.insert(header::CONTENT_ENCODING, rest);
        }
    }
    headers.insert(header::CONTENT_LENGTH, length.into());
    // It says of which checksum a header or a trailer is, and the trailer stays here.
    if headers.remove(TRAILER).is_some() {
        if checksum::named(headers).next().is_some() {
            return Err(checksum::SEVERAL);
        }
        headers.remove("x-amz-sdk-checksum-algorithm");
    }
    headers.remove(DECODED_LENGTH);
    Ok(())
}

/// Removes what doesn't go upstream on `row`.
pub(super) fn retain(headers: &mut HeaderMap, row: &Row) {
    let doomed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| match class(name.as_str()) {
            Class::Forwarded => false,
            Class::Dropped | Class::Unknown => true,
            Class::Of(family) => !row.families.iter().any(|own| same(*own, family)),
        })
        .cloned()
        .collect();
    for name in doomed {
        headers.remove(name);
    }
}

/// What becomes of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Forwarded,
    Dropped,
    Of(Family),
    Unknown,
}

fn class(name: &str) -> Class {
    let Some(amz) = name.strip_prefix("x-amz-") else {
        return if STANDARD.contains(&name) { Class::Forwarded } else { Class::Dropped };
    };
    if ["meta-", "checksum-"].iter().any(|prefix| amz.starts_with(prefix)) || COMMON.contains(&amz)
    {
        return Class::Forwarded;
    }
    if SPENT.contains(&amz) {
        return Class::Dropped;
    }
    match amz {
        "acl" => Class::Of(Family::Acl),
        "tagging" => Class::Of(Family::Tagging),
        "bypass-governance-retention" => Class::Of(Family::Bypass),
        "request-route" | "request-token" => Class::Of(Family::ObjectLambda),
        _ if GRANTS.contains(&amz) => Class::Of(Family::Acl),
        _ if LOCK.contains(&amz) => Class::Of(Family::Lock),
        _ if NEW_BUCKET.contains(&amz) => Class::Of(Family::NewBucket),
        _ if COPY.contains(&amz) => Class::Of(Family::Copy),
        _ if amz.starts_with("fwd-") => Class::Of(Family::ObjectLambda),
        _ => Class::Unknown,
    }
}

fn same(own: Family, family: Family) -> bool {
    own == family || matches!((own, family), (Family::AclWith(_), Family::Acl))
}

/// The hash of the payload as the caller signed it; the forwarder signs anew.
pub(super) const SHA256: &str = "x-amz-content-sha256";

/// Grants, after `x-amz-`.
pub(super) const GRANTS: [&str; 5] =
    ["grant-full-control", "grant-read", "grant-read-acp", "grant-write", "grant-write-acp"];

/// Of HTTP. `user-agent` and `referer` are context keys as well.
const STANDARD: [&str; 19] = [
    "accept",
    "accept-encoding",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
    "referer",
    "traceparent",
    "user-agent",
];

/// Of S3, on any operation; what follows `x-amz-`.
const COMMON: [&str; 27] = [
    "bucket-object-lock-token",
    "bucket-region",
    "confirm-remove-self-bucket-access",
    "expected-bucket-owner",
    "if-match-initiated-time",
    "if-match-last-modified-time",
    "if-match-size",
    "max-parts",
    "mfa",
    "mp-object-size",
    "object-attributes",
    "object-if-match",
    "optional-object-attributes",
    "part-number-marker",
    "request-payer",
    "sdk-checksum-algorithm",
    "server-side-encryption",
    "server-side-encryption-aws-kms-key-id",
    "server-side-encryption-bucket-key-enabled",
    "server-side-encryption-context",
    "server-side-encryption-customer-algorithm",
    "server-side-encryption-customer-key",
    "server-side-encryption-customer-key-md5",
    "skip-destination-validation",
    "storage-class",
    "transition-default-minimum-object-size",
    "website-redirect-location",
];

/// Known and left out: signatures, and what proxies and SDKs say of themselves.
const SPENT: [&str; 9] = [
    "cf-id",
    "content-sha256",
    "date",
    "decoded-content-length",
    "id-2",
    "request-id",
    "security-token",
    "trailer",
    "user-agent",
];

/// How many bytes are in a body in chunks.
const DECODED_LENGTH: &str = "x-amz-decoded-content-length";
/// Which trailer it has.
const TRAILER: &str = "x-amz-trailer";

const LOCK: [&str; 6] = [
    "object-lock-event-hold",
    "object-lock-event-hold-duration-days",
    "object-lock-event-hold-duration-years",
    "object-lock-legal-hold",
    "object-lock-mode",
    "object-lock-retain-until-date",
];

const NEW_BUCKET: [&str; 3] =
    ["bucket-namespace", "bucket-object-lock-enabled", "object-ownership"];

const COPY: [&str; 13] = [
    "copy-source",
    "copy-source-if-match",
    "copy-source-if-modified-since",
    "copy-source-if-none-match",
    "copy-source-if-unmodified-since",
    "copy-source-range",
    "copy-source-server-side-encryption-customer-algorithm",
    "copy-source-server-side-encryption-customer-key",
    "copy-source-server-side-encryption-customer-key-md5",
    "metadata-directive",
    "object-annotation-directive",
    "source-expected-bucket-owner",
    "tagging-directive",
];

#[cfg(test)]
mod tests;
