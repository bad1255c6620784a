//! Trailers: what may follow a body.
//!
//! They were not there when the head was judged and cleaned, and either side may read them as headers
//! (RFC 9110 §6.5.1). So a field passes only if its name is one that Poolgate neither reads nor writes,
//! and that says nothing of framing, routing, authentication or the content itself. Field by field: a
//! name that doesn't pass is removed, the others stay.

use ::http::{HeaderMap, HeaderName};

use super::header_class::{Class, classify, stays_here};

/// Cleans the trailers of a request.
pub fn request_trailers(trailers: &mut HeaderMap) {
    retain(trailers, |name| classify(name) == Class::Ordinary);
}

/// Cleans the trailers of an answer. gRPC's `grpc-status` and its trailing metadata pass; the latter's names
/// may have `_` and `.`.
pub fn answer_trailers(trailers: &mut HeaderMap) {
    retain(trailers, |name| !stays_here(name));
}

fn retain(trailers: &mut HeaderMap, passes: impl Fn(&str) -> bool) {
    let doomed = |name: &&HeaderName| !passes(name.as_str()) || OF_HEADS.contains(&name.as_str());
    let doomed: Vec<HeaderName> = trailers.keys().filter(doomed).cloned().collect();
    for name in doomed {
        trailers.remove(name);
    }
}

/// What belongs into a head alone: how a message is framed, what its content is, who may have it.
const OF_HEADS: [&str; 23] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "age",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "expires",
    "host",
    "location",
    "max-forwards",
    "range",
    "retry-after",
    "set-cookie",
    "trailer",
    "vary",
    "warning",
    "www-authenticate",
];

#[cfg(test)]
mod tests;
