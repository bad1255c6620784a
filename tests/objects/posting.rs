//! HTML forms: what they put arrives as PutObject, and what isn't right never becomes an object.

use std::{io::Write, thread, time::Duration};

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use serde_json::{Value, json};

use super::client::{Caller, Request, base64, code, gate, gate_with, now, send, sha256};
use crate::support::{Answer, Backend, Gate, Issuer, ROLE, Wire};

const BOUNDARY: &str = "----WebKitFormBoundaryx7MAbcDEF";

/// A form of `caller`, signed as an application does it for a browser.
struct Form {
    fields: Vec<(String, String)>,
    /// What follows the file.
    end: String,
    head: String,
}

impl Form {
    fn signed(caller: &Caller, conditions: &Value, named: &[(&str, &str)]) -> Self {
        let stamp = aws_stamp();
        let scope = format!("{}/us-east-1/s3/aws4_request", &stamp[..8]);
        let credential = format!("{}/{scope}", caller.access_key_id);
        let mut fields: Vec<(String, String)> =
            named.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let own = [
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", &credential),
            ("x-amz-date", &stamp),
            ("x-amz-security-token", &caller.session_token),
        ];
        let mut conditions = conditions.as_array().unwrap().clone();
        conditions.push(json!({ "bucket": "files" }));
        for (name, value) in own {
            conditions.push(json!({ name: value }));
            fields.push((name.to_owned(), value.to_owned()));
        }
        let policy = json!({ "expiration": "2100-01-01T00:00:00Z", "conditions": conditions });
        let policy = base64(policy.to_string().as_bytes());
        let start = format!("AWS4{}", caller.secret).into_bytes();
        let key = scope.split('/').fold(start, |key, part| mac(&key, part));
        let signature: String =
            mac(&key, &policy).iter().map(|byte| format!("{byte:02x}")).collect();
        fields.push(("policy".to_owned(), policy));
        fields.push(("x-amz-signature".to_owned(), signature));
        Self::unsigned(fields)
    }

    fn unsigned(fields: Vec<(String, String)>) -> Self {
        Self { fields, end: format!("\r\n--{BOUNDARY}--\r\n"), head: String::new() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn body(&self, file: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let disposition = format!("Content-Disposition: form-data; name=\"{name}\"");
            body.extend(format!("--{BOUNDARY}\r\n{disposition}\r\n\r\n{value}\r\n").into_bytes());
        }
        let disposition = "Content-Disposition: form-data; name=\"file\"; filename=\"a b.png\"";
        body.extend(
            format!("--{BOUNDARY}\r\n{disposition}\r\nContent-Type: image/png\r\n\r\n")
                .into_bytes(),
        );
        body.extend_from_slice(file);
        body.extend_from_slice(self.end.as_bytes());
        body
    }

    fn post(&self, gate: &Gate, path: &str, host: &str, file: &[u8], cut: usize) -> Answer {
        let body = self.body(file);
        let mut wire = Wire::connect(gate.proxy);
        wire.send(format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n\
             content-type: multipart/form-data; boundary={BOUNDARY}\r\n{}\r\n",
            body.len(),
            self.head
        ));
        for piece in body.chunks(cut) {
            if wire.stream.write_all(piece).is_err() {
                break;
            }
            if cut < 100 {
                thread::sleep(Duration::from_micros(100));
            }
        }
        wire.answer().unwrap()
    }

    fn send(&self, gate: &Gate, file: &[u8]) -> Answer {
        self.post(gate, "/files", "gate.example", file, usize::MAX)
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn aws_stamp() -> String {
    let since = now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let at = time::OffsetDateTime::from_unix_timestamp(since.try_into().unwrap()).unwrap();
    at.format(time::macros::format_description!("[year][month][day]T[hour][minute][second]Z"))
        .unwrap()
}

fn own() -> Value {
    json!([{ "bucket": "files" }, ["starts-with", "$key", "own/"], ["content-length-range", 0, 5_000_000]])
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| b"\r\n-abc"[at * at % 6]).collect()
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, code(answer))
}

