//! Answers in S3's language: XML, with its codes, statuses and words
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).

use std::borrow::Cow;
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use quick_xml::escape::escape;
use tokio::time::timeout;

use crate::{
    gate::{AnswerRule, CredentialError, DecisionId, Denial, Refusal},
    services::s3::{PostAnswer, S3Error},
    sigv4::SigV4Error,
    upstream::{AnswerBody, ForwardError},
};

/// One of S3's errors.
struct Error<'a> {
    status: StatusCode,
    code: &'static str,
    message: &'a str,
}

/// Whether a request that goes nowhere was meant for S3, as its signature says.
pub(super) fn signed_for_s3(headers: &HeaderMap, query: Option<&str>) -> bool {
    let header = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let header = header.is_some_and(|value| {
        value.starts_with(b"AWS4") && value.windows(4).any(|four| four == b"/s3/")
    });
    let scopes = ["%2Fs3%2Faws4_request", "/s3/aws4_request"];
    header || query.is_some_and(|query| scopes.iter().any(|scope| query.contains(scope)))
}

/// A denial; `path` is what was asked for.
pub(super) fn denied(denial: &Denial, path: &str, id: &DecisionId) -> Response<AnswerBody> {
    let own = denial.detail.as_str();
    let error = |status: StatusCode, code, message| Error { status, code, message };
    let (bad, forbidden) = (StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN);
    let error = match &denial.refusal {
        Refusal::S3(found) => error(found.status(), found.code(), own),
        Refusal::Signature(found) => signature(*found),
        Refusal::Credentials(found) => credentials(*found),
        Refusal::Items(merge) => match merge.answer(None) {
            Ok(body) => return xml(StatusCode::OK, body, id),
            Err(found) => error(found.status(), found.code(), ""),
        },
        Refusal::AccessDenied if denial.reason.starts_with("cors_") => {
            error(forbidden, "AccessForbidden", NO_CORS)
        }
        Refusal::AccessDenied | Refusal::MissingCredential | Refusal::InsufficientScope(_) => {
            error(forbidden, "AccessDenied", own)
        }
        Refusal::InvalidCredential if denial.reason == "unsupported_credential" => {
            error(bad, "InvalidArgument", "Unsupported Authorization Type")
        }
        Refusal::InvalidCredential => {
            error(bad, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        }
        Refusal::ExpiredCredential => error(bad, "ExpiredToken", "The provided token has expired."),
        Refusal::BadRequest if denial.reason == "several_credentials" => {
            error(bad, "InvalidArgument", ONE_MECHANISM)
        }
        Refusal::BadRequest if denial.reason.starts_with("target_") => {
            error(bad, "InvalidURI", "Couldn't parse the specified URI.")
        }
        Refusal::BadRequest | Refusal::Fault(_) | Refusal::DynamoDb(_) => {
            error(bad, "InvalidRequest", own)
        }
        Refusal::TooLarge => error(bad, "EntityTooLarge", own),
        Refusal::NotFound => error(StatusCode::NOT_FOUND, "NoSuchBucket", own),
        Refusal::Throttled(_) => SLOW_DOWN,
        Refusal::Unavailable => {
            error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "Please try again.")
        }
    };
    answer(&error, path, id)
}

