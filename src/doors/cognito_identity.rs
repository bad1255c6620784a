//! Answers of identity pools: JSON 1.1, as Amazon Cognito words and sends it.
//!
//! Browsers call the service from any page, so every answer has the headers of CORS. An exception is
//! named three times: in `__type`, and in two headers that the SDKs read.

use ::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    gate::{CredentialError, DecisionId, Denial, IdentityContent, Refusal},
    sigv4::SigV4Error,
    upstream::AnswerBody,
};

/// An answer of the service.
pub(super) fn answered(content: &IdentityContent, id: &DecisionId) -> Response<AnswerBody> {
    let body = match content {
        IdentityContent::PoolKeys(keys) => return pool_keys(keys),
        IdentityContent::Identity(identity) => json!({ "IdentityId": identity }),
        IdentityContent::IdentityCredentials { identity, credentials } => json!({
            "IdentityId": identity,
            "Credentials": {
                "AccessKeyId": credentials.access_key_id,
                "SecretKey": credentials.secret_access_key.expose(),
                "SessionToken": credentials.session_token,
                "Expiration": credentials.expires.secs(),
            },
        }),
        IdentityContent::OpenIdToken { identity, token } => {
            json!({ "IdentityId": identity, "Token": token.0 })
        }
    };
    answer(StatusCode::OK, &body, id)
}

/// A denial as an exception.
pub(super) fn denied(denial: &Denial, id: &DecisionId) -> Response<AnswerBody> {
    let own = denial.detail.as_str();
    let (code, message) = match &denial.refusal {
        Refusal::Fault(code) => (*code, own),
        Refusal::Signature(error) => signature(*error),
        Refusal::Credentials(CredentialError::Expired | CredentialError::Revoked) => {
            ("ExpiredTokenException", "The security token included in the request is expired")
        }
        Refusal::Credentials(_) | Refusal::InvalidCredential | Refusal::ExpiredCredential => (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        Refusal::MissingCredential => ("MissingAuthenticationTokenException", own),
        Refusal::AccessDenied
        | Refusal::InsufficientScope(_)
        | Refusal::Items(_)
        | Refusal::DynamoDb(_)
        | Refusal::S3(_) => ("AccessDeniedException", own),
        Refusal::NotFound => ("UnknownOperationException", own),
        Refusal::BadRequest | Refusal::TooLarge => ("InvalidParameterException", own),
        Refusal::Throttled(_) => ("TooManyRequestsException", own),
        Refusal::Unavailable => (INTERNAL, own),
    };
    let status = match code {
        INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = answer(status, &json!({ "__type": code, "message": message }), id);
    let headers = response.headers_mut();
    put(headers, "x-amzn-errortype", &format!("{code}:"));
    put(headers, "x-amzn-errormessage", message);
    response
}

/// A failed signature, as the services that speak JSON name it.
pub(super) fn signature(error: SigV4Error) -> (&'static str, &'static str) {
    match error {
        SigV4Error::MalformedHeader(_)
        | SigV4Error::MalformedQuery(_)
        | SigV4Error::UnsupportedAlgorithm
        | SigV4Error::MissingDate
        | SigV4Error::ExpiresOutOfRange => (
            "IncompleteSignatureException",
            "The signature is not complete; sign with AWS4-HMAC-SHA256.",
        ),
        SigV4Error::ScopeDate
        | SigV4Error::TimeSkewed
        | SigV4Error::PresignedNotYet
        | SigV4Error::PresignedExpired => (
            "InvalidSignatureException",
            "Signature expired or not yet current; compare your clock.",
        ),
        _ => (
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method. Consult the service documentation for \
             details.",
        ),
    }
}

/// The keys of the pools' own tokens: public, and the same until the configuration changes.
fn pool_keys(keys: &str) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::own(keys.to_owned()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    cors(headers);
    response
}

fn answer(status: StatusCode, body: &Value, id: &DecisionId) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::own(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    put(headers, "x-amzn-requestid", id.as_str());
    cors(headers);
    response
}

/// Any page may read the answer: whoever calls needs a token, and browsers send none by themselves.
pub(super) fn cors(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"),
    );
}

/// A header; what can't stand in one (a caller's text in a message) becomes `?`.
pub(super) fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let text: String =
        value.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

const INTERNAL: &str = "InternalErrorException";

#[cfg(test)]
mod tests;
