//! A request as the command line or a test gives it, made a question as a door makes it.

use std::{net::IpAddr, sync::Arc};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};

use crate::{
    clock::Time,
    gate::Question,
    http::{
        self, Authority, ClientCertificate, Peer, RawTarget, RequestError, Scheme, TrustedProxies,
    },
};

/// A request.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// Whole, with scheme and host.
    pub(super) url: &'a str,
    pub(super) headers: HeaderMap,
    /// The body's bytes.
    pub(super) length: Option<u64>,
    /// Who sends it.
    pub(super) address: IpAddr,
    /// The certificate that it proved to have.
    pub(super) certificate: Option<Arc<ClientCertificate>>,
    pub(super) now: Time,
}

/// Why it can't be asked.
#[derive(Debug)]
pub(super) enum NotAsked {
    /// It isn't a request.
    Usage(String),
    /// It is one that every door refuses.
    Refused(RequestError),
}

impl Asked<'_> {
    /// The question.
    pub(super) fn question(self) -> Result<Question, NotAsked> {
        let Self { method, url, mut headers, length, address, certificate, now } = self;
        let usage = NotAsked::Usage;
        let method: Method =
            method.parse().map_err(|_| usage(format!("{method:?} is not a method")))?;
        let uri: Uri =
            url.parse().map_err(|error| usage(format!("the URL can't be read: {error}")))?;
        let scheme = uri.scheme_str().and_then(Scheme::parse).ok_or_else(|| {
            usage("the URL must be a whole one, such as http://127.0.0.1:8080/api/".to_owned())
        })?;
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let authority = uri.authority().map(|a| a.as_str()).unwrap_or_default();
        if !headers.contains_key(header::HOST) {
            let host = HeaderValue::from_str(authority);
            headers.insert(header::HOST, host.map_err(|e| usage(e.to_string()))?);
        }
        let refused = NotAsked::Refused;
        http::check_method(&method).map_err(refused)?;
        let authority = Authority::of(&Uri::from_static("/"), &headers).map_err(refused)?;
        let trusted = TrustedProxies::default();
        let mut peer = Peer::new(address, scheme, &trusted);
        peer.rules.alb = http::AlbHeaders::Read;
        let received = http::receive(&mut headers, Version::HTTP_11, peer).map_err(refused)?;
        let target = RawTarget::of(&uri).map_err(|e| refused(e.into()))?;
        Ok(Question { method, authority, target, headers, received, certificate, now })
    }
}

/// Adds a header to `headers`; `None` if it isn't one.
pub(super) fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Option<()> {
    let name: HeaderName = name.trim().parse().ok()?;
    headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
    Some(())
}