fn signature(error: SigV4Error) -> Error<'static> {
    let (bad, forbidden) = (StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN);
    let (status, code, message) = match error {
        SigV4Error::MalformedHeader(_) | SigV4Error::ScopeDate => (
            bad,
            "AuthorizationHeaderMalformed",
            "The authorization header that you provided is not valid.",
        ),
        SigV4Error::MalformedForm(_) => (
            bad,
            "InvalidArgument",
            "Bucket POST must contain the fields policy, X-Amz-Algorithm, X-Amz-Credential, \
             X-Amz-Date and X-Amz-Signature. If they are specified, please check the order of the \
             fields.",
        ),
        SigV4Error::SignedTwice => (bad, "InvalidArgument", ONE_MECHANISM),
        SigV4Error::MalformedQuery(_) | SigV4Error::ExpiresOutOfRange => (
            bad,
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, \
             X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and \
             X-Amz-Expires parameters.",
        ),
        SigV4Error::UnsupportedAlgorithm => (
            bad,
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported, nor is Signature \
             Version 4A (AWS4-ECDSA-P256-SHA256). Please use AWS4-HMAC-SHA256.",
        ),
        SigV4Error::MissingDate => (
            forbidden,
            "AccessDenied",
            "AWS authentication requires a valid Date or x-amz-date header",
        ),
        SigV4Error::TimeSkewed => (
            forbidden,
            "RequestTimeTooSkewed",
            "The difference between the request time and the server's time is too large.",
        ),
        SigV4Error::PresignedNotYet => (forbidden, "AccessDenied", "Request is not valid yet"),
        SigV4Error::PresignedExpired => (forbidden, "AccessDenied", "Request has expired"),
        SigV4Error::HeadersNotSigned | SigV4Error::SignedHeaderMissing => (
            forbidden,
            "AccessDenied",
            "There were headers present in the request which were not signed",
        ),
        SigV4Error::MissingContentSha256 => (
            bad,
            "InvalidRequest",
            "Missing required header for this request: x-amz-content-sha256",
        ),
        SigV4Error::ContentSha256 => (
            bad,
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value.",
        ),
        SigV4Error::ContentSha256Mismatch => (
            bad,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
        SigV4Error::StreamingPayload => (
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented: \
             x-amz-content-sha256 with this form of chunked payload (STREAMING-...)",
        ),
        SigV4Error::DecodedLength => (
            StatusCode::LENGTH_REQUIRED,
            "MissingContentLength",
            "You must provide the length of the content in x-amz-decoded-content-length.",
        ),
        SigV4Error::Trailer => (
            bad,
            "InvalidRequest",
            "The value specified in the x-amz-trailer header is not supported",
        ),
        SigV4Error::Mismatch => (
            forbidden,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. \
             Check your key and signing method.",
        ),
    };
    Error { status, code, message }
}

