use ::http::StatusCode;
use proptest::prelude::*;
use serde_json::json;

use super::{BearerChallenge, Problem};
use crate::http::{RequestError, TargetError};

#[test]
fn writes_problem_details() {
    let response = Problem::new(StatusCode::FORBIDDEN, "access_denied", "not \"allowed\"")
        .decision_id("d-1")
        .challenge(BearerChallenge::InsufficientScope { scope: "a/read  b".to_owned() })
        .into_response();
    assert_eq!(response.status(), 403);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-poolgate-decision-id"], "d-1");
    assert_eq!(
        headers["www-authenticate"],
        "Bearer realm=\"poolgate\", error=\"insufficient_scope\", scope=\"a/read b\""
    );
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    let expected = json!({
        "type": "about:blank", "title": "Forbidden", "status": 403,
        "detail": "not \"allowed\"", "reason": "access_denied", "decision_id": "d-1",
    });
    assert_eq!(body, expected);
}

#[test]
fn challenges_as_rfc_6750_words_them() {
    let value = |challenge: BearerChallenge| challenge.header_value();
    assert_eq!(value(BearerChallenge::Missing), "Bearer realm=\"poolgate\"");
    assert_eq!(
        value(BearerChallenge::InvalidRequest),
        "Bearer realm=\"poolgate\", error=\"invalid_request\""
    );
    let description = "expired\", scope=\"admin\\\r\nSet-Cookie: x=é".to_owned();
    assert_eq!(
        value(BearerChallenge::InvalidToken { description }),
        "Bearer realm=\"poolgate\", error=\"invalid_token\", \
         error_description=\"expired?, scope=?admin???Set-Cookie: x=?\""
    );
}

#[test]
fn refusals_of_requests_become_problems() {
    let malformed = Problem::from(RequestError::Authorization);
    assert_eq!(malformed.status, 400);
    assert_eq!(malformed.challenge, Some(BearerChallenge::InvalidRequest));
    let method = Problem::from(RequestError::Method).into_response();
    assert_eq!(method.status(), 405);
    assert!(method.headers().contains_key("allow"));
    assert!(!method.headers().contains_key("x-poolgate-decision-id"));
    let target = Problem::from(RequestError::from(TargetError::DotSegment));
    assert_eq!((target.status, target.reason), (StatusCode::BAD_REQUEST, "target_dot_segment"));
    assert_eq!(target.challenge, None);
    assert_eq!(Problem::from(RequestError::Origin).status, 403);
}

#[test]
fn a_problem_is_never_a_success() {
    // CVE-2026-24513: a denial rewritten into a success.
    for status in [200, 204, 101, 302] {
        let problem = Problem::new(StatusCode::from_u16(status).unwrap(), "x", "y");
        assert_eq!(problem.into_response().status(), 500);
    }
}

proptest! {
    #[test]
    fn no_text_leaves_its_quotes(description in any::<String>()) {
        let value = BearerChallenge::InvalidToken { description }.header_value();
        let text = value.to_str().unwrap();
        prop_assert_eq!(text.matches('"').count(), 6);
        prop_assert!(!text.contains('\\') && text.ends_with('"'));
    }
}
