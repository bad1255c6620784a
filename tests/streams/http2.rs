//! HTTP/2 from callers, in clear.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

use ::http::{Method, Request, Response, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Frame, body::Incoming, client::conn::http2::SendRequest, ext::Protocol};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    rig::{Scripted, authorization, eventually, get},
    support::{Backend, Gate, Issuer, Wire, configuration, free_port, policies},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// No settings of one's own.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

type Body = BoxBody<Bytes, std::convert::Infallible>;

async fn connect(address: SocketAddr) -> SendRequest<Body> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

fn request(method: Method, path: &str, body: Body) -> Request<Body> {
    let token = authorization();
    let token = token.trim_end().split_once(": ").unwrap().1.to_owned();
    let uri = format!("http://gate{path}");
    let request = Request::builder().method(method).uri(uri);
    request.header("authorization", token).body(body).unwrap()
}

fn empty() -> Body {
    BoxBody::new(Full::default())
}

async fn text(answer: Response<Incoming>) -> String {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&body).into_owned()
}

#[tokio::test]
async fn a_request_arrives_in_http1_as_it_was_meant() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let mut sender = connect(gate.proxy).await;
    let mut asked = request(Method::GET, "/api/orders?q=%2F", empty());
    for crumb in ["a=1", "b=2"] {
        asked.headers_mut().append(header::COOKIE, crumb.parse().unwrap());
    }
    asked.headers_mut().insert("x-poolgate-role", "admin".parse().unwrap());
    asked.headers_mut().insert("te", "trailers".parse().unwrap());
    let answer = sender.send_request(asked).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("x-poolgate-decision-id"));
    assert!(!answer.headers().contains_key("connection"));
    assert_eq!(text(answer).await, "ok");
    let seen = &backend.seen()[0];
    assert_eq!(seen.line(), "GET /api/orders?q=%2F HTTP/1.1");
    assert_eq!(seen.header("host"), ["gate"]);
    assert_eq!(seen.header("cookie"), ["a=1; b=2"]);
    assert_eq!(seen.header("x-forwarded-proto"), ["http"]);
    assert_eq!(seen.header("x-forwarded-host"), ["gate"]);
    assert_eq!(seen.header("te"), [""; 0]);
    assert_ne!(seen.header("x-poolgate-role"), ["admin"]);

    let denied = request(Method::DELETE, "/api/orders", empty());
    let answer = sender.send_request(denied).await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(text(answer).await.contains("implicit_deny"));
    // What is refused as a matter of HTTP harms no other stream.
    let refused = request(Method::GET, "/api/..%2Fx", empty());
    assert_eq!(sender.send_request(refused).await.unwrap().status(), 400);
    let again = request(Method::GET, "/api/orders", empty());
    assert_eq!(sender.send_request(again).await.unwrap().status(), 200);
    assert_eq!(backend.count(), 2);
}

#[tokio::test]
async fn bodies_of_any_framing_arrive_whole() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let mut sender = connect(gate.proxy).await;
    let large = Bytes::from(vec![b'x'; 3 << 20]);
    let whole = request(Method::PUT, "/api/own", BoxBody::new(Full::new(large.clone())));
    assert_eq!(sender.send_request(whole).await.unwrap().status(), 200);
    let pieces = large.chunks(100_000).map(Bytes::copy_from_slice).collect();
    let pieces = BoxBody::new(Pieces(pieces));
    let piecewise = request(Method::PUT, "/api/own", pieces);
    assert_eq!(sender.send_request(piecewise).await.unwrap().status(), 200);
    let seen = backend.seen();
    assert_eq!(seen[0].header("content-length"), ["3145728"]);
    assert_eq!(seen[1].header("transfer-encoding"), ["chunked"]);
    assert!(seen.iter().all(|seen| seen.body == large));
}

