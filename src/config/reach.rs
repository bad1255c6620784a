//! Hosts, paths and origins of requests, and where they go.

use std::net::IpAddr;
use std::path::PathBuf;

use super::read::{Text, text};
use super::template::check_path;
use super::value::{Address, Url, UrlScheme, made_of, wrong};
use super::yaml::shorten;

/// The address of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamUrl {
    /// A host, in clear or over TLS. It has no path.
    Tcp(Url),
    /// HTTP in clear on a Unix socket.
    Unix(PathBuf),
}

/// A host without port, in lower case.
pub(super) struct HostName(pub(super) String);

impl Text for HostName {
    const WHAT: &'static str = "an exact host without port, such as api.example.com";
    const PATTERN: &'static str = r"^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])$";

    fn parse(text: &str) -> Result<Self, String> {
        let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let host = match bracketed {
            // As the host of a request is written once it is parsed.
            Some(address) => address.parse::<std::net::Ipv6Addr>().ok().map(|a| format!("[{a}]")),
            None => {
                let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
                let fits =
                    made_of(text, 253, plain) && !text.starts_with('.') && !text.ends_with('.');
                fits.then(|| text.to_ascii_lowercase())
            }
        };
        host.map(Self).ok_or_else(|| wrong::<Self>(text))
    }
}

/// A host below which names are buckets, in lower case.
pub(super) struct Domain(pub(super) String);

impl Text for Domain {
    const WHAT: &'static str = "a host without port, such as s3.localhost";
    const PATTERN: &'static str = r"^[A-Za-z0-9._-]{1,253}$";

    fn parse(text: &str) -> Result<Self, String> {
        match HostName::parse(text) {
            Ok(HostName(host)) if !host.starts_with('[') => Ok(Self(host)),
            _ => Err(wrong::<Self>(text)),
        }
    }
}

/// A host, perhaps with port, as in `Host`.
pub(super) struct HostAndPort(pub(super) String);

impl Text for HostAndPort {
    const WHAT: &'static str = "a host such as api.example.com or api.example.com:8443";
    const PATTERN: &'static str = r"^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$";

    fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok());
        match HostName::parse(host) {
            Ok(HostName(host)) if port_fits => {
                Ok(Self(port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))))
            }
            _ => Err(wrong::<Self>(text)),
        }
    }
}

/// The beginning of a path, in a form that means the same raw and decoded.
pub(super) struct PathPrefix(pub(super) String);

impl Text for PathPrefix {
    const WHAT: &'static str = "a path such as /orders/";
    const PATTERN: &'static str = r"^/[A-Za-z0-9._~!$&'()*+,=:@/-]*$";

    fn parse(text: &str) -> Result<Self, String> {
        check_path(text, |segment| {
            made_of(segment, 1024, |b| {
                b.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&b)
            })
        })?;
        Ok(Self(text.to_owned()))
    }
}

/// An origin (RFC 6454 §6.2), as browsers write it.
pub(super) struct Origin(pub(super) String);

impl Text for Origin {
    const WHAT: &'static str = "an origin such as https://app.example.com";
    const PATTERN: &'static str = r"^https?://[a-z0-9.:\[\]-]+$";

    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| wrong::<Self>(text))?;
        let default = matches!(
            (url.scheme(), text.rsplit_once(':').map_or("", |(_, port)| port)),
            (UrlScheme::Http, "80") | (UrlScheme::Https, "443")
        );
        if !url.path().is_empty() || text != text.to_ascii_lowercase() || default {
            let message = "must be an origin as browsers write it: scheme and host in lower case, \
                           a port unless it is the scheme's, no path";
            return Err(message.into());
        }
        Ok(Self(text.to_owned()))
    }
}

impl UpstreamUrl {
    /// Whether it leads to a listener at `address` on this machine, as far as that can be told
    /// without looking names up.
    pub(super) fn leads_to(&self, address: &Address) -> bool {
        let (url, listener) = match (self, address) {
            (Self::Unix(path), Address::Unix(socket)) => return path == socket,
            (Self::Tcp(url), Address::Tcp(listener)) => (url, listener),
            _ => return false,
        };
        let host = url.host().trim_start_matches('[').trim_end_matches(']');
        let own = listener.ip().to_canonical();
        let here = match host.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
            // A wildcard listens on every address of the machine, and as a destination is its own.
            Ok(ip) => {
                ip == own || (own.is_unspecified() || ip.is_unspecified()) && is_local(ip, own)
            }
            Err(_) => {
                host.eq_ignore_ascii_case("localhost")
                    && (own.is_loopback() || own.is_unspecified())
            }
        };
        here && url.port() == listener.port()
    }
}

/// Whether a wildcard and another address, in whichever order, meet on loopback.
fn is_local(one: IpAddr, other: IpAddr) -> bool {
    [one, other].iter().all(|ip| ip.is_loopback() || ip.is_unspecified())
}

impl Text for UpstreamUrl {
    const WHAT: &'static str = "a URL such as http://127.0.0.1:3000, or unix:/path";
    const PATTERN: &'static str = r"^(https?://[^\s/@?#]+/?|unix:/.+)$";

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if !path.starts_with('/') || path.contains('\0') {
                return Err("a Unix socket's path must be absolute: unix:/path".into());
            }
            return Ok(Self::Unix(path.into()));
        }
        let url = Url::parse(text)?;
        if !matches!(url.path(), "" | "/") {
            let path = shorten(url.path());
            let message = "requests are forwarded with the path they came with";
            return Err(format!("must be without a path: {message}, {path} would be lost"));
        }
        Ok(Self::Tcp(url))
    }
}

text!(Domain, HostAndPort, HostName, Origin, PathPrefix, UpstreamUrl);
