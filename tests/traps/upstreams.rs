//! Upstreams that close, reset, stall or talk nonsense.

use std::{
    net::Shutdown,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    rig::{Scripted, get, put, statuses, until_closed},
    support::{Gate, Wire},
};

const PAUSE: Duration = Duration::from_millis(60);

#[test]
fn connections_are_reused_and_closed_ones_are_not_missed() {
    let upstream = Scripted::start(|mut turn| {
        // Two requests a connection, the second answered on the last of them.
        for _ in 0..2 {
            if turn.head().is_none() {
                return;
            }
            turn.ok();
        }
    });
    let gate = Gate::start(upstream.address, "");
    let mut wire = Wire::connect(gate.proxy);
    for _ in 0..6 {
        assert_eq!(wire.ask(get("/api/x", "")).status, 200);
        sleep(PAUSE);
    }
    assert_eq!(upstream.heads().len(), 6);
    // A data thread has its own connections; this caller is on one of them.
    assert_eq!(upstream.connections(), 3);
}

#[test]
fn only_idempotent_requests_are_sent_again_when_a_reused_connection_breaks() {
    for (request, body, status, heads) in [
        (get("/api/x", ""), 0, 200, 3),
        (get("/api/x", "").replace("GET", "HEAD"), 0, 200, 3),
        (put("content-length: 5\r\n", "hello"), 5, 502, 2),
    ] {
        let upstream = Scripted::start(move |mut turn| {
            turn.head();
            if turn.number == 0 {
                turn.ok();
                // The second request is read whole and gets no answer.
                turn.head();
                turn.body(body);
            } else {
                turn.body(body);
                turn.say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                turn.head();
            }
        });
        let gate = Gate::start(upstream.address, "");
        let mut wire = Wire::connect(gate.proxy);
        assert_eq!(wire.ask(get("/api/first", "")).status, 200);
        sleep(PAUSE);
        assert_eq!(wire.ask(&request).status, status, "{request}");
        assert_eq!(upstream.heads().len(), heads, "{request}");
    }
}

#[test]
fn a_fresh_connection_that_breaks_is_not_tried_again() {
    let upstream = Scripted::start(|mut turn| {
        turn.head();
    });
    let gate = Gate::start(upstream.address, "");
    let answer = Wire::connect(gate.proxy).ask(get("/api/x", ""));
    assert_eq!((answer.status, answer.reason().as_str()), (502, "upstream_broken"));
    assert_eq!(upstream.heads().len(), 1);
}

#[test]
fn a_body_that_breaks_off_upstream_breaks_off_here() {
    for (answer, end) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\npart", "part"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n", "4\r\npart\r\n"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n",
            "4\r\npart\r\n",
        ),
    ] {
        let upstream = Scripted::start(move |mut turn| {
            turn.head();
            turn.say(answer);
            sleep(PAUSE);
            let _ = turn.stream.shutdown(Shutdown::Both);
        });
        let gate = Gate::start(upstream.address, "");
        let text = until_closed(gate.proxy, get("/api/x", ""));
        assert_eq!(statuses(&text), [200], "{answer} {text}");
        assert!(text.ends_with(end), "{answer} {text}");
    }
}

#[test]
fn nonsense_is_no_answer_and_its_connection_is_not_used_again() {
    let long =
        format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x: y\r\n".repeat(200));
    for answer in [
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nx\0y: z\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        "HTTP/1.1 099 Low\r\ncontent-length: 0\r\n\r\n",
        &long,
        &many,
    ] {
        let upstream = Scripted::saying(answer);
        let gate = Gate::start(upstream.address, "");
        let shown: String = answer.chars().take(90).collect();
        for _ in 0..2 {
            let answer = Wire::connect(gate.proxy).ask(get("/api/x", ""));
            assert_eq!(answer.status, 502, "{shown} {}", answer.head);
            assert_eq!(answer.reason(), "upstream_broken", "{shown}");
        }
        assert_eq!(upstream.connections(), 2, "{shown}");
    }
}

#[test]
fn what_follows_an_answer_is_nobodys() {
    let extra = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\npoisoned";
    let upstream =
        Scripted::saying(format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok{extra}"));
    let gate = Gate::start(upstream.address, "");
    let mut wire = Wire::connect(gate.proxy);
    for _ in 0..4 {
        let answer = wire.ask(get("/api/x", ""));
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
        sleep(PAUSE);
    }
}

#[test]
fn informational_answers_are_passed_over() {
    let upstream = Scripted::saying(
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    );
    let gate = Gate::start(upstream.address, "");
    let answer = Wire::connect(gate.proxy).ask(get("/api/x", ""));
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
}

#[test]
fn an_answer_does_not_speak_for_the_gate() {
    let upstream = Scripted::saying(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-poolgate-decision-id: forged\r\nx_poolgate_role: forged\r\n\
         connection: keep-alive, x-mine\r\nx-mine: forged\r\nkeep-alive: forged\r\n\r\nok",
    );
    let gate = Gate::start(upstream.address, "");
    let answer = Wire::connect(gate.proxy).ask(get("/api/x", ""));
    assert_eq!(answer.status, 200);
    assert!(!answer.head.contains("forged"), "{}", answer.head);
    assert!(answer.header("x-poolgate-decision-id").is_some());
}

#[test]
fn a_silent_upstream_is_given_up_and_a_dead_one_reported() {
    let upstream = Scripted::start(|mut turn| {
        turn.head();
        turn.body(1 << 30);
    });
    let gate = Gate::start(upstream.address, "timeouts: { upstream_header: 300ms }");
    let start = Instant::now();
    let answer = Wire::connect(gate.proxy).ask(get("/api/x", ""));
    assert_eq!((answer.status, answer.reason().as_str()), (504, "upstream_timeout"));
    assert!(start.elapsed() < Duration::from_secs(5));
    // An upload that stands still is given up as well.
    let answer = Wire::connect(gate.proxy).ask(put("content-length: 10\r\n", "hello"));
    assert_eq!(answer.status, 504);

    let gate = Gate::start("127.0.0.1:1".parse().unwrap(), "");
    let answer = Wire::connect(gate.proxy).ask(get("/api/x", ""));
    assert_eq!((answer.status, answer.reason().as_str()), (502, "upstream_unreachable"));
}

#[test]
fn a_body_that_looks_like_a_refusal_is_a_body() {
    for length in [60, 700] {
        let filler = "x".repeat(length);
        let body = format!("HTTP/1.1 400 Bad\r\ncontent-length: 0\r\ndate: {filler}\r\n\r\n");
        let sent = body.clone();
        let upstream = Scripted::start(move |mut turn| {
            while let Some(head) = turn.head() {
                if head.starts_with("GET /api/victim") {
                    turn.ok();
                    continue;
                }
                turn.say(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", sent.len()));
                // Apart from its head, so that it is written apart too.
                std::thread::sleep(std::time::Duration::from_millis(100));
                turn.say(&sent);
            }
        });
        let gate = Gate::start(upstream.address, "");
        let mut wire = Wire::connect(gate.proxy);
        let answer = wire.ask(get("/api/lookalike", ""));
        assert_eq!(String::from_utf8(answer.body).unwrap(), body);
        let answer = wire.ask(get("/api/victim", ""));
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"ok".as_slice()));
    }
}
