//! What a header name means to Poolgate.
//!
//! Backends read names loosely: CGI turns `-` into `_`, frameworks turn `_` and `.` back into `-`.
//! So names are compared by their key, the lower-case letters and digits alone, and a name that
//! has a protected header's key without being its name never reaches an upstream
//! (CVE-2025-64484, CVE-2026-39858, CVE-2026-88011).

/// The class of a request header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Passed on, not read here.
    Ordinary,
    /// The name has a character other than letters, digits and `-`.
    Odd,
    /// Another spelling of a protected name.
    Alias,
    /// Belongs to the connection: stripped.
    HopByHop(Hop),
    /// `Host`.
    Host,
    /// `Content-Length`.
    ContentLength,
    /// Read to authenticate or decide: at most one, in visible ASCII. With its usual spelling.
    Single(&'static str),
    /// `Cookie`: read, and may come in several lines.
    Cookie,
    /// Another `X-Amz-*`: at most one.
    Aws,
    /// `X-Amzn-Oidc-*` of an Application Load Balancer.
    AlbIdentity,
    /// `X-Forwarded-*` and `Forwarded`.
    Forwarding,
    /// Another header that tells the client's address.
    ClientAddress,
    /// Overrides method, path or host, or tells a backend to skip its own checks.
    Override,
    /// `X-Poolgate-*`: only Poolgate says these.
    Identity,
    /// `X-Envoy-*`: internal to Envoy.
    Envoy,
    /// `X-Envoy-Auth-Failure-Mode-Allowed`: an authorizer failed and the proxy let it through.
    AuthFailureModeAllowed,
}

/// Which hop-by-hop header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    Connection,
    TransferEncoding,
    Te,
    Upgrade,
    Other,
}

/// The class of a request header's name, which is in lower case as `HeaderName` keeps it.
pub(super) fn classify(name: &str) -> Class {
    usual(name).unwrap_or_else(|| by_key(name))
}

/// Names that most messages have. What they are follows from their keys; this only finds it sooner.
fn usual(name: &str) -> Option<Class> {
    Some(match name {
        "accept" | "accept-encoding" | "accept-language" | "accept-ranges" | "cache-control"
        | "etag" | "last-modified" | "location" | "server" | "set-cookie" | "traceparent"
        | "vary" | "x-request-id" => Class::Ordinary,
        "authorization" => Class::Single("Authorization"),
        "connection" => Class::HopByHop(Hop::Connection),
        "content-length" => Class::ContentLength,
        "content-type" => Class::Single("Content-Type"),
        "date" => Class::Single("Date"),
        "host" => Class::Host,
        "user-agent" => Class::Single("User-Agent"),
        "x-forwarded-for" | "x-forwarded-proto" => Class::Forwarding,
        _ => return None,
    })
}

fn by_key(name: &str) -> Class {
    let Some(key) = Key::of(name) else { return Class::Odd };
    let key = key.as_bytes();
    if let Some((proper, class)) = exact(key) {
        return if proper == name { class } else { alias(class) };
    }
    by_prefix(key, name)
}

/// Whether a name, in any spelling, is one of the `X-Poolgate-*` headers.
pub(super) fn is_identity(name: &str) -> bool {
    let letters = name.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase());
    letters.take(IDENTITY_PREFIX.len()).eq(IDENTITY_PREFIX.iter().copied())
}

/// Whether a response header goes no further: it belongs to the connection (RFC 9110 §7.6.1, and RFC 2616's
/// `Proxy-*` challenges, which are between a client and its own proxy), or only Poolgate says it.
pub(super) fn stays_here(name: &str) -> bool {
    match classify(name) {
        Class::HopByHop(_) | Class::Identity => true,
        Class::Odd => is_identity(name),
        _ => false,
    }
}

/// Whether a header is for proxies to set and to remove: of the connection, of forwarding as they
/// write it, or Envoy's own.
pub fn is_of_proxies(name: &str) -> bool {
    match classify(name) {
        Class::Host | Class::ContentLength | Class::HopByHop(_) => true,
        Class::Forwarding => FORWARDING.contains(&name),
        Class::Envoy => name.starts_with("x-envoy-"),
        _ => false,
    }
}

/// Classes that are stripped anyway keep their class under an alias, so that the log names them.
fn alias(class: Class) -> Class {
    match class {
        Class::ClientAddress | Class::Override => class,
        _ => Class::Alias,
    }
}

fn by_prefix(key: &[u8], name: &str) -> Class {
    // As all prefixes do that mean anything.
    if key.first() != Some(&b'x') {
        Class::Ordinary
    } else if key.starts_with(IDENTITY_PREFIX) {
        Class::Identity
    } else if key.starts_with(b"xforwarded") {
        Class::Forwarding
    } else if key.starts_with(b"xoriginal") || key.starts_with(b"xrewrite") {
        Class::Override
    } else if key.starts_with(b"xenvoy") {
        Class::Envoy
    } else if key.starts_with(b"xamznoidc") {
        if name.starts_with("x-amzn-oidc-") { Class::AlbIdentity } else { Class::Alias }
    } else if key.starts_with(b"xamz") && !name.starts_with("x-amz") {
        Class::Alias
    } else if name.starts_with("x-amz-") {
        Class::Aws
    } else {
        Class::Ordinary
    }
}

