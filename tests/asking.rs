//! The listener of those who only ask, over real HTTP/2: in time or not at all, and what a question
//! costs.
//!
//! ```sh
//! cargo test --release --test asking -- --include-ignored --nocapture
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may, and one measures"
)]

#[path = "asking/check.rs"]
mod check;
mod support;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use check::{Asker, Verdict};
use support::{Backend, Gate, Issuer, ROLE, Wire, free_port};

/// A gate that may be asked from this machine.
fn gate(backend: SocketAddr, edit: impl Fn(String) -> String) -> (Gate, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    Issuer::shared().write_jwks(&folder.path().join("jwks.json"));
    support::policies(folder.path());
    let (proxy, admin, asking) = (free_port(), free_port(), free_port());
    let text = support::configuration(proxy, admin, backend, "");
    let listener = format!("listen:\n  ext_authz: {{ address: \"{asking}\" }}\n");
    let text = edit(text.replacen("listen:\n", &listener, 1));
    std::fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
    (Gate::run(folder, proxy, admin), asking)
}

fn token(number: usize) -> String {
    Issuer::shared().id_token(&format!("user-{number}"), &["readers"], Some(ROLE))
}

#[tokio::test]
async fn allows_denies_and_asks_nothing_of_the_backend() {
    let backend = Backend::start();
    let (_gate, asking) = gate(backend.address, |text| text);
    let asker = Asker::connect(asking).await;
    let token = token(0);
    let patience = Duration::from_secs(10);
    assert_eq!(asker.check("GET", "/api/a", Some(&token), patience).await, Verdict::Allowed);
    assert_eq!(asker.check("POST", "/api/a", Some(&token), patience).await, Verdict::Denied(403));
    assert_eq!(asker.check("GET", "/api/a", None, patience).await, Verdict::Denied(401));
    assert_eq!(asker.check("GET", "/other", Some(&token), patience).await, Verdict::Denied(404));
    assert_eq!(backend.count(), 0);
}

/// A preflight is the upstream's to answer, or the proxy's: it is let through where the route has `cors`, and
/// nowhere else. What a page is told of a denial comes from here.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn preflights_are_let_through_where_the_route_has_cors() {
    let backend = Backend::start();
    let pages = format!(
        r#"  - {{ name: pages, service: execute-api, match: {{ path: /pages/ }}, engines: {{ iam: off }}, cors: {{ origins: ["https://app.example"] }}, upstream: {{ url: "http://{}" }} }}
"#,
        backend.address
    );
    let (_gate, asking) = gate(backend.address, |text| {
        let text = text.replacen("address: \"127", "dialects: [traefik], address: \"127", 1);
        format!("{}\n{pages}", text.trim_end())
    });
    let asker = Asker::connect(asking).await;
    let patience = Duration::from_secs(10);
    let app = ("origin", "https://app.example");
    let other = ("origin", "https://evil.example");
    let method = ("access-control-request-method", "PUT");
    for (path, origin, verdict) in [
        ("/pages/x", app, Verdict::Allowed),
        ("/pages/x", other, Verdict::Denied(403)),
        ("/api/x", app, Verdict::Denied(401)),
    ] {
        let found = asker.check_with(("OPTIONS", path), &[origin, method], patience).await;
        assert_eq!(found, verdict, "{path} {origin:?}");
    }

    let ask = |about: &str, origin: &str, more: &str| {
        let forwarded = "x-forwarded-host: gate\r\nx-forwarded-uri: /pages/x\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http";
        Wire::connect(asking).ask(format!(
            "GET /check/traefik HTTP/1.1\r\nhost: a\r\nx-forwarded-method: {about}\r\n{forwarded}\r\norigin: {origin}\r\n{more}\r\n"
        ))
    };
    let wanted = "access-control-request-method: PUT\r\n";
    assert_eq!(ask("OPTIONS", app.1, wanted).status, 200);
    let refused = ask("OPTIONS", other.1, wanted);
    assert_eq!((refused.status, refused.reason().as_str()), (403, "cors_origin_not_allowed"));
    let denied = ask("GET", app.1, "");
    assert_eq!((denied.status, denied.reason().as_str()), (401, "missing_token"));
    assert_eq!(denied.header("access-control-allow-origin"), Some(app.1));
    assert_eq!(denied.header("vary"), Some("Origin"));
    assert_eq!(ask("GET", other.1, "").header("access-control-allow-origin"), None);
    assert_eq!(backend.count(), 0);
}

