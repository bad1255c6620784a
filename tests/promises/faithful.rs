//! P2: what is authorized is what is forwarded.

use serde_json::Value;

use crate::{
    setup::Setup,
    support::{Backend, Issuer, ROLE, Wire},
};

/// Targets that are accepted, and how they look decoded once.
const TARGETS: [(&str, &str); 18] = [
    ("/api/x", "/api/x"),
    ("/api/", "/api/"),
    ("/api/x/", "/api/x/"),
    ("/api/%78", "/api/x"),
    ("/api/%61%2Db", "/api/a-b"),
    ("/api/a%20b", "/api/a b"),
    ("/api/a+b", "/api/a+b"),
    ("/api/~!$&'()*,=:@", "/api/~!$&'()*,=:@"),
    ("/api/%E2%82%AC", "/api/\u{20ac}"),
    ("/api/%e2%82%ac", "/api/\u{20ac}"),
    ("/api/%2A", "/api/*"),
    ("/api/...", "/api/..."),
    ("/api/.hidden", "/api/.hidden"),
    ("/api/x?", "/api/x"),
    ("/api/x?a=1&a=2&b", "/api/x"),
    ("/api/x?p=%2e%2e%2F%2f&q=//..", "/api/x"),
    ("/api/x?u=http://other/api/?x=%25", "/api/x"),
    ("http://gate/api/x?absolute=1", "/api/x"),
];

#[test]
fn the_decision_is_about_the_very_bytes_the_backend_gets() {
    let backend = Backend::start();
    let gate = Setup::new(backend.address, "decision_log: { sink: file, path: decisions }").start();
    let token = Issuer::shared().id_token("user", &["a"], Some(ROLE));
    let mut wire = Wire::connect(gate.proxy);
    for (target, _) in TARGETS {
        let request = format!(
            "GET {target} HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {token}\r\n\
             x-poolgate-role: admin\r\nX-Poolgate-Subject: root\r\nx-custom: kept\r\n\
             x-forwarded-for: 9.9.9.9\r\nx-http-method-override: DELETE\r\n\
             connection: x-hop\r\nx-hop: 1\r\nkeep-alive: 5\r\nte: trailers\r\n\r\n"
        );
        assert_eq!(wire.ask(request).status, 200, "{target}");
    }
    let seen = backend.seen();
    assert_eq!(seen.len(), TARGETS.len());
    gate.wait_for("decisions", |gate| decisions(gate).len() == TARGETS.len());
    for ((target, decoded), (seen, decision)) in
        TARGETS.iter().zip(seen.iter().zip(decisions(&gate)))
    {
        let sent = target.strip_prefix("http://gate").unwrap_or(target);
        assert_eq!(seen.line(), format!("GET {sent} HTTP/1.1"));
        assert_eq!(decision["path"].as_str(), sent.split('?').next());
        let api = "arn:aws:execute-api:us-east-1:111122223333:testapi/test";
        assert_eq!(decision["checks"][0]["resource"], format!("{api}/GET{decoded}"));
        assert_eq!(decision["effect"], "allow");
        assert_eq!(
            seen.header("x-poolgate-decision-id"),
            [decision["decision_id"].as_str().unwrap()]
        );
        assert_eq!(seen.header("x-poolgate-role"), [ROLE]);
        assert_eq!(seen.header("x-poolgate-subject"), ["user"]);
        assert_eq!(seen.header("x-custom"), ["kept"]);
        assert_eq!(seen.header("x-forwarded-for"), ["127.0.0.1"]);
        for removed in ["x-http-method-override", "x-hop", "keep-alive", "te", "connection"] {
            assert_eq!(seen.header(removed), [""; 0], "{removed}");
        }
    }
}

#[test]
fn bodies_arrive_whole_however_they_are_framed() {
    let backend = Backend::start();
    let gate = Setup::new(backend.address, "").start();
    let token = Issuer::shared().id_token("user", &[], Some(ROLE));
    let mut wire = Wire::connect(gate.proxy);
    let long = "0123456789".repeat(30_000);
    let sized = |body: &str| format!("content-length: {}\r\n\r\n{body}", body.len());
    let chunked = |body: &str| {
        let size = body.len();
        format!("transfer-encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n")
    };
    for (line, framed, body) in [
        ("PUT /api/own", sized(""), ""),
        ("PUT /api/own", sized("hello"), "hello"),
        ("PUT /api/own", sized(&long), long.as_str()),
        ("PUT /api/own", chunked("hello"), "hello"),
        ("PUT /api/own", chunked(&long), long.as_str()),
        ("GET /api/x", sized("hello"), "hello"),
        ("GET /api/x", chunked("hello"), "hello"),
    ] {
        let head = format!("{line} HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {token}\r\n");
        assert_eq!(wire.ask(format!("{head}{framed}")).status, 200, "{line}");
        let seen = backend.seen().pop().unwrap();
        assert_eq!(seen.line(), format!("{line} HTTP/1.1"));
        assert!(
            seen.body == body.as_bytes(),
            "{line}: {} of {} bytes",
            seen.body.len(),
            body.len()
        );
    }
}

fn decisions(gate: &crate::support::Gate) -> Vec<Value> {
    let text = std::fs::read_to_string(gate.path("decisions")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
