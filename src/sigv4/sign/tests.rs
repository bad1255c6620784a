//! What is signed for backends.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::sigv4::parse::amz_time;
use crate::sigv4::testing::{ACCESS_KEY_ID, NOW, SECRET, Sdk, Sent, get};
use crate::sigv4::{Form, Kind, Payload, SigV4Error, Signed, sha256};

fn signer(token: Option<&str>) -> Signer {
    Signer::new(ACCESS_KEY_ID, SECRET, token, "us-east-1")
}

fn sign(sent: &Sent, token: Option<&str>, payload: SignedPayload) -> Result<Sent, SignError> {
    let mut signed = sent.clone();
    let target = sent.target.parse().unwrap();
    signer(token).sign(&sent.method, &target, &mut signed.headers, payload, NOW)?;
    Ok(signed)
}

#[test]
fn another_service_has_a_scope_of_its_own() {
    let mut signed = get("/").with("x-amz-target", "DynamoDB_20120810.Scan");
    let (target, payload) = (signed.target.parse().unwrap(), SignedPayload::Sha256(sha256(b"{}")));
    let signer = signer(None).of_service("dynamodb");
    signer.sign(&signed.method, &target, &mut signed.headers, payload, NOW).unwrap();
    assert_eq!(signed.verify(SECRET, Form::Other, b"{}"), Ok(()));
    let claims = Signed::parse(signed.head()).unwrap().unwrap();
    assert_eq!(claims.scope().as_str(), "20130524/us-east-1/dynamodb/aws4_request");
}

/// What was escaped in a path is so once more, but for S3.
#[test]
fn a_path_is_encoded_as_the_service_does() {
    let mut signed = get("/orders/a%20b");
    let (target, payload) = (signed.target.parse().unwrap(), SignedPayload::Sha256(sha256(b"")));
    let signer = signer(None).of_service("execute-api".to_owned());
    signer.sign(&signed.method, &target, &mut signed.headers, payload, NOW).unwrap();
    assert_eq!(signed.verify(SECRET, Form::Other, b""), Ok(()));
    assert_eq!(signed.verify(SECRET, Form::S3, b""), Err(SigV4Error::Mismatch));
}

fn signed_names(sent: &Sent) -> Vec<String> {
    let signed = Signed::parse(sent.head()).unwrap().unwrap();
    signed.signed_headers.split(';').map(str::to_owned).collect()
}

/// What any hop may change, and what is nothing to S3.
const UNSIGNED: [&str; 18] = [
    "content-length",
    "transfer-encoding",
    "connection",
    "expect",
    "te",
    "upgrade",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "user-agent",
    "accept-encoding",
    "accept",
    "traceparent",
    "x-amzn-trace-id",
    "cache-control",
    "x-poolgate-subject",
    "date",
];

