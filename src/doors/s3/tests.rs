//! Every refusal in S3's language.

use std::io;

use super::*;
use crate::gate::DecisionId;
use crate::services::s3::{Merge, Refused};
use crate::sigv4::BodyError;

fn denial(refusal: Refusal, reason: &'static str, detail: &str) -> Denial {
    Denial {
        reason,
        refusal,
        detail: detail.to_owned(),
        challenge: crate::gate::Challenge::Bearer,
        found: Box::default(),
    }
}

/// The body of an answer that was made here.
async fn text(response: Response<AnswerBody>) -> String {
    let body = whole(response.into_body(), Duration::from_secs(1)).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn between<'t>(text: &'t str, element: &str) -> &'t str {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let (_, rest) = text.split_once(&open).unwrap_or_else(|| panic!("no {open} in {text}"));
    rest.split_once(&close).unwrap().0
}

/// Status, code and message of an error, which must have S3's form.
async fn read(response: Response<AnswerBody>, id: &DecisionId) -> (u16, String, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/xml");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-amz-request-id"], id.as_str());
    let text = text(response).await;
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>"), "{text}");
    assert_eq!(between(&text, "RequestId"), id.as_str());
    assert_eq!(between(&text, "Resource"), "/demo/a");
    let part = |name| between(&text, name).to_owned();
    (status, part("Code"), part("Message"))
}

async fn denied_as(denial: &Denial) -> (u16, String, String) {
    let id = DecisionId::fresh();
    read(denied(denial, "/demo/a", &id), &id).await
}

#[tokio::test]
async fn every_refusal_has_a_status_and_a_code() {
    use Refusal as R;
    let invalid = "The provided token is malformed or otherwise invalid.";
    let no_cors = NO_CORS.replace('\'', "&apos;");
    for (refusal, reason, status, code, message) in [
        (R::AccessDenied, "implicit_deny", 403, "AccessDenied", "own words"),
        (
            R::Throttled(3),
            "principal_rate_exceeded",
            503,
            "SlowDown",
            "Please reduce your request rate.",
        ),
        (R::AccessDenied, "cors_origin_not_allowed", 403, "AccessForbidden", &no_cors),
        (R::MissingCredential, "missing_token", 403, "AccessDenied", "own words"),
        (R::InsufficientScope("s".into()), "insufficient_scope", 403, "AccessDenied", "own words"),
        (R::InvalidCredential, "bad_signature", 400, "InvalidToken", invalid),
        (
            R::InvalidCredential,
            "unsupported_credential",
            400,
            "InvalidArgument",
            "Unsupported Authorization Type",
        ),
        (R::ExpiredCredential, "expired", 400, "ExpiredToken", "The provided token has expired."),
        (R::BadRequest, "several_credentials", 400, "InvalidArgument", ONE_MECHANISM),
        (
            R::BadRequest,
            "target_bad_escape",
            400,
            "InvalidURI",
            "Couldn&apos;t parse the specified URI.",
        ),
        (R::BadRequest, "header_repeated", 400, "InvalidRequest", "own words"),
        (R::Fault("x"), "fault", 400, "InvalidRequest", "own words"),
        (R::TooLarge, "body_too_large", 400, "EntityTooLarge", "own words"),
        (R::NotFound, "no_route", 404, "NoSuchBucket", "own words"),
        (R::Unavailable, "decision_timeout", 503, "ServiceUnavailable", "Please try again."),
    ] {
        let found = denied_as(&denial(refusal, reason, "own words")).await;
        assert_eq!(found, (status, code.to_owned(), message.to_owned()), "{reason}");
    }
}

