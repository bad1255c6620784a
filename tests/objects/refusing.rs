//! Every request that is refused, with S3's code for it; the backend sees none of them.

use std::time::{Duration, Instant};

use super::client::{Caller, Request, code, gate, send};
use crate::support::{Backend, Issuer, ROLE, Wire};

#[test]
fn what_is_refused_has_s3s_code_and_reaches_nothing() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let edited = |edit: &dyn Fn(&mut Caller)| {
        let mut other = caller.clone();
        edit(&mut other);
        other
    };
    let get = || Request::new("GET", "/files/own/x");
    let minutes = |m: u64| Duration::from_secs(m * 60);
    let (wrong_secret, wrong_token, wrong_key, no_token) = (
        edited(&|c| c.secret = "another".to_owned()),
        edited(&|c| c.session_token = c.session_token.replace(char::is_lowercase, "a")),
        edited(&|c| c.access_key_id = "ASIAAAAAAAAAAAAAAAAA".to_owned()),
        edited(&|c| c.session_token = "x".to_owned()),
    );
    for (who, request, status, expected) in [
        (&wrong_secret, get(), 403, "SignatureDoesNotMatch"),
        (&wrong_token, get(), 400, "InvalidToken"),
        (&wrong_key, get(), 400, "InvalidToken"),
        (&no_token, get(), 400, "InvalidToken"),
        (&caller, get().ago(minutes(16)), 403, "RequestTimeTooSkewed"),
        (&caller, Request::new("GET", "/files/secret/x"), 403, "AccessDenied"),
        (&caller, Request::new("GET", "/others/x"), 403, "AccessDenied"),
        (&caller, Request::new("GET", "/files/own/x?unknown"), 501, "NotImplemented"),
        (&caller, Request::new("GET", "/files?acl&tagging"), 501, "NotImplemented"),
        (&caller, Request::new("GET", "/files?prefix=a&prefix=b"), 400, "InvalidArgument"),
        (
            &caller,
            Request::new("PUT", "/files/own/x").with("x-amz-unheard-of", "1"),
            501,
            "NotImplemented",
        ),
        (
            &caller,
            get().with("x-amz-target", "AWSCognitoIdentityService.GetId"),
            400,
            "InvalidRequest",
        ),
    ] {
        let line = format!("{} {}", request.method, request.target);
        let answer = send(&gate, who, &request, b"");
        let found = (answer.status, code(&answer));
        assert_eq!(found, (status, expected.to_owned()), "{line}");
        assert!(answer.header("x-poolgate-decision-id").is_some(), "{line}");
    }
    assert_eq!(backend.count(), 0);
}

/// Whose scope has no region: it isn't Signature Version 4 with another name.
#[test]
fn signatures_of_version_4a_are_refused_and_say_so() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let credential = "AKIAIOSFODNN7EXAMPLE/20260101/s3/aws4_request";
    let signature = "3045022100".repeat(14);
    let header = format!(
        "authorization: AWS4-ECDSA-P256-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date;\
         x-amz-region-set, Signature={signature}\r\nx-amz-date: 20260101T000000Z\r\nx-amz-region-set: *\r\n"
    );
    let query = format!(
        "?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential={}&X-Amz-Date=20260101T000000Z&\
         X-Amz-Expires=60&X-Amz-Region-Set=us-east-1&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}",
        credential.replace('/', "%2F")
    );
    // Also where no route is S3's by host and path, or what was signed isn't S3's.
    for (target, headers) in [
        ("/files/own/x".to_owned(), header.as_str()),
        ("/".to_owned(), header.as_str()),
        (format!("/files/own/x{query}"), ""),
    ] {
        let mut wire = Wire::connect(gate.proxy);
        wire.send(format!("GET {target} HTTP/1.1\r\nhost: gate.example\r\n{headers}\r\n"));
        let answer = wire.answer().unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!((answer.status, code(&answer).as_str()), (400, "InvalidRequest"), "{target}");
        assert!(
            text.contains("Signature Version 4A") && text.contains("AWS4-HMAC-SHA256"),
            "{text}"
        );
        let decision = answer.header("x-poolgate-decision-id").unwrap();
        gate.wait_for("record of the reason", |gate| {
            let log = gate.log();
            let mut records = log.lines().filter(|line| line.contains(decision));
            records.any(|line| line.contains("\"signature_algorithm\""))
        });
    }
    let mut wire = Wire::connect(gate.proxy);
    wire.send(format!("GET /api/x HTTP/1.1\r\nhost: gate.example\r\n{header}\r\n"));
    let answer = wire.answer().unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (403, "signature_algorithm"));
    assert_eq!(backend.count(), 0);
}

