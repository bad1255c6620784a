//! gRPC over HTTP/2: a message there, one back, and trailers with the call's status; or messages of
//! a conversation.

mod stream;

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ::http::{HeaderMap, HeaderName, HeaderValue, Response, Version, header, request::Parts};
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use self::stream::Conversation;
pub(super) use self::stream::{Ended, Messages, Say, Seats, converse};
use crate::upstream;

/// How a call ended; see "gRPC over HTTP2" and `google.rpc.Code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// An answer's body: some bytes, and for gRPC trailers behind them.
pub struct Reply(Said);

enum Said {
    Whole { data: Option<Bytes>, trailers: Option<Box<HeaderMap>> },
    InParts(Box<Conversation>),
}

impl Reply {
    /// Bytes without trailers.
    pub(super) fn whole(data: Bytes) -> Self {
        Self(Said::Whole { data: (!data.is_empty()).then_some(data), trailers: None })
    }
}

/// The answer of a call that came to the message that `write` writes.
pub(super) fn answer(write: impl FnOnce(&mut Vec<u8>)) -> Response<Reply> {
    let trailers = Some(Box::new(trailers(Ok(()))));
    headed(Said::Whole { data: Some(framed(write)), trailers })
}

/// The answer of a call that came to nothing.
pub(super) fn failed(code: Code, message: &'static str) -> Response<Reply> {
    // An answer without a message has its status in the head ("Trailers-Only").
    let mut response = headed(Said::Whole { data: None, trailers: None });
    response.headers_mut().extend(trailers(Err((code, message))));
    response
}

fn headed(said: Said) -> Response<Reply> {
    let mut response = Response::new(Reply(said));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

/// A message behind its length.
fn framed(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut data = Vec::with_capacity(USUAL);
    data.extend([0; PREFIX]);
    write(&mut data);
    let length = u32::try_from(data.len().saturating_sub(PREFIX)).unwrap_or(u32::MAX);
    if let Some(stated) = data.get_mut(1..PREFIX) {
        stated.copy_from_slice(&length.to_be_bytes());
    }
    data.into()
}

/// What says how a call ended.
fn trailers(ended: Ended) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    match ended {
        Ok(()) => {
            trailers.insert(STATUS, HeaderValue::from_static("0"));
        }
        Err((code, message)) => {
            trailers.insert(STATUS, HeaderValue::from(code as u16));
            trailers.insert(MESSAGE, HeaderValue::from_static(message));
        }
    }
    trailers
}

/// The one message of a unary call.
///
/// # Errors
/// It is compressed, which nobody asked for, or isn't one message.
pub(super) fn message(mut body: Bytes) -> Result<Bytes, Code> {
    if body.len() < PREFIX {
        return Err(Code::InvalidArgument);
    }
    let compressed = body.get_u8();
    let length = body.get_u32();
    match (compressed, usize::try_from(length)) {
        (0, Ok(length)) if length == body.len() => Ok(body),
        (0, _) => Err(Code::InvalidArgument),
        _ => Err(Code::Unimplemented),
    }
}

/// How long the caller waits for the answer, as `grpc-timeout` says; none if it doesn't.
pub(super) fn patience(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// How a call ends whose right has: that of an expired or a revoked token as the next with it would begin.
pub(super) fn ended(why: upstream::Ended) -> HeaderMap {
    let code = match why {
        upstream::Ended::Expired | upstream::Ended::Revoked => Code::Unauthenticated,
        upstream::Ended::Withdrawn => Code::PermissionDenied,
    };
    trailers(Err((code, why.detail())))
}

/// Whether headers are those of gRPC, as its type says.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Whether a request's head is a gRPC call's: over HTTP/2, for a method of a service in a package.
///
/// Not by its type alone: sub-requests of proxies may have the client's `Content-Type`, and every
/// answer of a call, an error too, is HTTP's 200, which those proxies take for leave.
pub(super) fn is_call(head: &Parts) -> bool {
    let named = head.uri.path().strip_prefix('/').and_then(|path| path.split_once('/'));
    head.version == Version::HTTP_2
        && is_grpc(&head.headers)
        && named.is_some_and(|(service, _)| service.contains('.'))
}

impl Body for Reply {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.0 {
            Said::Whole { data, trailers } => {
                let data = data.take().map(Frame::data);
                let frame = data.or_else(|| trailers.take().map(|all| Frame::trailers(*all)));
                Poll::Ready(frame.map(Ok))
            }
            Said::InParts(conversation) => conversation.poll(cx).map(|frame| frame.map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Said::Whole { data: None, trailers: None })
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Said::Whole { data, .. } => {
                SizeHint::with_exact(data.as_ref().map_or(0, |data| data.len() as u64))
            }
            Said::InParts(_) => SizeHint::default(),
        }
    }
}

/// Of a message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// Bytes that most messages don't exceed.
const USUAL: usize = 1024;
pub(super) const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
pub(super) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(super) const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

#[cfg(test)]
mod tests;
