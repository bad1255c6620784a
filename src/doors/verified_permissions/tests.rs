use http_body_util::BodyExt;

use super::*;
use crate::services::Fault;

async fn parts(response: Response<AnswerBody>) -> (u16, String, Value) {
    let (parts, body) = response.into_parts();
    assert_eq!(parts.headers["content-type"], "application/x-amz-json-1.0");
    let kind = parts.headers.get("x-amzn-errortype").map_or("", |kind| kind.to_str().unwrap());
    let kind = kind.to_owned();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), kind, serde_json::from_slice(&body).unwrap())
}

fn judged(answer: Result<crate::gate::Grounds, Denial>) -> Judged {
    let text = |text: &str| text.to_owned();
    Judged { principal: text("User::\"a\""), action: text("a"), resource: text("r"), answer }
}

fn denial(refusal: Refusal, detail: &str, found: Value) -> Denial {
    Denial {
        reason: "r",
        refusal,
        detail: detail.to_owned(),
        challenge: Default::default(),
        found: Box::new(found),
    }
}

#[tokio::test]
async fn answers_are_the_models() {
    let id = DecisionId::fresh();
    let allowed = || judged(Ok(crate::gate::Grounds::Permit(vec!["p".to_owned()])));
    let failed = judged(Err(denial(Refusal::AccessDenied, "d", json!({ "error": "overflow" }))));
    let principal = Some(("User".to_owned(), "a".to_owned()));
    let one = VerifiedContent { batch: false, principal, results: vec![(json!({}), allowed())] };
    let (status, _, body) = parts(answered(&one, &id)).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({ "decision": "ALLOW", "determiningPolicies": [{ "policyId": "p" }], "errors": [],
                "principal": { "entityType": "User", "entityId": "a" } })
    );
    let results = vec![(json!({ "n": 1 }), failed), (json!({ "n": 2 }), allowed())];
    let batch = VerifiedContent { batch: true, principal: None, results };
    let (_, _, body) = parts(answered(&batch, &id)).await;
    assert_eq!(
        body,
        json!({ "results": [
            { "request": { "n": 1 }, "decision": "DENY", "determiningPolicies": [],
              "errors": [{ "errorDescription": "overflow" }] },
            { "request": { "n": 2 }, "decision": "ALLOW", "determiningPolicies": [{ "policyId": "p" }],
              "errors": [] },
        ] })
    );
}

#[tokio::test]
async fn denials_are_exceptions() {
    let id = DecisionId::fresh();
    let found =
        json!({ "fieldList": [{ "path": "p", "message": "m" }], "error": "told to nobody" });
    let invalid = denial(Refusal::Fault("ValidationException"), "why", found);
    let (status, kind, body) = parts(denied(&invalid, &id)).await;
    assert_eq!((status, kind.as_str()), (400, "ValidationException"));
    assert_eq!(
        body,
        json!({ "__type": "com.amazonaws.verifiedpermissions#ValidationException", "message": "why",
                "fieldList": [{ "path": "p", "message": "m" }] })
    );
    let fault = Denial::from(Fault::new("ResourceNotFoundException", "no"));
    assert_eq!(parts(denied(&fault, &id)).await.1, "ResourceNotFoundException");
    for (refusal, status, kind) in [
        (Refusal::AccessDenied, 400, "AccessDeniedException"),
        (Refusal::MissingCredential, 400, "MissingAuthenticationTokenException"),
        (Refusal::Unavailable, 500, "InternalServerException"),
        (Refusal::TooLarge, 400, "ValidationException"),
        (Refusal::Throttled(1), 400, "ThrottlingException"),
        (Refusal::Credentials(CredentialError::Expired), 400, "ExpiredTokenException"),
        (Refusal::Credentials(CredentialError::Revoked), 400, "ExpiredTokenException"),
    ] {
        let found = parts(denied(&denial(refusal, "d", Value::Null), &id)).await;
        assert_eq!((found.0, found.1.as_str()), (status, kind));
    }
}