#[test]
fn a_form_puts_its_file() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let form = || Form::signed(&caller, &own(), &[("key", "own/${filename}")]);
    let mut expected = Vec::new();
    for (size, cut) in
        [(0, usize::MAX), (1, 1), (300, 7), (70_000, 1000), (1 << 20, 8192), (3_000_000, 65_536)]
    {
        let file = bytes(size);
        let answer = form().post(&gate, "/files", "gate.example", &file, cut);
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{size}: {answer:?}");
        assert_eq!(answer.header("location"), Some("http://gate.example/files/own/a%20b.png"));
        expected.push(file);
    }
    let seen = backend.seen();
    assert_eq!(seen.len(), expected.len());
    for (seen, file) in seen.iter().zip(&expected) {
        assert!(seen.body == *file, "{}", seen.head);
        assert_eq!(seen.line(), "PUT /files/own/a%20b.png HTTP/1.1");
        assert_eq!(seen.header("content-length"), [file.len().to_string()]);
        for name in
            ["content-type", "transfer-encoding", "x-amz-security-token", "x-amz-credential"]
        {
            assert!(seen.header(name).is_empty(), "{name}: {}", seen.head);
        }
        let hash = seen.header("x-amz-content-sha256");
        assert!(hash == ["UNSIGNED-PAYLOAD"] || hash == [sha256(file)], "{hash:?}");
        assert!(
            !seen.head.contains(&caller.session_token)
                && !seen.head.contains(&caller.access_key_id)
        );
    }
}

#[test]
fn a_form_says_what_its_object_is_and_how_it_is_answered() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let named = [
        ("key", "own/x"),
        ("Content-Type", "image/png"),
        ("x-amz-meta-from", "browser"),
        ("success_action_status", "201"),
    ];
    let conditions = json!([
        ["starts-with", "$key", "own/"],
        ["starts-with", "$Content-Type", "image/"],
        { "x-amz-meta-from": "browser" },
        { "success_action_status": "201" },
    ]);
    let hosted = Form::signed(&caller, &conditions, &named);
    let answer = hosted.post(&gate, "/", "files.s3.localhost:8080", b"file", 100);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 201, "{text}");
    assert!(text.contains("<Bucket>files</Bucket><Key>own/x</Key>"), "{text}");
    assert_eq!(answer.header("location"), Some("http://files.s3.localhost:8080/own/x"));
    let seen = backend.seen();
    assert_eq!(seen[0].line(), "PUT /files/own/x HTTP/1.1");
    assert_eq!(seen[0].header("content-type"), ["image/png"]);
    assert_eq!(seen[0].header("x-amz-meta-from"), ["browser"]);
    let conditions =
        json!([{ "key": "own/x" }, ["eq", "$success_action_redirect", "http://app.example/done"]]);
    let redirect = [("key", "own/x"), ("success_action_redirect", "http://app.example/done")];
    let answer = Form::signed(&caller, &conditions, &redirect).send(&gate, b"file");
    assert_eq!(answer.status, 303);
    let query = "?bucket=files&key=own%2Fx&etag=";
    assert_eq!(answer.header("location"), Some(format!("http://app.example/done{query}").as_str()));
}

/// As in the examples of S3: a button behind the file is a field too.
#[test]
fn what_follows_the_file_is_ignored_in_a_small_form() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let form = || {
        let mut form = Form::signed(&caller, &own(), &[("key", "own/x")]);
        let button = "Content-Disposition: form-data; name=\"submit\"\r\n\r\nUpload";
        form.end = format!("\r\n--{BOUNDARY}\r\n{button}\r\n--{BOUNDARY}--\r\n");
        form
    };
    assert_eq!(form().send(&gate, b"small").status, 204);
    let mut bare = Form::signed(&caller, &own(), &[("key", "own/x")]);
    bare.end = format!("\r\n--{BOUNDARY}--");
    assert_eq!(bare.send(&gate, b"small").status, 204);
    assert_eq!(backend.seen()[0].body, b"small");
    // The length of a larger file follows from the form's, so that it has to be the last field.
    let large = bytes(2_000_000);
    assert_eq!(told(&form().send(&gate, &large)), (400, "MalformedPOSTRequest".to_owned()));
    assert_eq!(told(&bare.send(&gate, &large)), (400, "MalformedPOSTRequest".to_owned()));
    assert_eq!(backend.count(), 2);
}

