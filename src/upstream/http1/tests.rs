//! Heads and bodies by tables, cut in every way; exchanges over real sockets.

use std::{sync::Arc, time::Duration};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header};
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream, UnixStream},
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        self,
        pki_types::{PrivateKeyDer, ServerName},
    },
};

use super::{
    Broken, Connection, head,
    laws::{Seen, hold, read},
};
use crate::{
    gate::DecisionId,
    http::IdentityHeaders,
    upstream::{Course, ForwardError, UploadBody, client::Outgoing, dial::Wire},
};

/// Reads it whole and in pieces of every size.
fn seen(method: &Method, answer: &str) -> Result<Seen, String> {
    hold(method, answer.as_bytes(), 1..answer.len().min(400)).map_err(|error| error.to_string())
}

/// Its headers, in a line each.
fn lines(seen: &Seen) -> Vec<String> {
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    seen.headers.iter().map(line).collect()
}

fn get(answer: &str) -> Result<Seen, String> {
    seen(&Method::GET, answer)
}

#[test]
fn a_body_ends_where_its_framing_says() {
    for (answer, body, keep_alive, left) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP", "abc", true, 4),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "abc", true, 0),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3, 3\r\n\r\nabc", "abc", true, 0),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", true, 0),
        ("HTTP/1.1 204 No Content\r\n\r\nx", "", true, 1),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", "", true, 0),
        ("HTTP/1.1 200 OK\r\n\r\nall of it", "all of it", false, 0),
        ("HTTP/1.1 200 OK\r\n\r\n", "", false, 0),
        ("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx", "x", false, 0),
        ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx", "x", true, 0),
        ("HTTP/1.1 200 OK\r\nconnection: a, Close\r\ncontent-length: 1\r\n\r\nx", "x", false, 0),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "", true, 0),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\n\r\nHTTP",
            "abc0123456789",
            true,
            4,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\ntrailer: x\r\ny: z\r\n\r\n",
            "a",
            true,
            0,
        ),
    ] {
        let seen = get(answer).unwrap();
        let found = (String::from_utf8(seen.body).unwrap(), seen.keep_alive, seen.left);
        assert_eq!(found, (body.to_owned(), keep_alive, left), "{answer}");
    }
}

#[test]
fn an_answer_to_head_has_a_length_and_no_body() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHTTP";
    let seen = seen(&Method::HEAD, answer).unwrap();
    assert_eq!((seen.body.len(), seen.left), (0, 4));
    assert_eq!(lines(&seen), ["content-length: 5"]);
}

#[test]
fn of_two_framings_the_length_goes_and_the_connection_with_it() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    let chunked = get(answer).unwrap();
    assert_eq!((&*chunked.body, chunked.keep_alive), (&b"ab"[..], false));
    assert_eq!(lines(&chunked), ["transfer-encoding: chunked"]);
    let empty = seen(&Method::HEAD, answer).unwrap();
    assert_eq!((empty.body.len(), empty.keep_alive), (0, false));
    assert_eq!(lines(&empty), ["transfer-encoding: chunked"]);
}

#[test]
fn what_cannot_be_framed_is_no_answer() {
    for (headers, body, why) in [
        ("content-length: 1\r\ncontent-length: 2", "ab", "two lengths"),
        ("content-length: 1, 2", "ab", "two lengths"),
        ("content-length: +1", "a", "no number"),
        ("content-length: 0x1", "a", "no number"),
        ("content-length:", "", "no number"),
        ("content-length: 1,", "a", "no number"),
        ("content-length: 99999999999999999999", "a", "no number"),
        ("transfer-encoding: gzip", "a", "transfer coding"),
        ("transfer-encoding: gzip, chunked", "0\r\n\r\n", "transfer coding"),
        ("transfer-encoding: chunked, chunked", "0\r\n\r\n", "transfer coding"),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity", "a", "transfer coding"),
        ("transfer-encoding: \u{b}chunked", "0\r\n\r\n", "HTTP/1.1"),
        ("transfer-encoding : chunked", "0\r\n\r\n", "HTTP/1.1"),
        ("x: a\r\n folded", "", "HTTP/1.1"),
        ("transfer-encoding: chunked", "x\r\n", "no size"),
        ("transfer-encoding: chunked", "-1\r\n", "no size"),
        ("transfer-encoding: chunked", "1\r\na\r\n\r\n\r\n", "no size"),
        ("transfer-encoding: chunked", ";x=y\r\n\r\n", "no size"),
        ("transfer-encoding: chunked", "1;x\n\r\na\r\n0\r\n\r\n", "CR LF"),
        ("transfer-encoding: chunked", "0\r\n\n", "CR LF"),
        ("transfer-encoding: chunked", "0\r\nx: y\n\r\n", "CR LF"),
        ("transfer-encoding: chunked", "0\r\nnonsense\r\n\r\n", "HTTP/1.1"),
        ("transfer-encoding: chunked", "11111111111111111\r\n", "no size"),
        ("transfer-encoding: chunked", "1\r\nabc\r\n0\r\n\r\n", "longer than it says"),
        ("transfer-encoding: chunked", "1\r\na\n0\r\n\r\n", "longer than it says"),
        ("transfer-encoding: chunked", "1\r\na\r\n", "closed"),
        ("transfer-encoding: chunked", "1\r\na\r\n0\r\nx: y\r\n", "closed"),
        ("content-length: 2", "a", "closed"),
    ] {
        let error = get(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}")).unwrap_err();
        assert!(error.contains(why), "{headers:?} {body:?}: {error}");
    }
    for answer in
        ["", "HTTP/1.1 200 O", "SSH-2.0-x\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n"]
    {
        assert!(get(answer).is_err(), "{answer}");
    }
    let old = get("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").unwrap_err();
    assert!(old.contains("transfer codings"), "{old}");
}

