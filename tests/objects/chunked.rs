//! Bodies in chunks arrive as what is inside, and what isn't right never becomes an object.

use std::{thread, time::Duration};

use super::{
    chunks::{FORMS, SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, Upload, sum},
    client::{BACKEND_KEY, Caller, base64, code, gate, gate_to, send},
};
use crate::support::{Answer, Backend, Gate, Issuer, ROLE, Wire};

fn ask(gate: &Gate, head: &str, body: &[u8]) -> Answer {
    let mut wire = Wire::connect(gate.proxy);
    wire.send(head);
    // A body that is refused early may find nobody reading it any more.
    let _ = std::io::Write::write_all(&mut wire.stream, body);
    wire.answer().unwrap()
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 % 251) as u8).collect()
}

#[test]
fn what_is_inside_arrives() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let mut expected = Vec::new();
    for form in FORMS {
        for size in [0, 1, 65_535, 65_536, 65_537, 300_000] {
            let body = bytes(size);
            let upload = Upload::new(form, &body);
            let (head, sent) = upload.signed(&caller, size);
            let answer = ask(&gate, &head, &sent);
            assert_eq!((answer.status, text(&answer).as_str()), (200, "ok"), "{form} {size}");
            expected.push(body);
        }
    }
    for checksum in ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"] {
        for form in [SIGNED_TRAILER, UNSIGNED_TRAILER] {
            let (body, chunk) = (bytes(5000), 999);
            let upload = Upload { checksum, chunk, ..Upload::new(form, &body) };
            let (head, sent) = upload.signed(&caller, body.len());
            let answer = ask(&gate, &head, &sent);
            assert_eq!((answer.status, text(&answer).as_str()), (200, "ok"), "{form} {checksum}");
            expected.push(body);
        }
    }
    let seen = backend.seen();
    assert_eq!(seen.len(), expected.len());
    for (seen, body) in seen.iter().zip(&expected) {
        assert!(seen.body == *body, "{}", seen.head);
        assert_eq!(seen.header("content-length"), [body.len().to_string()]);
        assert_eq!(seen.header("x-amz-content-sha256"), ["UNSIGNED-PAYLOAD"]);
        for name in [
            "content-encoding",
            "transfer-encoding",
            "x-amz-decoded-content-length",
            "x-amz-trailer",
        ] {
            assert!(seen.header(name).is_empty(), "{name}: {}", seen.head);
        }
    }
}

/// The invariant of every body: the backend is left with less than it was promised.
#[test]
fn what_is_not_right_never_becomes_an_object() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    for form in FORMS {
        for size in [0, 1, 100, 200_000] {
            let body = bytes(size);
            let upload = Upload::new(form, &body);
            let (head, good) = upload.signed(&caller, size);
            let first = good.windows(2).position(|two| two == b"\r\n").unwrap();
            // A signature's last digit, a byte of the body, the last chunk's size, the end.
            let mut places = vec![first.saturating_sub(1), good.len() - 1];
            if size > 0 {
                places.extend([first + 2, first + 1 + size.min(65_536)]);
            }
            for at in places {
                let mut changed = good.clone();
                changed[at] ^= 1;
                let answer = ask(&gate, &head, &changed);
                assert!([400, 403].contains(&answer.status), "{form} {size} {at}: {answer:?}");
            }
            // It is said to be longer, and shorter.
            let (head, sent) = upload.signed(&caller, size + 1);
            let answer = ask(&gate, &head, &sent);
            assert_eq!((answer.status, code(&answer).as_str()), (400, "IncompleteBody"));
            if size > 0 {
                let (head, sent) = upload.signed(&caller, size - 1);
                let answer = ask(&gate, &head, &sent);
                assert_eq!((answer.status, code(&answer).as_str()), (400, "IncompleteBody"));
            }
        }
    }
    assert_eq!(backend.count(), 0);
}