/// Protected names by key, with their proper spelling.
fn exact(key: &[u8]) -> Option<(&'static str, Class)> {
    use Class::{ClientAddress, HopByHop, Override, Single};
    Some(match key {
        b"host" => ("host", Class::Host),
        b"cookie" => ("cookie", Class::Cookie),
        b"contentlength" => ("content-length", Class::ContentLength),
        b"authorization" => ("authorization", Single("Authorization")),
        b"dpop" => ("dpop", Single("DPoP")),
        b"origin" => ("origin", Single("Origin")),
        b"contenttype" => ("content-type", Single("Content-Type")),
        b"contentmd5" => ("content-md5", Single("Content-MD5")),
        b"date" => ("date", Single("Date")),
        b"expect" => ("expect", Single("Expect")),
        b"referer" => ("referer", Single("Referer")),
        b"useragent" => ("user-agent", Single("User-Agent")),
        b"xamzdate" => ("x-amz-date", Single("X-Amz-Date")),
        b"xamztarget" => ("x-amz-target", Single("X-Amz-Target")),
        b"xamzsecuritytoken" => ("x-amz-security-token", Single("X-Amz-Security-Token")),
        b"xamzcontentsha256" => ("x-amz-content-sha256", Single("X-Amz-Content-Sha256")),
        b"xamzdecodedcontentlength" => {
            ("x-amz-decoded-content-length", Single("X-Amz-Decoded-Content-Length"))
        }
        b"xamztrailer" => ("x-amz-trailer", Single("X-Amz-Trailer")),
        b"connection" => ("connection", HopByHop(Hop::Connection)),
        b"transferencoding" => ("transfer-encoding", HopByHop(Hop::TransferEncoding)),
        b"te" => ("te", HopByHop(Hop::Te)),
        b"upgrade" => ("upgrade", HopByHop(Hop::Upgrade)),
        b"keepalive" => ("keep-alive", HopByHop(Hop::Other)),
        b"proxyconnection" => ("proxy-connection", HopByHop(Hop::Other)),
        b"proxyauthenticate" => ("proxy-authenticate", HopByHop(Hop::Other)),
        b"proxyauthorization" => ("proxy-authorization", HopByHop(Hop::Other)),
        b"proxyauthenticationinfo" => ("proxy-authentication-info", HopByHop(Hop::Other)),
        b"http2settings" => ("http2-settings", HopByHop(Hop::Other)),
        b"forwarded" => ("forwarded", Class::Forwarding),
        b"xrealip" => ("x-real-ip", ClientAddress),
        b"xclientip" => ("x-client-ip", ClientAddress),
        b"xclusterclientip" => ("x-cluster-client-ip", ClientAddress),
        b"xremoteip" => ("x-remote-ip", ClientAddress),
        b"xremoteaddr" => ("x-remote-addr", ClientAddress),
        b"trueclientip" => ("true-client-ip", ClientAddress),
        b"cfconnectingip" => ("cf-connecting-ip", ClientAddress),
        b"xhttpmethod" => ("x-http-method", Override),
        b"xhttpmethodoverride" => ("x-http-method-override", Override),
        b"xmethodoverride" => ("x-method-override", Override),
        b"xhost" => ("x-host", Override),
        b"xhttphostoverride" => ("x-http-host-override", Override),
        // CVE-2016-5385 (httpoxy): CGI turns it into HTTP_PROXY.
        b"proxy" => ("proxy", Override),
        // CVE-2025-29927: makes Next.js skip its middleware.
        b"xmiddlewaresubrequest" => ("x-middleware-subrequest", Override),
        // RFC 9440 §3: only who ended TLS may say whose certificate it was.
        b"clientcert" => ("client-cert", Override),
        b"clientcertchain" => ("client-cert-chain", Override),
        b"xenvoyauthfailuremodeallowed" => {
            ("x-envoy-auth-failure-mode-allowed", Class::AuthFailureModeAllowed)
        }
        _ => return None,
    })
}

/// A name's letters and digits, as far as they matter: longer than every protected key is enough.
struct Key {
    bytes: [u8; KEY_LENGTH],
    length: usize,
}

impl Key {
    /// `None` if the name has a character other than letters, digits and `-`.
    fn of(name: &str) -> Option<Self> {
        let mut key = Self { bytes: [0; KEY_LENGTH], length: 0 };
        for byte in name.bytes() {
            match byte {
                b'-' => {}
                b'a'..=b'z' | b'0'..=b'9' => {
                    if let Some(slot) = key.bytes.get_mut(key.length) {
                        *slot = byte;
                        key.length += 1;
                    }
                }
                _ => return None,
            }
        }
        Some(key)
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Longer by far than the longest key of [`exact`], so that a cut-off key equals none of them.
const KEY_LENGTH: usize = 48;

const IDENTITY_PREFIX: &[u8] = b"xpoolgate";

/// What Envoy writes of forwarding itself.
const FORWARDING: [&str; 6] = [
    "forwarded",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

#[cfg(test)]
mod tests;
