//! Where each dialect's sub-request tells of the request it is about.

use std::net::IpAddr;

use ::http::{HeaderMap, HeaderName, Version, header, request::Parts};

use super::{super::asking::TakesOut, Check, report::Report};
use crate::{
    config::Dialect,
    http::{RequestError, Scheme},
};

/// Where a dialect says what.
struct Spelling {
    /// The method; the sub-request's own if absent.
    method: Option<&'static str>,
    /// The path and query.
    target: Target,
    /// The host; the sub-request's own if absent.
    host: Option<&'static str>,
    /// The address of the proxy's peer: the last of a list.
    client: &'static str,
    /// The scheme, unless the target has it.
    scheme: Option<&'static str>,
}

enum Target {
    /// Behind the sub-request's own path.
    Behind,
    /// In this header: path and query.
    Path(&'static str),
    /// In this header: an absolute URL with scheme and host.
    Url(&'static str),
}

impl Spelling {
    fn of(dialect: Dialect) -> Self {
        match dialect {
            // Method, path and host are replayed; the snippet has Envoy add the rest.
            Dialect::Envoy => Self {
                method: None,
                target: Target::Behind,
                host: None,
                client: FORWARDED_FOR,
                scheme: Some(FORWARDED_PROTO),
            },
            // All of it by convention: nginx sends what its configuration says.
            Dialect::Nginx | Dialect::HaProxy => Self {
                method: Some("x-original-method"),
                target: Target::Path("x-original-uri"),
                host: None,
                client: FORWARDED_FOR,
                scheme: Some(FORWARDED_PROTO),
            },
            // As its template has it, rootfs/etc/nginx/template/nginx.tmpl; the sub-request's Host is
            // the authorizer's own.
            Dialect::IngressNginx => Self {
                method: Some("x-original-method"),
                target: Target::Url("x-original-url"),
                host: None,
                client: "x-real-ip",
                scheme: None,
            },
            // Both write these over what the client sent.
            Dialect::Traefik | Dialect::Caddy => Self {
                method: Some("x-forwarded-method"),
                target: Target::Path("x-forwarded-uri"),
                host: Some("x-forwarded-host"),
                client: FORWARDED_FOR,
                scheme: Some(FORWARDED_PROTO),
            },
        }
    }
}

/// What the sub-request tells.
///
/// # Errors
/// What is missing, comes twice or can't be read.
pub(super) fn read(check: Check<'_>, head: &Parts) -> Result<Report, RequestError> {
    let spelling = Spelling::of(check.dialect);
    let mut headers = head.headers.clone();
    let own_host = own_host(head)?;
    let method = match spelling.method {
        Some(name) => take(&mut headers, name)?,
        None => head.method.as_str().to_owned(),
    };
    let (scheme, host, target) = match spelling.target {
        Target::Behind => (None, None, check.rest.to_owned()),
        Target::Path(name) => (None, None, take(&mut headers, name)?),
        Target::Url(name) => {
            let url = take(&mut headers, name)?;
            let (scheme, rest) = url.split_once("://").ok_or(RequestError::Incomplete(name))?;
            let path = rest.find('/').ok_or(RequestError::Incomplete(name))?;
            let (host, target) =
                rest.split_at_checked(path).ok_or(RequestError::Incomplete(name))?;
            (Some(scheme.to_owned()), Some(host.to_owned()), target.to_owned())
        }
    };
    let host = match (host, spelling.host) {
        (Some(host), _) => host,
        (None, Some(name)) => take(&mut headers, name)?,
        (None, None) => own_host.ok_or(RequestError::HostMissing)?,
    };
    let scheme = match (scheme, spelling.scheme) {
        (Some(scheme), _) => Some(scheme),
        (None, Some(name)) => Some(take(&mut headers, name)?),
        (None, None) => None,
    };
    let scheme = scheme.as_deref().and_then(Scheme::parse);
    let scheme = scheme.ok_or(RequestError::Incomplete("the scheme"))?;
    let client = client(&mut headers, spelling.client)?;
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
    headers.remove(header::HOST);
    Ok(Report {
        door: check.dialect.as_str(),
        // Envoy alone is told.
        takes_out: match check.dialect {
            Dialect::Envoy => TakesOut::Told,
            _ => TakesOut::Named,
        },
        method,
        host,
        target,
        headers,
        version: Version::HTTP_11,
        client,
        scheme,
    })
}

/// The host that the sub-request was sent to, which some proxies leave the client's.
fn own_host(head: &Parts) -> Result<Option<String>, RequestError> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let host = hosts.next().map(|host| host.to_str().map(str::to_owned)).transpose();
    if hosts.next().is_some() {
        return Err(RequestError::Repeated("Host"));
    }
    let host = host.map_err(|_| RequestError::NotAscii("Host"))?;
    Ok(host.or_else(|| head.uri.authority().map(|authority| authority.as_str().to_owned())))
}

/// The peer of the proxy, which it puts last; what stands before is the client's word or that of
/// proxies further out, and left in `x-forwarded-for` to be judged as such.
fn client(headers: &mut HeaderMap, name: &'static str) -> Result<IpAddr, RequestError> {
    let list = take(headers, name)?;
    let (before, last) = match list.rsplit_once(',') {
        Some((before, last)) => (Some(before), last),
        None => (None, list.as_str()),
    };
    let address = last.trim().parse::<IpAddr>().map_err(|_| RequestError::Incomplete(name))?;
    if let Some(before) = before {
        let before = before.parse().map_err(|_| RequestError::Incomplete(name))?;
        headers.insert(HeaderName::from_static(FORWARDED_FOR), before);
    }
    Ok(address.to_canonical())
}

/// Takes the one value of a header out.
fn take(headers: &mut HeaderMap, name: &'static str) -> Result<String, RequestError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(RequestError::Incomplete(name))?;
    if values.next().is_some() {
        return Err(RequestError::Repeated(name));
    }
    let text = value.to_str().map_err(|_| RequestError::NotAscii(name))?.to_owned();
    headers.remove(name);
    Ok(text)
}

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// They are of the connection between the proxy and us, and say nothing of the client's.
const OF_THE_CONNECTION: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];
