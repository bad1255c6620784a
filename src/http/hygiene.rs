//! Header hygiene: what a request's headers may be, and what is removed before anyone reads them.
//!
//! One pass over the names, in place. Refused: whatever two HTTP implementations could frame or
//! read differently. Removed: hop-by-hop headers, those `Connection` lists, and every header by
//! which a client could speak for a proxy or for Poolgate. Names are compared in every spelling
//! (`header_class`), so that no alias survives either.

use std::net::IpAddr;

use ::http::header::{CONNECTION, HeaderName, TRAILER};
use ::http::{HeaderMap, Method, Version};

use super::forwarded::{self, Forwarding, TrustedProxies};
use super::framing::{Framing, Seen, Upgrade, connection, framing, te_trailers};
use super::header_class::{Class, classify, stays_here};
use super::{Authority, RequestError, Scheme, is_visible};

/// The other end of the connection, and the rules for what it sends.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// Its address; for a unix socket, the loopback address.
    pub address: IpAddr,
    /// How it connected.
    pub scheme: Scheme,
    /// Whose `X-Forwarded-*` is believed.
    pub trusted: &'a TrustedProxies,
    /// Strict by default.
    pub rules: Rules,
}

impl<'a> Peer<'a> {
    /// A peer under the default rules.
    pub fn new(address: IpAddr, scheme: Scheme, trusted: &'a TrustedProxies) -> Self {
        Self { address, scheme, trusted, rules: Rules::default() }
    }
}

/// The rules a route may relax.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Names with `_`, `.` and the like.
    pub odd_names: OddNames,
    /// `X-Amzn-Oidc-*`.
    pub alb: AlbHeaders,
}

/// What to do with header names that have separators other than `-`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OddNames {
    /// Refuse the request.
    #[default]
    Refuse,
    /// Remove the header.
    Drop,
}

/// What to do with the identity headers of an Application Load Balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlbHeaders {
    /// Remove them.
    #[default]
    Strip,
    /// Keep those that come once and under their proper name, for the route to verify.
    Read,
}

/// What [`receive`] learnt and removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The client's address: the peer's, or what trusted proxies say.
    pub client_ip: IpAddr,
    /// The trusted proxies between client and peer, in the order of `X-Forwarded-For`; the last is
    /// the peer. Empty if the peer is the client.
    pub hops: Vec<IpAddr>,
    /// The scheme the client used.
    pub scheme: Scheme,
    /// The authority the client used, as a trusted proxy says.
    pub forwarded_host: Option<Authority>,
    /// The body's framing in HTTP/1.
    pub framing: Framing,
    /// The upgrade asked for. Its headers are removed; the forwarder writes its own.
    pub upgrade: Option<Upgrade>,
    /// `TE: trailers` was sent (gRPC); the forwarder writes its own.
    pub te_trailers: bool,
    /// A proxy in front says that its authorizer failed and that it let the request through.
    pub auth_failure_mode_allowed: bool,
    /// It has a header `X-Amz-…`: a session token, a target, whatever belongs to a signature.
    pub aws: bool,
    /// The headers removed and why, for the log (names are the client's) and a metric (the why).
    pub stripped: Vec<(HeaderName, Stripped)>,
}

/// Why a header was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stripped {
    /// It belongs to the connection.
    HopByHop,
    /// `Connection` lists it.
    ConnectionListed,
    /// It tells how a request was forwarded; regenerated for the upstream.
    Forwarding,
    /// It tells a client's address.
    ClientAddress,
    /// It overrides method, path or host.
    Override,
    /// Only Poolgate says it.
    Identity,
    /// It is internal to Envoy.
    Envoy,
    /// It is a load balancer's identity header and the route doesn't read those.
    AlbIdentity,
    /// It is another spelling of a protected name.
    Alias,
    /// Its name has a separator other than `-`.
    OddName,
}

impl Stripped {
    /// The stable code for metrics and logs.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::HopByHop => "hop_by_hop",
            Self::ConnectionListed => "connection_listed",
            Self::Forwarding => "forwarding",
            Self::ClientAddress => "client_address",
            Self::Override => "override",
            Self::Identity => "identity",
            Self::Envoy => "envoy",
            Self::AlbIdentity => "alb_identity",
            Self::Alias => "alias",
            Self::OddName => "odd_name",
        }
    }
}

/// Refuses `TRACE` and `CONNECT` and methods that are not upper-case letters and `-`, which a
/// backend might fold into one that policies name (methods are case-sensitive, RFC 9110 §9.1).
///
/// # Errors
/// [`RequestError::Method`].
pub fn check_method(method: &Method) -> Result<(), RequestError> {
    let text = method.as_str();
    let plain = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if *method == Method::TRACE || *method == Method::CONNECT || !plain || text.len() > 32 {
        return Err(RequestError::Method);
    }
    Ok(())
}

