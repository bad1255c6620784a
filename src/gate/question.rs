//! The question a door asks about one request.

use std::sync::Arc;

use ::http::{HeaderMap, Method};

use crate::{
    clock::Time,
    http::{Authority, ClientCertificate, RawTarget, Received, RequestUri},
    sigv4,
};

/// One HTTP request, parsed once and cleaned. The gate takes it whole, so that what it permits is
/// what it looked at.
#[derive(Clone, Debug)]
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
    /// The certificate that the caller proved to have in TLS, as whoever ended it says. A door must
    /// never take it from what a caller could have written.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// When the request was read: the one clock reading of its decision.
    pub now: Time,
}

impl Question {
    /// Where the caller sent the request: through proxies that are trusted, what they say.
    pub(super) fn uri(&self) -> RequestUri {
        let authority = self.received.forwarded_host.as_ref().unwrap_or(&self.authority);
        RequestUri::new(self.received.scheme, authority, self.target.path())
    }

    /// Scheme and authority of that.
    pub(super) fn base(&self) -> String {
        let authority = self.received.forwarded_host.as_ref().unwrap_or(&self.authority);
        format!("{}://{}", self.received.scheme.as_str(), authority.as_str())
    }

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
