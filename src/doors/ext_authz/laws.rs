//! What holds whatever a call of `Check` brings: it is read here as a library reads it, and a library
//! reads what is answered. Generated messages are held to it in the tests, and any bytes by the
//! fuzzer.

use ::http::{HeaderName, HeaderValue, Response, StatusCode};
use bytes::Bytes;
use prost::Message;

use super::{
    super::{
        asking::{About, Account, Changes, Refused},
        grpc,
    },
    check::{Extensions, account},
    envoy::{
        self, CheckRequest, CheckResponse, DeniedResponse, Entry, Field, HeaderValueOption,
        HttpStatus, OkResponse, Status, Struct, Value,
    },
    request, response,
};
use crate::{
    config::{ClientCertificates, Metadata},
    gate::DecisionId,
    http::{DECISION_ID, IdentityHeaders},
};

/// Reads `message` as a question and writes what could be answered to it.
///
/// # Panics
/// A law is broken.
pub(in crate::doors) fn hold(message: &[u8]) {
    let message = Bytes::copy_from_slice(message);
    let _ = grpc::message(message.clone());
    let (theirs, ours) = (CheckRequest::decode(&*message), request::CheckRequest::decode(&message));
    match (&theirs, &ours) {
        (Ok(theirs), Ok(ours)) => assert_eq!(&reread(theirs), ours),
        (Err(_), ours) => assert!(ours.is_err(), "only we read {ours:?}"),
        // Groups, which nobody writes any more, and which nothing that is read consists of.
        (Ok(_), Err(_)) => {}
    }
    if let Ok(theirs) = theirs {
        let again = theirs.encode_to_vec();
        assert_eq!(request::CheckRequest::decode(&again), Ok(reread(&theirs)));
    }
    let Ok(request::CheckRequest { attributes: Some(attributes) }) = ours else { return };
    for certificates in [ClientCertificates::Ignored, ClientCertificates::Verified] {
        let extensions = Extensions::of(&attributes.context_extensions);
        let read = extensions
            .and_then(|extensions| account(&message, &attributes, extensions, certificates));
        match read {
            Ok(account) => answered(&account),
            Err(error) => assert!(!error.reason().is_empty()),
        }
    }
}

/// The answers to `asked`, with what it says in all the places that an answer has.
fn answered(asked: &Account<'_>) {
    let about = || About {
        id: DecisionId::fresh(),
        route: Some(asked.target.to_owned()),
        identity: IdentityHeaders::new(Some(asked.host), None, None, &[]),
    };
    let set = asked.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
    allowed(&Changes {
        reason: "allowed_by_policy",
        set: set.collect(),
        remove: asked.headers.keys().cloned().collect(),
        remove_query: asked.target.split('&').map(str::to_owned).collect(),
        about: about(),
    });
    let mut response = Response::new(asked.body.clone().unwrap_or_default());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    *response.headers_mut() = asked.headers.clone();
    denied(&Refused { reason: "expired", response, about: about() });
}

/// What a library reads of an allow is what was to be written.
fn allowed(changes: &Changes) {
    let mut out = Vec::new();
    response::allowed(&mut out, changes, Metadata::All);
    let Changes { reason, set, remove, remove_query, about } = changes;
    let id = about.id.to_value();
    let expected = CheckResponse {
        status: Some(Status::default()),
        ok_response: Some(OkResponse {
            headers: set.iter().map(|(name, value)| option(name, value, OVERWRITE)).collect(),
            headers_to_remove: remove.iter().map(|name| name.as_str().to_owned()).collect(),
            response_headers_to_add: vec![option(&DECISION_ID, &id, OVERWRITE)],
            query_parameters_to_remove: remove_query.clone(),
        }),
        dynamic_metadata: Some(metadata(reason, about)),
        ..CheckResponse::default()
    };
    assert_eq!(CheckResponse::decode(&*out), Ok(expected));
}

