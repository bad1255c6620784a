//! DeleteObjects: denied keys become errors, the rest goes on, nothing goes on if none is left.

use std::{
    io::{Read, Write},
    time::Duration,
};

use aws_lc_rs::digest;
use md5::{Digest, Md5};

use serde_json::json;

use super::client::{Caller, Request, base64, code, decision, gate, gate_with, send};
use crate::support::{Answer, Backend, Gate, Issuer};

fn delete(gate: &Gate, caller: &Caller, body: &str) -> Answer {
    let md5 = base64(&Md5::digest(body.as_bytes()));
    let request =
        Request::new("POST", "/files?delete").with("content-md5", &md5).signing(body.as_bytes());
    send(gate, caller, &request, body.as_bytes())
}

fn objects(keys: &[&str], quiet: bool) -> String {
    let each: String =
        keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
    let quiet = if quiet { "<Quiet>true</Quiet>" } else { "" };
    format!("<Delete>{quiet}{each}</Delete>")
}

const DONE: &str = "<?xml version=\"1.0\"?><DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
    <Deleted><Key>own/a</Key></Deleted></DeleteResult>";

#[test]
fn what_is_denied_is_told_beside_what_was_done() {
    for quiet in [false, true] {
        let backend = Backend::answering(200, DONE);
        let gate = gate(&backend);
        let caller = Caller::sign_in(&gate);
        let answer = delete(&gate, &caller, &objects(&["own/a", "secret/b"], quiet));
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{text}");
        assert!(text.contains("<Error><Key>secret/b</Key><Code>AccessDenied</Code>"), "{text}");
        let seen = backend.seen();
        let [seen] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!(seen.line(), "POST /files?delete HTTP/1.1");
        let body = String::from_utf8_lossy(&seen.body).into_owned();
        assert!(body.contains("<Key>own/a</Key>") && !body.contains("secret"), "{body}");
        assert_eq!(seen.header("content-md5"), [base64(&Md5::digest(&seen.body))]);
        let hash = digest::digest(&digest::SHA256, &seen.body);
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(seen.header("x-amz-content-sha256"), [hash]);
        assert_eq!(seen.header("content-length"), [seen.body.len().to_string()]);
        let record = decision(&gate, answer.header("x-poolgate-decision-id").unwrap());
        assert_eq!(record["effect"], "allow");
        assert_eq!(record["found"], json!({"refused": 1, "keys": ["secret/b"]}));
        assert_eq!(record["access_key_id"], caller.access_key_id);
        assert_eq!(
            (&record["subject"], &record["issuer"]),
            (&json!("user"), &json!(Issuer::issuer()))
        );
    }
}

#[test]
fn with_nothing_left_nobody_is_asked() {
    let backend = Backend::answering(200, DONE);
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let answer = delete(&gate, &caller, &objects(&["secret/a", "secret/b"], false));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 200, "{text}");
    assert_eq!(text.matches("<Code>AccessDenied</Code>").count(), 2, "{text}");
    assert!(!text.contains("<Deleted>"), "{text}");
    assert_eq!(backend.count(), 0);
    let record = decision(&gate, answer.header("x-poolgate-decision-id").unwrap());
    assert_eq!((&record["effect"], &record["reason"]), (&json!("deny"), &json!("explicit_deny")));
    assert_eq!(record["checks"][1]["action"], "s3:DeleteObject");
}

#[test]
fn a_body_that_means_something_else_is_refused() {
    let backend = Backend::answering(200, DONE);
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let many: Vec<String> = (0..1001).map(|i| format!("own/{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (body, expected) in [
        ("".to_owned(), "MissingRequestBodyError"),
        ("<Delete>".to_owned(), "MalformedXML"),
        ("<Delete></Delete>".to_owned(), "MalformedXML"),
        (objects(&many, false), "MalformedXML"),
        (objects(&["own/../secret/a"], false), "InvalidURI"),
        ("<!DOCTYPE d [<!ENTITY e \"secret/a\">]><Delete><Object><Key>&e;</Key></Object></Delete>".to_owned(), "MalformedXML"),
        ("<Delete><Object><Key>own/a</Key><Key>secret/a</Key></Object></Delete>".to_owned(), "MalformedXML"),
    ] {
        let answer = delete(&gate, &caller, &body);
        let short = &body[..body.len().min(60)];
        assert_eq!((answer.status, code(&answer).as_str()), (400, expected), "{short}");
    }
    // A digest that is another body's.
    let (body, other) = (objects(&["own/a"], false), base64(&Md5::digest(b"other")));
    let request =
        Request::new("POST", "/files?delete").with("content-md5", &other).signing(body.as_bytes());
    let answer = send(&gate, &caller, &request, body.as_bytes());
    assert_eq!((answer.status, code(&answer).as_str()), (400, "BadDigest"));
    assert_eq!(backend.count(), 0);
}

#[test]
fn an_answer_that_is_not_s3s_is_an_error_where_it_has_to_be_merged() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let answer = delete(&gate, &caller, &objects(&["own/a", "secret/b"], false));
    assert_eq!((answer.status, code(&answer).as_str()), (500, "InternalError"));
}

#[test]
fn an_answer_that_stands_still_where_it_has_to_be_merged_is_not_waited_for() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut some = [0; 65536];
        let _ = stream.read(&mut some);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", DONE.len());
        let _ = stream.write_all(format!("{head}{}", &DONE[..20]).as_bytes());
        std::thread::sleep(Duration::from_secs(20));
    });
    let gate = gate_with(address, "timeouts: { upstream_header: 500ms }");
    let caller = Caller::sign_in(&gate);
    let answer = delete(&gate, &caller, &objects(&["own/a", "secret/b"], false));
    assert_eq!((answer.status, code(&answer).as_str()), (500, "InternalError"));
}

/// A body that is parsed elsewhere than the others: as many keys as may be, and long ones.
#[test]
fn a_thousand_long_keys_are_judged_one_by_one() {
    let backend = Backend::answering(200, DONE);
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let key = |i: usize| {
        let folder = if i.is_multiple_of(2) { "own" } else { "secret" };
        format!("{folder}/{}{i}", "k".repeat(400))
    };
    let keys: Vec<String> = (0..1000).map(key).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let body = objects(&keys, true);
    assert!(body.len() > 256 << 10);
    let answer = delete(&gate, &caller, &body);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!((answer.status, text.matches("<Code>AccessDenied</Code>").count()), (200, 500));
    let seen = backend.seen();
    let sent = String::from_utf8_lossy(&seen[0].body).into_owned();
    assert_eq!((sent.matches("<Key>own/").count(), sent.contains("secret")), (500, false));
}