#[tokio::test]
async fn every_error_of_a_signature_has_a_status_and_a_code() {
    use SigV4Error as E;
    for (error, status, code, message) in [
        (E::MalformedHeader("x"), 400, "AuthorizationHeaderMalformed", "authorization header"),
        (E::ScopeDate, 400, "AuthorizationHeaderMalformed", "authorization header"),
        (E::MalformedQuery("x"), 400, "AuthorizationQueryParametersError", "X-Amz-Expires"),
        (E::ExpiresOutOfRange, 400, "AuthorizationQueryParametersError", "X-Amz-Expires"),
        (E::SignedTwice, 400, "InvalidArgument", "Only one auth"),
        (E::UnsupportedAlgorithm, 400, "InvalidRequest", "AWS4-HMAC-SHA256"),
        (E::MissingDate, 403, "AccessDenied", "valid Date or x-amz-date"),
        (E::TimeSkewed, 403, "RequestTimeTooSkewed", "the server&apos;s time is too large"),
        (E::PresignedNotYet, 403, "AccessDenied", "Request is not valid yet"),
        (E::PresignedExpired, 403, "AccessDenied", "Request has expired"),
        (E::HeadersNotSigned, 403, "AccessDenied", "which were not signed"),
        (E::SignedHeaderMissing, 403, "AccessDenied", "which were not signed"),
        (E::MissingContentSha256, 400, "InvalidRequest", "x-amz-content-sha256"),
        (E::ContentSha256, 400, "InvalidArgument", "UNSIGNED-PAYLOAD"),
        (E::ContentSha256Mismatch, 400, "XAmzContentSHA256Mismatch", "what was computed"),
        (E::StreamingPayload, 501, "NotImplemented", "STREAMING-"),
        (E::DecodedLength, 411, "MissingContentLength", "x-amz-decoded-content-length"),
        (E::Trailer, 400, "InvalidRequest", "x-amz-trailer"),
        (E::Mismatch, 403, "SignatureDoesNotMatch", "Check your key and signing method."),
    ] {
        let (found, found_code, text) = denied_as(&error.into()).await;
        assert_eq!((found, found_code.as_str()), (status, code), "{error:?}");
        assert!(text.contains(message), "{error:?}: {text}");
    }
}

#[test]
fn the_documentation_lists_reasons_with_their_codes() {
    let page = include_str!("../../../docs/signatures.md");
    let listed = |reason: &str, error: &Error<'_>| {
        let code = format!("| {} ({}) |", error.code, error.status.as_u16());
        let row = page.lines().find(|line| {
            line.split('|').nth(1).is_some_and(|cell| cell.contains(&format!("`{reason}`")))
        });
        assert!(row.is_some_and(|row| row.contains(&code)), "{reason}: {code}");
    };
    for error in SIGNATURE_ERRORS {
        listed(error.reason(), &signature(error));
    }
    for error in [
        CredentialError::UnknownKey,
        CredentialError::InvalidToken,
        CredentialError::RoleGone,
        CredentialError::Expired,
        CredentialError::Revoked,
    ] {
        listed(error.reason(), &credentials(error));
    }
}

const SIGNATURE_ERRORS: [SigV4Error; 16] = [
    SigV4Error::MalformedHeader("x"),
    SigV4Error::MalformedQuery("x"),
    SigV4Error::UnsupportedAlgorithm,
    SigV4Error::MissingDate,
    SigV4Error::ScopeDate,
    SigV4Error::TimeSkewed,
    SigV4Error::PresignedNotYet,
    SigV4Error::PresignedExpired,
    SigV4Error::ExpiresOutOfRange,
    SigV4Error::HeadersNotSigned,
    SigV4Error::SignedHeaderMissing,
    SigV4Error::MissingContentSha256,
    SigV4Error::ContentSha256,
    SigV4Error::ContentSha256Mismatch,
    SigV4Error::StreamingPayload,
    SigV4Error::Mismatch,
];

/// What the door tells two signatures by is what the parser says of them.
#[tokio::test]
async fn two_signatures_are_told_by_their_code() {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("AWS4-HMAC-SHA256 x"));
    let query = Some("X-Amz-Signature=0");
    let head = crate::sigv4::Head { method: &Method::GET, path: "/", query, headers: &headers };
    let error = crate::sigv4::Signed::parse(head).unwrap_err();
    let (status, code, message) = denied_as(&error.into()).await;
    assert_eq!((status, code.as_str()), (400, "InvalidArgument"));
    assert_eq!(message, ONE_MECHANISM);
}

