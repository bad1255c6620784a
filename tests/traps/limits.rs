//! Callers that take their time.

use std::{
    io::{ErrorKind, Read, Write},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    rig::{Scripted, eventually, get, put, read_all, statuses},
    support::{Backend, Gate, Wire},
};

const LIMITS: &str = "timeouts: { header: 400ms, idle: 800ms }";

/// How long until the other side closes.
fn patience(wire: &mut Wire) -> Duration {
    let start = Instant::now();
    read_all(wire);
    start.elapsed()
}

fn about(limit: u64, took: Duration) {
    let limit = Duration::from_millis(limit);
    assert!(took > limit / 2 && took < limit + Duration::from_secs(2), "{took:?} of {limit:?}");
}

#[test]
fn a_head_is_due_in_time_however_it_dribbles() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, LIMITS);
    about(400, patience(&mut Wire::connect(gate.proxy)));

    let start = Instant::now();
    let mut wire = Wire::connect(gate.proxy);
    for byte in get("/api/x", "").bytes() {
        if wire.stream.write_all(&[byte]).is_err() || start.elapsed() > Duration::from_secs(5) {
            break;
        }
        sleep(Duration::from_millis(20));
    }
    about(400, start.elapsed());

    // A kept connection's next head is as pressed as the first.
    let mut wire = Wire::connect(gate.proxy);
    assert_eq!(wire.ask(get("/api/x", "")).status, 200);
    sleep(Duration::from_millis(500));
    wire.send("GET /api/x HTTP/1.1\r\n");
    about(400, patience(&mut wire));
    assert_eq!(backend.count(), 1);
}

/// One that is read before anyone knows who asks.
#[test]
fn a_body_that_is_read_is_due_in_time_however_it_dribbles() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, LIMITS);
    let mut wire = Wire::connect(gate.proxy);
    wire.send(
        "POST / HTTP/1.1\r\nhost: gate\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: 1000\r\n\r\n",
    );
    let start = Instant::now();
    wire.stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut some = [0; 4096];
    let text = loop {
        assert!(start.elapsed() < Duration::from_secs(5), "still reading");
        let _ = wire.stream.write_all(b"x");
        match wire.stream.read(&mut some) {
            Ok(count) => break String::from_utf8_lossy(&some[..count]).into_owned(),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
    };
    about(800, start.elapsed());
    assert_eq!(statuses(&text), [400], "{text}");
    assert!(text.contains("request_body_too_slow"), "{text}");
}

#[test]
fn an_idle_connection_is_closed() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, LIMITS);
    let mut wire = Wire::connect(gate.proxy);
    assert_eq!(wire.ask(get("/api/x", "")).status, 200);
    about(800, patience(&mut wire));
    eventually("still open", || gate.metric("poolgate_connections") == Some(0.0));
}

#[test]
fn empty_lines_before_a_request_are_passed_over() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let mut wire = Wire::connect(gate.proxy);
    assert_eq!(wire.ask(format!("\r\n\r\n{}", get("/api/x", ""))).status, 200);
    assert_eq!(wire.ask(format!("\r\n{}", get("/api/x", ""))).status, 200);
    assert_eq!(backend.count(), 2);
}

#[test]
fn a_reader_that_stands_still_is_let_go() {
    let upstream = Scripted::start(|mut turn| {
        turn.head();
        turn.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(65536));
        while turn.stream.write_all(chunk.as_bytes()).is_ok() {}
    });
    let gate = Gate::start(upstream.address, LIMITS);
    let mut wire = Wire::connect(gate.proxy);
    wire.send(get("/api/x", ""));
    eventually("not in flight", || gate.metric("poolgate_requests_in_flight") == Some(1.0));
    eventually("still in flight", || gate.metric("poolgate_requests_in_flight") == Some(0.0));
    // One that reads is not: what it reads takes longer than both limits.
    let mut wire = Wire::connect(gate.proxy);
    wire.send(get("/api/x", ""));
    let mut some = vec![0; 1 << 18];
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1500) {
        assert_ne!(wire.stream.read(&mut some).unwrap(), 0);
        sleep(Duration::from_millis(2));
    }
}

#[test]
fn the_limit_on_heads_is_kept_exactly() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "limits: { headers: 4KiB }");
    let bare = get("/api/x", "x-fill: \r\n").len();
    let filled = |size: usize| get("/api/x", &format!("x-fill: {}\r\n", "y".repeat(size - bare)));
    assert_eq!(Wire::connect(gate.proxy).ask(filled(4096)).status, 200);
    let answer = Wire::connect(gate.proxy).ask(filled(4097));
    assert_eq!((answer.status, answer.reason().as_str()), (431, "headers_too_large"));
    assert_eq!(backend.count(), 1);
}

#[test]
fn callers_over_the_limit_wait_for_a_place() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "limits: { connections: 2 }");
    let mut first = Wire::connect(gate.proxy);
    assert_eq!(first.ask(get("/api/x", "")).status, 200);
    let mut second = Wire::connect(gate.proxy);
    assert_eq!(second.ask(get("/api/x", "")).status, 200);
    let mut third = Wire::connect(gate.proxy);
    third.send(put("content-length: 2\r\n", "ok"));
    third.stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let waits = third.stream.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(waits, Err(ErrorKind::WouldBlock));
    drop(first);
    third.stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(third.answer().unwrap().status, 200);
}

#[test]
fn refusals_of_hypers_own_are_problems_on_kept_connections_too() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let mut wire = Wire::connect(gate.proxy);
    assert_eq!(wire.ask(get("/api/x", "")).status, 200);
    let answer = wire.ask("nonsense\r\n\r\n");
    assert_eq!((answer.status, answer.reason().as_str()), (400, "malformed_request"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(statuses(&read_all(&mut wire)), [0; 0]);
    let series = "poolgate_request_rejects_total{reason=\"malformed_request\"}";
    assert_eq!(gate.metric(series), Some(1.0));
}

#[test]
fn limits_hold_after_an_exchange_that_outlasted_them() {
    // The first request takes longer than any limit of an idle connection, by its body.
    let backend = Backend::start();
    let gate = Gate::start(backend.address, LIMITS);
    let slow = |wire: &mut Wire| {
        wire.send(put("content-length: 3\r\n", ""));
        for byte in *b"abc" {
            sleep(Duration::from_millis(500));
            wire.send([byte]);
        }
        assert_eq!(wire.answer().unwrap().status, 200);
    };
    let mut wire = Wire::connect(gate.proxy);
    slow(&mut wire);
    about(800, patience(&mut wire));

    let mut wire = Wire::connect(gate.proxy);
    slow(&mut wire);
    wire.send("GET /api/x HTTP/1.1\r\n");
    about(400, patience(&mut wire));
}

#[test]
fn callers_for_whom_no_place_comes_free_are_told_so() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "limits: { connections: 1 }");
    let mut held = Wire::connect(gate.proxy);
    assert_eq!(held.ask(get("/api/x", "")).status, 200);
    let start = Instant::now();
    let answer = Wire::connect(gate.proxy).ask(get("/api/shed", ""));
    assert_eq!((answer.status, answer.reason().as_str()), (503, "no_connection_free"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(gate.metric("poolgate_connections_shed_total"), Some(1.0));
    // Whoever has a place keeps it, and the admin address answers.
    assert_eq!(held.ask(get("/api/x", "")).status, 200);
    drop(held);
    eventually("no place", || gate.metric("poolgate_connections") == Some(0.0));
    assert_eq!(Wire::connect(gate.proxy).ask(get("/api/y", "")).status, 200);
    assert!(!backend.seen().iter().any(|seen| seen.line().contains("shed")));
}