#[test]
fn what_is_too_large_is_refused_before_it_is_kept() {
    let head = |lines: usize, length: usize| {
        format!("HTTP/1.1 204 x\r\n{}\r\n", format!("x: {}\r\n", "y".repeat(length)).repeat(lines))
    };
    assert!(read(&Method::GET, head(100, 1).as_bytes(), 999).is_ok());
    assert!(read(&Method::GET, head(101, 1).as_bytes(), 999).is_err());
    assert!(read(&Method::GET, head(9, 40 << 10).as_bytes(), 4096).is_ok());
    let large = read(&Method::GET, head(11, 40 << 10).as_bytes(), 4096);
    assert!(matches!(large, Err(Broken::TooLarge)), "{large:?}");
    let chunked =
        |rest: &str| format!("HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n{rest}");
    let extension = chunked(&format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(17 << 10)));
    assert!(read(&Method::GET, extension.as_bytes(), 999).is_err());
    for trailers in ["x".repeat(65 << 10), "x: y\r\n".repeat(11 << 10)] {
        let trailers = chunked(&format!("0\r\n{trailers}\r\n\r\n"));
        let large = read(&Method::GET, trailers.as_bytes(), 4096);
        assert!(matches!(large, Err(Broken::TooLarge)), "{large:?}");
    }
}

#[test]
fn an_unusual_reason_goes_on() {
    let answer = b"HTTP/1.0 299 Quite So\r\n\r\n";
    let (head, length) = head::read(answer, &Method::GET, &mut HeaderMap::new()).unwrap();
    assert_eq!(length, answer.len());
    let head = head.unwrap();
    let reason = head.response.extensions().get::<hyper::ext::ReasonPhrase>().unwrap();
    assert_eq!(reason.as_bytes(), b"Quite So");
    assert_eq!(head.response.version(), Version::HTTP_11);
}

fn request(method: Method, body: UploadBody) -> Outgoing {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = "/a?b=c".parse().unwrap();
    request.headers_mut().insert(header::HOST, "api.example".parse().unwrap());
    // Whoever got it in, it isn't the caller's to say.
    request.headers_mut().insert("x-poolgate-role", "arn:aws:iam::1:role/admin".parse().unwrap());
    let identity = IdentityHeaders::new(Some("me"), None, None, &["a", "b"]);
    Outgoing { request, identity, id: DecisionId::fresh() }
}

/// A request as it is written: `first` and `last` around what all have.
fn written(first: &str, outgoing: &Outgoing, last: &str) -> String {
    let id = &outgoing.id;
    format!(
        "{first} /a?b=c HTTP/1.1\r\nhost: api.example\r\nx-poolgate-subject: me\r\nx-poolgate-identity: \r\n\
         x-poolgate-role: \r\nx-poolgate-groups: a,b\r\nx-poolgate-decision-id: {id}\r\n{last}"
    )
}

fn whole(body: impl Into<Bytes>) -> UploadBody {
    UploadBody::whole(body.into(), &Course::default())
}

/// A connection, and the upstream's end of it.
fn pair() -> (Connection, UnixStream) {
    let (here, there) = UnixStream::pair().unwrap();
    (Connection::new(Wire::Unix(here)), there)
}

