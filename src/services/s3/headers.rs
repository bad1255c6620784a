//! Headers: which go upstream, and which are refused by name.
//!
//! An allow-list. A header of S3's that isn't known might change what the request does, so it is
//! refused; one that is known and means nothing on the operation is left out, as S3 ignores it.

use ::http::{HeaderMap, HeaderName, header};

use super::{
    S3Error,
    row::{Family, Row},
};

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

/// Refuses the framing of bodies in chunks that are signed one by one, or with a trailer.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), S3Error> {
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let chunked = encodings.flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let mut chunked = chunked.map(<[u8]>::trim_ascii);
    let streaming =
        text(headers, SHA256)?.is_some_and(|value| value.trim_start().starts_with("STREAMING-"));
    if streaming || chunked.any(|coding| coding.eq_ignore_ascii_case(b"aws-chunked")) {
        return Err(S3Error::NotImplemented);
    }
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
const SPENT: [&str; 7] =
    ["cf-id", "content-sha256", "date", "id-2", "request-id", "security-token", "user-agent"];

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
