//! What is revoked is refused within a second, and a list that can't be read changes nothing and is visible.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    setup::{Setup, get},
    support::{Backend, Gate, Issuer, ROLE, Wire},
};

/// Puts `text` in the place of the list, at once.
fn put(folder: &Path, text: &str) {
    let draft = folder.join("draft.jsonl");
    fs::write(&draft, text).unwrap();
    fs::rename(draft, folder.join("revoked.jsonl")).unwrap();
}

fn setup(upstream: std::net::SocketAddr) -> Setup {
    Setup::new(upstream, "token: { revocations: revoked.jsonl }")
}

/// How long it took until the answer over `wire` had this status and reason.
fn until(wire: &mut Wire, request: &str, status: u16, reason: &str) -> Duration {
    let started = Instant::now();
    loop {
        let answer = wire.ask(request);
        if (answer.status, answer.reason().as_str()) == (status, reason) {
            return started.elapsed();
        }
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{} {}",
            answer.status,
            answer.reason()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn entries(gate: &Gate, kind: &str) -> Option<f64> {
    gate.metric(&format!("poolgate_revocations{{kind=\"{kind}\"}}"))
}

#[test]
fn a_token_in_use_is_refused_within_a_second_and_a_bad_list_changes_nothing() {
    let backend = Backend::start();
    let setup = setup(backend.address);
    put(setup.folder.path(), "");
    let gate = setup.start();
    let folder = gate.folder.path();
    let issuer = Issuer::shared();
    let request = |user: &str| get("/api/x", &issuer.id_token(user, &[], Some(ROLE)));
    let (first, second) = (request("user-1"), request("user-2"));
    let mut wire = Wire::connect(gate.proxy);
    for request in [&first, &second, &first] {
        assert_eq!(wire.ask(request).status, 200);
    }
    assert_eq!(entries(&gate, "sub"), Some(0.0));

    // Whatever was issued until now.
    let moment = || {
        let now = issuer.claims("", "id")["iat"].as_i64().unwrap();
        time::OffsetDateTime::from_unix_timestamp(now + 1)
            .unwrap()
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap()
    };
    let user = format!("{{\"sub\": \"user-1\", \"before\": \"{}\"}}\n", moment());
    put(folder, &user);
    let took = until(&mut wire, &first, 401, "token_revoked");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(wire.ask(&second).status, 200);
    assert_eq!(entries(&gate, "sub"), Some(1.0));
    assert!(gate.metric("poolgate_revocations_age_seconds").unwrap() < 2.0);

    // Half a file, and none: what was in force stays.
    let refused = |gate: &Gate| gate.metric("poolgate_revocations_refused") == Some(1.0);
    put(folder, &format!("{user}{{\"jti\": "));
    gate.wait_for("refusal", refused);
    gate.wait_for("line in the log", |gate| gate.log().contains("revoked.jsonl:2:"));
    fs::remove_file(folder.join("revoked.jsonl")).unwrap();
    gate.wait_for("refusal", refused);
    assert_eq!((wire.ask(&first).status, wire.ask(&second).status), (401, 200));
    // Nor does a reload bring back what was revoked.
    let before = gate.metric("poolgate_generation").unwrap();
    gate.signal("HUP");
    gate.wait_for("reload", |gate| gate.metric("poolgate_generation").unwrap() > before);
    assert_eq!((wire.ask(&first).status, wire.ask(&second).status), (401, 200));

    let role = format!("{{\"role\": \"{ROLE}\", \"before\": \"{}\"}}\n", moment());
    put(folder, &role);
    let took = until(&mut wire, &second, 403, "session_revoked");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(!refused(&gate));
    put(folder, "");
    until(&mut wire, &first, 200, "");
    assert_eq!(wire.ask(&second).status, 200);
}

#[test]
fn without_its_list_the_gate_does_not_start_and_check_and_explain_know_it() {
    let backend = Backend::start();
    let setup = setup(backend.address);
    let file = setup.write();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_poolgate")).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    let config = ["--config", file.to_str().unwrap()];
    for (command, code) in [("serve", 64), ("check", 1)] {
        let (status, text) = run(&[command, config[0], config[1]]);
        assert_eq!(status, Some(code), "{text}");
        assert!(text.contains("token.revocations: can't read"), "{text}");
    }
    put(setup.folder.path(), "{\"jti\": \"a\"}\n{\"sub\": \"user\"}\n");
    let (status, text) = run(&["check", config[0], config[1]]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("revoked.jsonl:2:1: needs `before`"), "{text}");

    let token = Issuer::shared().id_token("user", &[], Some(ROLE));
    put(setup.folder.path(), "{\"sub\": \"user\", \"before\": \"2100-01-01T00:00:00Z\"}\n");
    let (status, _) = run(&["check", config[0], config[1]]);
    assert_eq!(status, Some(0));
    let url = "http://gate/api/x";
    let (status, text) = run(&["explain", config[0], config[1], "--token", &token, "GET", url]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("token_revoked"), "{text}");
}
