//! P5: SIGTERM drains.

use std::{
    io::Write,
    net::TcpStream,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::{
    server::{Server, answer},
    setup::{Setup, get},
    support::{Answer, Backend, Gate, Issuer, ROLE, Wire},
};

fn token() -> String {
    Issuer::shared().id_token("user", &[], Some(ROLE))
}

fn upload(token: &str, length: usize) -> String {
    format!(
        "PUT /api/own HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {token}\r\n\
         content-length: {length}\r\n\r\n"
    )
}

fn says_close(answer: &Answer) -> bool {
    answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

/// Asks for `/api/x` until `end`, on a new connection whenever the last one was ended; says how
/// many answers there were. Every one must come.
fn load(gate: &Gate, token: &str, end: Instant) -> usize {
    let mut answers = 0;
    let mut wire = Wire::connect(gate.proxy);
    while Instant::now() < end {
        wire.send(get("/api/x", token));
        let answer = wire.answer().expect("a request was lost");
        assert_eq!(answer.status, 200);
        answers += 1;
        if says_close(&answer) {
            wire = Wire::connect(gate.proxy);
        }
        sleep(Duration::from_millis(2));
    }
    answers
}

#[test]
fn what_was_accepted_is_finished_and_nothing_is_lost() {
    // Answers slowly: a byte every 60 ms, twenty of them.
    let backend = Server::start(|seen, stream| {
        if !seen.line().contains("/slow") {
            return answer(stream, "200 OK", "ok");
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n")?;
        for _ in 0..20 {
            sleep(Duration::from_millis(60));
            stream.write_all(b"x")?;
        }
        Ok(())
    });
    let mut gate =
        Setup::new(backend.address, "timeouts: { shutdown_delay: 600ms, drain: 10s }").start();
    let token = token();
    let (down, up, idle) = thread::scope(|scope| {
        let gate = &gate;
        let token = &token;
        let mut idle = Wire::connect(gate.proxy);
        assert_eq!(idle.ask(get("/api/x", token)).status, 200);
        let mut download = Wire::connect(gate.proxy);
        download.send(get("/api/slow", token));
        let mut upload_wire = Wire::connect(gate.proxy);
        upload_wire.send(upload(token, 20));
        let down = scope.spawn(move || download.answer().expect("the slow download was lost"));
        let up = scope.spawn(move || {
            for _ in 0..20 {
                sleep(Duration::from_millis(60));
                upload_wire.send("y");
            }
            upload_wire.answer().expect("the slow upload was lost")
        });
        // A balancer takes the gate off its list within the delay.
        let end = Instant::now() + Duration::from_millis(700);
        let clients: Vec<_> = (0..3).map(|_| scope.spawn(move || load(gate, token, end))).collect();
        sleep(Duration::from_millis(200));

        gate.signal("TERM");
        let told = Instant::now();
        gate.wait_for("unreadiness", |gate| gate.admin("/readyz").unwrap().0 == 503);
        assert!(told.elapsed() < Duration::from_millis(300), "{:?}", told.elapsed());
        let late = Wire::connect(gate.proxy).ask(get("/api/x", token));
        assert_eq!(late.status, 200, "still serving");
        assert!(says_close(&late), "{}", late.head);
        for client in clients {
            assert!(client.join().unwrap() > 50);
        }
        (down.join().unwrap(), up.join().unwrap(), idle)
    });
    assert_eq!((down.status, down.body.len()), (200, 20));
    assert_eq!(up.status, 200);
    let seen = backend.seen();
    let uploaded = seen.iter().find(|seen| seen.line().starts_with("PUT")).unwrap();
    assert_eq!(uploaded.body, "y".repeat(20).into_bytes());

    let status = gate.wait(Duration::from_secs(3)).expect("an end before that of the drain");
    assert_eq!(status.code(), Some(0));
    let mut idle = idle;
    assert!(idle.is_closed(), "an idle connection is closed");
    assert!(TcpStream::connect(gate.proxy).is_err());
}

#[test]
fn a_stuck_exchange_does_not_outlive_the_drain() {
    let backend = Server::start(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nx")?;
        sleep(Duration::from_secs(30));
        Ok(())
    });
    let mut gate =
        Setup::new(backend.address, "timeouts: { shutdown_delay: 0s, drain: 500ms }").start();
    let mut stuck = Wire::connect(gate.proxy);
    stuck.send(get("/api/x", &token()));
    let mut silent = TcpStream::connect(gate.proxy).unwrap();
    silent.write_all(b"GET /api/x HT").unwrap();
    gate.wait_for("request", |_| backend.count() == 1);
    gate.signal("TERM");
    let told = Instant::now();
    let status = gate.wait(Duration::from_secs(4)).expect("an end soon after that of the drain");
    assert_eq!(status.code(), Some(0));
    assert!(told.elapsed() >= Duration::from_millis(450), "{:?}", told.elapsed());
}

#[test]
fn a_second_interrupt_skips_the_delay_and_a_second_sigterm_changes_nothing() {
    let backend = Backend::start();
    let mut gate = Setup::new(backend.address, "timeouts: { shutdown_delay: 20s }").start();
    gate.signal("TERM");
    gate.wait_for("unreadiness", |gate| gate.admin("/readyz").unwrap().0 == 503);
    gate.signal("TERM");
    sleep(Duration::from_millis(300));
    assert!(gate.wait(Duration::ZERO).is_none(), "a second SIGTERM must not cut the delay");
    assert_eq!(Wire::connect(gate.proxy).ask(get("/api/x", &token())).status, 200);
    gate.signal("INT");
    let status = gate.wait(Duration::from_secs(3)).expect("an end without the delay");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn it_leaves_before_it_was_ever_ready() {
    let backend = Backend::start();
    let setup = Setup::new(backend.address, "timeouts: { shutdown_delay: 0s }");
    let mut gate = setup.keys_from("http://127.0.0.1:9/keys").spawn(&[]);
    gate.wait_for("admin address", |gate| gate.admin("/livez").is_some());
    gate.signal("TERM");
    let status = gate.wait(Duration::from_secs(3)).expect("an end");
    assert_eq!(status.code(), Some(0));
}
