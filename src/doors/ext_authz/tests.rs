use std::net::IpAddr;

use ::http::Version;
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::{
    check::{Extensions, account},
    messages::{
        Address, AskedRequest, Attributes, CheckRequest, Entry, HeaderMap, HeaderValue,
        HttpRequest, Peer, Pipe, SocketAddress,
    },
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

fn body(http: HttpRequest) -> Option<Bytes> {
    account(&asked(http), Extensions::default(), ClientCertificates::Ignored).unwrap().body
}

#[test]
fn reads_what_envoy_says() {
    let attributes = asked(get());
    let account = account(&attributes, Extensions::default(), ClientCertificates::Ignored).unwrap();
    assert_eq!(
        (account.method, account.host, account.target),
        ("GET", "api.example.com", "/a?b=c")
    );
    assert_eq!((account.version, account.scheme), (Version::HTTP_11, Scheme::Https));
    assert_eq!(account.client, IpAddr::from([10, 1, 2, 3]));
    assert_eq!(account.headers.len(), 1, "not its own :path");
    assert_eq!(account.headers["accept"], "*/*");
    assert!(matches!(account.route, AskedRoute::ByAddress));
}

#[test]
fn takes_raw_headers_where_they_are_sent() {
    let headers =
        vec![raw("x-a", b"1"), raw("x-a", b"2"), raw("x-b", b"caf\xe9"), raw(":method", b"GET")];
    let http = HttpRequest { header_map: Some(HeaderMap { headers }), ..get() };
    let attributes = asked(http);
    let account = account(&attributes, Extensions::default(), ClientCertificates::Ignored).unwrap();
    assert_eq!(account.headers.get_all("x-a").iter().count(), 2, "each line for itself");
    assert_eq!(account.headers["x-b"].as_bytes(), b"caf\xe9");
    assert!(!account.headers.contains_key("accept"), "the others are the same ones, joined");
}

#[test]
fn denies_what_is_left_out_or_cannot_be_read() {
    let without = |change: fn(&mut Attributes)| {
        let mut attributes = asked(get());
        change(&mut attributes);
        account(&attributes, Extensions::default(), ClientCertificates::Ignored)
            .map(|_| ())
            .unwrap_err()
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
        account(&attributes, Extensions::default(), ClientCertificates::Ignored)
            .map(|_| ())
            .unwrap_err()
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
    let account = account(&attributes, Extensions::default(), ClientCertificates::Ignored).unwrap();
    assert_eq!(account.client, IpAddr::from([127, 0, 0, 1]));
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
        let account = account(&attributes, Extensions::default(), certificates)?;
        let spiffe = account
            .certificate
            .map(|found| found.spiffe_id.as_ref().map(|id| id.as_str().to_owned()));
        Ok(spiffe)
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
        account(&asked(http), Extensions::default(), ClientCertificates::Ignored).unwrap().scheme
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
        let attributes = asked(get());
        let extensions = Extensions::of(&entries)?;
        let account = account(&attributes, extensions, ClientCertificates::Ignored)?;
        let route = match account.route {
            AskedRoute::Named(name) => Some(name.to_owned()),
            AskedRoute::ByAddress => None,
        };
        Ok((route, account.instead.map(str::to_owned)))
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

proptest! {
    /// Whatever is sent, nothing panics.
    #[test]
    fn reads_anything(message in proptest::collection::vec(any::<u8>(), 0..512)) {
        if let Ok(CheckRequest { attributes: Some(attributes) }) = CheckRequest::decode(&*message) {
            let _ = Extensions::of(&attributes.context_extensions)
                .and_then(|extensions| account(&attributes, extensions, ClientCertificates::Ignored).map(|_| ()));
        }
    }
}
