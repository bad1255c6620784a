//! What is allowed arrives as it was authorized, and signed anew.

use std::time::Duration;

use super::client::{BACKEND_KEY, Caller, Payload, Request, code, gate, send, sha256};
use crate::support::{Backend, Issuer, ROLE, Wire};

#[test]
fn an_upload_arrives_with_the_backends_signature_and_none_of_the_callers() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let body = b"some bytes".repeat(20_000);
    let request = Request::new("PUT", "/files/own/a%20file.txt?x-id=PutObject")
        .with("content-type", "text/plain")
        .with("x-amz-meta-note", "kept")
        .signing(&body);
    let mut wire = Wire::connect(gate.proxy);
    let head = caller.head(&request);
    let forged =
        "x-poolgate-role: arn:aws:iam::111122223333:role/Forged\r\ncookie: session=secret\r\n";
    wire.send(format!("{head}{forged}content-length: {}\r\n\r\n", body.len()));
    wire.send(&body);
    let answer = wire.answer().unwrap();
    assert_eq!((answer.status, code(&answer).as_str()), (200, "ok"));
    let seen = backend.seen();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(seen.line(), "PUT /files/own/a%20file.txt HTTP/1.1");
    assert_eq!(seen.body, body);
    assert_eq!(seen.header("x-amz-content-sha256"), [sha256(&body)]);
    assert_eq!(seen.header("content-length"), [body.len().to_string()]);
    assert_eq!(seen.header("content-type"), ["text/plain"]);
    assert_eq!(seen.header("x-amz-meta-note"), ["kept"]);
    assert_eq!(seen.header("host"), [backend.address.to_string()]);
    assert_eq!(seen.header("x-poolgate-role"), ["arn:aws:iam::111122223333:role/Tester"]);
    assert_eq!(seen.header("x-poolgate-subject"), ["user"]);
    let authorization = seen.header("authorization");
    assert_eq!(authorization.len(), 1);
    assert!(authorization[0].contains(&format!("Credential={BACKEND_KEY}/")), "{authorization:?}");
    for name in ["x-amz-security-token", "cookie"] {
        assert!(seen.header(name).is_empty(), "{name}");
    }
    for secret in [&caller.access_key_id, &caller.session_token, &caller.secret] {
        assert!(!seen.head.contains(secret.as_str()));
    }
}

/// P1 and the held-back tail: the backend is left with less than it was promised.
#[test]
fn a_body_that_is_not_the_signed_one_is_never_whole_at_the_backend() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    for size in [1, 100, 70_000, 3_000_000] {
        let signed = vec![b'a'; size];
        let mut sent = signed.clone();
        *sent.last_mut().unwrap() = b'b';
        let request = Request::new("PUT", "/files/own/x").signing(&signed);
        let answer = send(&gate, &caller, &request, &sent);
        let found = (answer.status, code(&answer));
        assert_eq!(found, (400, "XAmzContentSHA256Mismatch".to_owned()), "{size}");
    }
    // None at all, where one was signed.
    let request = Request::new("PUT", "/files/own/x").signing(b"something");
    let answer = send(&gate, &caller, &request, b"");
    assert_eq!((answer.status, code(&answer).as_str()), (400, "XAmzContentSHA256Mismatch"));
    assert_eq!(backend.count(), 0);
}

/// Policies may ask for the hash, wherever it is stated: it is proven, or the body isn't forwarded.
#[test]
fn a_hash_in_the_query_is_proven_like_one_in_a_header() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let token = Issuer::shared().id_token("user", &["testers"], Some(ROLE));
    let put = |body: &str| {
        let mut wire = Wire::connect(gate.proxy);
        wire.send(format!(
            "PUT /files/own/x?X-Amz-Content-Sha256={} HTTP/1.1\r\nhost: gate.example\r\n\
             authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
            sha256(b"promised"),
            body.len()
        ));
        wire.answer().unwrap()
    };
    let answer = put("anything");
    assert_eq!((answer.status, code(&answer).as_str()), (400, "XAmzContentSHA256Mismatch"));
    assert_eq!(backend.count(), 0);
    assert_eq!(put("promised").status, 200);
    assert_eq!(backend.seen()[0].body, b"promised");
}

