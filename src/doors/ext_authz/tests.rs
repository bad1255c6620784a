use std::net::IpAddr;

use ::http::Version;
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::{
    super::asking::Account,
    check::{Extensions, account},
    envoy::{
        Address, AskedRequest, Attributes, CheckRequest, Entry, HeaderMap, HeaderValue,
        HttpRequest, Peer, Pipe, SocketAddress,
    },
    laws, request,
};
use crate::{
    config::ClientCertificates,
    gate::AskedRoute,
    http::{RequestError, Scheme},
};

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn entry(key: &str, value: &str) -> Entry {
    Entry { key: bytes(key), value: bytes(value) }
}

fn raw(key: &str, value: &[u8]) -> HeaderValue {
    HeaderValue { key: bytes(key), value: Bytes::new(), raw_value: Bytes::copy_from_slice(value) }
}

fn socket(address: &str) -> Peer {
    let socket_address = Some(SocketAddress { address: bytes(address) });
    Peer { address: Some(Address { socket_address, pipe: None }), ..Peer::default() }
}

fn asked(http: HttpRequest) -> Attributes {
    Attributes {
        source: Some(socket("10.1.2.3")),
        request: Some(AskedRequest { http: Some(http) }),
        context_extensions: Vec::new(),
    }
}

fn get() -> HttpRequest {
    HttpRequest {
        method: bytes("GET"),
        headers: vec![entry(":path", "/a?b=c"), entry("accept", "*/*")],
        path: bytes("/a?b=c"),
        host: bytes("api.example.com"),
        scheme: bytes("https"),
        protocol: bytes("HTTP/1.1"),
        ..HttpRequest::default()
    }
}

