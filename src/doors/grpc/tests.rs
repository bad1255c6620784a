use prost::Message as _;
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, Request, Version, header};
use bytes::Bytes;
use http_body_util::BodyExt;

use super::*;

#[test]
fn reads_one_message_and_nothing_else() {
    let read = |bytes: &'static [u8]| message(Bytes::from_static(bytes));
    assert_eq!(read(b"\0\0\0\0\x03abc"), Ok(Bytes::from_static(b"abc")));
    assert_eq!(read(b"\0\0\0\0\0"), Ok(Bytes::new()));
    for wrong in
        [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x03ab", b"\0\0\0\0\x03abcd", b"\0\xff\xff\xff\xff"]
    {
        assert_eq!(message(Bytes::copy_from_slice(wrong)), Err(Code::InvalidArgument), "{wrong:?}");
    }
    assert_eq!(read(b"\x01\0\0\0\x03abc"), Err(Code::Unimplemented), "compressed");
}

#[test]
fn reads_how_long_a_caller_waits() {
    let wait = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", HeaderValue::from_str(text).unwrap());
        patience(&headers)
    };
    for (text, wanted) in [
        ("200m", Some(Duration::from_millis(200))),
        ("1S", Some(Duration::from_secs(1))),
        ("2M", Some(Duration::from_secs(120))),
        ("1H", Some(Duration::from_secs(3600))),
        ("5u", Some(Duration::from_micros(5))),
        ("7n", Some(Duration::from_nanos(7))),
        ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
        ("", None),
        ("m", None),
        ("+1m", None),
        ("123456789m", None),
        ("1s", None),
        ("1.5S", None),
    ] {
        assert_eq!(wait(text), wanted, "{text}");
    }
    assert_eq!(patience(&HeaderMap::new()), None);
}

#[test]
fn knows_a_call_by_version_path_and_type() {
    const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
    let call = |version: Version, path: &str, kind: Option<&str>| {
        let mut request = Request::post(path).version(version);
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        is_call(&request.body(()).unwrap().into_parts().0)
    };
    let typed = |kind| call(Version::HTTP_2, CHECK, Some(kind));
    assert!(typed("application/grpc"));
    assert!(typed("application/grpc+proto"));
    assert!(typed("application/grpc;charset=utf-8"));
    assert!(!typed("application/grpc-web"));
    assert!(!typed("application/json"));
    assert!(!call(Version::HTTP_2, CHECK, None));
    // The type may be a client's, whose proxy asks over HTTP and takes 200 for leave.
    assert!(!call(Version::HTTP_11, CHECK, Some("application/grpc")));
    for path in ["/check/nginx", "/check/envoy/a.b/c", "/routes/a.b/check/envoy/x", "/a", "/"] {
        assert!(!call(Version::HTTP_2, path, Some("application/grpc")), "{path}");
    }
}

#[tokio::test]
async fn answers_with_a_message_and_then_the_status() {
    let response = answer(|out| "hello".to_owned().encode_raw(out));
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/grpc");
    assert!(!response.headers().contains_key("grpc-status"));
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    // `google.protobuf.StringValue`: a tag and a length before the text.
    assert_eq!(body.to_bytes(), Bytes::from_static(b"\0\0\0\0\x07\x0a\x05hello"));
}

#[tokio::test]
async fn says_in_the_head_that_a_call_failed() {
    let response = failed(Code::NotFound, "no");
    assert_eq!(response.headers()["grpc-status"], "5");
    assert_eq!(response.headers()["grpc-message"], "no");
    let body = response.into_body();
    assert!(http_body::Body::is_end_stream(&body));
}
