//! Why a request to S3 can't be described.

use ::http::StatusCode;

/// Why a request to S3 can't be described. `Display` is S3's own message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    /// A part of S3 that isn't served.
    #[error("A header you provided implies functionality that is not implemented")]
    NotImplemented,
}

impl S3Error {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        "s3_not_implemented"
    }

    /// S3's error code.
    pub fn code(&self) -> &'static str {
        "NotImplemented"
    }

    /// The status that goes with it.
    pub fn status(&self) -> StatusCode {
        StatusCode::NOT_IMPLEMENTED
    }
}
