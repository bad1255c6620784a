//! `Check`: Envoy's attributes of a request become an account of it.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use ::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header};
use bytes::Bytes;
use percent_encoding::percent_decode;

use super::{
    super::{
        Shared, Snapshot,
        asking::{self, Account, Refused, TakesOut, Told, ask, reject},
        grpc::{Code, Reply, answer, failed},
    },
    request::{Attributes, CheckRequest, Entry, HttpRequest, Peer},
    response::{allowed, denied},
};
use crate::{
    clock::timely,
    config::{ClientCertificates, Metadata},
    gate::{AskedQuery, AskedRoute},
    http::{ClientCertificate, RequestError, Scheme},
};

/// Decides what Envoy asks in `message` by `deadline`, of a call that came at `came`.
pub(super) async fn check(
    shared: &Shared,
    snapshot: &Snapshot,
    message: Bytes,
    came: Instant,
    deadline: Instant,
) -> Response<Reply> {
    let told = match CheckRequest::decode(&message) {
        Ok(CheckRequest { attributes: Some(attributes) }) => {
            let extensions = Extensions::of(&attributes.context_extensions);
            let read = extensions.and_then(|extensions| {
                let certificates = snapshot.asking.client_certificates;
                account(&message, &attributes, extensions, certificates)
            });
            match read {
                Ok(account) => {
                    // Whoever waits for it moves it about, and it is large.
                    let asked = Box::pin(ask(shared, snapshot, account, came));
                    // A denial has to be there before the caller goes on without it: with a key that
                    // nobody has, a client can make it wait.
                    let latest = came + deadline.saturating_duration_since(came).mul_f32(0.75);
                    match timely(asked, || latest.into()).await {
                        Some(told) => told,
                        None => Told::Undecided(Box::new(not_in_time(shared))),
                    }
                }
                Err(error) => reject(shared, snapshot, DOOR, error, came),
            }
        }
        _ => reject(shared, snapshot, DOOR, RequestError::Incomplete("attributes"), came),
    };
    // The caller has gone on without it.
    if Instant::now() >= deadline {
        return late(shared);
    }
    let metadata = snapshot.asking.metadata;
    match told {
        Told::Allow(changes) => answer(|out| allowed(out, &changes, metadata)),
        // As an error of the call it would be let through by a proxy that is told to.
        Told::Deny(refused) | Told::Undecided(refused) => {
            answer(|out| denied(out, &refused, metadata))
        }
    }
}

/// The answer where nothing was decided: a denial.
pub(super) fn undecided(reason: &'static str, detail: &'static str) -> Response<Reply> {
    let refused = asking::undecided(StatusCode::SERVICE_UNAVAILABLE, reason, detail);
    answer(|out| denied(out, &refused, Metadata::default()))
}

fn not_in_time(shared: &Shared) -> Refused {
    shared.metrics.asked_in_vain.with_label_values(&["deadline"]).inc();
    let detail = "the request could not be decided in time";
    asking::undecided(StatusCode::SERVICE_UNAVAILABLE, "decision_timeout", detail)
}

fn late(shared: &Shared) -> Response<Reply> {
    shared.metrics.asked_in_vain.with_label_values(&["deadline"]).inc();
    failed(Code::DeadlineExceeded, "it could not be decided in time")
}

/// What the proxy's own configuration says beside the request.
#[derive(Default)]
pub(super) struct Extensions<'a> {
    route: Option<&'a str>,
    host: Option<&'a str>,
}

impl<'a> Extensions<'a> {
    /// Those that begin with `poolgate.`; others are for others. One that isn't known is refused:
    /// misspelt, it would leave the choice to the caller of the API.
    pub(super) fn of(entries: &[Entry<'a>]) -> Result<Self, RequestError> {
        let mut extensions = Self::default();
        for &Entry { key, value } in entries {
            let value = text(value, "context_extensions");
            let known = match key.strip_prefix(b"poolgate.") {
                None => continue,
                Some(b"route") => &mut extensions.route,
                Some(b"host") => &mut extensions.host,
                Some(_) => return Err(RequestError::Extension),
            };
            if known.replace(value?).is_some() {
                return Err(RequestError::Extension);
            }
        }
        Ok(extensions)
    }
}

/// What Envoy says of the request in `message`, whose `attributes` are given. Nothing of it has to be
/// there.
pub(super) fn account<'a>(
    message: &Bytes,
    attributes: &Attributes<'a>,
    extensions: Extensions<'a>,
    certificates: ClientCertificates,
) -> Result<Account<'a>, RequestError> {
    let request = attributes.http.as_ref().ok_or(RequestError::Incomplete("request.http"))?;
    let version = match request.protocol {
        b"HTTP/1.0" => Version::HTTP_10,
        b"HTTP/1.1" => Version::HTTP_11,
        _ => Version::HTTP_2,
    };
    let scheme = match text(request.scheme, "request.http.scheme")? {
        "" => Scheme::Http,
        scheme => Scheme::parse(scheme).ok_or(RequestError::Incomplete("request.http.scheme"))?,
    };
    let headers = headers(message, request)?;
    let scheme = match scheme {
        Scheme::Https if !said_to_be_https(&headers) => Scheme::Http,
        scheme => scheme,
    };
    let body = body(message, request, &headers);
    Ok(Account {
        door: DOOR,
        route: extensions.route.map_or(AskedRoute::ByAddress, AskedRoute::Named),
        query: AskedQuery::Editable,
        takes_out: TakesOut::Told,
        method: text(request.method, "request.http.method")?,
        host: text(request.host, "request.http.host")?,
        instead: extensions.host,
        target: text(request.path, "request.http.path")?,
        headers,
        version,
        client: client(&attributes.source)?,
        certificate: certificate(&attributes.source, certificates)?,
        scheme,
        body,
    })
}

