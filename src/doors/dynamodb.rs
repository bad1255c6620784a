//! Answers in DynamoDB's language: JSON 1.0, with its exceptions and words
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).

use ::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::cognito_identity::{cors, put, signature};
use crate::{
    gate::{CredentialError, DecisionId, Denial, Refusal},
    http,
    upstream::{AnswerBody, ForwardError},
};

/// Whether a request that goes nowhere was meant for DynamoDB, as its target says.
pub(super) fn targets_dynamodb(headers: &HeaderMap) -> bool {
    headers.get(http::TARGET).is_some_and(|target| target.as_bytes().starts_with(b"DynamoDB"))
}

/// A denial as an exception.
pub(super) fn denied(denial: &Denial, id: &DecisionId) -> Response<AnswerBody> {
    let own = denial.detail.as_str();
    let bad = StatusCode::BAD_REQUEST;
    let coral = |name, message| (bad, exception(CORAL, name), message);
    let (status, kind, message) = match &denial.refusal {
        Refusal::DynamoDb(error) => (bad, error.exception().to_owned(), own),
        Refusal::Signature(error) => {
            let (name, message) = signature(*error);
            coral(name, message)
        }
        Refusal::Credentials(CredentialError::Expired | CredentialError::Revoked)
        | Refusal::ExpiredCredential => {
            coral("ExpiredTokenException", "The security token included in the request is expired")
        }
        Refusal::Credentials(_) | Refusal::InvalidCredential => coral(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        Refusal::MissingCredential => {
            coral("MissingAuthenticationTokenException", "Request is missing Authentication Token")
        }
        Refusal::AccessDenied
        | Refusal::InsufficientScope(_)
        | Refusal::Items(_)
        | Refusal::S3(_)
        | Refusal::Fault(_) => coral("AccessDeniedException", own),
        Refusal::NotFound => coral("UnknownOperationException", own),
        Refusal::BadRequest => coral("SerializationException", own),
        Refusal::TooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, exception(CORAL, "RequestEntityTooLargeException"), own)
        }
        Refusal::Throttled(_) => throttled(),
        Refusal::Unavailable => internal(own),
    };
    answer(status, &kind, message, id)
}

/// A permitted call that got no answer.
pub(super) fn failed(error: &ForwardError, id: &DecisionId) -> Response<AnswerBody> {
    let (status, kind, message) = match error {
        ForwardError::Busy => throttled(),
        _ => internal(error.detail()),
    };
    answer(status, &kind, message, id)
}

/// What the caller gets of a backend's answer.
pub(super) fn finished(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    cors(response.headers_mut());
    response
}

/// What the SDKs send less after.
fn throttled() -> (StatusCode, String, &'static str) {
    let kind = exception(AVAILABILITY, "ThrottlingException");
    (StatusCode::BAD_REQUEST, kind, "Rate of requests exceeds the allowed throughput.")
}

/// What the SDKs try again after.
fn internal(message: &str) -> (StatusCode, String, &str) {
    let kind = exception(SERVICE, "InternalServerError");
    (StatusCode::INTERNAL_SERVER_ERROR, kind, message)
}

pub(super) fn exception(namespace: &str, name: &str) -> String {
    format!("{namespace}#{name}")
}

/// An exception.
pub(super) fn answer(
    status: StatusCode,
    kind: &str,
    message: &str,
    id: &DecisionId,
) -> Response<AnswerBody> {
    let body = json!({ "__type": kind, "message": message, "Message": message });
    let mut response = ok(&body, id);
    *response.status_mut() = status;
    response
}

/// What is answered here.
pub(super) fn ok(body: &Value, id: &DecisionId) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::own(body.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    put(headers, "x-amzn-requestid", id.as_str());
    cors(headers);
    response
}

const AVAILABILITY: &str = "com.amazon.coral.availability";
const CORAL: &str = "com.amazon.coral.service";
pub(super) const SERVICE: &str = "com.amazonaws.dynamodb.v20120810";

#[cfg(test)]
mod tests;