/// A body in pieces of which nobody knows beforehand how many there are.
struct Pieces(std::collections::VecDeque<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

#[tokio::test]
async fn a_hundred_requests_share_a_connection() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let sender = connect(gate.proxy).await;
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let mut sender = sender.clone();
            let asked = request(Method::GET, &format!("/api/{number}"), empty());
            tokio::spawn(async move { sender.send_request(asked).await.unwrap().status() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    assert_eq!(backend.count(), 200);
    assert_eq!(gate.metric("poolgate_connections"), Some(1.0));
}

/// As many as connections: each may have one of its own upstream.
#[tokio::test]
async fn requests_for_which_there_is_no_room_are_told_so() {
    let upstream = Scripted::start(|mut turn| {
        while let Some(head) = turn.head() {
            if head.contains("/api/slow") {
                sleep(Duration::from_millis(1500));
            }
            turn.ok();
        }
    });
    let gate = Gate::start(upstream.address, "limits: { connections: 5 }");
    let sender = connect(gate.proxy).await;
    let slow: Vec<_> = (0..5)
        .map(|_| {
            let mut sender = sender.clone();
            let asked = request(Method::GET, "/api/slow", empty());
            tokio::spawn(async move { sender.send_request(asked).await.unwrap().status() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut sender = sender.clone();
    let shed = sender.send_request(request(Method::GET, "/api/x", empty())).await.unwrap();
    assert_eq!(shed.status(), 503);
    assert_eq!(shed.headers()["retry-after"], "1");
    assert!(shed.headers().contains_key("x-poolgate-decision-id"));
    assert!(text(shed).await.contains("no_stream_free"));
    for answer in slow {
        assert_eq!(answer.await.unwrap(), 200);
    }
    let again = sender.send_request(request(Method::GET, "/api/x", empty())).await.unwrap();
    assert_eq!(again.status(), 200);
    assert_eq!(upstream.heads().len(), 6);
}

fn frames(bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    let mut rest = bytes;
    while let [a, b, c, kind, _, _, _, _, _, after @ ..] = rest {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        kinds.push(*kind);
        rest = after.get(length..).unwrap_or_default();
    }
    kinds
}

#[test]
fn the_preface_is_known_in_pieces_of_any_size() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    for size in [1, 5, 16, 20, 24, 33] {
        let mut stream = TcpStream::connect(gate.proxy).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        for piece in [PREFACE, SETTINGS].concat().chunks(size) {
            stream.write_all(piece).unwrap();
            sleep(Duration::from_millis(3));
        }
        let mut some = [0; 4096];
        let count = stream.read(&mut some).unwrap();
        // Its settings, and no answer of HTTP/1.
        assert_eq!(frames(&some[..count]).first(), Some(&4), "{size}: {:?}", &some[..count]);
    }
    // What only begins like it.
    for (begun, rest) in
        [("P", "UT /api/own HTTP/1.1\r\n"), ("PRI * HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\n")]
    {
        let mut stream = TcpStream::connect(gate.proxy).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(begun.as_bytes()).unwrap();
        sleep(Duration::from_millis(20));
        let rest = format!("{rest}host: gate\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(rest.as_bytes()).unwrap();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        let expected = if begun == "P" { "HTTP/1.1 401" } else { "HTTP/1.1 400" };
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn connections_that_say_nothing_are_closed_in_time() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "timeouts: { header: 400ms, idle: 1200ms }");
    for begun in [PREFACE.to_vec(), [PREFACE, SETTINGS].concat()] {
        let mut stream = TcpStream::connect(gate.proxy).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(&begun).unwrap();
        let (start, mut rest) = (Instant::now(), Vec::new());
        let _ = stream.read_to_end(&mut rest);
        let took = start.elapsed();
        assert!(took > Duration::from_millis(300) && took < Duration::from_secs(2), "{took:?}");
    }
    eventually("open", || gate.metric("poolgate_connections") == Some(0.0));
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_at_work_is_not() {
    let upstream = Scripted::start(|mut turn| {
        turn.head();
        sleep(Duration::from_millis(1500));
        turn.ok();
        turn.head();
    });
    let gate = Gate::start(upstream.address, "timeouts: { header: 300ms, idle: 600ms }");
    let mut sender = connect(gate.proxy).await;
    let answer = sender.send_request(request(Method::GET, "/api/slow", empty())).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(text(answer).await, "ok");
    let start = Instant::now();
    while !sender.is_closed() {
        assert!(start.elapsed() < Duration::from_secs(5), "still open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(start.elapsed() > Duration::from_millis(400), "{:?}", start.elapsed());
}

/// A caller that doesn't read its answer loses it, and no other.
#[tokio::test]
async fn an_answer_that_nobody_reads_is_let_go() {
    let upstream = Scripted::start(|mut turn| {
        while let Some(head) = turn.head() {
            if head.contains("/api/large") {
                turn.say("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n");
                let piece = vec![b'x'; 1 << 16];
                while turn.stream.write_all(&piece).is_ok() {}
            }
            turn.ok();
        }
    });
    let gate = Gate::start(upstream.address, "timeouts: { header: 500ms, idle: 800ms }");
    let mut sender = connect(gate.proxy).await;
    let large = sender.send_request(request(Method::GET, "/api/large", empty())).await.unwrap();
    for _ in 0..20 {
        let small = sender.send_request(request(Method::GET, "/api/small", empty())).await.unwrap();
        assert_eq!(text(small).await, "ok");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(gate.metric("poolgate_requests_in_flight"), Some(0.0));
    assert!(large.into_body().collect().await.is_err());
}

#[tokio::test]
async fn whoever_drains_says_so_and_finishes() {
    let upstream = Scripted::start(|mut turn| {
        turn.head();
        sleep(Duration::from_millis(1200));
        turn.ok();
    });
    let mut gate = Gate::start(upstream.address, "timeouts: { shutdown_delay: 300ms, drain: 10s }");
    let mut sender = connect(gate.proxy).await;
    let mut other = sender.clone();
    let under_way = tokio::spawn(async move {
        let answer = other.send_request(request(Method::GET, "/api/x", empty())).await.unwrap();
        (answer.status(), text(answer).await)
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    gate.signal("TERM");
    tokio::time::sleep(Duration::from_millis(400)).await;
    // GOAWAY was sent: a request that comes now would have to go to another replica.
    assert!(
        sender.ready().await.is_err()
            || sender.send_request(request(Method::GET, "/api/y", empty())).await.is_err()
    );
    let (status, body) = under_way.await.unwrap();
    assert_eq!((status.as_u16(), body.as_str()), (200, "ok"));
    let start = Instant::now();
    assert!(gate.wait(Duration::from_secs(5)).expect("still running").success());
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

/// RFC 8441.
#[tokio::test]
async fn a_websocket_may_be_one_of_the_streams() {
    let upstream = Scripted::start(|mut turn| {
        let head = turn.head().unwrap();
        let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
        let mut hash =
            aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY);
        hash.update(key.as_bytes());
        hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let accept =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash.finish());
        turn.say(format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {accept}\r\nsec-websocket-protocol: chat\r\n\r\n"
        ));
        let mut some = [0; 4096];
        while let Ok(count @ 1..) = turn.stream.read(&mut some) {
            turn.say(some[..count].to_ascii_uppercase());
        }
        turn.say("BYE");
    });
    let gate = Gate::start(upstream.address, "timeouts: { idle: 600ms, header: 600ms }");
    let mut sender = connect(gate.proxy).await;
    assert_eq!(
        sender.send_request(request(Method::DELETE, "/api/x", empty())).await.unwrap().status(),
        403
    );
    let mut handshake = request(Method::CONNECT, "/api/socket", empty());
    handshake.extensions_mut().insert(Protocol::from_static("websocket"));
    handshake.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
    let answer = sender.send_request(handshake).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
    for gone in ["sec-websocket-accept", "connection", "upgrade"] {
        assert!(!answer.headers().contains_key(gone), "{gone}");
    }
    let mut socket = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    for _ in 0..4 {
        socket.write_all(b"hello").await.unwrap();
        let mut some = [0; 5];
        socket.read_exact(&mut some).await.unwrap();
        assert_eq!(&some, b"HELLO");
        // The connection isn't idle while it has this stream.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    socket.shutdown().await.unwrap();
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"BYE");
    let head = upstream.heads()[0].clone();
    assert!(head.starts_with("GET /api/socket HTTP/1.1"), "{head}");
    assert!(head.to_ascii_lowercase().contains("upgrade: websocket"), "{head}");
    eventually("in flight", || gate.metric("poolgate_requests_in_flight") == Some(0.0));

    // Nothing else is connected to.
    let mut other = request(Method::CONNECT, "/api/socket", empty());
    other.extensions_mut().insert(Protocol::from_static("connect-udp"));
    assert_eq!(sender.send_request(other).await.unwrap().status(), 400);
    let plain = Request::builder().method("CONNECT").uri("gate:80").body(empty()).unwrap();
    assert_eq!(sender.send_request(plain).await.unwrap().status(), 405);
}

/// A gate in front of an upstream that is spoken to in HTTP/2.
fn gate_to(upstream: SocketAddr, extra: &str) -> Gate {
    let folder = tempfile::tempdir().unwrap();
    Issuer::shared().write_jwks(&folder.path().join("jwks.json"));
    policies(folder.path());
    let (proxy, admin) = (free_port(), free_port());
    let named = format!("http://{upstream}\"");
    let text = configuration(proxy, admin, upstream, extra)
        .replace(&named, &format!("{named}, http2: true"));
    std::fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
    Gate::run(folder, proxy, admin)
}

/// Whoever is behind a connection that all requests share may be gone without a word.
#[test]
fn a_shared_connection_without_an_answer_gets_no_further_request() {
    let upstream = Scripted::start(|mut turn| {
        turn.body(usize::MAX);
    });
    let gate = gate_to(upstream.address, "timeouts: { upstream_header: 400ms }");
    for connections in 1..4 {
        let answer = Wire::connect(gate.proxy).ask(get("/api/x", ""));
        assert_eq!((answer.status, answer.reason().as_str()), (504, "upstream_timeout"));
        // Whichever data thread it is, none asks on a connection that has failed it.
        assert_eq!(upstream.connections(), connections);
    }
}

#[test]
fn an_upstream_that_does_not_speak_it_is_broken() {
    let backend = Backend::start();
    let gate = gate_to(backend.address, "");
    let answer = Wire::connect(gate.proxy).ask(get("/api/x", ""));
    assert_eq!((answer.status, answer.reason().as_str()), (502, "upstream_broken"));
}
