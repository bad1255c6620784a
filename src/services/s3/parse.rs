//! From a request's head to one operation on a bucket or key.

use ::http::{HeaderMap, Method};

use super::S3Error;
use crate::services::{Body, Operation};

/// A request's head, as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// The raw path, which begins with `/`.
    pub path: &'a str,
    /// The raw query.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The bucket that the host names (virtual-hosted addressing); the path is then all key.
    pub bucket: Option<&'a str>,
}

/// What is known of a request beside its head.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// `s3:authType`: `REST-HEADER` or `REST-QUERY-STRING`; none for a bearer token or nobody.
    pub auth_type: Option<&'static str>,
    /// `s3:signatureAge` of a presigned request, in milliseconds.
    pub signature_age: Option<i64>,
    /// The partition in ARNs.
    pub partition: &'static str,
    /// `s3:ResourceAccount`; unknown where it isn't configured.
    pub account: Option<String>,
}

/// One operation on S3, of which the body isn't read yet.
#[derive(Debug)]
pub struct Parsed {}

impl Parsed {
    /// The operation that a request's head asks for.
    ///
    /// # Errors
    /// What S3 would say of it.
    pub fn of(_asked: Asked<'_>) -> Result<Self, S3Error> {
        Err(S3Error::NotImplemented)
    }

    /// Its name, as in S3's API: `GetObject`.
    pub fn name(&self) -> &'static str {
        ""
    }

    /// How many bytes of the body have to be read, at most, before it can be described. None: the
    /// body is streamed.
    pub fn body_limit(&self) -> Option<usize> {
        None
    }

    /// The checks it must pass, and the request that goes upstream: path-style, serialised anew
    /// from what was parsed.
    ///
    /// # Errors
    /// What S3 would say of the body or a header.
    pub fn describe(
        self,
        _headers: HeaderMap,
        _body: Body,
        _facts: &RequestFacts,
    ) -> Result<Operation, S3Error> {
        Err(S3Error::NotImplemented)
    }
}