fn credentials(error: CredentialError) -> Error<'static> {
    let (bad, forbidden) = (StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN);
    let (status, code, message) = match error {
        CredentialError::UnknownKey => (
            forbidden,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        CredentialError::InvalidToken | CredentialError::RoleGone => {
            (bad, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        }
        CredentialError::Expired | CredentialError::Revoked => {
            (bad, "ExpiredToken", "The provided token has expired.")
        }
    };
    Error { status, code, message }
}

/// No answer of the backend.
pub(super) fn failed(error: &ForwardError, path: &str, id: &DecisionId) -> Response<AnswerBody> {
    if let ForwardError::Body(found) = error {
        let found = S3Error::from(*found);
        let (status, code, message) = (found.status(), found.code(), found.to_string());
        return answer(&Error { status, code, message: &message }, path, id);
    }
    let error = match error {
        ForwardError::Busy => SLOW_DOWN,
        ForwardError::CallerBody => Error {
            status: StatusCode::BAD_REQUEST,
            code: "IncompleteBody",
            message: "You did not provide the number of bytes specified by the Content-Length \
                      HTTP header.",
        },
        _ => Error {
            status: error.status(),
            code: "InternalError",
            message: "We encountered an internal error. Please try again.",
        },
    };
    answer(&error, path, id)
}

/// What the caller gets of a backend's answer: "not found" is told only those who may know, and what
/// was refused stands beside what became of the rest. An answer that is read may stand still for
/// `pause`.
pub(super) async fn finished(
    rule: AnswerRule,
    response: Response<AnswerBody>,
    (method, path): (&Method, &str),
    id: &DecisionId,
    pause: Duration,
) -> Response<AnswerBody> {
    if let Some(message) = &rule.hides_missing
        && response.status() == StatusCode::NOT_FOUND
    {
        let error = Error { status: StatusCode::FORBIDDEN, code: "AccessDenied", message };
        return answer(&error, path, id);
    }
    if let Some(post) = &rule.post
        && response.status() == StatusCode::OK
    {
        return posted(post, response);
    }
    match rule.merge {
        Some(merge) if *method == Method::POST && response.status() == StatusCode::OK => {
            let merged = match whole(response.into_body(), pause).await {
                Some(backend) => merge.answer(Some(&backend)),
                None => Err(S3Error::BackendAnswer),
            };
            match merged {
                Ok(body) => xml(StatusCode::OK, body, id),
                Err(found) => {
                    let (status, code) = (found.status(), found.code());
                    answer(&Error { status, code, message: &found.to_string() }, path, id)
                }
            }
        }
        _ => response,
    }
}

/// What a form wants to be answered when its object is there; the rest of the backend's answer, such as
/// the object's tag and version, goes with it.
fn posted(post: &PostAnswer, backend: Response<AnswerBody>) -> Response<AnswerBody> {
    let (parts, _) = backend.into_parts();
    let etag = parts.headers.get(header::ETAG).and_then(|etag| etag.to_str().ok());
    let (etag, mut headers) = (etag.unwrap_or_default().to_owned(), parts.headers.clone());
    for name in [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::CONTENT_ENCODING] {
        headers.remove(name);
    }
    let redirect = post.redirect(&etag).and_then(|url| HeaderValue::try_from(url).ok());
    let (status, body) = match (&redirect, post.status) {
        (Some(_), _) => (StatusCode::SEE_OTHER, String::new()),
        (None, 201) => (StatusCode::CREATED, post.xml(&etag)),
        (None, 200) => (StatusCode::OK, String::new()),
        (None, _) => (StatusCode::NO_CONTENT, String::new()),
    };
    if !body.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    }
    let location = redirect.or_else(|| HeaderValue::try_from(post.location.as_str()).ok());
    headers.extend(location.map(|location| (header::LOCATION, location)));
    let mut response = Response::new(AnswerBody::own(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// A backend's answer to DeleteObjects: at most a thousand keys, with no longer `pause` in it.
async fn whole(mut body: AnswerBody, pause: Duration) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(frame) = timeout(pause, body.frame()).await.ok()? {
        if let Ok(data) = frame.ok()?.into_data() {
            if whole.len() + data.len() > MAX_ANSWER {
                return None;
            }
            whole.extend_from_slice(&data);
        }
    }
    Some(whole.freeze())
}

/// An error that isn't a denial.
pub(super) fn error(
    status: StatusCode,
    code: &'static str,
    message: &str,
    (path, id): (&str, &DecisionId),
) -> Response<AnswerBody> {
    answer(&Error { status, code, message }, path, id)
}

/// A document of JSON, as S3 tells policies.
pub(super) fn json(text: &str, id: &DecisionId) -> Response<AnswerBody> {
    let mut response = xml(StatusCode::OK, Bytes::copy_from_slice(text.as_bytes()), id);
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// It is done, and there is nothing to tell.
pub(super) fn no_content(id: &DecisionId) -> Response<AnswerBody> {
    let mut response = xml(StatusCode::NO_CONTENT, Bytes::new(), id);
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

fn answer(error: &Error<'_>, path: &str, id: &DecisionId) -> Response<AnswerBody> {
    let Error { status, code, message } = error;
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{}</Message>\
         <Resource>{}</Resource><RequestId>{id}</RequestId><HostId>{id}</HostId></Error>",
        escape(printable(message)),
        escape(printable(path)),
    );
    xml(*status, body.into(), id)
}

/// `text` with the characters replaced that XML can't have, escaped or not (XML 1.0 §2.2): a message
/// may name what the caller sent, and an answer has to be read whatever that was.
fn printable(text: &str) -> Cow<'_, str> {
    let impossible = |c: char| match c {
        '\t' | '\n' | '\r' => false,
        _ => c < ' ' || matches!(c, '\u{FFFE}' | '\u{FFFF}'),
    };
    match text.contains(impossible) {
        true => text.replace(impossible, "\u{FFFD}").into(),
        false => text.into(),
    }
}

fn xml(status: StatusCode, body: Bytes, id: &DecisionId) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::own(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert("x-amz-request-id", id);
    }
    response
}

const SLOW_DOWN: Error<'static> = Error {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "SlowDown",
    message: "Please reduce your request rate.",
};
const NO_CORS: &str = "CORSResponse: This CORS request is not allowed. This is usually because the \
    evalution of Origin, request method / Access-Control-Request-Method or \
    Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";
const ONE_MECHANISM: &str = "Only one auth mechanism allowed; only the X-Amz-Algorithm query \
                             parameter, Signature query string parameter or the Authorization \
                             header should be specified";
/// Bytes of a backend's answer that is merged.
const MAX_ANSWER: usize = 8 << 20;

#[cfg(test)]
mod tests;
