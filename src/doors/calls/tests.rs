use ::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use bytes::Bytes;

use super::{InHttp, is_call, worded};

#[test]
fn a_call_is_told_its_status_in_the_head() {
    for (status, code) in [
        (400, "3"),
        (401, "16"),
        (403, "7"),
        (404, "12"),
        (405, "12"),
        (413, "8"),
        (429, "8"),
        (502, "14"),
        (503, "14"),
        (504, "14"),
    ] {
        let mut plain = Response::new(Bytes::from_static(b"{}"));
        *plain.status_mut() = StatusCode::from_u16(status).unwrap();
        plain.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        let call = worded(plain, "ein 100%-iges Nö");
        assert_eq!(call.status(), 200);
        assert_eq!(call.headers()["grpc-status"], code);
        assert_eq!(call.headers()["grpc-message"], "ein 100%25-iges N%C3%B6");
        assert_eq!(call.headers()["content-type"], "application/grpc");
        assert_eq!(call.headers()["retry-after"], "1");
        assert_eq!(call.extensions().get::<InHttp>().unwrap().0, status);
    }
}

#[test]
fn a_call_is_one_by_version_method_and_type() {
    let head = |version, method: &str, kind: &str| {
        let request = Request::builder().version(version).method(method);
        request.header("content-type", kind).body(()).unwrap().into_parts().0
    };
    for (version, method, kind, expected) in [
        (Version::HTTP_2, "POST", "application/grpc", true),
        (Version::HTTP_2, "POST", "application/grpc+proto", true),
        (Version::HTTP_2, "POST", "application/grpc;charset=utf-8", true),
        (Version::HTTP_2, "POST", "application/grpc-web", false),
        (Version::HTTP_2, "POST", "application/json", false),
        (Version::HTTP_2, "GET", "application/grpc", false),
        (Version::HTTP_11, "POST", "application/grpc", false),
    ] {
        assert_eq!(is_call(&head(version, method, kind)), expected, "{version:?} {method} {kind}");
    }
}
