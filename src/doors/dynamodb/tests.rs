//! Every refusal in DynamoDB's language.

use http_body_util::BodyExt;
use serde_json::Value;

use super::*;
use crate::services::dynamodb::DynamoDbError;
use crate::sigv4::SigV4Error;

async fn denied_as(refusal: Refusal) -> (u16, String, String) {
    let denial = Denial {
        reason: "test",
        refusal,
        detail: "own words".to_owned(),
        challenge: crate::gate::Challenge::Bearer,
        found: Box::default(),
    };
    read(denied(&denial, &DecisionId::fresh())).await
}

/// Status, type and message of an exception, which must have DynamoDB's form.
async fn read(response: Response<AnswerBody>) -> (u16, String, String) {
    let (parts, body) = response.into_parts();
    assert_eq!(parts.headers["content-type"], "application/x-amz-json-1.0");
    assert_eq!(parts.headers["cache-control"], "no-store");
    assert_eq!(parts.headers["access-control-allow-origin"], "*");
    assert_eq!(parts.headers["x-amzn-requestid"].len(), 32);
    let body = body.collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["message"], body["Message"]);
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (parts.status.as_u16(), text("__type"), text("message"))
}

#[tokio::test]
async fn every_refusal_has_a_status_and_an_exception() {
    use Refusal as R;
    let coral = |name: &str| format!("com.amazon.coral.service#{name}");
    let own = "own words";
    let invalid = "The security token included in the request is invalid.";
    for (refusal, status, kind, message) in [
        (R::AccessDenied, 400, coral("AccessDeniedException"), own),
        (R::InsufficientScope("s".into()), 400, coral("AccessDeniedException"), own),
        (R::Fault("x"), 400, coral("AccessDeniedException"), own),
        (
            R::MissingCredential,
            400,
            coral("MissingAuthenticationTokenException"),
            "Request is missing Authentication Token",
        ),
        (R::InvalidCredential, 400, coral("UnrecognizedClientException"), invalid),
        (
            R::Credentials(CredentialError::UnknownKey),
            400,
            coral("UnrecognizedClientException"),
            invalid,
        ),
        (
            R::Credentials(CredentialError::Expired),
            400,
            coral("ExpiredTokenException"),
            "The security token included in the request is expired",
        ),
        (
            R::Credentials(CredentialError::Revoked),
            400,
            coral("ExpiredTokenException"),
            "The security token included in the request is expired",
        ),
        (
            R::Throttled(3),
            400,
            "com.amazon.coral.availability#ThrottlingException".to_owned(),
            "Rate of requests exceeds the allowed throughput.",
        ),
        (
            R::ExpiredCredential,
            400,
            coral("ExpiredTokenException"),
            "The security token included in the request is expired",
        ),
        (R::NotFound, 400, coral("UnknownOperationException"), own),
        (R::BadRequest, 400, coral("SerializationException"), own),
        (R::TooLarge, 413, coral("RequestEntityTooLargeException"), own),
        (
            R::Unavailable,
            500,
            "com.amazonaws.dynamodb.v20120810#InternalServerError".to_owned(),
            own,
        ),
        (
            R::DynamoDb(DynamoDbError::UnknownOperation),
            400,
            coral("UnknownOperationException"),
            own,
        ),
        (R::DynamoDb(DynamoDbError::Serialization("x")), 400, coral("SerializationException"), own),
        (
            R::DynamoDb(DynamoDbError::Validation("x".into())),
            400,
            "com.amazon.coral.validate#ValidationException".to_owned(),
            own,
        ),
        (
            R::DynamoDb(DynamoDbError::ForeignArn("x".into())),
            400,
            coral("AccessDeniedException"),
            own,
        ),
        (R::DynamoDb(DynamoDbError::ShardIterator), 400, coral("AccessDeniedException"), own),
    ] {
        let name = format!("{refusal:?}");
        let expected = (status, kind, message.to_owned());
        assert_eq!(denied_as(refusal).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_signature_that_fails_is_told_as_the_sdks_know_it() {
    for (error, name) in [
        (SigV4Error::Mismatch, "InvalidSignatureException"),
        (SigV4Error::TimeSkewed, "InvalidSignatureException"),
        (SigV4Error::ContentSha256Mismatch, "InvalidSignatureException"),
        (SigV4Error::MissingDate, "IncompleteSignatureException"),
        (SigV4Error::MalformedHeader("x"), "IncompleteSignatureException"),
    ] {
        let (status, kind, _) = denied_as(Refusal::Signature(error)).await;
        assert_eq!((status, kind), (400, format!("com.amazon.coral.service#{name}")), "{error:?}");
    }
}

#[tokio::test]
async fn a_call_without_an_answer_can_be_tried_again() {
    let (status, kind, _) = read(failed(&ForwardError::AnswerTimeout, &DecisionId::fresh())).await;
    let expected = "com.amazonaws.dynamodb.v20120810#InternalServerError";
    assert_eq!((status, kind.as_str()), (500, expected));
}