#[test]
fn each_mistake_has_its_code() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let body = bytes(100_000);
    let answer = |form, edit: &dyn Fn(String) -> String| {
        let text = vec![b'a'; 100];
        let (head, good) = Upload::new(form, &text).signed(&caller, 100);
        let answer = ask(&gate, &head, edit(String::from_utf8(good).unwrap()).as_bytes());
        (answer.status, code(&answer))
    };
    let told = |status: u16, code: &str| (status, code.to_owned());
    let swapped = |text: String| text.replacen("aaa", "aab", 1);
    assert_eq!(answer(SIGNED, &swapped), told(403, "SignatureDoesNotMatch"));
    assert_eq!(answer(SIGNED_TRAILER, &swapped), told(403, "SignatureDoesNotMatch"));
    assert_eq!(answer(UNSIGNED_TRAILER, &swapped), told(400, "BadDigest"));
    let renamed = |text: String| text.replace("-crc32:", "-crc32c:");
    assert_eq!(answer(UNSIGNED_TRAILER, &renamed), told(400, "MalformedTrailerError"));
    let sized = |text: String| text.replacen("64", "63", 1);
    for form in FORMS {
        assert_eq!(answer(form, &sized), told(400, "InvalidRequest"), "{form}");
    }
    // What headers say is proven too, of any body.
    for (name, value) in [
        ("content-md5", base64(&[7; 16])),
        ("x-amz-checksum-crc32", base64(&[7; 4])),
        ("x-amz-checksum-sha256", base64(&[7; 32])),
    ] {
        let request = super::client::Request::new("PUT", "/files/own/x").signing(&body);
        let found = send(&gate, &caller, &request.with(name, &value), &body);
        assert_eq!((found.status, code(&found)), told(400, "BadDigest"), "{name}");
    }
    assert_eq!(backend.count(), 0);
    let value = sum("crc64nvme", &body);
    let request = super::client::Request::new("PUT", "/files/own/x").signing(&body);
    let found = send(&gate, &caller, &request.with("x-amz-checksum-crc64nvme", &value), &body);
    assert_eq!(found.status, 200);
    assert_eq!(backend.seen()[0].header("x-amz-checksum-crc64nvme"), [value]);
}

#[test]
fn what_is_announced_has_to_make_sense() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let put =
        |edit: &dyn Fn(super::client::Request<'static>) -> super::client::Request<'static>| {
            let mut request = super::client::Request::new("PUT", "/files/own/x");
            request.payload = super::client::Payload::Said(UNSIGNED_TRAILER);
            let request = edit(request);
            let answer =
                send(&gate, &caller, &request, b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
            (answer.status, code(&answer))
        };
    let (length, trailer) = ("x-amz-decoded-content-length", "x-amz-trailer");
    let told = |status: u16, code: &str| (status, code.to_owned());
    let crc32 = "x-amz-checksum-crc32";
    assert_eq!(put(&|r| r.with(trailer, crc32)), told(411, "MissingContentLength"));
    assert_eq!(put(&|r| r.with(length, "0")), told(400, "InvalidRequest"));
    assert_eq!(
        put(&|r| r.with(length, "0").with(trailer, "x-amz-meta-a")),
        told(400, "InvalidRequest")
    );
    assert_eq!(
        put(&|r| r.with(length, "-0").with(trailer, crc32)),
        told(411, "MissingContentLength")
    );
    for form in ["STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD"] {
        let other = put(&|r| super::client::Request {
            payload: super::client::Payload::Said(form),
            ..r.with(length, "0")
        });
        assert_eq!(other, told(501, "NotImplemented"), "{form}");
    }
    assert_eq!(backend.count(), 0);
    assert_eq!(put(&|r| r.with(length, "0").with(trailer, crc32)), told(200, "ok"));
}

/// A backend that takes trailers gets the checksum in one, whoever signed it before.
#[test]
fn a_trailer_goes_on_where_the_backend_takes_it() {
    let backend = Backend::start();
    let gate = gate_to(backend.address, "trailers: true", "");
    let caller = Caller::sign_in(&gate);
    let mut expected = Vec::new();
    for form in [SIGNED_TRAILER, UNSIGNED_TRAILER] {
        for (size, checksum) in [(0, "crc32"), (1, "crc64nvme"), (200_000, "sha256")] {
            let body = bytes(size);
            let mut upload = Upload { checksum, ..Upload::new(form, &body) };
            upload.headers = vec![("content-encoding", "gzip,aws-chunked")];
            let (head, good) = upload.signed(&caller, size);
            let mut wrong = good.clone();
            let at = good.len() - 10;
            wrong[at] ^= 1;
            assert_ne!(ask(&gate, &head, &wrong).status, 200, "{form} {size}");
            let answer = ask(&gate, &head, &good);
            assert_eq!(answer.status, 200, "{form} {size}: {}", text(&answer));
            let chunk = match size {
                0 => Vec::new(),
                _ => [format!("{size:x}\r\n").as_bytes(), &body, b"\r\n"].concat(),
            };
            let trailer =
                format!("0\r\nx-amz-checksum-{checksum}:{}\r\n\r\n", sum(checksum, &body));
            expected.push((checksum, size, [chunk, trailer.into_bytes()].concat()));
        }
    }
    let seen = backend.seen();
    assert_eq!(seen.len(), expected.len());
    for (seen, (checksum, size, body)) in seen.iter().zip(&expected) {
        assert!(seen.body == *body, "{}", seen.head);
        assert_eq!(seen.header("content-encoding"), ["aws-chunked,gzip"]);
        assert_eq!(seen.header("content-length"), [body.len().to_string()]);
        assert_eq!(seen.header("x-amz-content-sha256"), [UNSIGNED_TRAILER]);
        assert_eq!(seen.header("x-amz-decoded-content-length"), [size.to_string()]);
        assert_eq!(seen.header("x-amz-trailer"), [format!("x-amz-checksum-{checksum}")]);
        let signed = seen.header("authorization");
        assert!(
            signed[0].contains(BACKEND_KEY) && signed[0].contains("x-amz-trailer"),
            "{signed:?}"
        );
    }
    // Without a trailer there is nothing that would have to be kept.
    let (head, sent) = Upload::new(SIGNED, b"plain").signed(&caller, 5);
    assert_eq!(ask(&gate, &head, &sent).status, 200);
    assert_eq!(backend.seen().last().unwrap().body, b"plain");
}

/// An SDK without credentials, or with a token, has nobody sign the chunks.
#[test]
fn a_bearer_may_send_chunks_that_nobody_signed() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let token = Issuer::shared().id_token("user", &["testers"], Some(ROLE));
    let put = |form: &str, body: &str| {
        ask(
            &gate,
            &format!(
                "PUT /files/own/x HTTP/1.1\r\nhost: gate.example\r\nauthorization: Bearer {token}\r\n\
                 x-amz-content-sha256: {form}\r\nx-amz-decoded-content-length: 5\r\n\
                 x-amz-trailer: x-amz-checksum-crc32\r\ncontent-encoding: gzip, aws-chunked\r\n\
                 transfer-encoding: chunked\r\n\r\n"
            ),
            format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).as_bytes(),
        )
    };
    let good =
        format!("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{}\r\n\r\n", sum("crc32", b"hello"));
    assert_eq!(put(UNSIGNED_TRAILER, &good).status, 200);
    let answer = put(UNSIGNED_TRAILER, &good.replace("hello", "hallo"));
    assert_eq!((answer.status, code(&answer).as_str()), (400, "BadDigest"));
    let answer = put(SIGNED_TRAILER, &good);
    assert_eq!((answer.status, code(&answer).as_str()), (501, "NotImplemented"));
    let seen = backend.seen();
    assert_eq!((seen.len(), seen[0].body.as_slice()), (1, &b"hello"[..]));
    assert_eq!(seen[0].header("content-encoding"), ["gzip"]);
    assert_eq!(seen[0].header("content-length"), ["5"]);
}

