//! Headers by which a caller would speak for a proxy or for the gate: the request goes through,
//! they don't.

use crate::{
    rig::{get, put},
    support::{Backend, Gate, ROLE, Seen, Wire},
};

#[test]
fn spoofed_headers_do_not_arrive() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let spoofed = [
        "x-poolgate-subject",
        "X-Poolgate-Role",
        "x-poolgate-groups",
        "x-poolgate-identity",
        "x-poolgate-decision-id",
        "x-poolgate-anything",
        "xpoolgate-role",
        "x-pool-gate-role",
        "X-PoolgateRole",
        "forwarded",
        "x-forwarded-for",
        "X-Forwarded-Host",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-forwarded-uri",
        "x-forwarded-prefix",
        "x-forwarded-method",
        "x-forwardedfor",
        "xforwarded-for",
        "x-real-ip",
        "x-realip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-remote-addr",
        "true-client-ip",
        "cf-connecting-ip",
        "x-http-method",
        "x-http-method-override",
        "x-httpmethodoverride",
        "x-method-override",
        "x-original-url",
        "x-original-method",
        "x-originalurl",
        "x-rewrite-url",
        "x-host",
        "x-http-host-override",
        "x-middleware-subrequest",
        "proxy",
        "x-envoy-original-path",
        "x-envoy-auth-failure-mode-allowed",
        "x-amzn-oidc-data",
        "x-amzn-oidc-identity",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "te",
    ];
    for name in spoofed {
        let answer = Wire::connect(gate.proxy).ask(get("/api/x", &format!("{name}: spoofed\r\n")));
        assert_eq!(answer.status, 200, "{name}: {}", answer.head);
        let seen: Seen = backend.seen().pop().unwrap();
        assert!(!seen.head.contains("spoofed"), "{name}: {}", seen.head);
        assert_eq!(seen.header("x-poolgate-subject"), ["user-1"], "{name}");
        assert_eq!(seen.header("x-poolgate-role"), [ROLE], "{name}");
        assert_eq!(seen.header("x-poolgate-groups"), ["testers"], "{name}");
        assert_eq!(seen.header("x-forwarded-for"), ["127.0.0.1"], "{name}");
        assert_eq!(seen.header("x-forwarded-host"), ["gate"], "{name}");
        assert_eq!(seen.header("x-forwarded-proto"), ["http"], "{name}");
    }
    assert_eq!(backend.count(), spoofed.len());
}

#[test]
fn what_connection_lists_goes_and_the_rest_arrives_as_sent() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let more = "connection: keep-alive, x-mine\r\nx-mine: 1\r\nx-other: a, b\r\nx-other: \t c \r\n\
                x-empty:\r\ncookie: a=1\r\ncookie: b=2\r\n";
    let answer = Wire::connect(gate.proxy).ask(get("/api/x/?b=%2e&a={1}&&=;", more));
    assert_eq!(answer.status, 200, "{}", answer.head);
    let seen = backend.seen().pop().unwrap();
    assert_eq!(seen.line(), "GET /api/x/?b=%2e&a={1}&&=; HTTP/1.1");
    assert_eq!(seen.header("x-mine"), [""; 0]);
    assert_eq!(seen.header("connection"), [""; 0]);
    assert_eq!(seen.header("x-other"), ["a, b", "c"]);
    assert_eq!(seen.header("x-empty"), [""]);
    assert_eq!(seen.header("cookie"), ["a=1", "b=2"]);
    assert_eq!(seen.header("authorization").len(), 1);
}

#[test]
fn an_absolute_target_that_agrees_with_host_arrives_in_origin_form() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let request = get("http://gate/api/x?y", "");
    assert_eq!(Wire::connect(gate.proxy).ask(request).status, 200);
    let seen = backend.seen().pop().unwrap();
    assert_eq!(seen.line(), "GET /api/x?y HTTP/1.1");
    assert_eq!(seen.header("host"), ["gate"]);
}

#[test]
fn the_upstream_is_sent_the_host_that_was_judged() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let old = |target: &str| get(target, "").replace("HTTP/1.1", "HTTP/1.0");
    for (request, host) in [
        (get("/api/x", "").replace("host: gate", "host: GATE.:0080"), "gate:80"),
        (old("http://Gate/api/x").replace("host: gate\r\n", ""), "gate"),
        (old("http://gate./api/x"), "gate"),
    ] {
        let answer = Wire::connect(gate.proxy).ask(&request);
        assert_eq!(answer.status, 200, "{request}: {}", answer.head);
        let seen = backend.seen().pop().unwrap();
        assert_eq!(seen.header("host"), [host], "{request}");
        assert_eq!(seen.header("x-forwarded-host"), [host], "{request}");
    }
}

#[test]
fn trailers_do_not_speak_for_the_gate() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let chunks = "5\r\nhello\r\n0\r\nx-poolgate-role: spoofed\r\nx-sum: spoofed\r\n\r\n";
    let head = "transfer-encoding: chunked\r\ntrailer: x-poolgate-role, x-sum\r\n";
    let mut wire = Wire::connect(gate.proxy);
    let answer = wire.ask(put(head, chunks));
    assert_eq!(answer.status, 200, "{}", answer.head);
    let seen = backend.seen().pop().unwrap();
    // The backend takes trailers for a part of the next chunk's line and fails on any.
    assert_eq!(seen.body, b"hello");
    assert_eq!(seen.header("trailer"), [""; 0]);
    assert_eq!(wire.ask(get("/api/next", "")).status, 200);
    assert_eq!(backend.seen().pop().unwrap().line(), "GET /api/next HTTP/1.1");
}