#[test]
fn a_request_is_signed_as_it_is_sent() {
    let sent = get("/bucket/a%20b?list-type=2&prefix=x%2F").with("range", "bytes=0-9");
    let signed = sign(&sent, Some("session"), SignedPayload::Sha256(sha256(b"body"))).unwrap();
    assert_eq!(signed.verify(SECRET, Form::S3, b""), Ok(()));
    assert_eq!(signed.check_time(NOW), Ok(()));
    let claims = Signed::parse(signed.head()).unwrap().unwrap();
    assert_eq!(claims.access_key_id(), ACCESS_KEY_ID);
    assert_eq!(claims.session_token(), Some("session"));
    assert_eq!(claims.scope().as_str(), "20130524/us-east-1/s3/aws4_request");
    assert_eq!((claims.kind(), claims.time()), (Kind::Header, NOW));
    assert_eq!(claims.payload(), Payload::Sha256(sha256(b"body")));
    let names = "host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token";
    assert_eq!(signed_names(&signed).join(";"), names);
    for secret in ["authorization", "x-amz-security-token"] {
        assert!(signed.headers[secret].is_sensitive(), "{secret}");
    }

    let unsigned = sign(&get("/"), None, SignedPayload::Unsigned).unwrap();
    assert_eq!(unsigned.verify(SECRET, Form::S3, b""), Ok(()));
    assert_eq!(unsigned.headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
    assert!(!unsigned.headers.contains_key("x-amz-security-token"));
}

#[test]
fn it_is_signed_as_the_example_is() {
    let empty = SignedPayload::Sha256(sha256(b""));
    let signed = sign(&get("/test.txt").with("range", "bytes=0-9"), None, empty).unwrap();
    let signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    assert!(signed.authorization().ends_with(signature), "{}", signed.authorization());
}

#[test]
fn there_is_no_date_outside_of_four_digits() {
    for secs in [253_402_300_800, -70_000_000_000] {
        assert_eq!(Time::from_secs(secs).amz_date(), None, "{secs}");
    }
}

#[test]
fn the_key_of_a_day_is_not_that_of_the_next() {
    let signer = signer(None);
    for days in [0, 1, 0] {
        let (now, target) = (NOW.plus_secs(days * 86_400), "/".parse().unwrap());
        let mut signed = get("/");
        let payload = SignedPayload::Unsigned;
        signer.sign(&signed.method, &target, &mut signed.headers, payload, now).unwrap();
        assert_eq!(signed.verify(SECRET, Form::S3, b""), Ok(()), "{days}");
        assert_eq!(signed.check_time(now), Ok(()), "{days}");
    }
}

#[test]
fn an_earlier_signature_leaves_nothing_behind() {
    let old = get("/")
        .with("x-amz-date", "20010101T000000Z")
        .with("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        .with("authorization", "AWS4-HMAC-SHA256 Credential=old");
    let signed = sign(&old, None, SignedPayload::Unsigned).unwrap();
    assert_eq!(signed.verify(SECRET, Form::S3, b""), Ok(()));
    assert_eq!(signed.check_time(NOW), Ok(()));
    for name in ["authorization", "x-amz-date", "x-amz-content-sha256"] {
        assert_eq!(signed.headers.get_all(name).iter().count(), 1, "{name}");
    }
}

#[test]
fn what_a_hop_may_change_is_not_signed() {
    let mut sent = get("/").with("content-type", "text/plain").with("if-match", "\"x\"");
    for name in UNSIGNED {
        sent = sent.with(name, "1");
    }
    let signed = sign(&sent, None, SignedPayload::Unsigned).unwrap();
    let names = "content-type;host;if-match;x-amz-content-sha256;x-amz-date";
    assert_eq!(signed_names(&signed).join(";"), names);
    for name in UNSIGNED {
        let changed = signed.clone().set(name, "2");
        assert_eq!(changed.verify(SECRET, Form::S3, b""), Ok(()), "{name}");
    }
    let changed = signed.set("content-type", "text/html");
    assert_eq!(changed.verify(SECRET, Form::S3, b""), Err(SigV4Error::Mismatch));
}

#[test]
fn what_is_no_text_is_not_signed() {
    let mut sent = get("/");
    let bytes = HeaderValue::from_bytes(b"\xff").unwrap();
    sent.headers.insert("x-amz-meta-a", bytes.clone());
    assert_eq!(sign(&sent, None, SignedPayload::Unsigned).unwrap_err(), SignError);
    let mut sent = get("/");
    sent.headers.insert("x-other", bytes);
    assert!(sign(&sent, None, SignedPayload::Unsigned).is_ok(), "nor does it matter elsewhere");
    let hostless = get("/").without("host");
    assert_eq!(sign(&hostless, None, SignedPayload::Unsigned).unwrap_err(), SignError);
    let token = Some("not\na header");
    assert_eq!(sign(&get("/"), token, SignedPayload::Unsigned).unwrap_err(), SignError);
    let text = format!("{:?}", signer(Some("session")));
    assert!(text.contains(ACCESS_KEY_ID) && !text.contains(SECRET), "{text}");
    assert!(!text.contains("session"), "{text}");
}

proptest! {
    #[test]
    fn a_date_is_read_as_the_moment_it_was_written_for(secs in 0..253_402_300_800_i64) {
        let moment = Time::from_secs(secs);
        let date = moment.amz_date().unwrap();
        let read = amz_time(str::from_utf8(&date).unwrap());
        prop_assert_eq!(read.map(|(time, _)| time), Some(moment));
    }

    #[test]
    fn what_is_signed_here_holds_here(
        method in select(vec!["GET", "PUT", "POST", "DELETE", "HEAD"]),
        path in "(/([A-Za-z0-9._~-]|%20|%2F|%C3%A9|%25|%2B){0,6}){1,4}",
        query in prop::option::of("([a-z]{1,4}(=([A-Za-z0-9._~+-]|%20|%2F|%2B){0,5})?&?){0,4}"),
        headers in prop::collection::vec(
            (
                prop_oneof![
                    select(UNSIGNED.to_vec()),
                    select(vec!["content-type", "content-md5", "range", "if-match", "x-amz-meta-a"]),
                ],
                "[!-~]([ -~]{0,10}[!-~])?",
            ),
            0..6,
        ),
        token in prop::option::of("[A-Za-z0-9+/=]{1,30}"),
        body in prop::option::of(prop::collection::vec(any::<u8>(), 0..8)),
    ) {
        let target = query.map_or(path.clone(), |query| format!("{path}?{query}"));
        let mut sent = Sent::new(method, &target).with("host", "127.0.0.1:9000");
        for (name, value) in &headers {
            sent = sent.with(name, value);
        }
        let payload = body.as_deref().map_or(SignedPayload::Unsigned, |body| {
            SignedPayload::Sha256(sha256(body))
        });
        let signed = sign(&sent, token.as_deref(), payload).unwrap();
        prop_assert_eq!(signed.verify(SECRET, Form::S3, b""), Ok(()), "{:?}", signed);
        // To the letter as the SDKs sign what is signed of it.
        let mut meant = sent.clone();
        for name in UNSIGNED {
            meant = meant.without(name);
        }
        let sdk = Sdk { token: token.as_deref(), body: body.as_deref(), ..Sdk::s3() }.sign(&meant);
        prop_assert_eq!(signed.authorization(), sdk.authorization());
        let names = signed_names(&signed);
        prop_assert!(!UNSIGNED.iter().any(|name| names.iter().any(|n| n == name)), "{:?}", names);
    }
}
