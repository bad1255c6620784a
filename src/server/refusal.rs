//! Answers to heads that never became a request: hyper refuses them by itself, with a bare status;
//! the caller gets a problem document, the operator a metric and a line of the decision log.

use std::{net::IpAddr, sync::Arc};

use ::http::{Response, StatusCode};
use bytes::Bytes;

use super::head::HeadError;
use crate::{doors::Shared, http::Problem};

/// What is done about the heads of one connection that are refused.
pub(super) struct Refusals {
    pub(super) shared: Arc<Shared>,
    /// The caller's address.
    pub(super) peer: IpAddr,
}

impl Refusals {
    /// The answer in place of hyper's own, `bare`: what was found wrong with the head, or what hyper's
    /// status says.
    pub(super) fn answer(&self, found: Option<HeadError>, bare: &[u8]) -> Bytes {
        let problem = found.map_or_else(|| reworded(status(bare)), HeadError::problem);
        let id = self.shared.refused_unread(self.peer, problem.reason, &problem.detail);
        serialised(problem.decision_id(id.as_str()).into_response())
    }
}

/// The status of hyper's answer.
fn status(bare: &[u8]) -> StatusCode {
    let code = bare.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    StatusCode::from_bytes(code).unwrap_or(StatusCode::BAD_REQUEST)
}

/// The same refusal with a reason.
fn reworded(status: StatusCode) -> Problem {
    let (reason, detail) = match status {
        StatusCode::URI_TOO_LONG => ("target_too_long", "the request target is too long"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("headers_too_large", "the request's headers are too large or too many")
        }
        _ => ("malformed_request", "the request is not valid HTTP/1.1"),
    };
    Problem::new(status, reason, detail)
}

/// An answer as bytes; it ends its connection.
pub(super) fn serialised(answer: Response<Bytes>) -> Bytes {
    let (parts, body) = answer.into_parts();
    let mut text = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    text.extend_from_slice(b"connection: close\r\n\r\n");
    text.extend_from_slice(&body);
    Bytes::from(text)
}
