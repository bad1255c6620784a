//! What a request says of a bucket's policy that is kept at the gate.

use std::sync::Arc;

use ::http::HeaderMap;

use super::{S3Error, headers::text};
use crate::services::Body;

/// PutBucketPolicy.
#[derive(Debug)]
pub struct PutPolicy {
    /// The document, as it was sent.
    pub text: Arc<str>,
    /// Whether the caller knows that the policy may keep it from putting another one.
    pub confirmed: bool,
}

impl PutPolicy {
    /// Reads a body that was read whole.
    ///
    /// # Errors
    /// What S3 would say of it.
    pub fn read(headers: &HeaderMap, body: &Body) -> Result<Self, S3Error> {
        let Body::Whole { bytes, .. } = body else { return Err(S3Error::MissingRequestBody) };
        if bytes.is_empty() {
            return Err(S3Error::MissingRequestBody);
        }
        let confirmed = text(headers, CONFIRM)?.is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let text = std::str::from_utf8(bytes).map_err(|_| {
            S3Error::MalformedPolicy("Policies must be valid JSON and in UTF-8".into())
        })?;
        Ok(Self { text: text.trim_ascii().into(), confirmed })
    }
}

/// Checks that the bucket is of the account that `x-amz-expected-bucket-owner` says, if it says one.
///
/// # Errors
/// [`S3Error::OtherOwner`], also where it isn't known whose it is.
pub fn check_owner(headers: &HeaderMap, account: Option<&str>) -> Result<(), S3Error> {
    match text(headers, EXPECTED_OWNER)? {
        Some(expected) if account != Some(expected) => Err(S3Error::OtherOwner),
        _ => Ok(()),
    }
}

/// The longest policy of a bucket, in bytes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>: 20 KB).
pub const MAX_POLICY: usize = 20 * 1024;

const CONFIRM: &str = "x-amz-confirm-remove-self-bucket-access";
const EXPECTED_OWNER: &str = "x-amz-expected-bucket-owner";