#[tokio::test]
async fn every_error_of_credentials_has_a_status_and_a_code() {
    use CredentialError as E;
    for (error, status, code) in [
        (E::UnknownKey, 403, "InvalidAccessKeyId"),
        (E::InvalidToken, 400, "InvalidToken"),
        (E::RoleGone, 400, "InvalidToken"),
        (E::Expired, 400, "ExpiredToken"),
    ] {
        let (found, found_code, message) = denied_as(&error.into()).await;
        assert_eq!((found, found_code.as_str()), (status, code), "{error:?}");
        assert!(!message.is_empty(), "{error:?}");
    }
}

#[tokio::test]
async fn errors_of_s3_keep_their_own() {
    for error in [
        S3Error::NotImplemented,
        S3Error::UnknownSubresource("versions".into()),
        S3Error::MethodNotAllowed,
        S3Error::InvalidBucketName,
        S3Error::KeyTooLong,
        S3Error::MalformedXml,
        S3Error::BackendAnswer,
    ] {
        let (status, code, words) = (error.status(), error.code(), error.to_string());
        let found = denied_as(&denial(Refusal::S3(error), "s3", &words)).await;
        assert_eq!(found, (status.as_u16(), code.to_owned(), words));
    }
}

#[tokio::test]
async fn no_answer_of_the_backend_is_an_error_of_s3() {
    let io = || io::Error::other("10.0.0.1 refused");
    for (error, status, code) in [
        (ForwardError::NoAddress, 502, "InternalError"),
        (ForwardError::Connect(io()), 502, "InternalError"),
        (ForwardError::ConnectTimeout, 504, "InternalError"),
        (ForwardError::Tls(io()), 502, "InternalError"),
        (ForwardError::Switched, 502, "InternalError"),
        (ForwardError::AnswerTimeout, 504, "InternalError"),
        (ForwardError::CallerBody, 400, "IncompleteBody"),
        (ForwardError::Body(BodyError::ContentSha256), 400, "XAmzContentSHA256Mismatch"),
        (ForwardError::Body(BodyError::Checksum("CRC32")), 400, "BadDigest"),
        (ForwardError::Body(BodyError::Signature), 403, "SignatureDoesNotMatch"),
        (ForwardError::Body(BodyError::Framing("x")), 400, "InvalidRequest"),
        (ForwardError::Body(BodyError::Length), 400, "IncompleteBody"),
        (ForwardError::Body(BodyError::Trailer("x")), 400, "MalformedTrailerError"),
        (ForwardError::Unsendable, 400, "InternalError"),
    ] {
        let id = DecisionId::fresh();
        let (found, found_code, message) = read(failed(&error, "/demo/a", &id), &id).await;
        assert_eq!((found, found_code.as_str()), (status, code), "{error:?}");
        assert!(!message.contains("10.0.0.1"), "{message}");
    }
}

#[tokio::test]
async fn what_the_caller_sent_is_escaped() {
    let id = DecisionId::fresh();
    let words = "<script>&\"'\u{1}\u{FFFF}\t\u{E9}";
    let refused = denial(Refusal::AccessDenied, "implicit_deny", words);
    let text = text(denied(&refused, "/demo/<a>&\u{0}", &id)).await;
    let escaped = "&lt;script&gt;&amp;&quot;&apos;\u{FFFD}\u{FFFD}\t\u{E9}";
    assert_eq!(between(&text, "Message"), escaped);
    assert_eq!(between(&text, "Resource"), "/demo/&lt;a&gt;&amp;\u{FFFD}");
}

fn merge() -> Merge {
    let refused = |key: &str| Refused {
        key: key.to_owned(),
        version_id: None,
        message: "not you".to_owned(),
    };
    Merge { refused: vec![refused("a&b"), refused("c")] }
}

fn backend(status: u16, body: &'static str) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::own(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("x-backend", HeaderValue::from_static("1"));
    response
}

async fn finish(
    rule: AnswerRule,
    response: Response<AnswerBody>,
    method: &Method,
) -> Response<AnswerBody> {
    finished(rule, response, (method, "/demo/a"), &DecisionId::fresh(), Duration::from_secs(1))
        .await
}