#[test]
fn what_the_policy_does_not_allow_is_refused() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let ok = || Form::signed(&caller, &own(), &[("key", "own/x")]);
    let with = |conditions: &Value, named: &[(&str, &str)]| {
        told(&Form::signed(&caller, conditions, named).send(&gate, b"file"))
    };
    let is = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(with(&own(), &[("key", "other/x")]), is(403, "AccessDenied"));
    assert_eq!(with(&own(), &[("key", "own/x"), ("acl", "public-read")]), is(403, "AccessDenied"));
    // The policy allows what IAM doesn't.
    let any = json!([["starts-with", "$key", ""]]);
    assert_eq!(with(&any, &[("key", "secret/x")]), is(403, "AccessDenied"));
    assert_eq!(with(&any, &[("key", "own/x"), ("acl", "")]), is(403, "AccessDenied"));
    assert_eq!(with(&any, &[("key", "own/../x")]), is(400, "InvalidURI"));
    assert_eq!(
        with(&json!([["eq", "$key"]]), &[("key", "own/x")]),
        is(400, "InvalidPolicyDocument")
    );
    let range = json!([["starts-with", "$key", ""], ["content-length-range", 5, 10]]);
    assert_eq!(with(&range, &[("key", "own/x")]), is(400, "EntityTooSmall"));
    let large = Form::signed(&caller, &range, &[("key", "own/x")]).send(&gate, &bytes(2_000_000));
    assert_eq!(told(&large), is(400, "EntityTooLarge"));
    // Signed by another, or changed.
    let mut other = caller.clone();
    other.secret.push('x');
    let forged = Form::signed(&other, &own(), &[("key", "own/x")]);
    assert_eq!(told(&forged.send(&gate, b"file")), is(403, "SignatureDoesNotMatch"));
    let mut changed = ok();
    changed.fields.iter_mut().for_each(|(name, value)| {
        if name == "policy" {
            *value = base64(br#"{"expiration":"2100-01-01T00:00:00Z","conditions":[]}"#);
        }
    });
    assert_eq!(told(&changed.send(&gate, b"file")), is(403, "SignatureDoesNotMatch"));
    for missing in
        ["policy", "x-amz-signature", "x-amz-credential", "x-amz-date", "x-amz-algorithm"]
    {
        let mut form = ok();
        form.fields.retain(|(name, _)| name != missing);
        assert_eq!(told(&form.send(&gate, b"file")), is(400, "InvalidArgument"), "{missing}");
    }
    let mut form = ok();
    form.fields.retain(|(name, _)| name != "x-amz-security-token");
    assert_eq!(told(&form.send(&gate, b"file")), is(403, "InvalidAccessKeyId"));
    let version_2 = ok().with("AWSAccessKeyId", &caller.access_key_id);
    assert_eq!(told(&version_2.send(&gate, b"file")), is(400, "InvalidRequest"));
    // What the head signs or hashes would be the form, of which the file alone is proven.
    let stamp = aws_stamp();
    let scope = format!("{}/{}/us-east-1/s3/aws4_request", caller.access_key_id, &stamp[..8]);
    let signs = format!(
        "authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, \
         Signature={}\r\nx-amz-date: {stamp}\r\n",
        "0".repeat(64)
    );
    let hashes = format!("x-amz-content-sha256: {}\r\n", sha256(b"file"));
    let chunks = "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n".to_owned();
    for head in [signs, hashes, chunks] {
        let form = Form { head, ..Form::unsigned(vec![("key".to_owned(), "own/x".to_owned())]) };
        assert_eq!(told(&form.send(&gate, b"file")), is(400, "InvalidArgument"));
    }
    // Two credentials.
    let token = Issuer::shared().id_token("user", &["testers"], Some(ROLE));
    for head in
        [format!("authorization: Bearer {token}\r\n"), "x-amz-security-token: x\r\n".to_owned()]
    {
        let form = Form { head, ..ok() };
        assert_eq!(told(&form.send(&gate, b"file")), is(400, "InvalidArgument"));
    }
    let token =
        json!([["starts-with", "$key", ""], { "x-amz-security-token": "another's secret" }]);
    let answer = Form::signed(&caller, &token, &[("key", "own/x")]).send(&gate, b"file");
    assert_eq!(told(&answer), is(403, "AccessDenied"));
    assert_eq!(backend.count(), 0);
    assert_eq!(ok().send(&gate, b"file").status, 204);
    gate.wait_for("record of a form", |gate| gate.log().contains("s3_not_by_policy"));
    let log = gate.log();
    for secret in ["another's secret", &caller.session_token, &caller.secret] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

#[test]
fn what_is_no_form_is_refused() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let ok = || Form::signed(&caller, &own(), &[("key", "own/x")]);
    let is = |status: u16, code: &str| (status, code.to_owned());
    let long = ok().with("x-ignore-a", &"a".repeat(21 << 10));
    assert_eq!(told(&long.send(&gate, b"file")), is(400, "MaxPostPreDataLengthExceededError"));
    for end in [
        String::new(),
        "\r\n".to_owned(),
        format!("\r\n--{BOUNDARY}"),
        format!("\r\n--{BOUNDARY}x\r\n"),
    ] {
        for size in [10, 2_000_000] {
            let form = Form { end: end.clone(), ..ok() };
            assert_eq!(
                told(&form.send(&gate, &bytes(size))),
                is(400, "MalformedPOSTRequest"),
                "{end:?} {size}"
            );
        }
    }
    // Checksums are proven, as those of headers are.
    let conditions =
        json!([["starts-with", "$key", ""], ["starts-with", "$x-amz-checksum-crc32", ""]]);
    for size in [10, 2_000_000] {
        let file = bytes(size);
        let summed = |sum: &str| {
            let named = [("key", "own/x"), ("x-amz-checksum-crc32", sum)];
            Form::signed(&caller, &conditions, &named).send(&gate, &file)
        };
        assert_eq!(told(&summed(&base64(&[7; 4]))), is(400, "BadDigest"), "{size}");
        assert_eq!(summed(&super::chunks::sum("crc32", &file)).status, 204);
    }
    assert_eq!(backend.count(), 2);
    // Without a length, and what isn't a form.
    let mut wire = Wire::connect(gate.proxy);
    let kind = format!("content-type: multipart/form-data; boundary={BOUNDARY}\r\n");
    wire.send(format!("POST /files HTTP/1.1\r\nhost: gate.example\r\n{kind}transfer-encoding: chunked\r\n\r\n0\r\n\r\n"));
    assert_eq!(told(&wire.answer().unwrap()), is(411, "MissingContentLength"));
    let request = Request::new("POST", "/files").with("content-type", "text/plain");
    assert_eq!(told(&send(&gate, &caller, &request, b"")), is(400, "InvalidRequest"));
    assert_eq!(backend.count(), 2);
}

/// Who has a token sends it in the head, and needs no policy; who has none is nobody.
#[test]
fn a_form_without_a_policy_is_whose_head_says() {
    let backend = Backend::start();
    let gate = gate_with(backend.address, "");
    let token = Issuer::shared().id_token("user", &["testers"], Some(ROLE));
    let form = |key: &str, head: String| {
        let form = Form::unsigned(vec![
            ("key".to_owned(), key.to_owned()),
            ("submit".to_owned(), "x".to_owned()),
        ]);
        Form { head, ..form }.send(&gate, b"file")
    };
    let bearer = || format!("authorization: Bearer {token}\r\n");
    assert_eq!(form("own/x", bearer()).status, 204);
    assert_eq!(told(&form("secret/x", bearer())), (403, "AccessDenied".to_owned()));
    assert_eq!(told(&form("own/x", String::new())), (403, "AccessDenied".to_owned()));
    assert_eq!(backend.count(), 1);
}
