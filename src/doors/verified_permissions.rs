//! Answers of Verified Permissions: JSON 1.0, as its model has them.

use ::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::cognito_identity::{cors, put, signature};
use crate::{
    gate::{CredentialError, DecisionId, Denial, Judged, Refusal, VerifiedContent},
    upstream::AnswerBody,
};

/// An answer of the service.
pub(super) fn answered(content: &VerifiedContent, id: &DecisionId) -> Response<AnswerBody> {
    let VerifiedContent { batch, principal, results } = content;
    let mut body = match (batch, results.as_slice()) {
        (false, [(_, judged)]) => result(judged, None),
        _ => {
            let each = results.iter().map(|(written, judged)| result(judged, Some(written)));
            let results = each.map(Value::Object).collect();
            Map::from_iter([("results".to_owned(), Value::Array(results))])
        }
    };
    if let Some((kind, id)) = principal {
        let principal = json!({ "entityType": kind, "entityId": id });
        body.insert("principal".to_owned(), principal);
    }
    answer(StatusCode::OK, &Value::Object(body), id)
}

fn result(judged: &Judged, written: Option<&Value>) -> Map<String, Value> {
    let decision = if judged.answer.is_ok() { "ALLOW" } else { "DENY" };
    let policies = judged.policies();
    let policies: Vec<Value> = policies.iter().map(|id| json!({ "policyId": id })).collect();
    let errors = judged.error().map(|error| json!({ "errorDescription": error }));
    let mut members = Map::new();
    if let Some(written) = written {
        members.insert("request".to_owned(), written.clone());
    }
    members.insert("decision".to_owned(), json!(decision));
    members.insert("determiningPolicies".to_owned(), Value::Array(policies));
    members.insert("errors".to_owned(), errors.into_iter().collect());
    members
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
        Refusal::BadRequest => ("SerializationException", own),
        Refusal::TooLarge => ("ValidationException", own),
        Refusal::Throttled(_) => ("ThrottlingException", own),
        Refusal::Unavailable => (INTERNAL, own),
    };
    let status = match code {
        INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut body = json!({ "__type": format!("{SERVICE}#{code}"), "message": message });
    // What the model has beside the message.
    for name in ["fieldList", "resourceId", "resourceType"] {
        if let (Some(value), Some(members)) = (denial.found.get(name), body.as_object_mut()) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    let mut response = answer(status, &body, id);
    put(response.headers_mut(), "x-amzn-errortype", code);
    response
}

fn answer(status: StatusCode, body: &Value, id: &DecisionId) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::own(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    put(headers, "x-amzn-requestid", id.as_str());
    cors(headers);
    response
}

const INTERNAL: &str = "InternalServerException";
const SERVICE: &str = "com.amazonaws.verifiedpermissions";

#[cfg(test)]
mod tests;