/// Whether what Envoy says of the client's connection allows for HTTPS. `:scheme` is the client's word in
/// HTTP/2, whatever it is sent over.
fn said_to_be_https(headers: &HeaderMap) -> bool {
    let mut said = headers.get_all(FORWARDED_PROTO).iter();
    said.all(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// Envoy's peer. One on a Unix socket is on this machine, as the gate's own would be.
fn client(source: &Peer<'_>) -> Result<IpAddr, RequestError> {
    let incomplete = RequestError::Incomplete("source.address");
    match (source.socket, source.pipe) {
        (Some(address), false) => {
            let address = text(address, "source.address")?.parse::<IpAddr>();
            address.map(|ip| ip.to_canonical()).map_err(|_| incomplete)
        }
        (None, true) => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => Err(incomplete),
    }
}

/// The certificate that the client has shown to Envoy. It sends whatever came, also where it is told to
/// verify none: whether it was verified, only the configuration says.
fn certificate(
    source: &Peer<'_>,
    certificates: ClientCertificates,
) -> Result<Option<Arc<ClientCertificate>>, RequestError> {
    if source.certificate.is_empty() || certificates == ClientCertificates::Ignored {
        return Ok(None);
    }
    let pem: Vec<u8> = percent_decode(source.certificate).collect();
    let unreadable = RequestError::Incomplete("source.certificate");
    asking::certificate(&pem).map(Some).ok_or(unreadable)
}

/// The headers as the client sent them, where Envoy tells (`encode_raw_headers`); else joined by
/// Envoy into one a name. Envoy's own `:method` and the like are among them, and left out.
fn headers(message: &Bytes, request: &HttpRequest<'_>) -> Result<HeaderMap, RequestError> {
    let sent = request.header_map.as_ref().unwrap_or(&request.headers);
    let mut map = HeaderMap::with_capacity(sent.len());
    for &Entry { key, value } in sent {
        if key.first() == Some(&b':') {
            continue;
        }
        let name = HeaderName::from_bytes(key).map_err(|_| RequestError::HeaderName)?;
        // Shares the message's buffer.
        let value = HeaderValue::from_maybe_shared(message.slice_ref(value))
            .map_err(|_| RequestError::Incomplete("a header's value"))?;
        map.try_append(name, value).map_err(|_| RequestError::Incomplete("the headers"))?;
    }
    Ok(map)
}

/// The body, where it is known whole: sent along, or none.
fn body(message: &Bytes, request: &HttpRequest<'_>, headers: &HeaderMap) -> Option<Bytes> {
    // A client's own may stand beside Envoy's.
    if headers.get_all(PARTIAL_BODY).iter().any(|partial| partial != FALSE) {
        return None;
    }
    let sent = if request.raw_body.is_empty() { request.body } else { request.raw_body };
    if !sent.is_empty() {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        let whole = length.is_none_or(|length| length.parse() == Ok(sent.len()));
        return whole.then(|| message.slice_ref(sent));
    }
    // Whoever tells of its length, or that it comes in chunks, tells that there is one.
    if request.size != 0 || headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let none = match headers.get(header::CONTENT_LENGTH) {
        Some(length) => length == "0",
        // Envoy takes `Transfer-Encoding` out before it asks, so that one in chunks looks like none. What
        // comes with a GET has no meaning (RFC 9110 §9.3.1); other methods have to say that there is none.
        None => [b"GET".as_slice(), b"HEAD"].contains(&request.method),
    };
    none.then(Bytes::new)
}

/// A field as text; `what` says which.
fn text<'a>(field: &'a [u8], what: &'static str) -> Result<&'a str, RequestError> {
    std::str::from_utf8(field).map_err(|_| RequestError::Incomplete(what))
}

const DOOR: &str = "ext_authz";
const PARTIAL_BODY: HeaderName = HeaderName::from_static("x-envoy-auth-partial-body");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FALSE: HeaderValue = HeaderValue::from_static("false");
