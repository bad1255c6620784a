//! The reverse proxy on real sockets: what reaches a backend, and what does not.

mod support;

use support::{Backend, Gate, Issuer, ROLE, Wire};

fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {token}\r\n\r\n")
}

#[test]
fn allowed_requests_arrive_with_the_callers_identity_and_denied_ones_never() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let issuer = Issuer::shared();
    let token = issuer.id_token("user-1", &["testers", "a,b"], Some(ROLE));
    let mut wire = Wire::connect(gate.proxy);

    let answer = wire.ask(get("/api/orders/1?q=1", &token));
    assert_eq!(answer.status, 200);
    let seen = backend.seen();
    assert_eq!(seen[0].line(), "GET /api/orders/1?q=1 HTTP/1.1");
    assert_eq!(seen[0].header("host"), ["gate"]);
    assert_eq!(seen[0].header("x-poolgate-subject"), ["user-1"]);
    assert_eq!(seen[0].header("x-poolgate-role"), [ROLE]);
    assert_eq!(seen[0].header("x-poolgate-groups"), ["testers,a%2Cb"]);
    assert_eq!(
        seen[0].header("x-poolgate-decision-id"),
        [answer.header("x-poolgate-decision-id").unwrap()]
    );

    let no_role = issuer.id_token("user-2", &[], None);
    for (request, status, reason) in [
        (get("/api/orders/1", "nonsense"), 401, "malformed"),
        (get("/api/orders/1", &no_role), 403, "ambiguous_role"),
        (get("/api/orders/1", &token).replace("GET", "DELETE"), 403, "implicit_deny"),
        (get("/other", &token), 404, "no_route"),
        ("GET /api/x HTTP/1.1\r\nhost: gate\r\n\r\n".to_owned(), 401, "missing_token"),
    ] {
        let answer = Wire::connect(gate.proxy).ask(&request);
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{request}");
    }
    assert_eq!(backend.count(), 1, "a denied request reached the backend");
}

#[test]
fn pages_that_rebind_their_name_read_nothing_of_the_admin_address() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    for (host, status) in [
        ("localhost", 200),
        ("localhost:9901", 200),
        ("127.0.0.1:9901", 200),
        ("[::1]", 200),
        ("attacker.example", 421),
        ("127.0.0.1.attacker.example", 421),
    ] {
        for path in ["/config", "/decisions"] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
            assert_eq!(Wire::connect(gate.admin).ask(request).status, status, "{host} {path}");
        }
        let request = format!("GET /livez HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(Wire::connect(gate.admin).ask(request).status, 200, "{host}");
    }
}

