//! `poolgate load` on real sockets: against a backend, and against the gate.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use support::{Backend, Gate, Issuer, ROLE, free_port};

fn load(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolgate"));
    command.arg("load").args(arguments).args(["--warmup", "0s"]).stdin(Stdio::null());
    command.env_remove("AWS_ACCESS_KEY_ID").output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn every_request_of_the_rate_is_sent_and_reported() {
    let (backend, folder) = (Backend::start(), tempfile::tempdir().unwrap());
    let [report, page] = ["report.json", "report.html"].map(|name| folder.path().join(name));
    let url = format!("http://{}/orders?x=1", backend.address);
    let output = load(&[
        &url,
        "--rate",
        "200/s",
        "--duration",
        "1s",
        "--connections",
        "4",
        "--progress",
        "--json",
        report.to_str().unwrap(),
        "--html",
        page.to_str().unwrap(),
        "--fail-if",
        "errors>0",
        "--fail-if",
        "p50 > 9s",
        "--fail-if",
        "rate<10%",
    ]);
    let text = said(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}{}", said(&output.stderr));
    let seen = backend.seen();
    assert_eq!(seen.len(), 200);
    assert!(seen.iter().all(|request| request.line() == "GET /orders?x=1 HTTP/1.1"));
    assert_eq!(seen[0].header("host"), [backend.address.to_string()]);
    let report = json(&report);
    assert_eq!((&report["requests"], &report["answered"]), (&200.into(), &200.into()));
    assert_eq!(
        (&report["statuses"]["200"], &report["bytes"]["received"]),
        (&200.into(), &400.into())
    );
    assert_eq!((&report["loop"], &report["passed"]), (&"open".into(), &true.into()));
    assert!(report["latency_ms"]["p50"].as_f64().unwrap() > 0.0, "{report:#}");
    assert!(
        text.contains("200, of which 200 answered") && text.contains("held       errors>0 (0)"),
        "{text}"
    );
    let page = fs::read_to_string(page).unwrap();
    assert_eq!((page.matches("<svg").count(), page.matches("<script").count()), (3, 0));
}

#[test]
fn a_crossed_threshold_is_exit_code_1() {
    let backend = Backend::answering(500, "no");
    let url = format!("http://{}/", backend.address);
    let fast = ["--rate", "max", "--duration", "300ms", "--connections", "2"];
    let output = load(&[&[&url as &str, "--fail-if", "errors>0.1%"], &fast[..]].concat());
    let text = said(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("closed loop") && text.contains("(100.000 %)  status: "), "{text}");
    assert!(text.contains("CROSSED    errors>0.1% (100.000 %)"), "{text}");
    // Nobody minds.
    let output = load(&[&[&url as &str], &fast[..]].concat());
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn who_cannot_be_asked_is_told_and_not_waited_for() {
    let began = Instant::now();
    let refused = load(&[&format!("http://{}/", free_port()), "--duration", "60s"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused.stderr).contains("can't connect to http://127.0.0.1:"), "{refused:?}");
    // It takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let output = load(&[
        &url,
        "--rate",
        "10/s",
        "--duration",
        "500ms",
        "--timeout",
        "300ms",
        "--connections",
        "1",
    ]);
    let text = said(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("5, of which 0 answered") && text.contains("timeout: "), "{text}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn users_take_turns_at_the_gate_and_the_mix_says_what_to_expect() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let (tokens, mix) = (gate.path("tokens"), gate.path("mix.yaml"));
    let token = |user: &str| Issuer::shared().id_token(user, &["testers"], Some(ROLE));
    let all = ["ann", "ben", "cid"].map(token).join("\n");
    fs::write(&tokens, &all).unwrap();
    let text = "requests:\n\
                \x20 - { name: read, weight: 3, path: \"/x/{n}?user={user}\" }\n\
                \x20 - { name: denied, method: PUT, path: /other, body: \"{n}\", expect: 403 }\n";
    fs::write(&mix, text).unwrap();
    let report = gate.path("report.json");
    let url = format!("http://{}/api/", gate.proxy);
    let output = load(&[
        &url,
        "--rate",
        "100/s",
        "--duration",
        "1s",
        "--token-file",
        tokens.to_str().unwrap(),
        "--requests",
        mix.to_str().unwrap(),
        "--json",
        report.to_str().unwrap(),
        "--fail-if",
        "errors>0",
        "--progress",
    ]);
    let text = said(&output.stdout) + &said(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for token in all.lines() {
        assert!(!text.contains(token) && !fs::read_to_string(&report).unwrap().contains(token));
    }
    let report = json(&report);
    let allowed = report["statuses"]["200"].as_u64().unwrap();
    assert!((55..95).contains(&allowed), "{report:#}");
    assert_eq!(report["statuses"]["403"], 100 - allowed);
    assert_eq!(report["mix"][0]["requests"], allowed);
    let seen = backend.seen();
    assert_eq!(seen.len() as u64, allowed);
    let users: BTreeSet<_> = seen.iter().flat_map(|s| s.header("x-poolgate-subject")).collect();
    assert_eq!(users.into_iter().collect::<Vec<_>>(), ["ann", "ben", "cid"]);
    let first = seen.iter().find(|s| s.header("x-poolgate-subject") == ["ann"]).unwrap();
    assert!(first.line().ends_with("?user=1 HTTP/1.1"), "{}", first.line());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mix = folder.path().join("mix.yaml");
    fs::write(&mix, "requests:\n  - { path: /x, wieght: 2 }\n").unwrap();
    let (url, mix) = ("http://127.0.0.1:1/", mix.to_str().unwrap());
    for (arguments, code, message) in [
        (&[url, "--rate", "fast"][..], 2, "must be a rate"),
        (&[url, "--fail-if", "p99>20"], 2, "must be such as"),
        (&[url, "--rate", "max", "--fail-if", "rate<95%"], 2, "no rate to be a share of"),
        (&["ftp://127.0.0.1/"], 2, "must be a URL"),
        (&["http://user:secret@127.0.0.1/"], 2, "without a user name"),
        (&[url, "--token-file", "/none"], 2, "/none: "),
        (&[url, "--users", "3"], 2, "--users needs users"),
        (&[url, "--sigv4", "us-east-1/s3"], 2, "AWS_ACCESS_KEY_ID"),
        (&[url, "--sigv4", "us-east-1/s3", "--demo"], 2, "together"),
        (&[url, "--sign-in", url], 2, "--credentials-file"),
        (&[url, "--duration", "0s"], 2, "more than nothing"),
        (&[url, "--requests", mix], 64, "mix.yaml:2:17: requests[0]: `wieght` is not a field"),
        (&[url, "--demo", "--users", "1"], 1, "user 1: no answer from"),
    ] {
        let output = load(arguments);
        let text = said(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(message), "{arguments:?}: {text}");
        assert!(!text.contains("secret@"), "{text}");
    }
}

#[test]
fn an_interrupt_ends_it_with_a_report() {
    let backend = Backend::start();
    let url = format!("http://{}/", backend.address);
    let mut child = Command::new(env!("CARGO_BIN_EXE_poolgate"))
        .args(["load", &url, "--rate", "100/s", "--duration", "1h", "--warmup", "0s"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while backend.count() < 50 {
        assert!(Instant::now() < end, "nothing is sent");
        sleep(Duration::from_millis(20));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            let _ = child.kill();
            panic!("it goes on");
        }
        sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let text = said(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("ended early") && text.contains("errors     0"), "{text}");
}