async fn told(upstream: &mut UnixStream, length: usize) -> String {
    let mut told = vec![0; length];
    upstream.read_exact(&mut told).await.unwrap();
    String::from_utf8(told).unwrap()
}

async fn body(connection: &mut Connection) -> Result<Vec<u8>, Broken> {
    let mut body = Vec::new();
    while let Some(piece) = std::future::poll_fn(|cx| connection.poll_body(cx)).await {
        body.extend_from_slice(&piece?);
    }
    Ok(body)
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_body_is_framed_by_what_it_is_whatever_headers_say() {
    for (method, sent, said, expected) in [
        (Method::GET, "", None, "\r\n"),
        (Method::POST, "", Some("7"), "content-length: 0\r\n\r\n"),
        (Method::PUT, "abc", Some("7"), "content-length: 3\r\n\r\nabc"),
    ] {
        let (mut connection, mut upstream) = pair();
        let mut outgoing = request(method.clone(), whole(sent));
        if let Some(said) = said {
            let headers = outgoing.request.headers_mut();
            headers.insert(header::CONTENT_LENGTH, said.parse().unwrap());
        }
        let expected = written(method.as_str(), &outgoing, expected);
        upstream.write_all(OK).await.unwrap();
        let head = connection.exchange(&mut outgoing).await.unwrap();
        assert_eq!(head.status(), 200);
        assert_eq!(told(&mut upstream, expected.len()).await, expected);
        assert_eq!(body(&mut connection).await.unwrap(), b"ok");
        assert!(connection.is_ready());
    }
}

#[tokio::test]
async fn one_request_follows_another_and_what_is_interim_is_passed_over() {
    let (mut connection, mut upstream) = pair();
    for status in [200, 404] {
        upstream
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nx: y\r\n\r\n")
            .await
            .unwrap();
        let answer =
            format!("HTTP/1.1 {status} x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
        upstream.write_all(answer.as_bytes()).await.unwrap();
        let head = connection.exchange(&mut request(Method::GET, whole(""))).await.unwrap();
        assert_eq!((head.status().as_u16(), head.headers().len()), (status, 1));
        assert!(!connection.is_ready(), "its answer isn't over");
        assert_eq!(body(&mut connection).await.unwrap(), b"a");
        assert!(connection.is_ready());
    }
}

#[tokio::test]
async fn a_connection_that_says_something_unasked_or_ends_serves_nobody() {
    for says in ["HTTP/1.1 408 Request Timeout\r\n\r\n", ""] {
        let (mut connection, mut upstream) = pair();
        upstream.write_all(OK).await.unwrap();
        connection.exchange(&mut request(Method::GET, whole(""))).await.unwrap();
        body(&mut connection).await.unwrap();
        assert!(connection.is_ready());
        match says {
            "" => drop(upstream),
            says => upstream.write_all(says.as_bytes()).await.unwrap(),
        }
        tokio::task::yield_now().await;
        assert!(!connection.is_ready(), "{says}");
    }
    // What comes with the answer is behind it.
    let (mut connection, mut upstream) = pair();
    upstream.write_all(&[OK, OK].concat()).await.unwrap();
    connection.exchange(&mut request(Method::GET, whole(""))).await.unwrap();
    assert_eq!(body(&mut connection).await.unwrap(), b"ok");
    assert!(!connection.is_ready());
}

#[tokio::test]
async fn who_fails_says_how_much_was_sent_and_heard() {
    let failed = async |says: &str, sends: bool| {
        let (mut connection, mut upstream) = pair();
        if sends {
            upstream.write_all(says.as_bytes()).await.unwrap();
            upstream.shutdown().await.unwrap();
        } else {
            drop(upstream);
        }
        let mut outgoing = request(Method::GET, whole(""));
        let failed = connection.exchange(&mut outgoing).await.unwrap_err();
        assert!(matches!(failed.error, ForwardError::Upstream(_)), "{:?}", failed.error);
        // Headers are there for another try as long as nothing was heard.
        assert!(!failed.unheard || outgoing.request.headers().contains_key(header::HOST));
        (failed.unsent, failed.unheard)
    };
    assert_eq!(failed("", false).await, (true, true));
    assert_eq!(failed("", true).await, (false, true));
    assert_eq!(failed("HTTP/1.1 2", true).await, (false, false));
    assert_eq!(failed("HTTP/1.1 100 Continue\r\n\r\n", true).await, (false, false));
}

#[tokio::test]
async fn who_says_no_to_a_body_before_all_of_it_is_sent_is_heard() {
    let long = vec![b'x'; 8 << 20];
    let (mut connection, mut upstream) = pair();
    let answer = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno";
    upstream.write_all(answer).await.unwrap();
    let head = connection.exchange(&mut request(Method::PUT, whole(long.clone()))).await.unwrap();
    assert_eq!(head.status(), 413);
    assert_eq!(body(&mut connection).await.unwrap(), b"no");
    assert!(!connection.is_ready(), "the rest of the request isn't sent");
    // The same from one who has gone.
    let (mut connection, mut upstream) = pair();
    upstream.write_all(answer).await.unwrap();
    drop(upstream);
    let head = connection.exchange(&mut request(Method::PUT, whole(long))).await.unwrap();
    assert_eq!(head.status(), 413);
}

#[tokio::test]
async fn a_long_body_goes_on_while_the_answer_comes() {
    let long = vec![b'x'; 4 << 20];
    let (mut connection, mut upstream) = pair();
    let mut outgoing = request(Method::PUT, whole(long.clone()));
    let head = written("PUT", &outgoing, "content-length: 4194304\r\n\r\n");
    let there = tokio::spawn(async move {
        assert_eq!(told(&mut upstream, head.len()).await, head);
        upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4194304\r\n\r\n").await.unwrap();
        let mut buffer = vec![0; 64 << 10];
        let mut left = 4 << 20;
        while left > 0 {
            let read = upstream.read(&mut buffer).await.unwrap();
            upstream.write_all(&buffer[..read]).await.unwrap();
            left -= read;
        }
        upstream
    });
    connection.exchange(&mut outgoing).await.unwrap();
    assert_eq!(connection.left(), Some(4 << 20));
    assert!(body(&mut connection).await.unwrap() == long);
    assert!(connection.is_ready());
    there.await.unwrap();
}

/// A connection in TLS, and the upstream's end of it.
async fn secured() -> (Connection, tokio_rustls::server::TlsStream<TcpStream>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // With little room between the two.
    let listener = TcpSocket::new_v4().unwrap();
    listener.set_recv_buffer_size(16 << 10).unwrap();
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listener.listen(1).unwrap();
    let here = TcpSocket::new_v4().unwrap();
    here.set_send_buffer_size(16 << 10).unwrap();
    let here = here.connect(listener.local_addr().unwrap()).await.unwrap();
    let (there, _) = listener.accept().await.unwrap();
    let (connector, acceptor) =
        (TlsConnector::from(Arc::new(client)), TlsAcceptor::from(Arc::new(server)));
    let name = ServerName::try_from("localhost").unwrap();
    let (here, there) = tokio::join!(connector.connect(name, here), acceptor.accept(there));
    (Connection::new(Wire::Tls(Box::new(here.unwrap()))), there.unwrap())
}

#[tokio::test]
async fn what_tls_keeps_of_a_request_leaves_too_though_the_answer_began_before() {
    // One or the other of them fits but for what TLS keeps.
    for length in (1..16).map(|n| n * (16 << 10)) {
        let (mut connection, mut upstream) = secured().await;
        let mut outgoing = request(Method::PUT, whole(vec![b'x'; length]));
        let head = written("PUT", &outgoing, &format!("content-length: {length}\r\n\r\n"));
        let there = tokio::spawn(async move {
            upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n").await.unwrap();
            upstream.flush().await.unwrap();
            // Everything between the two is full by then.
            tokio::time::sleep(Duration::from_millis(30)).await;
            let mut told = vec![0; head.len() + length];
            upstream.read_exact(&mut told).await.unwrap();
            assert!(told.starts_with(head.as_bytes()));
            upstream.write_all(b"ok").await.unwrap();
            upstream.flush().await.unwrap();
            upstream
        });
        connection.exchange(&mut outgoing).await.unwrap();
        let body = tokio::time::timeout(Duration::from_secs(10), body(&mut connection));
        assert_eq!(body.await.expect("the upstream has all of it").unwrap(), b"ok");
        assert!(connection.is_ready());
        there.await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_in_tls_with_an_unsent_request_serves_nobody() {
    let (mut connection, mut upstream) = secured().await;
    upstream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
    upstream.flush().await.unwrap();
    let mut outgoing = request(Method::PUT, whole(vec![b'x'; 8 << 20]));
    assert_eq!(connection.exchange(&mut outgoing).await.unwrap().status(), 413);
    assert_eq!(body(&mut connection).await.unwrap(), b"no");
    assert!(!connection.is_ready() && !connection.rest());
}
