//! Answers of AWS STS: the XML of the query protocol.

use std::fmt::Write;

use ::http::{HeaderValue, Response, StatusCode, header};
use quick_xml::escape::escape;

use super::cognito_identity::cors;
use crate::{
    gate::{AssumedRoleUser, CredentialError, DecisionId, Denial, Refusal, StsContent},
    sigv4::SigV4Error,
    upstream::AnswerBody,
};

/// An answer of the service.
pub(super) fn answered(content: &StsContent, id: &DecisionId) -> Response<AnswerBody> {
    let (operation, result) = match content {
        StsContent::AssumedRole(user) => ("AssumeRoleWithWebIdentity", assumed_role(user)),
        StsContent::CallerIdentity { user_id, account, arn } => {
            let mut xml = String::new();
            element(&mut xml, "Arn", arn);
            element(&mut xml, "UserId", user_id);
            element(&mut xml, "Account", account);
            ("GetCallerIdentity", xml)
        }
    };
    let body = format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{result}\
         </{operation}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
         </{operation}Response>"
    );
    answer(StatusCode::OK, body, id)
}

fn assumed_role(user: &AssumedRoleUser) -> String {
    let credentials = &user.credentials;
    let mut xml = String::new();
    element(&mut xml, "SubjectFromWebIdentityToken", &user.subject);
    element(&mut xml, "Audience", &user.audience);
    xml.push_str("<AssumedRoleUser>");
    element(&mut xml, "AssumedRoleId", &user.id);
    element(&mut xml, "Arn", &user.arn);
    xml.push_str("</AssumedRoleUser><Credentials>");
    element(&mut xml, "AccessKeyId", &credentials.access_key_id);
    element(&mut xml, "SecretAccessKey", credentials.secret_access_key.expose());
    element(&mut xml, "SessionToken", &credentials.session_token);
    // To the second, as AWS writes it.
    element(&mut xml, "Expiration", &credentials.expires.rfc3339().replace(".000Z", "Z"));
    xml.push_str("</Credentials>");
    element(&mut xml, "Provider", &user.provider);
    if let Some(percent) = user.packed_policy_size {
        element(&mut xml, "PackedPolicySize", &percent.to_string());
    }
    xml
}

/// A denial as an error.
pub(super) fn denied(denial: &Denial, id: &DecisionId) -> Response<AnswerBody> {
    let own = denial.detail.as_str();
    let (bad, forbidden) = (StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN);
    let (status, code, message) = match &denial.refusal {
        Refusal::Fault(code) => (status(code), *code, own),
        Refusal::Signature(error) => signature(*error),
        Refusal::Credentials(CredentialError::Expired) => {
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
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", own),
    };
    let blamed = if status.is_server_error() { "Receiver" } else { "Sender" };
    let mut body = format!("<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{blamed}</Type>");
    element(&mut body, "Code", code);
    element(&mut body, "Message", message);
    // Writing to a string doesn't fail.
    let _ = write!(body, "</Error><RequestId>{id}</RequestId></ErrorResponse>");
    answer(status, body, id)
}

/// The statuses of the service's model; 400 where it has none.
fn status(code: &str) -> StatusCode {
    match code {
        "AccessDenied" | "IDPRejectedClaim" | "RegionDisabledException" => StatusCode::FORBIDDEN,
        "InternalFailure" => StatusCode::INTERNAL_SERVER_ERROR,
        "NotImplemented" => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::BAD_REQUEST,
    }
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
fn element(xml: &mut String, name: &str, text: &str) {
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

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

#[cfg(test)]
mod tests;