/// What `look` finds in the account of these attributes.
fn told<T>(attributes: Attributes, look: impl FnOnce(Account<'_>) -> T) -> Result<T, RequestError> {
    told_with(attributes, ClientCertificates::default(), look)
}

fn told_with<T>(
    attributes: Attributes,
    certificates: ClientCertificates,
    look: impl FnOnce(Account<'_>) -> T,
) -> Result<T, RequestError> {
    let message = Bytes::from(CheckRequest { attributes: Some(attributes) }.encode_to_vec());
    let read = request::CheckRequest::decode(&message).unwrap().attributes.unwrap();
    let extensions = Extensions::of(&read.context_extensions)?;
    account(&message, &read, extensions, certificates).map(look)
}

fn body(http: HttpRequest) -> Option<Bytes> {
    told(asked(http), |account| account.body).unwrap()
}

#[test]
fn reads_what_envoy_says() {
    let look = |account: Account<'_>| {
        assert_eq!(
            (account.method, account.host, account.target),
            ("GET", "api.example.com", "/a?b=c")
        );
        assert_eq!((account.version, account.scheme), (Version::HTTP_11, Scheme::Https));
        assert_eq!(account.client, IpAddr::from([10, 1, 2, 3]));
        assert_eq!(account.headers.len(), 1, "not its own :path");
        assert_eq!(account.headers["accept"], "*/*");
        assert!(matches!(account.route, AskedRoute::ByAddress));
    };
    told(asked(get()), look).unwrap();
}

#[test]
fn takes_raw_headers_where_they_are_sent() {
    let headers =
        vec![raw("x-a", b"1"), raw("x-a", b"2"), raw("x-b", b"caf\xe9"), raw(":method", b"GET")];
    let http = HttpRequest { header_map: Some(HeaderMap { headers }), ..get() };
    let headers = told(asked(http), |account| account.headers).unwrap();
    assert_eq!(headers.get_all("x-a").iter().count(), 2, "each line for itself");
    assert_eq!(headers["x-b"].as_bytes(), b"caf\xe9");
    assert!(!headers.contains_key("accept"), "the others are the same ones, joined");
}

#[test]
fn denies_what_is_left_out_or_cannot_be_read() {
    let without = |change: fn(&mut Attributes)| {
        let mut attributes = asked(get());
        change(&mut attributes);
        told(attributes, |_| ()).unwrap_err()
    };
    let incomplete = |what| RequestError::Incomplete(what);
    let source = incomplete("source.address");
    assert_eq!(without(|a| a.source = None), source);
    assert_eq!(without(|a| a.source = Some(Peer::default())), source);
    assert_eq!(without(|a| a.source = Some(socket("nowhere"))), source);
    assert_eq!(without(|a| a.request = None), incomplete("request.http"));
    assert_eq!(
        without(|a| a.request = Some(AskedRequest { http: None })),
        incomplete("request.http")
    );
    let http = |a: &mut Attributes, change: fn(&mut HttpRequest)| {
        change(a.request.as_mut().unwrap().http.as_mut().unwrap());
    };
    let with = |change: fn(&mut HttpRequest)| {
        let mut attributes = asked(get());
        http(&mut attributes, change);
        told(attributes, |_| ()).unwrap_err()
    };
    assert_eq!(with(|h| h.path = Bytes::from_static(b"/\xff")), incomplete("request.http.path"));
    assert_eq!(with(|h| h.host = Bytes::from_static(b"\xff")), incomplete("request.http.host"));
    assert_eq!(with(|h| h.scheme = bytes("ftp")), incomplete("request.http.scheme"));
    assert_eq!(with(|h| h.headers.push(entry("sp ace", "1"))), RequestError::HeaderName);
    assert_eq!(with(|h| h.headers.push(entry("x", "a\nb"))), incomplete("a header's value"));
}

#[test]
fn a_peer_on_a_unix_socket_is_on_this_machine() {
    let mut attributes = asked(get());
    let pipe = Some(Pipe { path: bytes("/run/envoy.sock") });
    let address = Some(Address { socket_address: None, pipe });
    attributes.source = Some(Peer { address, ..Peer::default() });
    let client = told(attributes, |account| account.client).unwrap();
    assert_eq!(client, IpAddr::from([127, 0, 0, 1]));
}

#[test]
fn what_is_no_pipe_is_no_message() {
    let pipe = |bytes: &[u8]| {
        // attributes.source.address.pipe
        let nested = [2, 1, 1, 1].iter().fold(bytes.to_vec(), |inner, number| {
            let mut out = Vec::new();
            super::wire::bytes(&mut out, *number, &inner);
            out
        });
        laws::hold(&nested);
        request::CheckRequest::decode(&nested).is_ok()
    };
    assert!(pipe(b""));
    assert!(pipe(b"\x0a\x02/x"));
    assert!(!pipe(b"\xff"), "half a field");
    assert!(!pipe(b"\x08\x01"), "a path that is a number");
}

/// Envoy tells of certificates that it was told to verify by nothing too, which anybody can make.
#[test]
fn a_certificate_counts_only_where_it_is_said_to_be_verified() {
    let mut params = rcgen::CertificateParams::default();
    let name = rcgen::string::Ia5String::try_from("spiffe://example.org/web").unwrap();
    params.subject_alt_names = vec![rcgen::SanType::URI(name)];
    let made = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    let pem = made.as_str();
    let of = |text: &str, certificates| {
        let mut attributes = asked(get());
        let encoded =
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        attributes.source.as_mut().unwrap().certificate = bytes(&encoded.to_string());
        told_with(attributes, certificates, |account| {
            let found = account.certificate;
            found.map(|found| found.spiffe_id.as_ref().map(|id| id.as_str().to_owned()))
        })
    };
    let (ignored, verified) = (ClientCertificates::default(), ClientCertificates::Verified);
    assert_eq!(ignored, ClientCertificates::Ignored);
    assert_eq!(of(pem, ignored), Ok(None));
    assert_eq!(of(pem, verified), Ok(Some(Some("spiffe://example.org/web".to_owned()))));
    assert_eq!(of("", verified), Ok(None));
    // What can't be read is no certificate that may be passed over.
    let unreadable = Err(RequestError::Incomplete("source.certificate"));
    assert_eq!(of("-----BEGIN", verified), unreadable);
    assert_eq!(of("-----BEGIN", ignored), Ok(None));
}

/// In HTTP/2 a client says `:scheme: https` over a connection in clear; Envoy's own header tells.
#[test]
fn https_is_not_a_clients_word() {
    let scheme = |said: &[&str]| {
        let mut http = get();
        http.headers.extend(said.iter().map(|said| entry("x-forwarded-proto", said)));
        told(asked(http), |account| account.scheme).unwrap()
    };
    assert_eq!(scheme(&[]), Scheme::Https);
    assert_eq!(scheme(&["https"]), Scheme::Https);
    for said in [&["http"][..], &["https,http"], &["https", "http"], &["HTTPX"]] {
        assert_eq!(scheme(said), Scheme::Http, "{said:?}");
    }
}

#[test]
fn knows_when_the_body_is_whole() {
    assert_eq!(body(get()), Some(Bytes::new()), "what comes with a GET means nothing");
    assert_eq!(body(HttpRequest { size: 3, ..get() }), None, "but for one that is told of");
    assert_eq!(body(HttpRequest { size: -1, ..get() }), None, "or of which nobody knows");
    let none = HttpRequest { method: bytes("POST"), ..get() };
    assert_eq!(body(none.clone()), None, "Envoy doesn't tell of one in chunks");
    assert_eq!(body(HttpRequest { protocol: bytes("HTTP/2"), ..none.clone() }), None);
    let with = |http: HttpRequest, headers: &[(&str, &str)]| {
        let mut http = http;
        http.headers.extend(headers.iter().map(|(key, value)| entry(key, value)));
        body(http)
    };
    assert_eq!(with(none.clone(), &[("content-length", "0")]), Some(Bytes::new()));
    assert_eq!(with(get(), &[("transfer-encoding", "chunked")]), None, "one in chunks");
    assert_eq!(with(get(), &[("content-length", "0"), ("transfer-encoding", "chunked")]), None);
    assert_eq!(with(get(), &[("content-length", "3")]), None, "not sent along");
    let sent = HttpRequest { body: bytes("abc"), ..get() };
    assert_eq!(with(sent.clone(), &[("content-length", "3")]), Some(bytes("abc")));
    assert_eq!(with(sent.clone(), &[("content-length", "4")]), None, "a part of it");
    assert_eq!(with(sent.clone(), &[("x-envoy-auth-partial-body", "true")]), None);
    assert_eq!(with(sent.clone(), &[("x-envoy-auth-partial-body", "false")]), Some(bytes("abc")));
    let both = [("x-envoy-auth-partial-body", "false"), ("x-envoy-auth-partial-body", "true")];
    assert_eq!(with(sent, &both), None, "a client's word beside Envoy's");
    let raw = HttpRequest { raw_body: Bytes::from_static(b"\xff"), ..get() };
    assert_eq!(body(raw), Some(Bytes::from_static(b"\xff")));
}

#[test]
fn takes_route_and_host_from_the_proxys_configuration() {
    let of = |entries: &[(&str, &str)]| {
        let entries: Vec<Entry> = entries.iter().map(|(k, v)| entry(k, v)).collect();
        let attributes = Attributes { context_extensions: entries, ..asked(get()) };
        told(attributes, |account| {
            let route = match account.route {
                AskedRoute::Named(name) => Some(name.to_owned()),
                AskedRoute::ByAddress => None,
            };
            (route, account.instead.map(str::to_owned))
        })
    };
    assert_eq!(of(&[]), Ok((None, None)));
    assert_eq!(
        of(&[("virtual_host", "x"), ("poolgate.route", "api")]),
        Ok((Some("api".into()), None))
    );
    assert_eq!(of(&[("poolgate.host", "other")]), Ok((None, Some("other".into()))));
    assert_eq!(of(&[("poolgate.rout", "api")]), Err(RequestError::Extension));
    assert_eq!(
        of(&[("poolgate.route", "a"), ("poolgate.route", "b")]),
        Err(RequestError::Extension)
    );
}

/// Bytes that are a message more often than not, with fields and messages in messages.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let field = |number: u32, bytes: Vec<u8>| {
        let mut out = Vec::new();
        super::wire::bytes(&mut out, number, &bytes);
        out
    };
    let leaf = prop_oneof![
        4 => (1u32..14, prop::collection::vec(any::<u8>(), 0..4))
            .prop_map(move |(number, bytes)| field(number, bytes)),
        1 => (1u32..14, any::<u32>()).prop_map(|(number, value)| {
            let mut out = Vec::new();
            super::wire::number(&mut out, number, value);
            out
        }),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    leaf.prop_recursive(5, 64, 4, move |inner| {
        let many = prop::collection::vec(inner, 0..4).prop_map(|parts| parts.concat());
        (prop::sample::select(vec![1u32, 2, 3, 4, 10, 13]), many)
            .prop_map(move |(number, bytes)| field(number, bytes))
    })
}

proptest! {
    /// Whatever is sent.
    #[test]
    fn reads_anything(message in prop_oneof![prop::collection::vec(any::<u8>(), 0..512), wire()]) {
        laws::hold(&message);
    }
}
