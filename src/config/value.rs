//! Settings written as text: addresses, durations, sizes, networks, URLs, keys and names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::read::{Field, Reader, Text, text};
use super::yaml::{Node, shorten};

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// A Unix socket's absolute path.
    Unix(PathBuf),
}

impl Address {
    /// Whether only this machine can reach it: loopback and Unix sockets.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => is_loopback(address.ip()),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(out, "{address}"),
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

impl Text for Address {
    const WHAT: &'static str = "an address such as 127.0.0.1:8080 or unix:/run/poolgate.sock";
    const PATTERN: &'static str = r"^(unix:/.+|(localhost|[0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5})$";

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if !path.starts_with('/') || path.contains('\0') {
                return Err("a Unix socket's path must be absolute: unix:/path".into());
            }
            return Ok(Self::Unix(path.into()));
        }
        let port = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        if let Some(port) = port {
            return Ok(Self::Tcp((Ipv4Addr::LOCALHOST, port).into()));
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            format!("\"{}\" is not an IP address and port; write {}", shorten(text), Self::WHAT)
        })
    }
}

/// A duration, as `10s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) struct Span(pub(super) Duration);

impl Text for Span {
    const WHAT: &'static str = "a duration such as 10s, 500ms, 5m or 24h";
    const PATTERN: &'static str = "^[0-9]+(ms|s|m|h)$";

    fn parse(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let scale = match unit {
            "ms" => Some(1),
            "s" => Some(1000),
            "m" => Some(60_000),
            "h" => Some(3_600_000),
            _ => None,
        };
        let millis = number.and_then(|n| n.checked_mul(scale?));
        millis.map(|millis| Self(Duration::from_millis(millis))).ok_or_else(|| wrong::<Self>(text))
    }
}

/// A number of bytes, as `64KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) struct Size(pub(super) u64);

impl Text for Size {
    const WHAT: &'static str = "a size such as 64KiB, 16MiB or 512B";
    const PATTERN: &'static str = "^[0-9]+(B|KiB|MiB|GiB)$";

    fn parse(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let scale = match unit {
            "B" => Some(1),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            _ => None,
        };
        let bytes = number.and_then(|n| n.checked_mul(scale?));
        bytes.map(Self).ok_or_else(|| wrong::<Self>(text))
    }
}

impl Text for IpNet {
    const WHAT: &'static str = "a network such as 10.0.0.0/8 or an IP address";
    const PATTERN: &'static str = "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$";

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::from(address));
        }
        let network: Self = text.parse().map_err(|_| wrong::<Self>(text))?;
        if network != network.trunc() {
            let meant = network.trunc();
            return Err(format!("{network} has bits beyond its prefix; write {meant}"));
        }
        Ok(network)
    }
}

/// How a URL is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UrlScheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

/// An absolute `http:` or `https:` URL without user information, query and fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    text: String,
    scheme: UrlScheme,
    host: String,
    port: u16,
}

impl Url {
    /// The URL as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its scheme.
    pub fn scheme(&self) -> UrlScheme {
        self.scheme
    }

    /// Its host in lower case; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port, that of the scheme if it names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its path, empty if it has none.
    pub fn path(&self) -> &str {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("")
    }

    /// Whether its host is this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(is_loopback)
    }

    /// The URL with `suffix` after its path.
    pub fn join(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.text.trim_end_matches('/'))
    }

    /// Refuses a URL whose answers are trusted but could be changed on the way.
    pub(super) fn demand_trust(self) -> Result<Self, String> {
        match self.scheme {
            UrlScheme::Http if !self.is_loopback() => {
                Err("keys come over https:, over http: only from loopback, or from file:".into())
            }
            _ => Ok(self),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Text for Url {
    const WHAT: &'static str = "a URL such as https://example.com";
    const PATTERN: &'static str = r"^https?://[^\s/@?#]+(/[^\s?#]*)?$";

    fn parse(text: &str) -> Result<Self, String> {
        if text.contains('@') {
            return Err("must be a URL without user name and password".into());
        }
        if text.contains(['?', '#']) {
            return Err("must be a URL without query and fragment".into());
        }
        let bad = || wrong::<Self>(text);
        let uri: http::Uri = text.parse().map_err(|_| bad())?;
        let (scheme, port) = match uri.scheme_str() {
            Some("http") => (UrlScheme::Http, 80),
            Some("https") => (UrlScheme::Https, 443),
            _ => return Err(bad()),
        };
        let authority = uri.authority().ok_or_else(bad)?;
        let port = match authority.as_str().rsplit_once(':') {
            Some((_, digits)) if !digits.ends_with(']') => digits.parse().map_err(|_| bad())?,
            _ => port,
        };
        let host = uri.host().ok_or_else(bad)?.to_ascii_lowercase();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(bad());
        }
        Ok(Self { text: text.to_owned(), scheme, host, port })
    }
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Keys {
    /// A JWK set at this URL.
    Url(String),
    /// A JWK set in this file.
    File(PathBuf),
    /// The `jwks_uri` of the OpenID Connect discovery document at this URL.
    Discover(String),
}

impl Field for Keys {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.text(node, "a URL: https:, http: on loopback, or file:PATH")?;
        let keys = match text.strip_prefix("file:") {
            Some(path) => match path.strip_prefix("//").unwrap_or(path) {
                "" => Err("file: needs a path".to_owned()),
                path => Ok(Self::File(reader.resolve(path))),
            },
            None => Url::parse(text).and_then(Url::demand_trust).map(|url| Self::Url(url.text)),
        };
        keys.map_err(|message| reader.error(node.position, message)).ok()
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "pattern": r"^(https?://|file:).+$" })
    }
}

