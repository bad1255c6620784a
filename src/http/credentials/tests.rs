use ::http::header::AUTHORIZATION;
use ::http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::{Credentials, credentials, presented};
use crate::http::RequestError as E;

fn headers(values: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

#[test]
fn reads_the_schemes() {
    let table: [(&str, Credentials<'_>); 11] = [
        ("Bearer abc.def-_~+/==", Credentials::Bearer("abc.def-_~+/==")),
        ("bearer  abc", Credentials::Bearer("abc")),
        ("BEARER abc", Credentials::Bearer("abc")),
        ("DPoP abc", Credentials::Dpop("abc")),
        ("dpop  abc==", Credentials::Dpop("abc==")),
        ("AWS4-HMAC-SHA256 Credential=x", Credentials::SigV4),
        ("aws4-hmac-sha256 Credential=x", Credentials::SigV4),
        ("AWS4-ECDSA-P256-SHA256 Credential=x", Credentials::SigV4),
        ("AWS4-HMAC-SHA256", Credentials::SigV4),
        ("Basic YTpi", Credentials::Unsupported("Basic")),
        ("AWS AKID:sig", Credentials::Unsupported("AWS")),
    ];
    for (text, expected) in table {
        assert_eq!(credentials(&headers(&[text.as_bytes()]), None), Ok(expected), "{text}");
    }
}

#[test]
fn never_takes_a_malformed_credential_for_none() {
    let table = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer =",
        "Bearer a b",
        "Bearer a,b",
        "Bearer a=b",
        "Bearer a\t",
        "Bearer\ta",
        " Bearer a",
        "Bearer \"a\"",
        "(x) a",
        "Bearer a, Basic b",
        "DPoP",
        "DPoP a, b",
        "DPoP a b",
    ];
    for text in table {
        assert_eq!(
            credentials(&headers(&[text.as_bytes()]), None),
            Err(E::Authorization),
            "{text:?}"
        );
    }
    let opaque = headers(&[b"Bearer \xe9"]);
    assert_eq!(credentials(&opaque, None), Err(E::NotAscii("Authorization")));
}

#[test]
fn leaves_the_syntax_of_a_token_to_whoever_verifies_it() {
    for (text, expected) in [
        ("Bearer a,b", Ok(Credentials::Bearer("a,b"))),
        ("DPoP a b", Ok(Credentials::Dpop("a b"))),
        ("Bearer", Err(E::Authorization)),
        ("DPoP ", Err(E::Authorization)),
        ("(x) a", Err(E::Authorization)),
    ] {
        assert_eq!(presented(&headers(&[text.as_bytes()]), None), expected, "{text}");
    }
    let opaque = headers(&[b"Bearer \xe9"]);
    assert_eq!(presented(&opaque, None), Err(E::NotAscii("Authorization")));
}

#[test]
fn refuses_two_credentials() {
    let two = headers(&[b"Bearer a", b"Bearer a"]);
    assert_eq!(credentials(&two, None), Err(E::Repeated("Authorization")));
    let bearer = headers(&[b"Bearer a"]);
    let presigned = Some("a=b&X-Amz-Signature=00");
    assert_eq!(credentials(&bearer, presigned), Err(E::SeveralCredentials));
}

#[test]
fn sees_a_presigned_query_and_no_access_token() {
    let none = HeaderMap::new();
    let signed = [
        "X-Amz-Signature=0",
        "a&x-amz-algorithm=AWS4",
        "X%2dAmz-Signature=0",
        "X-Amz-Signature",
        "X-Amz-Credential=a",
        "x-amz-security-token=a",
        "AWSAccessKeyId=a",
        "a=b&awsaccesskeyid=a",
        "%41WSAccessKeyId=a",
    ];
    for query in signed {
        assert_eq!(credentials(&none, Some(query)), Ok(Credentials::SigV4), "{query}");
    }
    for query in ["access_token=abc", "q=X-Amz-Signature", "q=AWSAccessKeyId", "AWSAccessKey=a", ""]
    {
        assert_eq!(credentials(&none, Some(query)), Ok(Credentials::None), "{query}");
    }
    assert_eq!(credentials(&none, None), Ok(Credentials::None));
}

#[test]
fn a_session_token_alone_is_a_signature_that_is_missing() {
    let mut token = HeaderMap::new();
    token.insert("x-amz-security-token", HeaderValue::from_static("t"));
    assert_eq!(credentials(&token, None), Ok(Credentials::SigV4));
}

#[test]
fn debug_shows_no_token() {
    assert_eq!(format!("{:?}", Credentials::Bearer("canary")), "Bearer");
}

proptest! {
    #[test]
    fn an_authorization_header_is_never_none(text in "[ -~]{0,40}") {
        let headers = headers(&[text.as_bytes()]);
        prop_assert_ne!(credentials(&headers, None), Ok(Credentials::None));
    }
}
