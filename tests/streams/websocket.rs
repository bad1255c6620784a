//! WebSockets over HTTP/1.1.

use std::{
    io::{Read, Write},
    net::Shutdown,
    time::{Duration, Instant},
};

use crate::{
    rig::{Scripted, Turn, eventually, get, put, statuses, until_closed},
    support::{Backend, Gate, Wire},
};

/// The handshake of RFC 6455 §1.3, and what accepts it.
pub const HANDSHAKE: &str = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
pub const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: chat\r\nx-poolgate-role: mine\r\n\r\n";

/// An upstream that accepts, and sends back in capitals what it is sent until that ends.
pub fn echo() -> Scripted {
    Scripted::start(|mut turn| {
        turn.head();
        turn.say(ACCEPTED);
        echoed(&mut turn);
        turn.say("BYE");
        let _ = turn.stream.shutdown(Shutdown::Write);
    })
}

fn echoed(turn: &mut Turn) {
    let mut some = [0; 1 << 16];
    while let Ok(count @ 1..) = turn.stream.read(&mut some) {
        turn.say(some[..count].to_ascii_uppercase());
    }
}

/// A WebSocket that was accepted.
pub fn open(gate: &Gate, more: &str) -> Wire {
    let mut wire = Wire::connect(gate.proxy);
    let answer = wire.ask(get("/api/socket", &format!("{HANDSHAKE}{more}")));
    assert_eq!(answer.status, 101, "{}", answer.head);
    wire
}

/// As many bytes as `expected` has.
pub fn says(wire: &mut Wire, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    wire.stream.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

/// The rest, and how long it took to come.
pub fn rest(wire: &mut Wire) -> (String, Duration) {
    let (start, mut text) = (Instant::now(), Vec::new());
    let _ = wire.stream.read_to_end(&mut text);
    (String::from_utf8_lossy(&text).into_owned(), start.elapsed())
}

#[test]
fn bytes_are_carried_both_ways_until_each_side_has_ended() {
    let upstream = echo();
    let gate = Gate::start(upstream.address, "");
    let mut wire = Wire::connect(gate.proxy);
    let answer =
        wire.ask(get("/api/socket", &format!("{HANDSHAKE}sec-websocket-protocol: chat\r\n")));
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.header("connection"), Some("Upgrade"));
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("sec-websocket-protocol"), Some("chat"));
    assert_eq!(answer.header("x-poolgate-role"), None);
    assert_eq!(answer.header("x-poolgate-decision-id").map(str::len), Some(32));
    let head = upstream.heads()[0].to_ascii_lowercase();
    for line in ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"] {
        assert!(head.lines().any(|l| l == line), "{line} in {head}");
    }
    assert!(
        head.contains("x-poolgate-subject: user-1") && !head.contains("transfer-encoding"),
        "{head}"
    );

    // What would be no head of HTTP, also larger than one may be.
    wire.send("\n\n#\0 get / http/1.1\n");
    says(&mut wire, "\n\n#\0 GET / HTTP/1.1\n");
    let large = "x".repeat(300_000);
    let mut writer = wire.stream.try_clone().unwrap();
    let sent = large.clone();
    let writing = std::thread::spawn(move || writer.write_all(sent.as_bytes()).unwrap());
    says(&mut wire, &large.to_ascii_uppercase());
    writing.join().unwrap();
    assert_eq!(gate.metric("poolgate_requests_in_flight"), Some(1.0));

    wire.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut wire).0, "BYE");
    eventually("in flight", || gate.metric("poolgate_requests_in_flight") == Some(0.0));
    eventually("open", || gate.metric("poolgate_connections") == Some(0.0));
    let series = "poolgate_requests_total{method=\"GET\",route=\"api\",status=\"1xx\"}";
    assert_eq!(gate.metric(series), Some(1.0));
}

