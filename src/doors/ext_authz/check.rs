//! `Check`: Envoy's attributes of a request become an account of it, and what it is told becomes a
//! `CheckResponse`.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use ::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header};
use bytes::Bytes;
use percent_encoding::percent_decode;
use prost::Message;

use super::{
    super::{
        Shared, Snapshot,
        asking::{
            self, About, Account, Changes, DECISION_ID, Refused, TakesOut, Told, ask, reject,
        },
        grpc::{Code, Reply, answer, failed},
    },
    messages::{
        Attributes, CheckRequest, CheckResponse, DeniedResponse, Entry, Field,
        HeaderValue as Header, HeaderValueOption, HttpRequest, HttpStatus, OkResponse, Status,
        Struct, Value,
    },
};
use crate::{
    config::ClientCertificates,
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
    let told = match CheckRequest::decode(message) {
        Ok(CheckRequest { attributes: Some(attributes) }) => {
            let extensions = Extensions::of(&attributes.context_extensions);
            let certificates = snapshot.asking.client_certificates;
            match extensions.and_then(|extensions| account(&attributes, extensions, certificates)) {
                Ok(account) => {
                    let asked = ask(shared, snapshot, account, came);
                    // A denial has to be there before the caller goes on without it: with a key that
                    // nobody has, a client can make it wait.
                    let latest = came + deadline.saturating_duration_since(came).mul_f32(0.75);
                    match tokio::time::timeout_at(latest.into(), asked).await {
                        Ok(told) => told,
                        Err(_) => Told::Undecided(not_in_time(shared)),
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
    match told {
        Told::Allow(changes) => answer(&allowed(*changes)),
        // As an error of the call it would be let through by a proxy that is told to.
        Told::Deny(refused) | Told::Undecided(refused) => answer(&denied(refused)),
    }
}

/// The answer where nothing was decided: a denial.
pub(super) fn undecided(reason: &'static str, detail: &'static str) -> Response<Reply> {
    answer(&denied(asking::undecided(StatusCode::SERVICE_UNAVAILABLE, reason, detail)))
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
    pub(super) fn of(entries: &'a [Entry]) -> Result<Self, RequestError> {
        let mut extensions = Self::default();
        for Entry { key, value } in entries {
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

/// What Envoy says of the request. Nothing of it has to be there.
pub(super) fn account<'a>(
    attributes: &'a Attributes,
    extensions: Extensions<'a>,
    certificates: ClientCertificates,
) -> Result<Account<'a>, RequestError> {
    let request = attributes.request.as_ref().and_then(|request| request.http.as_ref());
    let request = request.ok_or(RequestError::Incomplete("request.http"))?;
    let version = match &*request.protocol {
        b"HTTP/1.0" => Version::HTTP_10,
        b"HTTP/1.1" => Version::HTTP_11,
        _ => Version::HTTP_2,
    };
    let scheme = match text(&request.scheme, "request.http.scheme")? {
        "" => Scheme::Http,
        scheme => Scheme::parse(scheme).ok_or(RequestError::Incomplete("request.http.scheme"))?,
    };
    let headers = headers(request)?;
    let scheme = match scheme {
        Scheme::Https if !said_to_be_https(&headers) => Scheme::Http,
        scheme => scheme,
    };
    let body = body(request, &headers);
    Ok(Account {
        door: DOOR,
        route: extensions.route.map_or(AskedRoute::ByAddress, AskedRoute::Named),
        query: AskedQuery::Editable,
        takes_out: TakesOut::Told,
        method: text(&request.method, "request.http.method")?,
        host: text(&request.host, "request.http.host")?,
        instead: extensions.host,
        target: text(&request.path, "request.http.path")?,
        headers,
        version,
        client: client(attributes)?,
        certificate: certificate(attributes, certificates)?,
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
fn client(attributes: &Attributes) -> Result<IpAddr, RequestError> {
    let incomplete = RequestError::Incomplete("source.address");
    let address = attributes.source.as_ref().and_then(|source| source.address.as_ref());
    let address = address.ok_or(incomplete)?;
    match (&address.socket_address, &address.pipe) {
        (Some(socket), None) => {
            let text = text(&socket.address, "source.address")?;
            text.parse::<IpAddr>().map(|ip| ip.to_canonical()).map_err(|_| incomplete)
        }
        (None, Some(_)) => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => Err(incomplete),
    }
}

/// The certificate that the client has shown to Envoy. It sends whatever came, also where it is told to
/// verify none: whether it was verified, only the configuration says.
fn certificate(
    attributes: &Attributes,
    certificates: ClientCertificates,
) -> Result<Option<Arc<ClientCertificate>>, RequestError> {
    let shown = attributes.source.as_ref().filter(|peer| !peer.certificate.is_empty());
    match (shown, certificates) {
        (Some(source), ClientCertificates::Verified) => {
            let pem: Vec<u8> = percent_decode(&source.certificate).collect();
            let unreadable = RequestError::Incomplete("source.certificate");
            asking::certificate(&pem).map(Some).ok_or(unreadable)
        }
        (None, _) | (_, ClientCertificates::Ignored) => Ok(None),
    }
}

/// The headers as the client sent them, where Envoy tells (`encode_raw_headers`); else joined by
/// Envoy into one a name. Envoy's own `:method` and the like are among them, and left out.
fn headers(request: &HttpRequest) -> Result<HeaderMap, RequestError> {
    let mut map = HeaderMap::with_capacity(
        request.headers.len() + request.header_map.as_ref().map_or(0, |raw| raw.headers.len()),
    );
    let mut add = |key: &Bytes, value: &Bytes| -> Result<(), RequestError> {
        if key.first() == Some(&b':') {
            return Ok(());
        }
        let name = HeaderName::from_bytes(key).map_err(|_| RequestError::HeaderName)?;
        let value = HeaderValue::from_maybe_shared(value.clone())
            .map_err(|_| RequestError::Incomplete("a header's value"))?;
        map.try_append(name, value).map_err(|_| RequestError::Incomplete("the headers"))?;
        Ok(())
    };
    match &request.header_map {
        Some(raw) => {
            for Header { key, value, raw_value } in &raw.headers {
                add(key, if raw_value.is_empty() { value } else { raw_value })?;
            }
        }
        None => request.headers.iter().try_for_each(|entry| add(&entry.key, &entry.value))?,
    }
    Ok(map)
}

/// The body, where it is known whole: sent along, or none.
fn body(request: &HttpRequest, headers: &HeaderMap) -> Option<Bytes> {
    // A client's own may stand beside Envoy's.
    if headers.get_all(PARTIAL_BODY).iter().any(|partial| partial != FALSE) {
        return None;
    }
    let sent = if request.raw_body.is_empty() { &request.body } else { &request.raw_body };
    if !sent.is_empty() {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        let whole = length.is_none_or(|length| length.parse() == Ok(sent.len()));
        return whole.then(|| sent.clone());
    }
    // Whoever tells of its length, or that it comes in chunks, tells that there is one.
    if request.size != 0 || headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let none = match headers.get(header::CONTENT_LENGTH) {
        Some(length) => length == "0",
        // Envoy takes `Transfer-Encoding` out before it asks, so that one in chunks looks like none. What
        // comes with a GET has no meaning (RFC 9110 §9.3.1); other methods have to say that there is none.
        None => [b"GET".as_slice(), b"HEAD"].contains(&&*request.method),
    };
    none.then(Bytes::new)
}

/// A field as text; `what` says which.
fn text<'a>(field: &'a Bytes, what: &'static str) -> Result<&'a str, RequestError> {
    std::str::from_utf8(field).map_err(|_| RequestError::Incomplete(what))
}

fn allowed(changes: Changes) -> CheckResponse {
    let Changes { reason, set, remove, remove_query, about } = changes;
    let headers = set.into_iter().map(|(name, value)| header_option(&name, &value));
    let id = HeaderValue::from_str(about.id.as_str()).ok();
    let ok = OkResponse {
        headers: headers.collect(),
        headers_to_remove: remove.iter().map(|name| name.as_str().to_owned()).collect(),
        response_headers_to_add: id.iter().map(|id| header_option(&DECISION_ID, id)).collect(),
        query_parameters_to_remove: remove_query,
    };
    CheckResponse {
        status: Some(Status { code: OK, message: String::new() }),
        denied_response: None,
        ok_response: Some(ok),
        dynamic_metadata: Some(metadata(reason, about)),
    }
}

fn denied(refused: Refused) -> CheckResponse {
    let Refused { reason, response, about } = refused;
    let (head, body) = response.into_parts();
    let code = match head.status {
        StatusCode::UNAUTHORIZED => UNAUTHENTICATED,
        _ => PERMISSION_DENIED,
    };
    let mut headers = Vec::with_capacity(head.headers.len());
    for name in head.headers.keys() {
        let values = head.headers.get_all(name).iter();
        headers.extend(values.enumerate().map(|(place, value)| HeaderValueOption {
            // Of two challenges, the second stands beside the first.
            append_action: if place == 0 { OVERWRITE_IF_EXISTS_OR_ADD } else { APPEND },
            ..header_option(name, value)
        }));
    }
    let status = Some(HttpStatus { code: i32::from(head.status.as_u16()) });
    let denied = DeniedResponse { status, headers, body };
    CheckResponse {
        status: Some(Status { code, message: reason.to_owned() }),
        denied_response: Some(denied),
        ok_response: None,
        dynamic_metadata: Some(metadata(reason, about)),
    }
}

fn header_option(name: &HeaderName, value: &HeaderValue) -> HeaderValueOption {
    let header = Header {
        key: Bytes::copy_from_slice(name.as_str().as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
        raw_value: Bytes::new(),
    };
    HeaderValueOption {
        header: Some(header),
        append_action: OVERWRITE_IF_EXISTS_OR_ADD,
        // An empty one replaces what a client sent.
        keep_empty_value: true,
    }
}

/// What Envoy's own log and filters may have of the decision, under the filter's name.
fn metadata(reason: &str, about: About) -> Struct {
    let About { id, route, subject, identity, role } = about;
    let told = [
        ("decision_id", id.to_string()),
        ("reason", reason.to_owned()),
        ("route", route.unwrap_or_default()),
        ("subject", subject),
        ("identity", identity),
        ("role", role),
    ];
    let field = |(key, text): (&str, String)| Field {
        key: key.to_owned(),
        value: Some(Value { string_value: Some(text) }),
    };
    Struct { fields: told.into_iter().filter(|(_, text)| !text.is_empty()).map(field).collect() }
}

const DOOR: &str = "ext_authz";
const PARTIAL_BODY: HeaderName = HeaderName::from_static("x-envoy-auth-partial-body");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FALSE: HeaderValue = HeaderValue::from_static("false");
/// `HeaderAppendAction`.
const OVERWRITE_IF_EXISTS_OR_ADD: i32 = 2;
const APPEND: i32 = 0;
/// `google.rpc.Code`.
const OK: i32 = 0;
const PERMISSION_DENIED: i32 = 7;
const UNAUTHENTICATED: i32 = 16;