/// A page of another origin: what its browser asks, is told, and may read.
#[test]
fn pages_of_listed_origins_may_call_and_read_also_what_is_denied() {
    // What the backend says of pages itself doesn't stand beside it.
    let own = "access-control-allow-origin: *\r\naccess-control-allow-credentials: true\r\nvary: accept\r\n";
    let backend = Backend::saying(200, own, "ok");
    let route = format!(
        r#"  - {{ name: pages, service: execute-api, match: {{ path: /pages/ }}, engines: {{ iam: off }}, cors: {{ origins: ["https://app.example"], max_age: 60s }}, upstream: {{ url: "http://{}" }} }}"#,
        backend.address
    );
    let gate = Gate::start(backend.address, &route);
    let token = Issuer::shared().id_token("user-1", &[], Some(ROLE));
    let (app, other) = ("https://app.example", "https://evil.example");
    let preflight = |origin: &str, path: &str| {
        format!(
            "OPTIONS {path} HTTP/1.1\r\nhost: gate\r\norigin: {origin}\r\naccess-control-request-method: PUT\r\naccess-control-request-headers: authorization\r\n\r\n"
        )
    };
    let from = |origin: &str, request: String| {
        request.replacen("host: gate\r\n", &format!("host: gate\r\norigin: {origin}\r\n"), 1)
    };
    let mut wire = Wire::connect(gate.proxy);

    let asked = wire.ask(preflight(app, "/pages/x"));
    assert_eq!(asked.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", app),
        ("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("access-control-allow-headers", "authorization"),
        ("access-control-max-age", "60"),
    ] {
        assert_eq!(asked.header(name), Some(value), "{name}");
    }
    assert!(asked.header("x-poolgate-decision-id").is_some());
    assert_eq!(asked.header("access-control-allow-credentials"), None);
    let refused = wire.ask(preflight(other, "/pages/x"));
    assert_eq!((refused.status, refused.reason().as_str()), (403, "cors_origin_not_allowed"));
    assert_eq!(refused.header("access-control-allow-origin"), None);
    let without = wire.ask(preflight(app, "/api/x"));
    assert_eq!((without.status, without.reason().as_str()), (401, "missing_token"));
    assert_eq!(without.header("access-control-allow-origin"), None);
    assert_eq!(backend.count(), 0, "a preflight reached the backend");

    for (origin, may) in [(app, true), (other, false)] {
        for (token, status) in [(token.as_str(), 200), ("nonsense", 401)] {
            let answer = wire.ask(from(origin, get("/pages/x", token)));
            assert_eq!(answer.status, status);
            let readable = answer.header("access-control-allow-origin");
            assert_eq!(readable, may.then_some(app), "{origin} {status}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
            let varies = answer.head.to_ascii_lowercase().matches("vary: origin").count();
            assert_eq!(varies, 1, "{}", answer.head);
            let exposed = answer.header("access-control-expose-headers");
            assert_eq!(exposed.is_some_and(|e| e.contains("X-Poolgate-Decision-Id")), may);
        }
    }
    // A route that says nothing of it leaves the backend its own.
    let answer = wire.ask(from(other, get("/api/x", &token)));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let denied = wire.ask(from(other, get("/api/x", "nonsense")));
    assert_eq!(denied.header("access-control-allow-origin"), None);
}

#[test]
fn pages_of_listed_origins_use_s3_and_dynamodb_as_their_sdks_do() {
    let backend = Backend::start();
    let routes = format!(
        r#"  - {{ name: files, service: s3, match: {{ path: /files/ }}, cors: {{ origins: ["https://app.example"] }}, upstream: {{ url: "http://{0}" }} }}
  - {{ name: rows, service: dynamodb, match: {{ host: rows.example }}, cors: {{ origins: ["https://app.example"] }}, upstream: {{ url: "http://{0}" }} }}"#,
        backend.address
    );
    let gate = Gate::start(backend.address, &routes);
    let app = "https://app.example";
    let mut wire = Wire::connect(gate.proxy);
    let mut ask = |line: &str, host: &str, more: &str| {
        wire.ask(format!("{line} HTTP/1.1\r\nhost: {host}\r\n{more}\r\n"))
    };
    let preflight = |origin: &str, method: &str| {
        let signed = "authorization,x-amz-content-sha256,x-amz-date,x-amz-security-token,x-amz-target,x-amz-user-agent,amz-sdk-invocation-id,amz-sdk-request,content-type";
        format!(
            "origin: {origin}\r\naccess-control-request-method: {method}\r\naccess-control-request-headers: {signed}\r\n"
        )
    };
    for (line, host, method) in
        [("OPTIONS /files/a/b", "gate", "PUT"), ("OPTIONS /", "rows.example", "POST")]
    {
        let answer = ask(line, host, &preflight(app, method));
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some(app)));
        assert!(answer.header("access-control-allow-headers").unwrap().contains("x-amz-target"));
    }
    let refused = ask("OPTIONS /files/a/b", "gate", &preflight("https://evil.example", "PUT"));
    assert_eq!(refused.status, 403);
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(text.contains("<Code>AccessForbidden</Code>"), "{text}");
    // Denials can be read there, and there alone: DynamoDB's are for any page without `cors`.
    let scan = "x-amz-target: DynamoDB_20120810.ListTables\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n";
    let mut wire = Wire::connect(gate.proxy);
    for (origin, told) in [(app, Some(app)), ("https://evil.example", None)] {
        let get = ask("GET /files/a", "gate", &format!("origin: {origin}\r\n"));
        assert_eq!((get.status, get.header("access-control-allow-origin")), (403, told));
        let call =
            format!("POST / HTTP/1.1\r\nhost: rows.example\r\norigin: {origin}\r\n{scan}\r\n{{}}");
        let scan = wire.ask(call);
        assert_eq!((scan.status, scan.header("access-control-allow-origin")), (400, told));
    }
    assert_eq!(backend.count(), 0);
}