/// Such a cookie can't be written into an answer, where a value is text: the answer would break, and a proxy
/// that lets through what failed would let it through (CVE-2023-27488).
#[tokio::test]
async fn a_cookie_that_is_no_text_is_denied() {
    let backend = Backend::start();
    let (gate, asking) = gate(backend.address, |text| text);
    let asker = Asker::connect(asking).await;
    let token = token(0);
    let patience = Duration::from_secs(10);
    for (cookie, verdict) in [
        (b"a=1; b=caf\xc3\xa9".as_slice(), Verdict::Allowed),
        (b"a=1; b=caf\xe9", Verdict::Denied(400)),
        (b"\xff", Verdict::Denied(400)),
        (b"b=\xc3", Verdict::Denied(400)),
    ] {
        let found = asker.check_cookie("/api/a", (&token, cookie), patience).await;
        assert_eq!(found, verdict, "{cookie:?}");
    }
    let refused = gate.metric("poolgate_request_rejects_total{reason=\"header_not_ascii\"}");
    assert_eq!(refused, Some(3.0));
}

/// Who may ask is asked of every question: a connection doesn't outlive its peer's admission.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_may_ask_no_more_is_answered_no_more() {
    let backend = Backend::start();
    let (gate, asking) = gate(backend.address, |text| text);
    let token = token(0);
    let asker = Asker::connect(asking).await;
    assert_eq!(asker.try_check("/api/a", &token).await, Some(Verdict::Allowed));
    let path = gate.path("poolgate.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let reload = async |from: &str| {
        let listener = format!("address: \"{asking}\"");
        let edited = text.replace(&listener, &format!("{listener}, from: [{from}]"));
        assert_ne!(edited, text);
        let before = gate.metric("poolgate_generation").unwrap();
        std::fs::write(&path, edited).unwrap();
        let started = Instant::now();
        while gate.metric("poolgate_generation").unwrap() <= before {
            assert!(started.elapsed() < Duration::from_secs(20), "not reloaded: {}", gate.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // Still admitted, by another line.
    reload("127.0.0.1").await;
    assert_eq!(asker.try_check("/api/a", &token).await, Some(Verdict::Allowed));
    reload("10.0.0.0/8").await;
    assert_eq!(asker.try_check("/api/a", &token).await, None);
    let started = Instant::now();
    while !asker.is_closed() {
        assert!(started.elapsed() < Duration::from_secs(5), "the connection lives on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let refused = gate.metric("poolgate_asked_in_vain_total{reason=\"source\"}");
    assert_eq!(refused, Some(1.0));
    reload("127.0.0.0/8").await;
    let asker = Asker::connect(asking).await;
    assert_eq!(asker.try_check("/api/a", &token).await, Some(Verdict::Allowed));
}

/// P7: a thread that is behind says so, and an allow that nobody waits for any more isn't given.
#[tokio::test]
async fn what_comes_too_late_is_not_allowed() {
    let backend = Backend::start();
    let (gate, asking) = gate(backend.address, |text| text);
    let asker = Asker::connect(asking).await;
    let token = token(0);
    let patience = Duration::from_millis(200);
    assert_eq!(
        asker.check("GET", "/api/a", Some(&token), Duration::from_secs(5)).await,
        Verdict::Allowed
    );
    gate.signal("STOP");
    // It may be answering still.
    while !check::is_stopped(gate.pid()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let questions: Vec<_> =
        (0..100).map(|_| asker.send("GET", "/api/a", Some(&token), patience)).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    gate.signal("CONT");
    let mut verdicts = Vec::new();
    for question in questions {
        verdicts.push(question.await);
    }
    // A denial as long as somebody waits for it.
    let undecided =
        |verdict: &Verdict| matches!(verdict, Verdict::Denied(503) | Verdict::Undecided(4));
    assert!(verdicts.iter().all(undecided), "{verdicts:?}");
    let shed = gate.metric("poolgate_asked_in_vain_total{reason=\"overload\"}").unwrap_or_default();
    let late = gate.metric("poolgate_asked_in_vain_total{reason=\"deadline\"}").unwrap_or_default();
    assert_eq!(shed + late, 100.0);
    // It has caught up.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(asker.check("GET", "/api/a", Some(&token), patience).await, Verdict::Allowed);
}

/// More questions at once than a thread can answer in time: each is answered in time, or refused.
#[tokio::test]
async fn under_overload_answers_come_in_time() {
    let backend = Backend::start();
    let (_gate, asking) = gate(backend.address, |text| text);
    let asker = Asker::connect(asking).await;
    // Every token new, so that every question costs a verification.
    let tokens: Vec<String> = (0..1000).map(token).collect();
    let patience = Duration::from_millis(50);
    let started = Instant::now();
    let questions: Vec<_> =
        tokens.iter().map(|token| asker.send("GET", "/api/a", Some(token), patience)).collect();
    let (mut allowed, mut refused) = (0, 0);
    for question in questions {
        match question.await {
            Verdict::Allowed => allowed += 1,
            Verdict::Undecided(_) | Verdict::Denied(503) => refused += 1,
            Verdict::Denied(status) => panic!("denied: {status}"),
        }
    }
    let took = started.elapsed();
    println!("{allowed} allowed, {refused} undecided, in {took:?}");
    assert_eq!(allowed + refused, 1000);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

// The client answers the server's goodbye while the test waits for its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_drain_ends_connections_and_answers_what_is_under_way() {
    let backend = Backend::start();
    let (mut gate, asking) = gate(backend.address, |text| {
        format!("{text}timeouts: {{ shutdown_delay: 200ms, drain: 5s }}\n")
    });
    let asker = Asker::connect(asking).await;
    let token = token(0);
    let patience = Duration::from_secs(5);
    assert_eq!(asker.check("GET", "/api/a", Some(&token), patience).await, Verdict::Allowed);
    let told = Instant::now();
    gate.signal("TERM");
    // Not ready any more, and still answering: the proxy goes by its health check.
    assert_eq!(asker.check("GET", "/api/a", Some(&token), patience).await, Verdict::Allowed);
    let status = gate.wait(Duration::from_secs(10)).expect("it ends");
    assert!(status.success());
    assert!(told.elapsed() < Duration::from_secs(4), "idle connections were waited for");
}

/// What one question costs in the sidecar, beside verifying its token's signature.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "a measurement of a release build; the command is above"]
async fn a_question_costs_less_than_a_signature() {
    let backend = Backend::start();
    let statements = check::statements(100);
    let (gate, asking) = gate(backend.address, |text| text);
    std::fs::write(gate.path("policies/roles/Tester.json"), check::role(&statements)).unwrap();
    gate.signal("HUP");
    let mut askers = Vec::new();
    for _ in 0..2 {
        askers.push(Asker::connect(asking).await);
    }
    let tokens: Vec<String> = (0..10_000).map(token).collect();
    let patience = Duration::from_secs(5);
    for (number, token) in tokens.iter().enumerate() {
        let asker = &askers[number % askers.len()];
        assert_eq!(asker.check("GET", "/api/a", Some(token), patience).await, Verdict::Allowed);
    }
    let verify = check::verification(&tokens[0]);
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let before = check::processor_time(gate.pid());
        let mut count = 0;
        for tokens in tokens.chunks(128) {
            let each = tokens.iter().enumerate();
            let questions: Vec<_> = each
                .map(|(n, token)| {
                    askers[n % askers.len()].send("GET", "/api/a", Some(token), patience)
                })
                .collect();
            for question in questions {
                assert_eq!(question.await, Verdict::Allowed);
                count += 1;
            }
        }
        let spent = check::processor_time(gate.pid()) - before;
        rounds.push(spent / count);
    }
    rounds.sort();
    let cost = rounds[rounds.len() / 2];
    let ratio = cost.as_secs_f64() / verify.as_secs_f64();
    println!("a question {cost:?}, a verification {verify:?}: {ratio:.2} of it");
    assert!(ratio < 0.6, "{rounds:?}");
}
