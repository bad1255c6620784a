//! P4: with the identity provider down, known keys keep working; new keys are found, removed ones
//! end, and nobody can make the gate hammer its issuer.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::{
    server::{KeyServer, Keys},
    setup::{Setup, get},
    support::{Backend, Gate, Issuer, POOL, ROLE, Wire},
};

fn ask(gate: &Gate, token: &str) -> (u16, String) {
    let answer = Wire::connect(gate.proxy).ask(get("/api/x", token));
    (answer.status, answer.reason())
}

fn unknown_key() -> (u16, String) {
    (401, "unknown_key".to_owned())
}

/// A token that names a key and isn't signed by it.
fn naming(kid: &str) -> String {
    let claims = Issuer::shared().claims("user", "id");
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let header = part(json!({ "alg": "RS256", "kid": kid }).to_string());
    format!("{header}.{}.{}", part(claims.to_string()), URL_SAFE_NO_PAD.encode([7; 256]))
}

/// `poolgate_keys_refreshes` of a result.
fn refreshes(gate: &Gate, result: &str) -> f64 {
    let series = format!(r#"poolgate_keys_refreshes{{issuer="{POOL}",result="{result}"}}"#);
    gate.metric(&series).unwrap_or_default()
}

#[test]
fn known_keys_outlive_every_way_an_issuer_fails() {
    let issuer = Issuer::shared();
    let good = Issuer::jwks(&[issuer]);
    let elsewhere = KeyServer::with(&[issuer]);
    let faults = [
        (Keys::Down, "unreachable"),
        (Keys::Hang, "timed_out"),
        (Keys::Status("500 Internal Server Error"), "status"),
        (Keys::Status("200 OK"), "not_jwk_set"),
        (Keys::Text("<html>maintenance</html>".to_owned()), "not_jwk_set"),
        (Keys::Text(good[..good.len() / 2].to_owned()), "not_jwk_set"),
        (Keys::Text(r#"{"keys":[]}"#.to_owned()), "no_usable_key"),
        (
            Keys::Text(r#"{"keys":[{"kty":"oct","kid":"key-1","k":"AAAA"}]}"#.to_owned()),
            "no_usable_key",
        ),
        (Keys::Truncated(good.clone()), "unreachable"),
        (Keys::Redirect(elsewhere.url()), "redirected"),
        (Keys::Text(format!("{good}{}", " ".repeat(300_000))), "too_large"),
    ];
    let followed = elsewhere.count();
    thread::scope(|scope| {
        for (fault, reason) in &faults {
            scope.spawn(move || {
                let backend = Backend::start();
                let keys = KeyServer::with(&[issuer]);
                let gate = Setup::new(backend.address, "").keys_from(&keys.url()).start();
                let token = issuer.id_token("user", &[], Some(ROLE));
                keys.turn(fault.clone());
                assert_eq!(ask(&gate, &naming("nobody's")), unknown_key(), "{fault:?}");
                gate.wait_for("count of the failure", |gate| refreshes(gate, reason) == 1.0);
                assert_eq!(ask(&gate, &token).0, 200, "{fault:?}");
                assert_eq!(ask(&gate, &issuer.id_token("new", &[], Some(ROLE))).0, 200);
                assert!(gate.is_ready(), "{fault:?}");
                let held = gate.metric(&format!(r#"poolgate_keys{{issuer="{POOL}"}}"#));
                assert_eq!(held, Some(1.0), "{fault:?}");
            });
        }
    });
    assert_eq!(elsewhere.count(), followed, "a redirect was followed");
}

#[test]
fn a_key_file_that_goes_costs_no_key_and_the_log_says_why() {
    let backend = Backend::start();
    let gate = Setup::new(backend.address, "").start();
    fs::remove_file(gate.path("jwks.json")).unwrap();
    let told =
        |line: &str| line.contains("keys were not refreshed") && line.contains("No such file");
    gate.wait_for("word of it", |gate| gate.log().lines().any(told));
    assert_eq!(ask(&gate, &Issuer::shared().id_token("user", &[], Some(ROLE))).0, 200);
}

#[test]
fn a_rotation_is_found_at_once_and_a_removed_key_ends() {
    let backend = Backend::start();
    let (old, new) = (Issuer::shared(), Issuer::new("key-2"));
    let keys = KeyServer::with(&[old]);
    let gate = Setup::new(backend.address, "").keys_from(&keys.url()).start();
    let of_old = old.id_token("user", &[], Some(ROLE));
    let of_new = new.id_token("user", &[], Some(ROLE));
    assert_eq!(ask(&gate, &of_old).0, 200);

    keys.turn(Keys::Good(Issuer::jwks(&[old, &new])));
    let before = keys.count();
    assert_eq!(ask(&gate, &of_new).0, 200);
    assert_eq!(keys.count(), before + 1);
    assert_eq!(ask(&gate, &of_new).0, 200);
    assert_eq!(ask(&gate, &of_old).0, 200, "the old key still counts");
    assert_eq!(keys.count(), before + 1);

    // The old key is withdrawn; a third brings the news, and cached tokens don't stand either.
    let third = Issuer::new("key-3");
    keys.turn(Keys::Good(Issuer::jwks(&[&new, &third])));
    assert_eq!(ask(&gate, &third.id_token("user", &[], Some(ROLE))).0, 200);
    assert_eq!(ask(&gate, &of_old), unknown_key());
    assert_eq!(ask(&gate, &of_new).0, 200);
}

#[test]
fn a_flood_of_made_up_key_ids_costs_the_issuer_one_fetch() {
    let backend = Backend::start();
    let issuer = Issuer::shared();
    let keys = KeyServer::with(&[issuer]);
    let gate = Setup::new(backend.address, "").keys_from(&keys.url()).start();
    let before = keys.count();
    let started = Instant::now();
    let known = issuer.id_token("user", &[], Some(ROLE));
    thread::scope(|scope| {
        for client in 0..4 {
            let gate = &gate;
            scope.spawn(move || {
                let mut wire = Wire::connect(gate.proxy);
                for number in 0..100 {
                    let answer = wire.ask(get("/api/x", &naming(&format!("{client}-{number}"))));
                    assert_eq!((answer.status, answer.reason()), unknown_key());
                }
            });
        }
        for _ in 0..20 {
            assert_eq!(ask(&gate, &known).0, 200);
        }
    });
    let fetched = keys.count() - before;
    assert!(started.elapsed() < Duration::from_secs(9), "too slow to tell");
    assert_eq!(fetched, 1);
}
