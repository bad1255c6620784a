//! Origins, and the check that keeps other sites from using a visitor's cookie.

use ::http::header::{ORIGIN, SEC_WEBSOCKET_VERSION};
use ::http::{HeaderMap, Method};

use super::{Authority, RequestError, Scheme, Upgrade};

/// A web origin: scheme, host and port (RFC 6454 §4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: Box<str>,
    port: u16,
}

impl Origin {
    /// The origin of an authority reached by this scheme.
    pub fn new(scheme: Scheme, authority: &Authority) -> Self {
        let port = authority.port().unwrap_or(scheme.default_port());
        Self { scheme, host: authority.host().into(), port }
    }

    /// Parses `https://host` or `https://host:port`; `None` for anything else, `null` included.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let authority = Authority::parse(authority).ok()?;
        Some(Self::new(Scheme::parse(scheme)?, &authority))
    }
}

/// Refuses a request that relies on a cookie and comes from another site: for unsafe methods, and
/// for WebSocket handshakes, which browsers send across sites without asking, `Origin` must be
/// present once and be the route's own or a listed one.
///
/// # Errors
/// [`RequestError::Origin`].
pub fn check_origin(
    method: &Method,
    upgrade: Option<Upgrade>,
    headers: &HeaderMap,
    own: &Origin,
    listed: &[Origin],
) -> Result<(), RequestError> {
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    // A proxy that asks in a sub-request keeps `Upgrade` to itself. RFC 6455 §4.1, RFC 8441 §5: every
    // handshake has a version, and no page can make its browser leave it out.
    let handshake = upgrade.is_some() || headers.contains_key(SEC_WEBSOCKET_VERSION);
    if safe && !handshake {
        return Ok(());
    }
    let mut values = headers.get_all(ORIGIN).iter();
    let first = values.next().and_then(|value| value.to_str().ok()).and_then(Origin::parse);
    let allowed = first.is_some_and(|origin| origin == *own || listed.contains(&origin));
    if !allowed || values.next().is_some() {
        return Err(RequestError::Origin);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
