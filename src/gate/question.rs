//! The question a door asks about one request.

use ::http::{HeaderMap, Method};

use crate::{
    clock::Time,
    http::{Authority, Received, Target},
};

/// One HTTP request, parsed once and cleaned. The gate takes it whole, so that what it permits is
/// what it looked at.
#[derive(Debug)]
pub struct Question {
    /// The method.
    pub method: Method,
    /// Where the request was addressed to.
    pub authority: Authority,
    /// The target.
    pub target: Target,
    /// The headers that are left after hygiene, the caller's credentials among them.
    pub headers: HeaderMap,
    /// What hygiene learnt: the client's address, the scheme, ….
    pub received: Received,
    /// When the request was read: the one clock reading of its decision.
    pub now: Time,
}