#[tokio::test]
async fn if_every_object_is_refused_the_answer_says_so_one_by_one() {
    let id = DecisionId::fresh();
    let refused = denial(Refusal::Items(merge()), "implicit_deny", "");
    let response = denied(&refused, "/demo", &id);
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-amz-request-id"], id.as_str());
    let text = text(response).await;
    assert_eq!(text.matches("<Code>AccessDenied</Code>").count(), 2, "{text}");
    assert!(text.contains("<Key>a&amp;b</Key>") && text.contains("DeleteResult"), "{text}");
}

#[tokio::test]
async fn not_found_is_told_only_those_who_may_know() {
    let hides =
        || AnswerRule { hides_missing: Some("may not list".to_owned()), ..AnswerRule::default() };
    for method in [Method::GET, Method::HEAD, Method::DELETE] {
        let response = finish(hides(), backend(404, "<Error>NoSuchKey</Error>"), &method).await;
        assert_eq!(response.status(), 403, "{method}");
        assert!(!response.headers().contains_key("x-backend"), "{method}");
        let text = text(response).await;
        assert_eq!(between(&text, "Code"), "AccessDenied");
        assert_eq!(between(&text, "Message"), "may not list");
        assert!(!text.contains("NoSuchKey"), "{text}");
    }
    for status in [200, 204, 304, 403, 412, 500] {
        let response = finish(hides(), backend(status, "its own"), &Method::GET).await;
        assert_eq!(response.status(), status);
        assert_eq!(text(response).await, "its own");
    }
    let response = finish(AnswerRule::default(), backend(404, "its own"), &Method::GET).await;
    assert_eq!(response.status(), 404, "this one may know");
    assert_eq!(response.headers()["x-backend"], "1");
}

#[tokio::test]
async fn refused_objects_stand_beside_what_became_of_the_rest() {
    let rule = || AnswerRule { merge: Some(merge()), ..AnswerRule::default() };
    let deleted = "<DeleteResult><Deleted><Key>d</Key></Deleted></DeleteResult>";
    let response = finish(rule(), backend(200, deleted), &Method::POST).await;
    assert_eq!(response.status(), 200);
    let merged = text(response).await;
    assert!(merged.contains("<Deleted><Key>d</Key></Deleted>"), "{merged}");
    assert_eq!(merged.matches("<Code>AccessDenied</Code>").count(), 2, "{merged}");

    // What isn't an answer to DeleteObjects is passed on, or isn't S3's.
    let response = finish(rule(), backend(500, "its own"), &Method::POST).await;
    assert_eq!((response.status().as_u16(), text(response).await.as_str()), (500, "its own"));
    for broken in ["", "{}", "<DeleteResult>", "<Error/>", "<DeleteResult/><x/>"] {
        let response = finish(rule(), backend(200, broken), &Method::POST).await;
        assert_eq!(response.status(), 500, "{broken}");
        assert_eq!(between(&text(response).await, "Code"), "InternalError");
    }
}

#[tokio::test]
async fn an_answer_to_merge_is_bounded() {
    let rule = AnswerRule { merge: Some(merge()), ..AnswerRule::default() };
    let long = format!("<DeleteResult>{}</DeleteResult>", " ".repeat(MAX_ANSWER));
    let response = Response::new(AnswerBody::own(long));
    assert_eq!(finish(rule, response, &Method::POST).await.status(), 500);
}

#[test]
fn a_head_that_cannot_be_read_may_still_be_of_s3() {
    let scoped = "AWS4-HMAC-SHA256 Credential=A/20130524/us-east-1/s3/aws4_request";
    for (authorization, query, speaks) in [
        (Some(scoped), None, true),
        (
            Some("AWS4-HMAC-SHA256 Credential=A/20130524/us-east-1/dynamodb/aws4_request"),
            None,
            false,
        ),
        (Some("Bearer /s3/"), None, false),
        (None, Some("X-Amz-Credential=A%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"), true),
        (None, Some("X-Amz-Credential=A%2F20130524%2Fus-east-1%2Fsts%2Faws4_request"), false),
        (None, Some("prefix=s3"), false),
        (None, None, false),
    ] {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert("authorization", HeaderValue::from_static(value));
        }
        assert_eq!(signed_for_s3(&headers, query), speaks, "{authorization:?} {query:?}");
    }
}
