//! What a request would do, in IAM's terms: one module a service.
//!
//! A service describes a [`Request`] as an [`Operation`]: the request itself, parsed once, with the
//! checks it must pass. What is authorized is what is forwarded, since the upstream request is
//! serialised from the same operation.

pub mod catalog;
pub mod cognito_identity;
pub mod cognito_idp;
pub mod dynamodb;
pub mod execute_api;
mod fault;
pub mod form;
pub mod iam;
pub mod s3;
pub mod sts;
mod tags;
pub mod template;
pub mod verified_permissions;

pub use fault::Fault;

use ::http::{HeaderMap, Method, uri::PathAndQuery};
use bytes::Bytes;

pub use crate::sigv4::Proof;
use crate::{http::Target, iam::Check};

/// A request to an API or a user pool: its head after header hygiene.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target, parsed once.
    pub target: Target,
    /// The headers that go upstream; the caller's credentials are still among them.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// A request as it goes upstream.
#[derive(Debug)]
pub struct Forward {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: PathAndQuery,
    /// The headers; until the permit is made, the caller's credentials are still among them.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

impl From<Request> for Forward {
    /// The same request: APIs get what was received.
    fn from(request: Request) -> Self {
        let Request { method, target, headers, body } = request;
        Self { method, target: target.path_and_query().clone(), headers, body }
    }
}

/// A body on its way upstream.
#[derive(Clone, Debug)]
pub enum Body {
    /// The caller's, streamed and taken out of its chunks; the last bytes are held back until the proof
    /// holds.
    Streamed(Proof),
    /// In memory: read whole, and proven.
    Whole {
        /// The body.
        bytes: Bytes,
        /// Its SHA-256, where it was computed already.
        sha256: Option<[u8; 32]>,
    },
}

impl Body {
    /// These bytes.
    pub fn whole(bytes: Bytes) -> Self {
        Self::Whole { bytes, sha256: None }
    }
}

/// What a request would do.
#[derive(Debug)]
pub struct Operation {
    /// The request that does it.
    pub forward: Forward,
    /// What IAM is asked.
    pub checks: Checks,
    /// What must be allowed for a caller to be told that an object doesn't exist; others are told
    /// that they may not read it. `None`: nothing of the kind is hidden.
    pub reveals: Option<Check>,
}

impl Operation {
    /// An operation that hides nothing.
    pub fn new(forward: impl Into<Forward>, checks: Checks) -> Self {
        Self { forward: forward.into(), checks, reveals: None }
    }
}

/// The checks of an operation.
#[derive(Debug)]
pub enum Checks {
    /// The service lets anyone do this, signed in or not (Cognito's unsigned operations).
    Public,
    /// Every check must be allowed. Empty only for an API without names, which IAM never allows:
    /// such a route asks for a token alone.
    All(Vec<Check>),
    /// Single items may be refused; the rest goes on (S3's DeleteObjects).
    Each(s3::Delete),
}

/// Why a request can't be described; it is then denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescribeError {
    /// No template of the route's `actions` fits.
    #[error("no action of this route is defined for this method and path")]
    NoAction,
    /// The operation isn't one that the service's model knows, or not one that may be forwarded.
    #[error("{0} is not an operation that is forwarded without a signature")]
    NotForwarded(String),
    /// The request isn't of the service's protocol.
    #[error("{0}")]
    Malformed(&'static str),
}

impl DescribeError {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoAction => "no_action",
            Self::NotForwarded(_) => "operation_not_forwarded",
            Self::Malformed(_) => "malformed_operation",
        }
    }
}
