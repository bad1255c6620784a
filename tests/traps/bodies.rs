//! Bodies that stream, that are refused, and that break off.

use std::{
    io::{Read, Write},
    net::Shutdown,
    sync::mpsc::channel,
    thread::sleep,
    time::Duration,
};

use crate::{
    rig::{Scripted, eventually, get, put, read_all, statuses, until_closed},
    support::{Backend, Gate, Wire},
};

const QUIET: Duration = Duration::from_millis(100);

#[test]
fn uploads_and_downloads_stream() {
    let (sender, receiver) = channel();
    let upstream = Scripted::start(move |mut turn| {
        turn.head().unwrap();
        sender.send(turn.body(8)).unwrap();
        sender.send(turn.body(10)).unwrap();
        turn.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n");
        sender.send(turn.body(5)).unwrap();
        turn.say("3\r\ntwo\r\n0\r\n\r\n");
    });
    let gate = Gate::start(upstream.address, "");
    let mut wire = Wire::connect(gate.proxy);
    let limit = Duration::from_secs(5);
    wire.send(put("transfer-encoding: chunked\r\n", "3\r\none\r\n"));
    assert_eq!(receiver.recv_timeout(limit).unwrap(), b"3\r\none\r\n");
    wire.send("5\r\nthree\r\n");
    assert_eq!(receiver.recv_timeout(limit).unwrap(), b"5\r\nthree\r\n");
    // The answer begins before the request has ended.
    let mut some = [0; 4096];
    let count = wire.stream.read(&mut some).unwrap();
    let mut text = String::from_utf8_lossy(&some[..count]).into_owned();
    wire.send("0\r\n\r\n");
    assert_eq!(receiver.recv_timeout(limit).unwrap(), b"0\r\n\r\n");
    while !text.ends_with("0\r\n\r\n") {
        let count = wire.stream.read(&mut some).unwrap();
        assert_ne!(count, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    assert!(text.contains("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"), "{text}");
    assert_eq!(statuses(&text), [200]);
}

#[test]
fn nothing_is_asked_of_a_body_before_the_permit() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let expect = "expect: 100-continue\r\ncontent-length: 5\r\n";

    let denied = put(expect, "").replace("/api/own", "/api/other");
    let mut wire = Wire::connect(gate.proxy);
    let answer = wire.ask(denied);
    assert_eq!((answer.status, answer.reason().as_str()), (403, "implicit_deny"));
    // Without being told, callers send their next request on a connection that ends.
    assert_eq!(answer.header("connection"), Some("close"));
    // The body that was not asked for is not a request either.
    let _ = wire.stream.write_all(get("/api/smuggled", "").as_bytes());
    assert_eq!(statuses(&read_all(&mut wire)), [0; 0]);
    assert_eq!(backend.count(), 0);

    let mut wire = Wire::connect(gate.proxy);
    let answer = wire.ask(put(expect, ""));
    assert_eq!(answer.status, 100);
    let answer = wire.ask("hello");
    assert_eq!(answer.status, 200);
    assert_eq!(backend.seen()[0].body, b"hello");
    assert_eq!(wire.ask(get("/api/next", "")).status, 200);
}

#[test]
fn a_denied_upload_gets_its_answer_however_large_it_is() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let size = 2 << 20;
    let head = format!("content-length: {size}\r\n");
    let mut wire = Wire::connect(gate.proxy);
    wire.send(put(&head, "").replace("/api/own", "/api/other"));
    // All of it is sent before anything is read.
    wire.send(vec![b'x'; size]);
    let answer = wire.answer().expect("an answer");
    assert_eq!((answer.status, answer.reason().as_str()), (403, "implicit_deny"));
    assert_eq!(backend.count(), 0);
}

#[test]
fn head_and_answers_without_bodies_keep_the_connection() {
    let upstream = Scripted::start(|mut turn| {
        while let Some(head) = turn.head() {
            if head.starts_with("HEAD") {
                turn.say("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
            } else if head.starts_with("GET /api/204") {
                turn.say("HTTP/1.1 204 No Content\r\n\r\n");
            } else if head.starts_with("GET /api/304") {
                turn.say(
                    "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\ncontent-length: 1000\r\n\r\n",
                );
            } else {
                turn.ok();
            }
        }
    });
    let gate = Gate::start(upstream.address, "");
    let all = [
        get("/api/x", "").replace("GET", "HEAD"),
        get("/api/204", ""),
        get("/api/304", ""),
        get("/api/x", "connection: close\r\n"),
    ];
    let text = until_closed(gate.proxy, all.concat());
    assert_eq!(statuses(&text), [200, 204, 304, 200], "{text}");
    assert!(text.contains("content-length: 1000\r\n") && text.ends_with("\r\n\r\nok"), "{text}");
    assert!(!text.split("HTTP/1.1").nth(2).unwrap().contains("content-length"), "{text}");
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn http_1_0_callers_get_a_body_that_ends_with_the_connection() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let upstream = Scripted::saying(answer);
    let gate = Gate::start(upstream.address, "");
    let text = until_closed(gate.proxy, get("/api/x", "").replace("HTTP/1.1", "HTTP/1.0"));
    assert!(text.starts_with("HTTP/1.0 200 OK\r\n"), "{text}");
    assert!(!text.contains("transfer-encoding") && text.ends_with("\r\n\r\nhello"), "{text}");
    assert!(upstream.heads()[0].starts_with("GET /api/x HTTP/1.1\r\n"));
}

#[test]
fn a_caller_that_leaves_takes_its_request_along() {
    let upstream = Scripted::start(|mut turn| {
        turn.head().unwrap();
        turn.body(1 << 30);
    });
    let gate = Gate::start(upstream.address, "");
    let idle = || gate.metric("poolgate_requests_in_flight") == Some(0.0);
    for half in [Shutdown::Write, Shutdown::Both] {
        let mut wire = Wire::connect(gate.proxy);
        wire.send(put("content-length: 1000\r\n", "hello"));
        sleep(QUIET);
        wire.stream.shutdown(half).unwrap();
        eventually("still in flight", idle);
    }
    let mut wire = Wire::connect(gate.proxy);
    wire.send(get("/api/x", ""));
    sleep(QUIET);
    drop(wire);
    eventually("still in flight", idle);
    assert_eq!(upstream.heads().len(), 3);
}

#[test]
fn an_early_answer_arrives_before_the_upload_has_ended() {
    let upstream = Scripted::start(|mut turn| {
        turn.head().unwrap();
        turn.say("HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\n\r\nno");
        turn.body(1 << 30);
    });
    let gate = Gate::start(upstream.address, "");
    let mut wire = Wire::connect(gate.proxy);
    let answer = wire.ask(put("content-length: 1000\r\n", "hello"));
    assert_eq!((answer.status, answer.body.as_slice()), (409, &b"no"[..]));
    // The rest of the body must not become a request.
    let _ = wire.stream.write_all(get("/api/smuggled", "").as_bytes());
    assert_eq!(statuses(&read_all(&mut wire)), [0; 0]);
    assert_eq!(upstream.heads().len(), 1);
}