#[test]
fn heads_that_mean_two_things_are_refused_before_anyone_asks() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let head = caller.head(&Request::new("GET", "/files/own/x"));
    let token = Issuer::shared().id_token("user", &[], Some(ROLE));
    let line = |name: &str| head.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let presigned = "GET /files/own/x?X-Amz-Algorithm=AWS4-HMAC-SHA256";
    for (text, expected) in [
        (format!("{head}authorization: Bearer {token}\r\n\r\n"), "InvalidRequest"),
        (format!("{head}{}\r\n\r\n", line("x-amz-date")), "InvalidRequest"),
        (format!("{head}{}\r\n\r\n", line("x-amz-security-token")), "InvalidRequest"),
        (format!("{head}{}\r\n\r\n", line("x-amz-content-sha256")), "InvalidRequest"),
        (head.replace("GET /files/own/x", presigned) + "\r\n", "InvalidArgument"),
        (
            format!("{presigned} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n"),
            "InvalidArgument",
        ),
        (format!("{presigned} HTTP/1.1\r\nhost: a\r\n\r\n"), "AuthorizationQueryParametersError"),
        (head.replace("SignedHeaders=host;", "SignedHeaders=") + "\r\n", "AccessDenied"),
        (format!("{head}x-amz-acl: public-read\r\n\r\n"), "AccessDenied"),
        (head.replace("AWS4-HMAC-SHA256 ", "AWS4-ECDSA-P256-SHA256 ") + "\r\n", "InvalidRequest"),
        (head.replace("/us-east-1/s3/", "/us-east-1/") + "\r\n", "AuthorizationHeaderMalformed"),
    ] {
        let mut wire = Wire::connect(gate.proxy);
        wire.send(text.as_bytes());
        let answer = wire.answer().unwrap();
        let found = code(&answer);
        assert!((400..500).contains(&answer.status), "{expected}: {answer:?}");
        assert_eq!(found, expected, "{}", text.lines().next().unwrap());
    }
    assert_eq!(backend.count(), 0);
}

/// P8: nothing that a caller proves itself with is in a log, at the most talkative level.
#[test]
fn no_log_has_what_callers_and_backends_are_proven_with() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    for target in ["/files/own/x", "/files/secret/x"] {
        send(&gate, &caller, &Request::new("GET", target), b"");
    }
    let mut other = caller.clone();
    other.secret.push('x');
    send(&gate, &other, &Request::new("GET", "/files/own/x"), b"");
    // Lines are written behind the answers.
    let end = Instant::now() + Duration::from_secs(10);
    while !gate.log().contains("signature_mismatch") && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    let log = gate.log();
    assert!(log.contains("signature_mismatch") && log.contains("allowed_by_policy"), "{log}");
    for secret in [caller.secret.as_str(), &caller.session_token, "backend secret", "Signature="] {
        assert!(!log.contains(secret), "{secret:?} is in the log");
    }
}

/// A sealed credential whose role is gone, or is another of that name, is good for nothing.
#[test]
fn credentials_end_with_their_role() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let ask = || send(&gate, &caller, &Request::new("GET", "/files/own/x"), b"");
    assert_eq!(ask().status, 200);
    let path = gate.folder.path().join("policies/roles/Tester.json");
    let role = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, role.replace("AROATESTTESTTESTTEST1", "AROATESTTESTTESTTEST2")).unwrap();
    gate.signal("HUP");
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = ask();
        if answer.status != 200 {
            assert_eq!((answer.status, code(&answer).as_str()), (400, "InvalidToken"));
            return;
        }
        assert!(Instant::now() < end, "still allowed");
        std::thread::sleep(Duration::from_millis(20));
    }
}