/// Bodies that are judged come out of their chunks before that.
#[test]
fn a_body_that_is_read_whole_may_come_in_chunks() {
    let backend = Backend::answering(200, "<DeleteResult/>");
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let xml = b"<Delete><Object><Key>own/a</Key></Object></Delete>";
    for form in [SIGNED_TRAILER, UNSIGNED_TRAILER] {
        // S3 wants a digest of it in the head.
        let md5 = "content-md5";
        let value = "/zKAs8XdIqUKe9+gIMKZJA==";
        let mut upload =
            Upload { method: "POST", target: "/files?delete", chunk: 7, ..Upload::new(form, xml) };
        upload.headers.push((md5, value));
        let (head, sent) = upload.signed(&caller, xml.len());
        let answer = ask(&gate, &head, &sent);
        assert_eq!(answer.status, 200, "{form}: {}", text(&answer));
        let mut changed = sent.clone();
        let at = sent.len() - 8;
        changed[at] ^= 1;
        let answer = ask(&gate, &head, &changed);
        assert!([400, 403].contains(&answer.status), "{form}: {}", text(&answer));
    }
    let seen = backend.seen();
    assert_eq!(seen.len(), 2);
    assert!(String::from_utf8_lossy(&seen[0].body).contains("<Key>own/a</Key>"));
}

/// Drop by drop, and with line ends cut in two.
#[test]
fn a_caller_may_dribble() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let body = bytes(300);
    for form in FORMS {
        let upload = Upload { chunk: 100, ..Upload::new(form, &body) };
        let (head, good) = upload.signed(&caller, body.len());
        for last in [0, 1] {
            let mut sent = good.clone();
            // A digit of the last signature, or of the checksum.
            let at = sent.len() - 8;
            sent[at] ^= last;
            let mut wire = Wire::connect(gate.proxy);
            wire.send(&head);
            for piece in sent.chunks(3) {
                wire.send(piece);
                thread::sleep(Duration::from_micros(300));
            }
            let answer = wire.answer().unwrap();
            assert_eq!(answer.status == 200, last == 0, "{form} {last}: {}", text(&answer));
        }
    }
    let seen = backend.seen();
    assert_eq!(seen.len(), FORMS.len());
    assert!(seen.iter().all(|seen| seen.body == body));
}
