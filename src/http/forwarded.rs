//! `X-Forwarded-*`: read from trusted proxies only, always written anew for the upstream.
//!
//! `X-Forwarded-For` is read from the right: each address that is a trusted proxy's vouches for
//! the one to its left, and the first that is not is the client. Whatever stands further left is
//! the client's own claim; it is neither read nor passed on (CVE-2026-40575, CVE-2026-57209).
//! An address on the way that can't be parsed refuses the request.

use std::net::{IpAddr, SocketAddr};

use ::http::header::{HOST, HeaderName};
use ::http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use super::hygiene::{Peer, Received};
use super::{Authority, RequestError, Scheme};

/// The networks of the proxies in front, whose `X-Forwarded-*` is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The proxies in these networks; with none, nobody is believed.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether an address, IPv4-mapped IPv6 read as IPv4, is a trusted proxy's.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// What is believed about how a request was forwarded.
pub(super) struct Forwarding {
    pub(super) client_ip: IpAddr,
    pub(super) hops: Vec<IpAddr>,
    pub(super) scheme: Scheme,
    pub(super) host: Option<Authority>,
}

impl Forwarding {
    /// Nothing forwarded: the peer is the client.
    pub(super) fn of_peer(peer: &Peer<'_>) -> Self {
        Self {
            client_ip: peer.address.to_canonical(),
            hops: Vec::new(),
            scheme: peer.scheme,
            host: None,
        }
    }
}

/// What the peer's `X-Forwarded-*` say, if it is trusted.
pub(super) fn believed(headers: &HeaderMap, peer: &Peer<'_>) -> Result<Forwarding, RequestError> {
    let mut forwarding = Forwarding::of_peer(peer);
    if !peer.trusted.contains(peer.address) {
        return Ok(forwarding);
    }
    walk(headers, peer.trusted, &mut forwarding)?;
    if let Some(scheme) = only(headers, X_FORWARDED_PROTO, "X-Forwarded-Proto")? {
        forwarding.scheme =
            Scheme::parse(scheme).ok_or(RequestError::Forwarded("X-Forwarded-Proto"))?;
    }
    if let Some(host) = only(headers, X_FORWARDED_HOST, "X-Forwarded-Host")? {
        let authority = Authority::parse(host);
        forwarding.host =
            Some(authority.map_err(|_invalid| RequestError::Forwarded("X-Forwarded-Host"))?);
    }
    Ok(forwarding)
}

/// Walks `X-Forwarded-For` from the right, over all its lines as one list (RFC 9110 §5.3).
fn walk(
    headers: &HeaderMap,
    trusted: &TrustedProxies,
    forwarding: &mut Forwarding,
) -> Result<(), RequestError> {
    let unreadable = RequestError::Forwarded("X-Forwarded-For");
    for line in headers.get_all(X_FORWARDED_FOR).iter().rev() {
        // An unreadable byte may stand in the client's part, which isn't read.
        for entry in line.as_bytes().rsplit(|byte| *byte == b',') {
            if forwarding.hops.len() == MAX_HOPS {
                return Err(unreadable);
            }
            let text = std::str::from_utf8(entry).map_err(|_opaque| unreadable)?;
            let address = address(text.trim_matches([' ', '\t'])).ok_or(unreadable)?;
            forwarding.hops.push(forwarding.client_ip);
            forwarding.client_ip = address;
            if !trusted.contains(address) {
                forwarding.hops.reverse();
                return Ok(());
            }
        }
    }
    forwarding.hops.reverse();
    Ok(())
}

/// An address, with or without a port (Azure adds one), IPv4-mapped IPv6 as IPv4.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bracketed {
        Some(v6) => IpAddr::V6(v6.parse().ok()?),
        None => match text.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_not_bare) => text.parse::<SocketAddr>().ok()?.ip(),
        },
    };
    Some(address.to_canonical())
}

/// The one value of a header that must not repeat.
fn only<'h>(
    headers: &'h HeaderMap,
    name: HeaderName,
    proper: &'static str,
) -> Result<Option<&'h str>, RequestError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(RequestError::Repeated(proper));
    }
    match first {
        None => Ok(None),
        Some(value) => value.to_str().map(Some).map_err(|_opaque| RequestError::Forwarded(proper)),
    }
}

/// Writes `Host`, `X-Forwarded-For`, `-Proto` and `-Host` for the upstream, replacing what is there:
/// the authority the route was found by, in canonical form; the client, the trusted proxies it came through, the scheme, and the authority the client used
/// (a trusted proxy's word, else `authority`).
pub fn forwarded(headers: &mut HeaderMap, received: &Received, authority: &Authority) {
    let mut addresses = String::with_capacity(USUAL);
    write_address(received.client_ip, &mut addresses);
    for hop in &received.hops {
        addresses.push_str(", ");
        write_address(*hop, &mut addresses);
    }
    // Most callers write their host as it is written here.
    let said = headers.get(HOST).filter(|said| *said == authority.as_str()).cloned();
    let host = said.or_else(|| {
        replace(headers, HOST, HeaderValue::from_str(authority.as_str()).ok());
        headers.get(HOST).cloned()
    });
    replace(headers, X_FORWARDED_FOR, HeaderValue::try_from(addresses).ok());
    let scheme = HeaderValue::from_static(received.scheme.as_str());
    replace(headers, X_FORWARDED_PROTO, Some(scheme));
    let told = received.forwarded_host.as_ref();
    let host = told.map_or(host, |told| HeaderValue::from_str(told.as_str()).ok());
    replace(headers, X_FORWARDED_HOST, host);
}

/// Writes an address. Those of IPv4 by their digits: the library's own way takes as long as all else that is
/// written here.
fn write_address(address: IpAddr, out: &mut String) {
    use std::fmt::Write as _;
    let IpAddr::V4(v4) = address else {
        // Writing to a String can't fail.
        let _written = write!(out, "{address}");
        return;
    };
    let digit = |number: u8| char::from(b'0' + number % 10);
    for (place, number) in v4.octets().into_iter().enumerate() {
        if place > 0 {
            out.push('.');
        }
        if number >= 100 {
            out.push(digit(number / 100));
        }
        if number >= 10 {
            out.push(digit(number / 10));
        }
        out.push(digit(number));
    }
}

/// Sets the header, or removes it: an old value never stays.
fn replace(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    match value {
        Some(value) => headers.insert(name, value),
        None => headers.remove(name),
    };
}

/// Bytes that an address of IPv4 and the proxy behind it take.
const USUAL: usize = 32;
/// Most proxies in a chain that are followed.
const MAX_HOPS: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

#[cfg(test)]
mod tests;
