//! Answers to gRPC calls through the proxy, in gRPC's words: HTTP's 200, with the call's status in the head
//! ("gRPC over HTTP2", Trailers-Only).

use ::http::{HeaderValue, Method, Response, StatusCode, Version, header, request::Parts};
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::grpc::{Code, GRPC, MESSAGE, STATUS, is_grpc};
use crate::upstream::AnswerBody;

/// What HTTP would have said, for those who count.
#[derive(Clone, Copy, Debug)]
pub(super) struct InHttp(pub(super) StatusCode);

/// Whether a request is a call. Over HTTP/1 nobody could make one: its status comes behind the body.
pub(super) fn is_call(head: &Parts) -> bool {
    head.version == Version::HTTP_2 && head.method == Method::POST && is_grpc(&head.headers)
}

/// An answer of HTTP's, whose sentence is `detail`, to a call.
pub(super) fn worded(plain: Response<Bytes>, detail: &str) -> Response<AnswerBody> {
    let status = plain.status();
    let mut response = Response::new(AnswerBody::own(""));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, GRPC);
    headers.insert(STATUS, HeaderValue::from(code(status) as u16));
    let message = utf8_percent_encode(detail, ESCAPED).to_string();
    if let Ok(message) = HeaderValue::try_from(message) {
        headers.insert(MESSAGE, message);
    }
    for name in [header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
        for value in plain.headers().get_all(&name) {
            headers.append(name.clone(), value.clone());
        }
    }
    response.extensions_mut().insert(InHttp(status));
    response
}

/// What a status means to a call.
fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Code::Unimplemented,
        StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::ResourceExhausted,
        _ if status.is_client_error() => Code::InvalidArgument,
        _ => Code::Unavailable,
    }
}

/// What a message has in percent-encoding: all but visible ASCII, and `%`.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

#[cfg(test)]
mod tests;
