//! Streams end when the right to them does.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    rig::{Scripted, eventually, get},
    support::{CLIENT, Gate, Issuer, ROLE, Wire},
    websocket::{HANDSHAKE, echo, open, rest, says},
};

/// A WebSocket of a caller whose token lasts so many seconds.
fn open_for(gate: &Gate, seconds: u64) -> Wire {
    let issuer = Issuer::shared();
    let mut claims = issuer.claims("user-1", "id");
    claims["aud"] = json!(CLIENT);
    claims["cognito:username"] = json!("user-1");
    claims["cognito:preferred_role"] = json!(ROLE);
    claims["cognito:roles"] = json!([ROLE]);
    claims["exp"] =
        json!(crate::support::Issuer::shared().claims("", "id")["iat"].as_u64().unwrap() + seconds);
    let token = issuer.sign(&claims);
    let mut wire = Wire::connect(gate.proxy);
    let request = format!(
        "GET /api/socket HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {token}\r\n{HANDSHAKE}\r\n"
    );
    assert_eq!(wire.ask(request).status, 101);
    wire
}

fn ended(gate: &Gate, reason: &str) -> Option<f64> {
    gate.metric(&format!("poolgate_streams_ended_total{{reason=\"{reason}\"}}"))
}

#[test]
fn a_websocket_ends_with_its_token() {
    let upstream = echo();
    let gate = Gate::start(upstream.address, "");
    let mut lasting = open(&gate, "");
    let mut wire = open_for(&gate, 2);
    wire.send("a");
    says(&mut wire, "A");
    let (text, took) = rest(&mut wire);
    assert_eq!(text, "");
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(ended(&gate, "expired"), Some(1.0));
    lasting.send("b");
    says(&mut lasting, "B");
}

#[test]
fn it_goes_on_for_the_grace_that_is_configured() {
    let upstream = echo();
    let gate = Gate::start(upstream.address, "timeouts: { stream_grace: 2s }");
    let start = Instant::now();
    let mut wire = open_for(&gate, 1);
    let (text, _) = rest(&mut wire);
    assert_eq!(text, "");
    let took = start.elapsed();
    assert!(took > Duration::from_millis(1900) && took < Duration::from_secs(6), "{took:?}");
}

#[test]
fn a_reload_ends_those_that_it_would_not_permit_and_no_others() {
    let upstream = echo();
    let gate = Gate::start(upstream.address, "");
    let mut wire = open(&gate, "");
    let reload = |edit: &dyn Fn(String) -> String| {
        let role = gate.path("policies/roles/Tester.json");
        let generation = gate.metric("poolgate_generation").unwrap();
        fs::write(&role, edit(fs::read_to_string(&role).unwrap())).unwrap();
        gate.signal("HUP");
        eventually("not reloaded", || gate.metric("poolgate_generation") > Some(generation));
    };
    // Another statement id: the same right.
    reload(&|text| text.replace("\"Read\"", "\"ReadAll\""));
    sleep(Duration::from_millis(700));
    wire.send("a");
    says(&mut wire, "A");
    assert_eq!(ended(&gate, "withdrawn"), None);

    reload(&|text| text.replace("GET/api/*", "GET/api/elsewhere/*"));
    let (text, took) = rest(&mut wire);
    assert_eq!(text, "");
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(ended(&gate, "withdrawn"), Some(1.0));
    assert_eq!(Wire::connect(gate.proxy).ask(get("/api/socket", HANDSHAKE)).status, 403);
}

/// Events break off, so that nobody takes them for complete; what isn't a stream is none of this.
#[test]
fn events_that_were_asked_for_as_such_end_with_the_right_to_them() {
    let upstream = Scripted::start(|mut turn| {
        while turn.head().is_some() {
            turn.say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n");
            for _ in 0..60 {
                turn.say("7\r\ndata: 1\r\n");
                sleep(Duration::from_millis(100));
            }
        }
    });
    let gate = Gate::start(upstream.address, "");
    let ask = |accept: &str| {
        let mut wire = Wire::connect(gate.proxy);
        wire.send(get("/api/events", accept));
        wire
    };
    let (mut told, mut untold) = (ask("accept: text/event-stream\r\n"), ask(""));
    eventually("not in flight", || gate.metric("poolgate_requests_in_flight") == Some(2.0));
    sleep(Duration::from_millis(300));
    let pools = gate.path("policies/identity-pools/test.json");
    let text = fs::read_to_string(&pools).unwrap();
    fs::write(
        &pools,
        text.replace("\"IdentityPoolName\":\"test\"", "\"IdentityPoolName\":\"other\""),
    )
    .unwrap();
    gate.signal("HUP");
    // Nobody knows what the one asks for whose head didn't say it: it ends, and the other goes on.
    let (text, took) = rest(&mut untold);
    assert!(text.contains("data: 1") && !text.ends_with("0\r\n\r\n"), "{text}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(ended(&gate, "withdrawn"), Some(1.0));
    let mut some = [0; 1 << 16];
    assert!(std::io::Read::read(&mut told.stream, &mut some).unwrap() > 0);
    assert_eq!(gate.metric("poolgate_requests_in_flight"), Some(1.0));
}