#[test]
fn one_that_is_denied_never_reaches_the_upstream() {
    let upstream = echo();
    let gate = Gate::start(upstream.address, "");
    let denied = format!("GET /api/socket HTTP/1.1\r\nhost: gate\r\n{HANDSHAKE}\r\n");
    assert_eq!(Wire::connect(gate.proxy).ask(denied).status, 401);
    let other = get("/api/socket", &HANDSHAKE.replace("websocket\r\n", "h2c\r\n"));
    let answer = Wire::connect(gate.proxy).ask(other);
    assert_eq!((answer.status, answer.reason().as_str()), (400, "upgrade"));
    let bodied = put(&format!("{HANDSHAKE}content-length: 2\r\n"), "ok");
    let answer = Wire::connect(gate.proxy).ask(bodied);
    assert_eq!((answer.status, answer.reason().as_str()), (400, "upgrade_with_body"));
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn an_upstream_that_says_no_is_heard_and_the_connection_goes_on() {
    let backend = Backend::answering(426, "not here");
    let gate = Gate::start(backend.address, "");
    let mut wire = Wire::connect(gate.proxy);
    for _ in 0..2 {
        let answer = wire.ask(get("/api/socket", HANDSHAKE));
        assert_eq!((answer.status, answer.body.as_slice()), (426, b"not here".as_slice()));
        assert_eq!(answer.header("upgrade"), None);
        assert_eq!(wire.ask(get("/api/x", "")).status, 426);
    }
    assert_eq!(backend.count(), 4);
}

/// CVE-2024-23326 and its kin: only what accepts this handshake is a WebSocket.
#[test]
fn an_answer_that_accepts_something_else_is_none() {
    for answer in [
        ACCEPTED.replace("s3pP", "s3pQ"),
        ACCEPTED.replace("upgrade: websocket", "upgrade: h2c"),
        ACCEPTED.replace("connection: Upgrade\r\n", ""),
        ACCEPTED.replace("sec-websocket-accept", "x"),
    ] {
        let upstream = Scripted::saying(answer.clone());
        let gate = Gate::start(upstream.address, "");
        let mut wire = Wire::connect(gate.proxy);
        let told = wire.ask(get("/api/socket", HANDSHAKE));
        assert_eq!((told.status, told.reason().as_str()), (502, "upstream_broken"), "{answer}");
    }
}

/// CVE-2026-2833: a request behind one that asks for a WebSocket.
#[test]
fn bytes_ahead_of_the_answer_reach_nobody() {
    let upstream = Scripted::start(|mut turn| {
        turn.head();
        std::thread::sleep(Duration::from_millis(100));
        turn.say(ACCEPTED);
        let mut some = [0; 1 << 10];
        while let Ok(count @ 1..) = turn.stream.read(&mut some) {
            turn.say(&some[..count]);
        }
    });
    let gate = Gate::start(upstream.address, "");
    let smuggled = format!("{}{}", get("/api/socket", HANDSHAKE), get("/api/smuggled", ""));
    let text = until_closed(gate.proxy, smuggled);
    assert!(!text.contains("smuggled") && statuses(&text).iter().all(|s| *s != 200), "{text}");
    assert_eq!(upstream.heads().len(), 1);
    let again = Wire::connect(gate.proxy).ask(get("/api/socket", HANDSHAKE));
    assert_eq!(again.status, 101);
}

#[test]
fn one_on_which_nothing_moves_is_closed() {
    let upstream = echo();
    let gate = Gate::start(upstream.address, "timeouts: { stream_idle: 700ms, idle: 200ms }");
    let mut wire = open(&gate, "");
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(400));
        wire.send("a");
        says(&mut wire, "A");
    }
    let (text, took) = rest(&mut wire);
    assert_eq!(text, "");
    assert!(took > Duration::from_millis(500) && took < Duration::from_secs(3), "{took:?}");
    eventually("in flight", || gate.metric("poolgate_requests_in_flight") == Some(0.0));
}

#[test]
fn an_upstream_that_breaks_off_ends_it() {
    let upstream = Scripted::start(|mut turn| {
        turn.head();
        turn.say(ACCEPTED);
        std::thread::sleep(Duration::from_millis(200));
        turn.say("hello");
    });
    let gate = Gate::start(upstream.address, "");
    let mut wire = open(&gate, "");
    says(&mut wire, "hello");
    wire.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut wire).0, "");
    eventually("open", || gate.metric("poolgate_connections") == Some(0.0));
}

#[test]
fn the_drain_waits_for_those_that_are_open_and_no_longer() {
    let upstream = echo();
    let mut gate = Gate::start(upstream.address, "timeouts: { shutdown_delay: 0s, drain: 2s }");
    let mut wire = open(&gate, "");
    let start = Instant::now();
    gate.signal("TERM");
    std::thread::sleep(Duration::from_millis(500));
    wire.send("still here");
    says(&mut wire, "STILL HERE");
    let status = gate.wait(Duration::from_secs(10)).expect("still running");
    assert!(status.success());
    assert!(start.elapsed() > Duration::from_millis(1500), "{:?}", start.elapsed());
    assert_eq!(rest(&mut wire).0, "");
}
