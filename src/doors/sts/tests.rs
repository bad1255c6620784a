use http_body_util::BodyExt;

use super::*;
use crate::clock::Time;
use crate::gate::{CredentialError, Refusal};
use crate::sigv4::SigV4Error;
use crate::sts::{Grant, GrantToken, Sealer, SealingKey};

async fn parts(response: Response<AnswerBody>) -> (u16, String) {
    let (parts, body) = response.into_parts();
    assert_eq!(parts.headers["content-type"], "text/xml");
    assert_eq!(parts.headers["access-control-allow-origin"], "*");
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
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
    let user = AssumedRoleUser {
        credentials: credentials.clone(),
        subject: "<a&b>\u{1}".to_owned(),
        id: "AROA:s".to_owned(),
        arn: "arn".to_owned(),
        packed_policy_size: Some(6),
        provider: "https://op.example".to_owned(),
        audience: "client".to_owned(),
    };
    let id = DecisionId::fresh();
    let (status, body) = parts(answered(&StsContent::AssumedRole(Box::new(user)), &id)).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleWithWebIdentityResult>\
             <SubjectFromWebIdentityToken>&lt;a&amp;b&gt;?</SubjectFromWebIdentityToken>\
             <Audience>client</Audience><AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId>\
             <Arn>arn</Arn></AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId>\
             <SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
             <Expiration>2027-01-15T08:00:00Z</Expiration></Credentials>\
             <Provider>https://op.example</Provider><PackedPolicySize>6</PackedPolicySize>\
             </AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>{id}</RequestId>\
             </ResponseMetadata></AssumeRoleWithWebIdentityResponse>",
            credentials.access_key_id,
            credentials.secret_access_key.expose(),
            credentials.session_token,
        )
    );
    let content = StsContent::CallerIdentity {
        user_id: "AROA:s".to_owned(),
        account: "1".to_owned(),
        arn: "arn".to_owned(),
    };
    let (_, body) = parts(answered(&content, &id)).await;
    let result = "<GetCallerIdentityResult><Arn>arn</Arn><UserId>AROA:s</UserId>\
                  <Account>1</Account></GetCallerIdentityResult>";
    assert!(body.contains(result), "{body}");
}

#[tokio::test]
async fn every_refusal_has_an_error() {
    let id = DecisionId::fresh();
    for (refusal, status, kind, code) in [
        (Refusal::Fault("AccessDenied"), 403, "Sender", "AccessDenied"),
        (Refusal::Fault("IDPRejectedClaim"), 403, "Sender", "IDPRejectedClaim"),
        (Refusal::Fault("InvalidIdentityToken"), 400, "Sender", "InvalidIdentityToken"),
        (Refusal::Fault("InternalFailure"), 500, "Receiver", "InternalFailure"),
        (Refusal::MissingCredential, 403, "Sender", "MissingAuthenticationToken"),
        (Refusal::Unavailable, 503, "Receiver", "ServiceUnavailable"),
        (Refusal::BadRequest, 400, "Sender", "ValidationError"),
        (Refusal::TooLarge, 413, "Sender", "RequestEntityTooLarge"),
        (Refusal::Credentials(CredentialError::UnknownKey), 403, "Sender", "InvalidClientTokenId"),
        (Refusal::Throttled(1), 400, "Sender", "Throttling"),
        (Refusal::Credentials(CredentialError::Expired), 403, "Sender", "ExpiredToken"),
        (Refusal::Credentials(CredentialError::Revoked), 403, "Sender", "ExpiredToken"),
        (Refusal::Signature(SigV4Error::Mismatch), 403, "Sender", "SignatureDoesNotMatch"),
        (Refusal::Signature(SigV4Error::TimeSkewed), 403, "Sender", "SignatureDoesNotMatch"),
        (Refusal::Signature(SigV4Error::MissingDate), 403, "Sender", "IncompleteSignature"),
    ] {
        let (found, body) = parts(denied(&denial(refusal.clone(), "a<b"), &id)).await;
        assert_eq!(found, status, "{refusal:?}");
        let error = format!("<Error><Type>{kind}</Type><Code>{code}</Code><Message>");
        assert!(body.contains(&error), "{body}");
        let end = format!("</Message></Error><RequestId>{id}</RequestId></ErrorResponse>");
        assert!(body.ends_with(&end) && !body.contains("a<b"), "{body}");
    }
}
