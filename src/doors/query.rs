//! The query protocol of AWS STS and IAM: answers in XML.

use std::fmt::Write;

use ::http::{HeaderValue, Response, StatusCode, header};
use quick_xml::escape::escape;

use super::cognito_identity::cors;
use crate::{
    gate::{CredentialError, DecisionId, Denial, Refusal},
    sigv4::SigV4Error,
    upstream::AnswerBody,
};

/// The answer of an operation.
pub(super) fn answered(
    namespace: &str,
    operation: &str,
    result: &str,
    id: &DecisionId,
) -> Response<AnswerBody> {
    let body = format!(
        "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>{result}\
         </{operation}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
         </{operation}Response>"
    );
    answer(StatusCode::OK, body, id)
}

/// A denial as an error, of the `status` that the service's model has for its code.
pub(super) fn denied(
    namespace: &str,
    status: fn(&str) -> StatusCode,
    denial: &Denial,
    id: &DecisionId,
) -> Response<AnswerBody> {
    let own = denial.detail.as_str();
    let (bad, forbidden) = (StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN);
    let (status, code, message) = match &denial.refusal {
        Refusal::Fault(code) => (status(code), *code, own),
        Refusal::Signature(error) => signature(*error),
        Refusal::Credentials(CredentialError::Expired | CredentialError::Revoked) => {
            (forbidden, "ExpiredToken", "The security token included in the request is expired")
        }
        Refusal::Credentials(_) | Refusal::InvalidCredential | Refusal::ExpiredCredential => (
            forbidden,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        Refusal::MissingCredential => (forbidden, "MissingAuthenticationToken", own),
        Refusal::AccessDenied
        | Refusal::InsufficientScope(_)
        | Refusal::Items(_)
        | Refusal::DynamoDb(_)
        | Refusal::S3(_) => (forbidden, "AccessDenied", own),
        Refusal::NotFound => (bad, "InvalidAction", own),
        Refusal::BadRequest => (bad, "ValidationError", own),
        Refusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", own),
        Refusal::Throttled(_) => (bad, "Throttling", "Rate exceeded"),
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", own),
    };
    let blamed = if status.is_server_error() { "Receiver" } else { "Sender" };
    let mut body = format!("<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{blamed}</Type>");
    element(&mut body, "Code", code);
    element(&mut body, "Message", message);
    // Writing to a string doesn't fail.
    let _ = write!(body, "</Error><RequestId>{id}</RequestId></ErrorResponse>");
    answer(status, body, id)
}

fn signature(error: SigV4Error) -> (StatusCode, &'static str, &'static str) {
    let (code, message) = match error {
        SigV4Error::MalformedHeader(_)
        | SigV4Error::MalformedQuery(_)
        | SigV4Error::UnsupportedAlgorithm
        | SigV4Error::MissingDate
        | SigV4Error::ExpiresOutOfRange => (
            "IncompleteSignature",
            "The request signature does not conform to AWS standards; sign with AWS4-HMAC-SHA256.",
        ),
        SigV4Error::ScopeDate
        | SigV4Error::TimeSkewed
        | SigV4Error::PresignedNotYet
        | SigV4Error::PresignedExpired => {
            ("SignatureDoesNotMatch", "Signature expired or not yet current; compare your clock.")
        }
        _ => (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method. Consult the service documentation for \
             details.",
        ),
    };
    (StatusCode::FORBIDDEN, code, message)
}

/// An element of text. What XML 1.0 can't have at all becomes `?`.
pub(super) fn element(xml: &mut String, name: &str, text: &str) {
    let text: String = text
        .chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' => c,
            '\u{10000}'.. => c,
            _ => '?',
        })
        .collect();
    // Writing to a string doesn't fail.
    let _ = write!(xml, "<{name}>{}</{name}>", escape(text.as_str()));
}

fn answer(status: StatusCode, body: String, id: &DecisionId) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::own(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert("x-amzn-requestid", id);
    }
    cors(headers);
    response
}
