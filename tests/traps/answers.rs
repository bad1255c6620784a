//! What an upstream's answer may not say, and what happens when there is none.

use std::sync::Barrier;

use crate::{
    rig::{Scripted, get},
    support::{Gate, Wire},
};

#[test]
fn trailers_of_an_answer_do_not_speak_for_the_gate() {
    let upstream = Scripted::saying(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-poolgate-decision-id, x-sum\r\n\r\n\
         5\r\nhello\r\n0\r\nx-poolgate-decision-id: spoofed\r\nx-sum: spoofed\r\n\r\n",
    );
    let gate = Gate::start(upstream.address, "");
    let mut wire = Wire::connect(gate.proxy);
    for _ in 0..2 {
        let answer = wire.ask(get("/api/x", "te: trailers\r\nconnection: te\r\n"));
        assert_eq!(answer.status, 200, "{}", answer.head);
        assert_eq!(answer.header("trailer"), None);
        assert_eq!(answer.body, b"5\r\nhello\r\n0\r\n\r\n");
    }
    // It ended where the trailers began: the connection served both.
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_request_that_may_have_been_sent_goes_out_once_more_and_not_again() {
    const IDLE: usize = 12;
    let all = Barrier::new(IDLE);
    let upstream = Scripted::start(move |mut turn| {
        let Some(head) = turn.head() else { return };
        if head.starts_with("GET /api/first") {
            // All are answered at once, each on a connection of its own.
            all.wait();
        }
        turn.ok();
        // The next request on this connection is read, and never answered.
        turn.head();
    });
    let gate = Gate::start(upstream.address, "");
    let mut wires: Vec<Wire> = (0..IDLE).map(|_| Wire::connect(gate.proxy)).collect();
    for wire in &mut wires {
        wire.send(get("/api/first", ""));
    }
    for wire in &mut wires {
        assert_eq!(wire.answer().unwrap().status, 200);
    }
    assert_eq!(upstream.connections(), IDLE);
    assert_eq!(wires[0].ask(get("/api/again", "")).status, 200);
    let sent = upstream.heads().iter().filter(|head| head.starts_with("GET /api/again")).count();
    assert_eq!(sent, 2);
}