/// Checks and cleans the headers of a request, in place. An ordinary header costs no allocation.
///
/// # Errors
/// The first rule broken; the headers are then not to be used.
pub fn receive(
    headers: &mut HeaderMap,
    version: Version,
    peer: Peer<'_>,
) -> Result<Received, RequestError> {
    let repeated = headers.len() != headers.keys_len();
    let mut stripped = Vec::new();
    let mut seen = Seen::default();
    for name in headers.keys() {
        let mut strip = |why| stripped.push((name.clone(), why));
        seen.aws |= name.as_str().starts_with("x-amz-");
        match classify(name.as_str()) {
            Class::Ordinary | Class::Cookie => {}
            Class::Odd => match peer.rules.odd_names {
                OddNames::Refuse => return Err(RequestError::HeaderName),
                OddNames::Drop => strip(Stripped::OddName),
            },
            Class::Alias => strip(Stripped::Alias),
            Class::HopByHop(hop) => {
                seen.hop(hop);
                strip(Stripped::HopByHop);
            }
            Class::Host => {
                seen.host = true;
                single(headers, name, "Host")?;
            }
            Class::ContentLength => {
                seen.content_length = true;
                single(headers, name, "Content-Length")?;
            }
            Class::Single(proper) => single(headers, name, proper)?,
            Class::Aws if repeated && several(headers, name) => {
                return Err(RequestError::Repeated("X-Amz-*"));
            }
            Class::Aws => {}
            Class::AlbIdentity => match peer.rules.alb {
                AlbHeaders::Strip => strip(Stripped::AlbIdentity),
                AlbHeaders::Read => single(headers, name, "X-Amzn-Oidc-*")?,
            },
            Class::Forwarding => {
                seen.forwarding = true;
                strip(Stripped::Forwarding);
            }
            Class::ClientAddress => strip(Stripped::ClientAddress),
            Class::Override => strip(Stripped::Override),
            Class::Identity => strip(Stripped::Identity),
            Class::Envoy => strip(Stripped::Envoy),
            Class::AuthFailureModeAllowed => {
                seen.auth_failure_mode_allowed = true;
                strip(Stripped::Envoy);
            }
        }
    }
    // RFC 9112 §3.2: exactly one; HTTP/2 has :authority instead.
    if version == Version::HTTP_11 && !seen.host {
        return Err(RequestError::HostMissing);
    }
    let framing = framing(headers, version, &seen)?;
    let te_trailers = te_trailers(headers, version, &seen)?;
    let upgrade = connection(headers, version, &seen, framing, &mut stripped)?;
    let Forwarding { client_ip, hops, scheme, host } = if seen.forwarding {
        forwarded::believed(headers, &peer)?
    } else {
        Forwarding::of_peer(&peer)
    };
    // `Connection` may list a name twice.
    stripped.retain(|(name, _why)| headers.remove(name).is_some());
    Ok(Received {
        client_ip,
        hops,
        scheme,
        forwarded_host: host,
        framing,
        upgrade,
        te_trailers,
        auth_failure_mode_allowed: seen.auth_failure_mode_allowed,
        aws: seen.aws,
        stripped,
    })
}

/// Cleans the headers of an upstream's answer: hop-by-hop headers, those `Connection` lists, and
/// `X-Poolgate-*` in every spelling, and `Trailer`, since trailers are dropped. For a `101` the forwarder writes `Connection` and `Upgrade`
/// itself.
pub fn response_hygiene(headers: &mut HeaderMap) {
    let mut doomed: Vec<HeaderName> = Vec::new();
    for name in headers.keys() {
        if *name == TRAILER || stays_here(name.as_str()) {
            doomed.push(name.clone());
        }
    }
    if doomed.contains(&CONNECTION) {
        for value in headers.get_all(CONNECTION) {
            let tokens = value.as_bytes().split(|byte| *byte == b',');
            // What nearly all list is removed by its name.
            let tokens = tokens.map(<[u8]>::trim_ascii);
            let tokens = tokens.filter(|token| !token.eq_ignore_ascii_case(b"keep-alive"));
            let names = tokens.filter_map(|token| HeaderName::from_bytes(token).ok());
            doomed.extend(names.filter(|name| headers.contains_key(name)));
        }
    }
    for name in doomed {
        headers.remove(name);
    }
}

fn several(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}

/// CVE-2026-26308: of two values, one is checked and the other used.
fn single(
    headers: &HeaderMap,
    name: &HeaderName,
    proper: &'static str,
) -> Result<(), RequestError> {
    let mut values = headers.get_all(name).iter();
    let visible = values.next().is_none_or(is_visible);
    if values.next().is_some() {
        return Err(RequestError::Repeated(proper));
    }
    if !visible {
        return Err(RequestError::NotAscii(proper));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
