//! DeleteObjects: judged key by key.

use bytes::Bytes;

use super::S3Error;
use crate::iam::Check;

/// What DeleteObjects would delete.
#[derive(Debug)]
pub struct Delete {
    /// The objects, in the request's order.
    pub objects: Vec<Object>,
    /// Whether the answer tells of errors only.
    pub quiet: bool,
}

/// One object to delete.
#[derive(Debug)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// The version, if one is named.
    pub version_id: Option<String>,
    /// What must be allowed to delete it.
    pub checks: Vec<Check>,
}

/// An object that may not be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its key.
    pub key: String,
    /// The version, if one was named.
    pub version_id: Option<String>,
    /// Why, in AWS's words.
    pub message: String,
}

/// How a backend's answer to the rest becomes the answer to the whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The objects that were refused.
    pub refused: Vec<Refused>,
}

impl Delete {
    /// The request's body with the objects that are left.
    pub fn body(&self) -> Bytes {
        Bytes::new()
    }
}

impl Merge {
    /// The answer to the whole request: `backend`'s (none if nothing was left to ask it) with an
    /// error for each object that was refused.
    ///
    /// # Errors
    /// If the backend's answer isn't S3's.
    pub fn answer(&self, _backend: Option<&[u8]>) -> Result<Bytes, S3Error> {
        Err(S3Error::NotImplemented)
    }
}
