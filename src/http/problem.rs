//! Answers that refuse, for APIs: problem details (RFC 9457) with a bearer challenge (RFC 6750).
//!
//! The type is `about:blank`, so the title is the status; the extension members `reason` (a stable
//! code) and `decision_id` (the decision log's key) tell more. Nothing is cached, and nothing of
//! the caller's text can leave a quoted string of the challenge.

use std::borrow::Cow;

use ::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use ::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;

use super::{DpopChallenge, RequestError};

/// A refusal, before it becomes a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The response's status; never a success.
    pub status: StatusCode,
    /// The stable code of the reason, coarse: it tells a caller what to change, not how it was
    /// decided.
    pub reason: &'static str,
    /// A sentence for the caller, without secrets.
    pub detail: Cow<'static, str>,
    /// The key of the decision log's entry.
    pub decision_id: Option<String>,
    /// The `WWW-Authenticate` header.
    pub challenge: Option<BearerChallenge>,
    /// Another `WWW-Authenticate` header, for tokens with a proof.
    pub dpop: Option<DpopChallenge>,
}

/// What a caller is told about its bearer token (RFC 6750 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BearerChallenge {
    /// No token: the scheme alone, without an error code (§3.1).
    Missing,
    /// The token is expired, revoked, malformed or otherwise invalid: 401.
    InvalidToken {
        /// Why, for the developer.
        description: String,
    },
    /// The token doesn't carry one of these scopes: 403.
    InsufficientScope {
        /// The scopes, separated by spaces.
        scope: String,
    },
    /// The request is malformed or has several tokens: 400.
    InvalidRequest,
}

impl Problem {
    /// A problem without challenge and decision id. A status that would not refuse becomes 500.
    pub fn new(
        status: StatusCode,
        reason: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let refuses = status.is_client_error() || status.is_server_error();
        let status = if refuses { status } else { StatusCode::INTERNAL_SERVER_ERROR };
        Self {
            status,
            reason,
            detail: detail.into(),
            decision_id: None,
            challenge: None,
            dpop: None,
        }
    }

    /// With a `WWW-Authenticate` header.
    #[must_use]
    pub fn challenge(mut self, challenge: BearerChallenge) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// With a `WWW-Authenticate` header of the scheme `DPoP`, beside that of bearer tokens if there is one.
    #[must_use]
    pub fn dpop(mut self, challenge: DpopChallenge) -> Self {
        self.dpop = Some(challenge);
        self
    }

    /// With the decision's id, in the body and as `x-poolgate-decision-id`.
    #[must_use]
    pub fn decision_id(mut self, id: impl Into<String>) -> Self {
        self.decision_id = Some(id.into());
        self
    }

    /// The response.
    pub fn into_response(self) -> Response<Bytes> {
        let title = self.status.canonical_reason().unwrap_or("Refused");
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "reason": self.reason,
        });
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(id) = self.decision_id {
            if let Ok(value) = HeaderValue::from_str(&id) {
                headers.insert(DECISION_ID, value);
            }
            if let Some(members) = body.as_object_mut() {
                members.insert("decision_id".to_owned(), id.into());
            }
        }
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge.header_value());
        }
        if let Some(challenge) = self.dpop {
            headers.append(WWW_AUTHENTICATE, challenge.header_value());
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            // RFC 9110 §15.5.6 demands it.
            headers.insert(ALLOW, HeaderValue::from_static(ALLOWED_METHODS));
        }
        *response.body_mut() = Bytes::from(body.to_string());
        response
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        let problem = Self::new(error.status(), error.reason(), error.to_string());
        match error {
            RequestError::Authorization
            | RequestError::SeveralCredentials
            | RequestError::Repeated("Authorization")
            | RequestError::NotAscii("Authorization") => {
                problem.challenge(BearerChallenge::InvalidRequest)
            }
            RequestError::Repeated("DPoP") | RequestError::NotAscii("DPoP") => {
                let description = error.to_string();
                problem.dpop(DpopChallenge::InvalidProof { description })
            }
            _ => problem,
        }
    }
}

impl BearerChallenge {
    /// The header's value.
    pub fn header_value(&self) -> HeaderValue {
        let text = match self {
            Self::Missing => format!("Bearer realm=\"{REALM}\""),
            Self::InvalidToken { description } => format!(
                "Bearer realm=\"{REALM}\", error=\"invalid_token\", error_description=\"{}\"",
                quotable(description, Spaces::Keep)
            ),
            Self::InsufficientScope { scope } => format!(
                "Bearer realm=\"{REALM}\", error=\"insufficient_scope\", scope=\"{}\"",
                quotable(scope, Spaces::Single)
            ),
            Self::InvalidRequest => format!("Bearer realm=\"{REALM}\", error=\"invalid_request\""),
        };
        // `quotable` leaves visible ASCII only; should that ever fail, the bare scheme is safe.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

pub(super) enum Spaces {
    Keep,
    /// Scopes are separated by one space each (RFC 6749 §3.3).
    Single,
}

/// Text for a quoted string as RFC 6750 §3 limits it: `%x20-21 / %x23-5B / %x5D-7E`. Characters
/// outside become `?`, so that none ends the string or the line.
pub(super) fn quotable(text: &str, spaces: Spaces) -> String {
    let quoted: String = text
        .chars()
        .take(MAX_QUOTED)
        .map(|c| if matches!(c, ' '..='!' | '#'..='[' | ']'..='~') { c } else { '?' })
        .collect();
    match spaces {
        Spaces::Keep => quoted,
        Spaces::Single => quoted.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// Longest text in a quoted string, in characters.
const MAX_QUOTED: usize = 1024;

pub(super) const REALM: &str = "poolgate";

/// The header that names a decision, in what goes upstream and in every answer.
pub const DECISION_ID: HeaderName = HeaderName::from_static("x-poolgate-decision-id");

const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

#[cfg(test)]
mod tests;
