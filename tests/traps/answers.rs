//! What an upstream's answer may not say, and what happens when there is none.

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