/// Text that matches a rule of its own.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $pattern:literal, $fits:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(super) struct $name(pub(super) String);

        impl Text for $name {
            const WHAT: &'static str = $what;
            const PATTERN: &'static str = $pattern;

            fn parse(text: &str) -> Result<Self, String> {
                let fits: fn(&str) -> bool = $fits;
                if fits(text) { Ok(Self(text.to_owned())) } else { Err(wrong::<Self>(text)) }
            }
        }

        text!($name);
    )+};
}

names! {
    /// Any text that has no control characters.
    Words, "text", r"^[^\u0000-\u001f]{1,2048}$",
        |t| (1..=2048).contains(&t.len()) && !t.contains(char::is_control);
    /// An AWS account.
    AccountId, "an account id of 12 digits, as text", "^[0-9]{12}$",
        |t| t.len() == 12 && t.bytes().all(|b| b.is_ascii_digit());
    /// An AWS region.
    Region, "a region such as eu-west-1", "^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$", is_region;
    /// A user pool's id (`UserPoolIdType` of the Cognito API, with the region in front).
    PoolId, "a user pool id such as eu-west-1_Ab12Cd34E",
        "^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}_[0-9A-Za-z]{1,55}$",
        |t| t.split_once('_').is_some_and(|(region, id)| {
            t.len() <= 55 && is_region(region) && made_of(id, 55, |b| b.is_ascii_alphanumeric())
        });
    /// An identity pool's id (`IdentityPoolId` of the Cognito Identity API).
    IdentityPoolId, "an identity pool id such as eu-west-1:00000000-0000-4000-8000-000000000001",
        "^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}:[0-9a-f-]{1,36}$",
        |t| t.split_once(':').is_some_and(|(region, id)| {
            is_region(region)
                && made_of(id, 36, |b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
        });
    /// An app client (`ClientIdType` of the Cognito API).
    ClientId, "an app client id", r"^[A-Za-z0-9_+]{1,128}$",
        |t| made_of(t, 128, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+'));
    /// A route's name, which is a label of metrics.
    RouteName, "a name of at most 40 of a-z, 0-9 and -", "^[a-z0-9-]{1,40}$",
        |t| made_of(t, 40, |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    /// An API's id.
    ApiId, "an API id such as a1b2c3d4e5", "^[A-Za-z0-9-]{1,64}$",
        |t| made_of(t, 64, |b| b.is_ascii_alphanumeric() || b == b'-');
    /// A stage of an API.
    Stage, "a stage such as prod or $default", "^[A-Za-z0-9_$-]{1,128}$",
        |t| made_of(t, 128, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'-'));
    /// A scope (RFC 6749 §3.3).
    Scope, "a scope such as orders/read", r#"^[!#-\[\]-~]{1,256}$"#,
        |t| made_of(t, 256, |b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    /// A cookie's name (RFC 6265 §4.1.1).
    CookieName, "a cookie name", r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$",
        |t| made_of(t, 128, is_token);
    /// An environment variable's name.
    VariableName, "the name of an environment variable", "^[A-Za-z_][A-Za-z0-9_]{0,254}$",
        |t| made_of(t, 255, |b| b.is_ascii_alphanumeric() || b == b'_')
            && !t.starts_with(|c: char| c.is_ascii_digit());
    /// The name of a key that credentials are sealed with.
    KeyId, "a name of at most 32 of a-z, A-Z, 0-9, _ and -", "^[A-Za-z0-9_-]{1,32}$",
        |t| made_of(t, 32, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    /// An access key id (`AccessKeyIdType` of the IAM API, and what stand-ins take).
    AccessKeyId, "an access key id", "^[A-Za-z0-9_-]{1,128}$",
        |t| made_of(t, 128, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    /// The name of a table or an index of DynamoDB.
    TableName, "a name of 3 to 255 of A-Z, a-z, 0-9, _, . and -", "^[A-Za-z0-9_.-]{3,255}$",
        |t| t.len() >= 3
            && made_of(t, 255, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    /// The name of an attribute of DynamoDB.
    AttributeName, "an attribute's name of 1 to 255 bytes", r"^[\s\S]{1,255}$",
        |t| (1..=255).contains(&t.len());
    /// A load balancer.
    LoadBalancerArn, "the ARN of an application load balancer",
        "^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/app/[A-Za-z0-9/-]+$",
        is_load_balancer;
}

text!(Address, Span, Size, IpNet, Url);

/// Whether `text` is 1 to `most` bytes for which `fits` holds.
pub(super) fn made_of(text: &str, most: usize, fits: impl Fn(u8) -> bool) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(fits)
}

/// A `tchar` of RFC 9110 §5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The message for a text that is not what it should be.
pub(super) fn wrong<T: Text>(text: &str) -> String {
    format!("must be {}, not \"{}\"", T::WHAT, shorten(text))
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return false };
    let lower = |b: u8| b.is_ascii_lowercase();
    (2..=4).contains(&first.len())
        && made_of(first, 4, lower)
        && !middle.is_empty()
        && middle.iter().all(|part| made_of(part, 20, lower))
        && made_of(last, 2, |b| b.is_ascii_digit())
}

fn is_load_balancer(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "elasticloadbalancing", region, account, resource] = parts.as_slice()
    else {
        return false;
    };
    partition.starts_with("aws")
        && made_of(partition, 20, |b| b.is_ascii_lowercase() || b == b'-')
        && is_region(region)
        && AccountId::parse(account).is_ok()
        && resource.strip_prefix("loadbalancer/app/").is_some_and(|name| {
            made_of(name, 200, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/'))
        })
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// A number and the unit behind it.
fn split_unit(text: &str) -> (Option<u64>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or(("", text));
    (number.parse().ok(), unit)
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
