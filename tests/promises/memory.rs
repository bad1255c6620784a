//! P6: memory stays bounded under floods of whatever a caller can choose.

use std::{fs, thread};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::{
    setup::{Setup, get},
    support::{Backend, CLIENT, Gate, Issuer, ROLE, Wire},
};

/// A token of nearly the size that is still accepted.
fn token(number: usize) -> String {
    let issuer = Issuer::shared();
    let mut claims = issuer.claims(&format!("user-{number}"), "id");
    claims["aud"] = json!(CLIENT);
    claims["cognito:preferred_role"] = json!(ROLE);
    claims["cognito:roles"] = json!([ROLE]);
    for filler in 0..100 {
        claims[format!("custom:{filler}")] = json!(["some", "values", "of", "a claim"]);
    }
    issuer.sign(&claims)
}

/// Bytes in memory.
fn resident(gate: &Gate) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", gate.pid())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Every series but the process's own.
fn series(gate: &Gate) -> Vec<String> {
    let (_, text) = gate.admin("/metrics").unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.contains("process_"));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[test]
fn no_caller_can_add_a_series() {
    let backend = Backend::start();
    let gate = Setup::new(backend.address, "").start();
    let token = Issuer::shared().id_token("user", &[], Some(ROLE));
    // One of each kind of request that the flood has, for the series there may be.
    let flood = |number: usize| {
        let header = json!({ "alg": "RS256", "kid": format!("kid-{number}") }).to_string();
        let claims = Issuer::shared().claims("user", "id").to_string();
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let unknown =
            format!("{}.{}.{}", part(&header), part(&claims), URL_SAFE_NO_PAD.encode([7; 256]));
        let method: String = (0..4)
            .map(|digit| char::from(b'A' + (number / 26_usize.pow(digit) % 26) as u8))
            .collect();
        let good = get(&format!("/api/{number}?q={number}"), &token);
        [
            good.replace("host: gate", &format!("host: h{number}.example:{}", number + 1)),
            good.replace("host: gate", &format!("x-h-{number}: 1\r\nhost: gate")),
            good.replace("host: gate", &format!("x-bad_{number}: 1\r\nhost: gate")),
            good.replace("GET", &format!("X{method}")),
            good.replace("/api/", "/none/"),
            good.replace(
                "host: gate",
                &format!("x-forwarded-{number}: 1\r\nx-poolgate-{number}: 1\r\nhost: gate"),
            ),
            get("/api/x", &unknown),
            get("/api/x", &format!("junk-{number}")),
        ]
    };
    let send = |number: usize| {
        let mut wire = Wire::connect(gate.proxy);
        for request in flood(number) {
            wire.send(request);
            let ended = wire.answer().is_none_or(|answer| {
                answer.header("connection").is_some_and(|value| value == "close")
            });
            if ended {
                wire = Wire::connect(gate.proxy);
            }
        }
    };
    send(0);
    send(1);
    let before = series(&gate);
    assert!(before.len() > 20, "{before:#?}");
    for number in 2..150 {
        send(number);
    }
    assert_eq!(series(&gate), before);
}

#[test]
fn many_tokens_take_no_more_than_their_caches_may() {
    let backend = Backend::start();
    let gate = Setup::new(backend.address, "").start();
    let send = |range: std::ops::Range<usize>| {
        let mut wire = Wire::connect(gate.proxy);
        for number in range {
            assert_eq!(wire.ask(get("/api/x", &token(number))).status, 200, "{number}");
        }
    };
    let size = token(0).len() as u64;
    send(0..200);
    let before = resident(&gate);
    thread::scope(|scope| {
        let send = &send;
        scope.spawn(move || send(1_000..2_500));
        scope.spawn(move || send(3_000..4_500));
    });
    // Tokens and their claims as a tree come to more than the cache may hold.
    assert!(3_000 * size * 7 > TOKENS, "tokens of {size} bytes fill no cache");
    let held = gate.metric("poolgate_token_cache_bytes").unwrap();
    assert!(held > TOKENS as f64 / 2.0 && held <= TOKENS as f64, "{held}");
    let sessions = gate.metric("poolgate_session_cache_entries").unwrap();
    assert!(sessions > 1_000.0, "{sessions}");
    let grown = resident(&gate).saturating_sub(before);
    assert!(grown < 160 << 20, "grown by {} MiB", grown >> 20);
}

/// Bytes of verified tokens that are kept, with their sessions.
const TOKENS: u64 = 128 << 20;
