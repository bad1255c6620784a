//! What a request would do, in IAM's terms: one module a service.
//!
//! A service describes a [`Request`] as an [`Operation`]: the request itself, parsed once, with the
//! checks it must pass. What is authorized is what is forwarded, since the upstream request is
//! serialised from the same operation.

pub mod cognito_idp;
pub mod execute_api;
pub mod template;

use ::http::{HeaderMap, Method};

use crate::{http::Target, iam::Check};

/// A request as it will be forwarded: its head after header hygiene.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target, parsed once.
    pub target: Target,
    /// The headers that go upstream; the caller's credentials are still among them.
    pub headers: HeaderMap,
}

/// What a request would do.
#[derive(Debug)]
pub struct Operation {
    /// The request that does it.
    pub request: Request,
    /// What IAM is asked.
    pub checks: Checks,
}

/// The checks of an operation.
#[derive(Debug)]
pub enum Checks {
    /// The service lets anyone do this, signed in or not (Cognito's unsigned operations).
    Public,
    /// Every check must be allowed. Empty only for an API without names, which IAM never allows:
    /// such a route asks for a token alone.
    All(Vec<Check>),
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
