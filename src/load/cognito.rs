//! What a client asks Amazon Cognito for, or whatever stands in for it: sign-in at a user pool,
//! credentials of an identity pool.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    LoadError,
    client::{Connection, Endpoint},
    record::Failure,
};
use crate::sigv4::Signer;

/// The tokens of a sign-in.
pub struct Tokens {
    /// The ID token, which identity pools take.
    pub id: String,
    /// The access token.
    pub access: String,
}

/// Signs a user in with a password (`InitiateAuth`, USER_PASSWORD_AUTH).
///
/// # Errors
/// [`LoadError::Unreachable`], [`LoadError::NotCognito`], or [`LoadError::Refused`] with what the pool says.
pub async fn sign_in(
    endpoint: &Endpoint,
    client: &str,
    user: &str,
    password: &str,
) -> Result<Tokens, LoadError> {
    let body = json!({
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": client,
        "AuthParameters": { "USERNAME": user, "PASSWORD": password },
    });
    let answer = call(endpoint, "AWSCognitoIdentityProviderService.InitiateAuth", &body).await?;
    if let Some(challenge) = answer.get("ChallengeName").and_then(Value::as_str) {
        return Err(LoadError::Refused(format!("it wants {challenge} answered")));
    }
    let token = |name: &str| {
        let token = answer.get("AuthenticationResult").and_then(|result| result.get(name));
        token.and_then(Value::as_str).map(str::to_owned)
    };
    let not_cognito = || LoadError::NotCognito(endpoint.url().clone());
    Ok(Tokens {
        id: token("IdToken").ok_or_else(not_cognito)?,
        access: token("AccessToken").ok_or_else(not_cognito)?,
    })
}

/// Fetches a user's temporary credentials from an identity pool (GetId, GetCredentialsForIdentity),
/// as something that signs for S3 in `region`.
pub(super) async fn credentials(
    endpoint: &Endpoint,
    pool: &str,
    id_token: &str,
    region: &str,
) -> Result<Signer, LoadError> {
    let not_cognito = || LoadError::NotCognito(endpoint.url().clone());
    let provider = provider(id_token).ok_or(LoadError::Token)?;
    let logins = json!({ provider: id_token });
    let body = json!({ "IdentityPoolId": pool, "Logins": logins });
    let answer = call(endpoint, "AWSCognitoIdentityService.GetId", &body).await?;
    let identity = answer.get("IdentityId").and_then(Value::as_str).ok_or_else(not_cognito)?;
    let body = json!({ "IdentityId": identity, "Logins": logins });
    let target = "AWSCognitoIdentityService.GetCredentialsForIdentity";
    let answer = call(endpoint, target, &body).await?;
    let part = |name: &str| answer.get("Credentials")?.get(name)?.as_str();
    let (Some(id), Some(secret)) = (part("AccessKeyId"), part("SecretKey")) else {
        return Err(not_cognito());
    };
    Ok(Signer::new(id, secret, part("SessionToken"), region))
}

/// The key of `Logins` for a token: for a user pool's, whatever serves it,
/// `cognito-idp.REGION.amazonaws.com/POOL`; else the issuer without its scheme.
fn provider(token: &str) -> Option<String> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let (_, issuer) = claims.get("iss")?.as_str()?.split_once("://")?;
    let pool = issuer.rsplit_once('/').map_or("", |(_, pool)| pool);
    match pool.split_once('_') {
        Some((region, _)) if region.matches('-').count() >= 2 => {
            let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
            Some(format!("cognito-idp.{region}.amazonaws.com{suffix}/{pool}"))
        }
        _ => Some(issuer.to_owned()),
    }
}

/// Calls an operation of a service that takes JSON 1.1, unsigned.
async fn call(endpoint: &Endpoint, target: &str, body: &Value) -> Result<Value, LoadError> {
    let unreachable = || LoadError::Unreachable(endpoint.url().clone());
    let request = Request::post("/")
        .header(header::HOST, endpoint.authority())
        .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
        .header(header::USER_AGENT, HeaderValue::from_static(super::USER_AGENT))
        .header("x-amz-target", target)
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(|_| LoadError::Url)?;
    let mut connection = Connection::new(endpoint);
    let exchange = connection.exchange(request, async |answer| {
        let fine = answer.status().is_success();
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        Ok((fine, body.map_err(|_| Failure::Broken)?.to_bytes()))
    });
    let exchanged = timeout(TIMEOUT, exchange).await.map_err(|_| unreachable())?;
    let (fine, body) = exchanged.map_err(|_| unreachable())?;
    let answer: Option<Value> = serde_json::from_slice(&body).ok().filter(Value::is_object);
    let message = |answer: &Value| {
        let message = answer.get("message").or_else(|| answer.get("Message"));
        message.or_else(|| answer.get("__type")).and_then(Value::as_str).map(str::to_owned)
    };
    match answer {
        Some(answer) if fine => Ok(answer),
        answer => Err(answer
            .as_ref()
            .and_then(message)
            .map_or_else(|| LoadError::NotCognito(endpoint.url().clone()), LoadError::Refused)),
    }
}

const TIMEOUT: Duration = Duration::from_secs(10);
/// The most that is read of an answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    #[test]
    fn logins_are_named_as_the_identity_pool_knows_them() {
        for (issuer, expected) in [
            (
                "http://127.0.0.1:8080/us-east-1_Demo00001",
                "cognito-idp.us-east-1.amazonaws.com/us-east-1_Demo00001",
            ),
            (
                "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x",
                "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x",
            ),
            ("https://accounts.google.com", "accounts.google.com"),
            ("https://id.example.com/a_b", "id.example.com/a_b"),
        ] {
            let payload = URL_SAFE_NO_PAD.encode(json!({ "iss": issuer }).to_string());
            assert_eq!(provider(&format!("e30.{payload}.x")).as_deref(), Some(expected));
        }
        assert_eq!(provider("no token"), None);
    }
}
