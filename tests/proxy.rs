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
