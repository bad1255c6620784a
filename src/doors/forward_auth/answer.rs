//! Decisions as each dialect's proxy understands them.

use ::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

use super::super::asking::{Changes, Told};
use crate::config::Dialect;

/// What the proxy is answered.
pub(super) fn put(dialect: Dialect, told: Told) -> Response<Bytes> {
    match told {
        Told::Allow(changes) => allowed(dialect, *changes),
        Told::Deny(refused) => denied(dialect, refused.response),
        // 503: what takes a status from 500 for an error of the authorizer denies for it, but for Envoy,
        // which may be told to let it through. Clients can bring it about.
        Told::Undecided(mut refused) => {
            if dialect == Dialect::Envoy {
                *refused.response.status_mut() = StatusCode::FORBIDDEN;
            }
            refused.response
        }
    }
}

/// 200, which every dialect understands, with all that tells of the caller: empty where there is
/// nothing to tell, so that a proxy that only overwrites leaves none of the client's (CVE-2026-30851).
/// Cookies that are left come as the `Cookie` to forward.
fn allowed(dialect: Dialect, changes: Changes) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.extend(changes.set);
    if dialect == Dialect::Envoy {
        let names: Vec<&str> = changes.remove.iter().map(HeaderName::as_str).collect();
        // Header names, joined by commas: always a value.
        if let Some(value) = HeaderValue::from_str(&names.join(",")).ok().filter(|v| !v.is_empty())
        {
            headers.insert(REMOVE, value);
        }
    }
    response
}

/// The denial: as it is for those that pass it on. nginx knows 401 and 403 alone, and takes every
/// other status for an error of the authorizer.
fn denied(dialect: Dialect, mut response: Response<Bytes>) -> Response<Bytes> {
    let only_these = matches!(dialect, Dialect::Nginx | Dialect::IngressNginx);
    if only_these && response.status() != StatusCode::UNAUTHORIZED {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Headers that Envoy takes out of the request (ext_authz over HTTP).
const REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");
