//! WebSocket: requests that make their connection something else.
//!
//! Each gets a connection of its own, which never serves another request: what follows on it is the
//! caller's (CVE-2026-73548). Only a `101` that accepts the very handshake is one (CVE-2024-23326).

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use ::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use aws_lc_rs::{digest, rand};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use tokio::{
    io::{
        AsyncRead, AsyncReadExt as _, AsyncWrite, Chain, Join, ReadBuf, ReadHalf, WriteHalf,
        copy_bidirectional_with_sizes,
    },
    time::timeout,
};

use super::{
    AnswerBody, Client, Course, Ended, ForwardError, Side, Timeouts, Upstream,
    client::{Outgoing, fresh},
    dial::Wire,
};

/// What became of a request that asked for a WebSocket.
#[derive(Debug)]
pub enum Upgrade {
    /// It is one now: the answer's head, and the upstream's side.
    Switched(Response<()>, UpstreamSide),
    /// The upstream says something else.
    Answer(Response<AnswerBody>),
}

/// The upstream's side of a WebSocket.
#[derive(Debug)]
pub struct UpstreamSide(Box<Joined>);

/// What it says, beginning with what came with its answer, and what it is told.
type Joined = Join<Chain<io::Cursor<Bytes>, ReadHalf<Wire>>, WriteHalf<Wire>>;

/// How a WebSocket came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// By one of its ends.
    ByEnds,
    /// Nothing moved for too long.
    Idle,
    /// The right to it has ended.
    Ended(Ended),
}

impl Client {
    /// Sends a request for a WebSocket.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn upgrade(
        self: &Rc<Self>,
        upstream: &Upstream,
        mut outgoing: Outgoing,
        timeouts: Timeouts,
    ) -> Result<Upgrade, ForwardError> {
        let headers = outgoing.request.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        // A handshake over HTTP/2 has none (RFC 8441 §5).
        if !headers.contains_key(header::SEC_WEBSOCKET_KEY) {
            headers.insert(header::SEC_WEBSOCKET_KEY, fresh_key()?);
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).cloned();
        let key = key.ok_or(ForwardError::Unsendable)?;
        let mut lease = fresh(upstream, timeouts).await?;
        let answer = timeout(timeouts.header, lease.exchange(&mut outgoing)).await;
        let answer = answer.map_err(|_| ForwardError::AnswerTimeout)?;
        let head = answer.map_err(|failed| failed.error)?;
        if head.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Upgrade::Answer(head.map(|()| AnswerBody::alone(lease))));
        }
        if !accepts(head.headers(), &key) || !lease.is_sent() {
            return Err(ForwardError::Switched);
        }
        let (wire, begun) = lease.into_connection().into_parts();
        let (from, to) = tokio::io::split(wire);
        let from = io::Cursor::new(begun).chain(from);
        Ok(Upgrade::Switched(head, UpstreamSide(Box::new(tokio::io::join(from, to)))))
    }
}

impl UpstreamSide {
    /// Carries bytes between the two ends until both have nothing more to say, one breaks off, nothing has
    /// moved for `idle`, or `course` is ended. One that has nothing more to say may still be told something.
    /// Tells how it ended, and how many bytes the caller was sent.
    pub async fn carry<S>(mut self, caller: S, course: &Course, idle: Duration) -> (Closed, u64)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        course.mark();
        let sent = Cell::new(0);
        let mut caller = Marked { stream: caller, course, sent: &sent };
        let carried = copy_bidirectional_with_sizes(&mut caller, &mut self.0, BUFFER, BUFFER);
        let closed = tokio::select! {
            biased;
            why = course.ended(Side::Down) => Closed::Ended(why),
            _ = carried => Closed::ByEnds,
            () = course.stalled(idle) => Closed::Idle,
        };
        (closed, sent.get())
    }
}

/// A stream that tells when it moves.
struct Marked<'c, S> {
    stream: S,
    course: &'c Course,
    sent: &'c Cell<u64>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Marked<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.course.mark();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Marked<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.course.mark();
        self.sent.set(self.sent.get() + sent as u64);
        Poll::Ready(Ok(sent))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Whether the answer switches to a WebSocket, and to that of the handshake with this key (RFC 6455 §4.1).
fn accepts(headers: &HeaderMap, key: &HeaderValue) -> bool {
    let one = |name: HeaderName| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())
    };
    let upgrades = one(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket"));
    let switches = headers.get_all(header::CONNECTION).iter().any(|value| {
        let mut tokens = value.as_bytes().split(|byte| *byte == b',');
        tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    });
    let expected = accept(key.as_bytes());
    let accepted = one(header::SEC_WEBSOCKET_ACCEPT);
    upgrades && switches && accepted.is_some_and(|value| value.as_bytes() == expected.as_bytes())
}

/// What accepts the handshake with this key (RFC 6455 §4.2.2).
fn accept(key: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.trim_ascii());
    hash.update(GUID);
    STANDARD.encode(hash.finish())
}

/// 16 random bytes, in Base64.
fn fresh_key() -> Result<HeaderValue, ForwardError> {
    let mut random = [0u8; 16];
    rand::fill(&mut random).map_err(|_| ForwardError::Unsendable)?;
    HeaderValue::try_from(STANDARD.encode(random)).map_err(|_| ForwardError::Unsendable)
}

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes that are on their way in each direction.
const BUFFER: usize = 16 << 10;

#[cfg(test)]
mod tests;