/// What a library reads of a denial is what was to be written.
fn denied(refused: &Refused) {
    let mut out = Vec::new();
    response::denied(&mut out, refused, Metadata::All);
    let Refused { reason, response, about } = refused;
    let mut headers = Vec::new();
    for name in response.headers().keys() {
        let actions = std::iter::once(OVERWRITE).chain(std::iter::repeat(APPEND));
        let values = response.headers().get_all(name).iter().zip(actions);
        headers.extend(values.map(|(value, action)| option(name, value, action)));
    }
    let expected = CheckResponse {
        status: Some(Status { code: UNAUTHENTICATED, message: (*reason).to_owned() }),
        denied_response: Some(DeniedResponse {
            status: Some(HttpStatus { code: response.status().as_u16().into() }),
            headers,
            body: response.body().clone(),
        }),
        dynamic_metadata: Some(metadata(reason, about)),
        ..CheckResponse::default()
    };
    assert_eq!(CheckResponse::decode(&*out), Ok(expected));
}

fn option(name: &HeaderName, value: &HeaderValue, append_action: i32) -> HeaderValueOption {
    let key = Bytes::copy_from_slice(name.as_str().as_bytes());
    let value = Bytes::copy_from_slice(value.as_bytes());
    let header = envoy::HeaderValue { key, value, raw_value: Bytes::new() };
    HeaderValueOption { header: Some(header), append_action, keep_empty_value: true }
}

fn metadata(reason: &str, about: &About) -> Struct {
    let About { id, route, identity } = about;
    let told = [
        ("decision_id", id.as_str()),
        ("reason", reason),
        ("route", route.as_deref().unwrap_or_default()),
        ("subject", std::str::from_utf8(identity.subject().as_bytes()).unwrap_or_default()),
    ];
    let told = told.into_iter().filter(|(_, text)| !text.is_empty());
    let fields = told.map(|(key, text)| {
        let value = Some(Value { string_value: Some(text.to_owned()) });
        Field { key: key.to_owned(), value }
    });
    Struct { fields: fields.collect() }
}

/// The library's message as it would be read here.
fn reread(asked: &CheckRequest) -> request::CheckRequest<'_> {
    fn entry(entry: &Entry) -> request::Entry<'_> {
        request::Entry { key: &entry.key, value: &entry.value }
    }
    fn raw(header: &envoy::HeaderValue) -> request::Entry<'_> {
        let value = if header.raw_value.is_empty() { &header.value } else { &header.raw_value };
        request::Entry { key: &header.key, value }
    }
    let attributes = asked.attributes.as_ref().map(|attributes| {
        let source = attributes.source.as_ref();
        let address = source.and_then(|source| source.address.as_ref());
        let socket = address.and_then(|address| address.socket_address.as_ref());
        let http = attributes.request.as_ref().and_then(|request| request.http.as_ref());
        let http = http.map(|http| request::HttpRequest {
            method: &http.method,
            headers: http.headers.iter().map(entry).collect(),
            path: &http.path,
            host: &http.host,
            scheme: &http.scheme,
            size: http.size,
            protocol: &http.protocol,
            body: &http.body,
            raw_body: &http.raw_body,
            header_map: http.header_map.as_ref().map(|map| map.headers.iter().map(raw).collect()),
        });
        request::Attributes {
            source: request::Peer {
                socket: socket.map(|socket| &*socket.address),
                pipe: address.is_some_and(|address| address.pipe.is_some()),
                certificate: source.map_or(&[], |source| &source.certificate),
            },
            http,
            context_extensions: attributes.context_extensions.iter().map(entry).collect(),
        }
    });
    request::CheckRequest { attributes }
}

/// `HeaderAppendAction`.
const OVERWRITE: i32 = 2;
const APPEND: i32 = 0;
/// `google.rpc.Code`.
const UNAUTHENTICATED: i32 = 16;
