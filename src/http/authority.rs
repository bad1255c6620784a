//! The authority a request is for: the host and port, from `Host` or the target.
//!
//! Accepted hosts are DNS names, IPv4 addresses and bracketed IPv6 addresses. Refused: userinfo,
//! lists, escapes, empty hosts and ports, characters that no host has, more than 255 bytes.

use std::fmt;
use std::net::Ipv6Addr;

use ::http::header::HOST;
use ::http::{HeaderMap, Uri};

use super::RequestError;

/// The scheme a client used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The scheme's default port.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// `http` or `https` in any case.
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("http") {
            Some(Self::Http)
        } else if text.eq_ignore_ascii_case("https") {
            Some(Self::Https)
        } else {
            None
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A host and an optional port, in canonical form: lower case, without a trailing dot, IPv6
/// addresses compressed and in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    text: Box<str>,
    host_length: usize,
    port: Option<u16>,
}

impl Authority {
    /// The authority of a request: that of the target (absolute-form, or HTTP/2's `:authority`),
    /// with which a `Host` header must agree, else that of the one `Host` header.
    ///
    /// # Errors
    /// [`RequestError::HostMissing`], `Repeated`, `NotAscii`, `HostInvalid`, `HostDisagrees`.
    pub fn of(uri: &Uri, headers: &HeaderMap) -> Result<Self, RequestError> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = match hosts.next() {
            None => None,
            Some(value) => {
                let text = value.to_str().map_err(|_opaque| RequestError::NotAscii("Host"))?;
                Some(Self::parse(text)?)
            }
        };
        if hosts.next().is_some() {
            return Err(RequestError::Repeated("Host"));
        }
        let target = uri.authority().map(|text| Self::parse(text.as_str())).transpose()?;
        match (target, host) {
            (None, None) => Err(RequestError::HostMissing),
            (None, Some(host)) => Ok(host),
            (Some(target), None) => Ok(target),
            (Some(target), Some(host)) => {
                let default = uri.scheme_str().and_then(Scheme::parse).map(Scheme::default_port);
                let ports_agree = target.port.or(default) == host.port.or(default);
                if target.host() != host.host() || !ports_agree {
                    return Err(RequestError::HostDisagrees);
                }
                Ok(host)
            }
        }
    }

    /// Parses `host`, `host:port`, `[v6]` or `[v6]:port`.
    ///
    /// # Errors
    /// [`RequestError::HostInvalid`].
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        Self::canonical(text).ok_or(RequestError::HostInvalid)
    }

    fn canonical(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (mut host, rest) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (address, rest) = bracketed.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                (format!("[{address}]"), rest)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                let (name, rest) = text.split_at_checked(end)?;
                let name = name.strip_suffix('.').unwrap_or(name);
                (host_name(name)?, rest)
            }
        };
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(port_number(digits)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        let host_length = host.len();
        match port {
            // As nearly all write it, and as it would be written.
            Some(_) if !rest.starts_with(":0") => host.push_str(rest),
            Some(port) => host = format!("{host}:{port}"),
            None => {}
        }
        Some(Self { text: host.into(), host_length, port })
    }

    /// The host in lower case; IPv6 addresses in brackets.
    pub fn host(&self) -> &str {
        self.text.get(..self.host_length).unwrap_or(&self.text)
    }

    /// The port, if one was given.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// `host` or `host:port`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A DNS name or IPv4 address in lower case. `_` is allowed: container networks use it.
fn host_name(name: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    // One by one: `split` would search for the next dot each time.
    let (mut last, mut proper) = (b'.', true);
    for byte in name.bytes() {
        proper &= allowed(byte) && (byte != b'.' || last != b'.');
        last = byte;
    }
    (proper && last != b'.').then(|| name.to_ascii_lowercase())
}

fn port_number(digits: &str) -> Option<u16> {
    // `parse` alone would take "+80".
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// Longest accepted authority, in bytes: a DNS name has 253, a port 6 with its colon.
const MAX_LENGTH: usize = 259;

#[cfg(test)]
mod tests;
