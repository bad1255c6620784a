//! P7: under overload it sheds before the caller times out, and never answers wrongly.

use std::{
    io::Write,
    net::TcpStream,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::{
    server::{KeyServer, Keys, Server},
    setup::{Setup, get},
    support::{Backend, Issuer, ROLE, Wire},
};

fn token() -> String {
    Issuer::shared().id_token("user", &[], Some(ROLE))
}

#[test]
fn at_the_limit_new_connections_wait_and_get_right_answers() {
    let backend = Backend::start();
    let gate = Setup::new(backend.address, "limits: { connections: 4 }").start();
    let token = token();
    let mut held: Vec<Wire> = (0..4).map(|_| Wire::connect(gate.proxy)).collect();
    for wire in &mut held {
        assert_eq!(wire.ask(get("/api/x", &token)).status, 200);
    }
    assert_eq!(gate.metric("poolgate_connections"), Some(4.0));

    // The fifth waits; neither an answer nor a refusal comes while the four are open.
    let mut fifth = Wire::connect(gate.proxy);
    fifth.send(get("/api/fifth", &token));
    sleep(Duration::from_millis(300));
    assert_eq!(gate.metric("poolgate_connections"), Some(4.0));
    assert!(!backend.seen().iter().any(|seen| seen.line().contains("fifth")));
    // Those that have a place are served as ever, and so is the admin address.
    assert_eq!(held[0].ask(get("/api/x", &token)).status, 200);
    assert!(gate.is_ready());
    drop(held.pop());
    assert_eq!(fifth.answer().unwrap().status, 200);
    drop(held);
    drop(fifth);

    // Many more than fit, all at once: each gets its own answer.
    thread::scope(|scope| {
        for number in 0..40 {
            let (gate, token) = (&gate, &token);
            scope.spawn(move || {
                let (path, status) = if number % 2 == 0 { ("/api/x", 200) } else { ("/no", 404) };
                assert_eq!(Wire::connect(gate.proxy).ask(get(path, token)).status, status);
            });
        }
    });
}

#[test]
fn many_that_wait_for_a_hanging_issuer_are_denied_in_time() {
    let backend = Backend::start();
    let keys = KeyServer::with(&[Issuer::shared()]);
    let gate = Setup::new(backend.address, "").keys_from(&keys.url()).start();
    keys.turn(Keys::Hang);
    let fetched = keys.count();
    let token = Issuer::new("key-2").id_token("user", &[], Some(ROLE));
    let known = self::token();
    let wires: Vec<Wire> = (0..200)
        .map(|_| {
            let mut wire = Wire::connect(gate.proxy);
            wire.send(get("/api/x", &token));
            wire
        })
        .collect();
    let started = Instant::now();
    // Meanwhile others are served without delay.
    let mut served = Wire::connect(gate.proxy);
    for _ in 0..20 {
        assert_eq!(served.ask(get("/api/x", &known)).status, 200);
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    for mut wire in wires {
        let answer = wire.answer().unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (401, "unknown_key"));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(keys.count(), fetched + 1, "all waited for one fetch");
    assert_eq!(backend.count(), 20);
}

#[test]
fn slow_and_silent_callers_lose_their_place() {
    let backend = Backend::start();
    let gate = Setup::new(
        backend.address,
        "limits: { connections: 3 }\ntimeouts: { header: 300ms, idle: 400ms }",
    )
    .start();
    // One says nothing, one dribbles its head, one is idle after an answer.
    let silent = TcpStream::connect(gate.proxy).unwrap();
    let mut slow = TcpStream::connect(gate.proxy).unwrap();
    let mut idle = Wire::connect(gate.proxy);
    assert_eq!(idle.ask(get("/api/x", &token())).status, 200);
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(move || {
            for byte in get("/api/slow", &"a".repeat(200)).bytes() {
                sleep(Duration::from_millis(20));
                if slow.write_all(&[byte]).is_err() {
                    return;
                }
            }
        });
        assert_eq!(Wire::connect(gate.proxy).ask(get("/api/x", &token())).status, 200);
    });
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert!(idle.is_closed());
    drop(silent);
    assert_eq!(backend.count(), 2);
}

#[test]
fn an_upstream_that_never_answers_costs_its_callers_a_timeout_and_nobody_else() {
    let backend = Server::start(|seen, stream| {
        if seen.line().contains("/hang") {
            sleep(Duration::from_secs(20));
        }
        crate::server::answer(stream, "200 OK", "ok")
    });
    let gate = Setup::new(backend.address, "timeouts: { upstream_header: 600ms }").start();
    let token = token();
    let mut waiting: Vec<Wire> = (0..20).map(|_| Wire::connect(gate.proxy)).collect();
    for wire in &mut waiting {
        wire.send(get("/api/hang", &token));
    }
    let started = Instant::now();
    assert_eq!(Wire::connect(gate.proxy).ask(get("/api/x", &token)).status, 200);
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    for wire in &mut waiting {
        let answer = wire.answer().unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (504, "upstream_timeout"));
    }
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}