#[test]
fn an_unsigned_body_goes_on_as_it_is() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let request = Request { payload: Payload::Unsigned, ..Request::new("PUT", "/files/own/x") };
    let answer = send(&gate, &caller, &request, b"anything");
    assert_eq!(answer.status, 200);
    let seen = backend.seen();
    assert_eq!(seen[0].body, b"anything");
    assert_eq!(seen[0].header("x-amz-content-sha256"), ["UNSIGNED-PAYLOAD"]);
}

#[test]
fn a_bucket_in_the_host_becomes_one_in_the_path() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let request =
        Request { host: "files.s3.localhost:8080", ..Request::new("GET", "/own/x?versionId=7") };
    assert_eq!(send(&gate, &caller, &request, b"").status, 200);
    let seen = backend.seen();
    assert_eq!(seen[0].line(), "GET /files/own/x?versionId=7 HTTP/1.1");
    assert!(!seen[0].head.contains("s3.localhost"), "the bucket is told once: {}", seen[0].head);
    // The bucket is the host's: a path that repeats another's is all key.
    let request = Request { host: "other.s3.localhost", ..Request::new("GET", "/files/own/x") };
    let answer = send(&gate, &caller, &request, b"");
    assert_eq!((answer.status, code(&answer).as_str()), (403, "AccessDenied"));
    assert_eq!(backend.count(), 1);
}

/// Without the right to list, a caller can't tell what isn't there from what it may not read.
#[test]
fn a_missing_key_is_told_to_who_may_list_alone() {
    let backend = Backend::answering(404, "<Error><Code>NoSuchKey</Code></Error>");
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let ask = || send(&gate, &caller, &Request::new("GET", "/files/own/none"), b"");
    let answer = ask();
    assert_eq!((answer.status, code(&answer).as_str()), (404, "NoSuchKey"));
    let reads = serde_json::json!([
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/*" },
    ]);
    super::client::allow(gate.folder.path(), &reads);
    gate.signal("HUP");
    let end = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        let answer = ask();
        if answer.status == 403 {
            assert_eq!(code(&answer), "AccessDenied");
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(text.contains("s3:ListBucket") && !text.contains("NoSuchKey"), "{text}");
            break;
        }
        assert!(std::time::Instant::now() < end, "still {}", answer.status);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// API Gateway's IAM authorization: the same credentials, the other canonical form, the whole body.
#[test]
fn an_api_takes_signed_requests_too() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let request = |target: &'static str| Request {
        service: "execute-api",
        ..Request::new("POST", target).with("content-type", "application/json").signing(b"{}")
    };
    let answer = send(&gate, &caller, &request("/api/orders/1"), b"{}");
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let seen = backend.seen();
    assert_eq!(
        (seen[0].line(), seen[0].body.as_slice()),
        ("POST /api/orders/1 HTTP/1.1", &b"{}"[..])
    );
    for name in ["authorization", "x-amz-security-token"] {
        assert!(seen[0].header(name).is_empty(), "{name}");
    }
    let answer = send(&gate, &caller, &request("/api/orders/1"), b"[]");
    assert_eq!((answer.status, answer.reason().as_str()), (403, "body_digest_mismatch"));
    let mut other = caller.clone();
    other.secret.push('x');
    let answer = send(&gate, &other, &request("/api/orders/1"), b"{}");
    assert_eq!((answer.status, answer.reason().as_str()), (403, "signature_mismatch"));
    // Where a route asks for more than a role, a signature doesn't do.
    let answer = send(&gate, &caller, &request("/scoped/x"), b"{}");
    assert_eq!((answer.status, answer.reason().as_str()), (401, "token_required"));
    assert_eq!(backend.count(), 1);
}

/// Whoever has a presigned URL can use it until it expires: an API isn't told it.
#[test]
fn an_api_is_not_told_the_signature_of_a_presigned_url() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let target = "/api/orders/1?a=1%2C2&b";
    let request = Request { service: "execute-api", ..Request::new("GET", target) };
    let presigned = caller.presigned(&request);
    assert!(presigned.contains("X-Amz-Security-Token="), "{presigned}");
    let ask = |target: &str| {
        let mut wire = Wire::connect(gate.proxy);
        wire.send(format!("GET {target} HTTP/1.1\r\nhost: gate.example\r\n\r\n"));
        wire.answer().unwrap()
    };
    let answer = ask(&presigned);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(backend.seen()[0].line(), format!("GET {target} HTTP/1.1"));
    let answer = ask(&presigned.replace("a=1", "a=2"));
    assert_eq!((answer.status, answer.reason().as_str()), (403, "signature_mismatch"));
    assert_eq!(backend.count(), 1);
}
