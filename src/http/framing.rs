//! Where an HTTP/1 message ends and whether the connection becomes something else.
//!
//! Request smuggling lives on two programs answering these questions differently, so there is one
//! answer or a refusal: one `Content-Length` or `chunked`, never both; `Connection` may only remove
//! what is the connection's; the only upgrade is WebSocket, without a body.

use ::http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use ::http::{HeaderMap, Version};

use super::RequestError;
use super::header_class::{Class, Hop, classify};
use super::hygiene::Stripped;

/// How the length of an HTTP/1 body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No header says; in HTTP/1 that is no body.
    Unstated,
    /// `Content-Length`, in bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// A protocol a connection can be upgraded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// RFC 6455.
    WebSocket,
}

/// The headers that a pass over the names has met.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) host: bool,
    pub(super) content_length: bool,
    pub(super) connection: bool,
    pub(super) transfer_encoding: bool,
    pub(super) te: bool,
    pub(super) upgrade: bool,
    pub(super) other_hop: bool,
    pub(super) forwarding: bool,
    pub(super) auth_failure_mode_allowed: bool,
    pub(super) aws: bool,
}

impl Seen {
    pub(super) fn hop(&mut self, hop: Hop) {
        match hop {
            Hop::Connection => self.connection = true,
            Hop::TransferEncoding => self.transfer_encoding = true,
            Hop::Te => self.te = true,
            Hop::Upgrade => self.upgrade = true,
            Hop::Other => self.other_hop = true,
        }
    }
}

/// RFC 9112 §6: one way to know where the body ends, or none.
pub(super) fn framing(
    headers: &HeaderMap,
    version: Version,
    seen: &Seen,
) -> Result<Framing, RequestError> {
    let length = if seen.content_length {
        let text = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length = digits.and_then(|text| text.parse().ok());
        Some(length.ok_or(RequestError::ContentLength)?)
    } else {
        None
    };
    if !seen.transfer_encoding {
        return Ok(length.map_or(Framing::Unstated, Framing::Length));
    }
    if version >= Version::HTTP_2 {
        return Err(RequestError::ConnectionSpecific);
    }
    if length.is_some() {
        return Err(RequestError::LengthAndEncoding);
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let chunked = codings.next().is_some_and(|c| c.as_bytes().eq_ignore_ascii_case(b"chunked"));
    // CVE-2026-2835: HTTP/1.0 knows no transfer codings.
    if !chunked || codings.next().is_some() || version < Version::HTTP_11 {
        return Err(RequestError::TransferEncoding);
    }
    Ok(Framing::Chunked)
}

/// Whether the client takes trailers; in HTTP/2, `TE` may say nothing else (RFC 9113 §8.2.2).
pub(super) fn te_trailers(
    headers: &HeaderMap,
    version: Version,
    seen: &Seen,
) -> Result<bool, RequestError> {
    if !seen.te {
        return Ok(false);
    }
    let values = headers.get_all(TE);
    let trailers = |token: &[u8]| token.trim_ascii().eq_ignore_ascii_case(b"trailers");
    if version >= Version::HTTP_2 && !values.iter().all(|value| trailers(value.as_bytes())) {
        return Err(RequestError::ConnectionSpecific);
    }
    Ok(values.iter().any(|value| value.as_bytes().split(|byte| *byte == b',').any(trailers)))
}

/// Reads `Connection` and `Upgrade`; adds the headers `Connection` lists to those to remove.
pub(super) fn connection(
    headers: &HeaderMap,
    version: Version,
    seen: &Seen,
    framing: Framing,
    stripped: &mut Vec<(HeaderName, Stripped)>,
) -> Result<Option<Upgrade>, RequestError> {
    if version >= Version::HTTP_2 {
        return if seen.connection || seen.upgrade || seen.other_hop {
            Err(RequestError::ConnectionSpecific)
        } else {
            Ok(None)
        };
    }
    let mut upgrades = false;
    let mut listed = 0;
    for value in headers.get_all(CONNECTION) {
        for token in value.as_bytes().split(|byte| *byte == b',') {
            listed += 1;
            if listed > MAX_CONNECTION_TOKENS {
                return Err(RequestError::ConnectionToken);
            }
            let token = token.trim_ascii();
            if token.is_empty() {
                continue;
            }
            // Lower-cases, and refuses what is no token.
            let name =
                HeaderName::from_bytes(token).map_err(|_invalid| RequestError::ConnectionToken)?;
            match classify(name.as_str()) {
                Class::HopByHop(Hop::Upgrade) => upgrades = true,
                Class::HopByHop(_) => {}
                // CVE-2024-45410, CVE-2022-31813: Connection: X-Forwarded-For, Authorization …
                Class::Ordinary => {
                    if headers.contains_key(&name) {
                        stripped.push((name, Stripped::ConnectionListed));
                    }
                }
                _ => return Err(RequestError::ConnectionToken),
            }
        }
    }
    if !seen.upgrade {
        return Ok(None);
    }
    // CVE-2026-2833: bytes after an upgrade that didn't happen are a second request.
    if !matches!(framing, Framing::Unstated | Framing::Length(0)) {
        return Err(RequestError::UpgradeWithBody);
    }
    let mut protocols = headers.get_all(UPGRADE).iter();
    let websocket =
        protocols.next().is_some_and(|p| p.as_bytes().eq_ignore_ascii_case(b"websocket"));
    // CVE-2026-73548: an upgrade nobody understands poisons pooled connections.
    if !upgrades || !websocket || protocols.next().is_some() || version != Version::HTTP_11 {
        return Err(RequestError::Upgrade);
    }
    Ok(Some(Upgrade::WebSocket))
}

/// Most names in `Connection`, empty ones included: a client has use for a few, and each is looked up.
const MAX_CONNECTION_TOKENS: usize = 32;
