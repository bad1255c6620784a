//! The question a door asks about one request.

use ::http::{HeaderMap, Method};

use crate::{
    clock::Time,
    http::{Authority, RawTarget, Received},
    sigv4,
};

/// One HTTP request, parsed once and cleaned. The gate takes it whole, so that what it permits is
/// what it looked at.
#[derive(Debug)]
pub struct Question {
    /// The method.
    pub method: Method,
    /// Where the request was addressed to.
    pub authority: Authority,
    /// The target, which is judged when its route is found.
    pub target: RawTarget,
    /// The headers that are left after hygiene, the caller's credentials among them.
    pub headers: HeaderMap,
    /// What hygiene learnt: the client's address, the scheme, ….
    pub received: Received,
    /// When the request was read: the one clock reading of its decision.
    pub now: Time,
}

impl Question {
    /// What a signature is made over.
    pub fn head(&self) -> sigv4::Head<'_> {
        sigv4::Head {
            method: &self.method,
            path: self.target.path(),
            query: self.target.query(),
            headers: &self.headers,
        }
    }
}
