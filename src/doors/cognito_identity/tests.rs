use http_body_util::BodyExt;

use super::*;
use crate::clock::Time;
use crate::gate::OpenIdToken;
use crate::sts::{Grant, GrantToken, Sealer, SealingKey};

async fn parts(response: Response<AnswerBody>) -> (StatusCode, HeaderMap, Value) {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, serde_json::from_slice(&body).unwrap())
}

fn denial(refusal: Refusal, detail: &str) -> Denial {
    Denial {
        reason: "test",
        refusal,
        detail: detail.to_owned(),
        challenge: crate::gate::Challenge::Bearer,
        found: Box::default(),
    }
}

#[tokio::test]
async fn credentials_are_written_as_the_sdks_read_them() {
    let sealer = Sealer::new(&[SealingKey { id: "k".to_owned(), bytes: [1; 32] }]).unwrap();
    let grant = Grant {
        pool: None,
        identity: None,
        role_arn: "r".to_owned(),
        role_id: "i".to_owned(),
        session_name: "s".to_owned(),
        facts: crate::iam::Facts::new(),
        session_policies: Vec::new(),
        token: GrantToken::default(),
        issued: Time::from_secs(1),
        expires: Time::from_secs(1_800_000_000),
    };
    let credentials = sealer.seal(&grant).unwrap();
    let content = IdentityContent::IdentityCredentials {
        identity: "id".to_owned(),
        credentials: credentials.clone(),
    };
    let id = DecisionId::fresh();
    let (status, headers, body) = parts(answered(&content, &id)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        json!({"IdentityId": "id", "Credentials": {
            "AccessKeyId": credentials.access_key_id, "SessionToken": credentials.session_token,
            "SecretKey": credentials.secret_access_key.expose(), "Expiration": 1_800_000_000}})
    );
    for (name, value) in [
        ("content-type", "application/x-amz-json-1.1"),
        ("cache-control", "no-store"),
        ("access-control-allow-origin", "*"),
        (
            "access-control-expose-headers",
            "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date",
        ),
        ("x-amzn-requestid", id.as_str()),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let content = IdentityContent::OpenIdToken {
        identity: "id".to_owned(),
        token: OpenIdToken("t".to_owned()),
    };
    assert_eq!(parts(answered(&content, &id)).await.2, json!({"IdentityId": "id", "Token": "t"}));
    let content = IdentityContent::Identity("id".to_owned());
    assert_eq!(parts(answered(&content, &id)).await.2, json!({"IdentityId": "id"}));
    let content = IdentityContent::PoolKeys(r#"{"keys":[]}"#.to_owned());
    let (_, headers, body) = parts(answered(&content, &id)).await;
    assert_eq!(
        (body, &headers["content-type"]),
        (json!({"keys": []}), &"application/json".parse().unwrap())
    );
}

#[tokio::test]
async fn an_exception_is_named_thrice() {
    let id = DecisionId::fresh();
    let refused = denial(Refusal::Fault("NotAuthorizedException"), "No é\nline");
    let (status, headers, body) = parts(denied(&refused, &id)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body, json!({"__type": "NotAuthorizedException", "message": "No é\nline"}));
    assert_eq!(headers["x-amzn-errortype"], "NotAuthorizedException:");
    assert_eq!(headers["x-amzn-errormessage"], "No ??line");
    assert_eq!(headers["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn every_refusal_has_an_exception() {
    let id = DecisionId::fresh();
    for (refusal, status, code) in [
        (Refusal::Fault("InternalErrorException"), 500, "InternalErrorException"),
        (Refusal::Unavailable, 500, "InternalErrorException"),
        (Refusal::BadRequest, 400, "InvalidParameterException"),
        (Refusal::TooLarge, 400, "InvalidParameterException"),
        (Refusal::AccessDenied, 400, "AccessDeniedException"),
        (Refusal::InvalidCredential, 400, "UnrecognizedClientException"),
        (Refusal::Credentials(CredentialError::UnknownKey), 400, "UnrecognizedClientException"),
        (Refusal::Credentials(CredentialError::RoleGone), 400, "UnrecognizedClientException"),
        (Refusal::Throttled(1), 400, "TooManyRequestsException"),
        (Refusal::Credentials(CredentialError::Expired), 400, "ExpiredTokenException"),
        (Refusal::Credentials(CredentialError::Revoked), 400, "ExpiredTokenException"),
        (Refusal::Signature(SigV4Error::Mismatch), 400, "InvalidSignatureException"),
        (Refusal::Signature(SigV4Error::TimeSkewed), 400, "InvalidSignatureException"),
        (Refusal::Signature(SigV4Error::MissingDate), 400, "IncompleteSignatureException"),
    ] {
        let (found, _, body) = parts(denied(&denial(refusal.clone(), "m"), &id)).await;
        assert_eq!((found.as_u16(), body["__type"].as_str()), (status, Some(code)), "{refusal:?}");
    }
}
