//! Logs never hold a request up, never grow without bound, and count what they lose.

use std::{
    fs,
    io::Read,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    server::{Server, answer},
    setup::{Setup, get},
    support::{Backend, Gate, Issuer, ROLE, Wire},
};

fn token() -> String {
    Issuer::shared().id_token("user", &[], Some(ROLE))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn read(gate: &Gate, name: &str) -> Vec<Value> {
    lines(&fs::read_to_string(gate.path(name)).unwrap_or_default())
}

fn dropped(gate: &Gate, log: &str) -> f64 {
    gate.metric(&format!(r#"poolgate_log_records_dropped_total{{log="{log}"}}"#))
        .unwrap_or_default()
}

#[test]
fn standard_output_has_decisions_and_the_admin_address_the_last_of_them() {
    let backend = Backend::start();
    let gate = Setup::new(backend.address, "decision_log: { sink: stdout }").start();
    let mut wire = Wire::connect(gate.proxy);
    let allowed = wire.ask(get("/api/x?secret=1", &token()));
    let denied = wire.ask(get("/other", &token()));
    gate.wait_for("records", |gate| read(gate, "stdout").len() == 2);
    let records = read(&gate, "stdout");
    for (record, (answer, effect, path)) in
        records.iter().zip([(&allowed, "allow", "/api/x"), (&denied, "deny", "/other")])
    {
        assert_eq!(record["decision_id"].as_str(), answer.header("x-poolgate-decision-id"));
        assert_eq!(record["effect"], effect);
        assert_eq!(record["path"], path);
        assert_eq!(
            (record["door"].as_str(), record["generation"].as_u64()),
            (Some("proxy"), Some(1))
        );
    }
    assert_eq!((&records[0]["subject"], &records[0]["role"]), (&"user".into(), &ROLE.into()));
    assert_eq!(records[0]["statements"].as_array().unwrap().len(), 1);
    assert_eq!(records[1]["reason"], "no_route");

    let (status, text) = gate.admin("/decisions").unwrap();
    let recent: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &recent["logged"]), (200, &true.into()));
    assert_eq!(recent["decisions"], serde_json::json!([records[1], records[0]]));
}

#[test]
fn denials_alone_when_asked_and_a_line_of_access_for_every_answer() {
    let backend = Backend::start();
    let gate = Setup::new(
        backend.address,
        "decision_log: { sink: file, path: decisions, only: denials }\naccess_log: { sink: file, path: access }",
    )
    .start();
    let mut wire = Wire::connect(gate.proxy);
    assert_eq!(wire.ask(get("/api/x?q=1", &token())).status, 200);
    let denied = wire.ask(get("/other", &token()));
    gate.wait_for("records", |gate| {
        read(gate, "access").len() == 2 && !read(gate, "decisions").is_empty()
    });
    let decisions = read(&gate, "decisions");
    assert_eq!(decisions.len(), 1);
    assert_eq!(decisions[0]["decision_id"].as_str(), denied.header("x-poolgate-decision-id"));
    let access = read(&gate, "access");
    assert_eq!((&access[0]["status"], &access[0]["bytes"]), (&200.into(), &2.into()));
    assert_eq!((&access[0]["path"], &access[0]["route"]), (&"/api/x".into(), &"api".into()));
    assert_eq!((&access[1]["status"], &access[1]["route"]), (&404.into(), &"".into()));
    assert_eq!(access[1]["decision_id"], decisions[0]["decision_id"]);
}

#[test]
fn a_log_file_may_be_moved_away_and_may_fail() {
    let backend = Backend::start();
    let gate = Setup::new(backend.address, "decision_log: { sink: file, path: logs/decisions }");
    fs::create_dir(gate.path("logs")).unwrap();
    let gate = gate.start();
    let mut wire = Wire::connect(gate.proxy);
    let token = token();
    assert_eq!(wire.ask(get("/api/1", &token)).status, 200);
    gate.wait_for("a record", |gate| read(gate, "logs/decisions").len() == 1);
    fs::rename(gate.path("logs/decisions"), gate.path("logs/decisions.1")).unwrap();
    assert_eq!(wire.ask(get("/api/2", &token)).status, 200);
    gate.wait_for("a new file", |gate| read(gate, "logs/decisions").len() == 1);
    assert_eq!(read(&gate, "logs/decisions")[0]["path"], "/api/2");
    assert_eq!(read(&gate, "logs/decisions.1").len(), 1);

    fs::remove_dir_all(gate.path("logs")).unwrap();
    assert_eq!(wire.ask(get("/api/3", &token)).status, 200);
    gate.wait_for("the loss", |gate| dropped(gate, "decisions") == 1.0);
    let told = |line: &str| line.contains("being lost") && line.contains("logs/decisions");
    gate.wait_for("word of it", |gate| gate.log().lines().any(told));
}

#[test]
fn a_collector_gets_batches_and_nobody_waits_while_it_is_slow_or_down() {
    let backend = Backend::start();
    let pause = Arc::new(AtomicU64::new(0));
    let millis = Arc::clone(&pause);
    let collector = Server::start(move |_, stream| {
        sleep(Duration::from_millis(millis.load(Ordering::Relaxed)));
        answer(stream, "204 No Content", "")
    });
    let url = format!("http://{}/in", collector.address);
    let mut gate = Setup::new(
        backend.address,
        &format!(
            "decision_log: {{ sink: http, url: \"{url}\" }}\ntimeouts: {{ shutdown_delay: 0s }}"
        ),
    )
    .start();
    let mut wire = Wire::connect(gate.proxy);
    let token = token();
    assert_eq!(wire.ask(get("/api/1", &token)).status, 200);
    gate.wait_for("a batch", |_| collector.count() == 1);
    let first = &collector.seen()[0];
    assert_eq!(first.line(), "POST /in HTTP/1.1");
    assert_eq!(first.header("content-type"), ["application/x-ndjson"]);

    // Slow: requests don't wait, and what gathers meanwhile comes in one batch.
    pause.store(700, Ordering::Relaxed);
    let started = Instant::now();
    for _ in 0..100 {
        assert_eq!(wire.ask(get("/api/x", &token)).status, 200);
    }
    assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
    let records = || -> usize {
        let batches = collector.seen();
        batches.iter().map(|seen| lines(&String::from_utf8_lossy(&seen.body)).len()).sum()
    };
    gate.wait_for("all records", |_| records() == 101);
    assert!(collector.count() < 20, "{} batches", collector.count());

    // What is queued at the end is still sent, though the collector takes its time.
    for _ in 0..5 {
        assert_eq!(wire.ask(get("/api/last", &token)).status, 200);
    }
    gate.signal("TERM");
    assert_eq!(gate.wait(Duration::from_secs(5)).unwrap().code(), Some(0));
    assert_eq!(records(), 106);
}

#[test]
fn what_is_decided_in_the_last_moment_is_in_the_file() {
    let backend = Backend::start();
    let log = "decision_log: { sink: file, path: decisions }\ntimeouts: { shutdown_delay: 0s }";
    let mut gate = Setup::new(backend.address, log).start();
    let mut wire = Wire::connect(gate.proxy);
    let last = get("/api/last", &token()).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    assert_eq!(wire.ask(last).status, 200);
    gate.signal("TERM");
    assert_eq!(gate.wait(Duration::from_secs(5)).unwrap().code(), Some(0));
    assert_eq!(read(&gate, "decisions").len(), 1);
}

#[test]
fn a_collector_that_is_down_costs_records_and_they_are_counted() {
    let backend = Backend::start();
    let log = "decision_log: { sink: http, url: \"http://127.0.0.1:9/in\" }";
    let gate = Setup::new(backend.address, log).start();
    let mut wire = Wire::connect(gate.proxy);
    for _ in 0..50 {
        assert_eq!(wire.ask(get("/api/x", &token())).status, 200);
    }
    gate.wait_for("the loss", |gate| dropped(gate, "decisions") == 50.0);
    let (_, recent) = gate.admin("/decisions").unwrap();
    let recent: Value = serde_json::from_str(&recent).unwrap();
    assert_eq!(recent["decisions"].as_array().unwrap().len(), 50);
    assert_eq!(gate.log().matches("log records are being lost").count(), 1, "{}", gate.log());
}

/// Standard output and standard error may be pipes that nobody reads.
#[test]
fn pipes_that_nobody_reads_hold_no_request_up() {
    let backend = Backend::start();
    let setup = Setup::new(
        backend.address,
        "decision_log: { sink: stdout }\naccess_log: { sink: stdout }\ntimeouts: { shutdown_delay: 0s }",
    );
    let dead = setup.text.replace(&backend.address.to_string(), "127.0.0.1:9");
    fs::write(setup.path("poolgate.yaml"), dead).unwrap();
    // Two processes that never read what they are given.
    let mut readers: Vec<_> = (0..2)
        .map(|_| Command::new("sleep").arg("60").stdin(Stdio::piped()).spawn().unwrap())
        .collect();
    let pipes = [0, 1].map(|at| Stdio::from(readers[at].stdin.take().unwrap()));
    let (folder, proxy, admin) = (setup.folder, setup.proxy, setup.admin);
    let environment = [("POOLGATE_LOG", "trace")];
    let mut gate = Gate::spawn_with(folder, proxy, admin, &environment, pipes).await_ready();
    let token = token();
    let mut wire = Wire::connect(gate.proxy);
    // Each is logged three times: far more than a pipe's 64 KiB.
    for number in 0..600 {
        assert_eq!(wire.ask(get("/api/x", &token)).status, 502, "{number}");
    }
    gate.signal("TERM");
    let status = gate.wait(Duration::from_secs(15)).expect("an end in spite of the pipes");
    assert_eq!(status.code(), Some(0));
    for reader in &mut readers {
        reader.kill().unwrap();
        reader.wait().unwrap();
    }
}

#[test]
fn a_token_guards_the_admin_address_where_one_is_set() {
    let backend = Backend::start();
    let setup = Setup::new(backend.address, "admin: { token: { file: admin-token } }");
    fs::write(setup.path("admin-token"), "letmein\n").unwrap();
    let gate = setup.start();
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(gate.admin(path).unwrap().0, 200, "{path}");
    }
    for path in ["/config", "/decisions"] {
        assert_eq!(gate.admin(path).unwrap().0, 401, "{path}");
        for (given, status) in [("letmein", 200), ("letmeout", 401), ("letmein2", 401), ("", 401)] {
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {given}\r\n\r\n");
            assert_eq!(Wire::connect(gate.admin).ask(request).status, status, "{path} {given}");
        }
    }
    let mut text = String::new();
    fs::File::open(gate.path("stderr")).unwrap().read_to_string(&mut text).unwrap();
    assert!(!text.contains("letme"), "{text}");
    for (method, status) in [("POST", 405), ("DELETE", 405), ("PUT", 405)] {
        let request = format!("{method} /config HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(Wire::connect(gate.admin).ask(request).status, status, "{method}");
    }
    assert_eq!(gate.admin("/nothing").unwrap().0, 404);
}
