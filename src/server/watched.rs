//! A downstream stream that knows when it last moved, words hyper's own refusals as problem+json,
//! and closes in a way that lets the last answer arrive.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use ::http::StatusCode;
use bytes::{Buf, Bytes};
use prometheus::IntCounterVec;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::head::{HeadError, Heads};
use crate::{doors::ConnectionLimits, http::Problem};

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Waiting for a request.
    Idle,
    /// A request's head has begun.
    Head,
    /// A request is being decided and forwarded; the upstream's limits apply.
    Deciding,
    /// An answer's body is on its way.
    Answering,
}

/// What a connection is doing, and since when nothing moved.
#[derive(Clone, Debug)]
pub(super) struct Moment(Rc<Cell<(Stage, Instant)>>);

impl Moment {
    pub(super) fn new() -> Self {
        // The first request's head is due at once: a connection that says nothing is not idle.
        Self(Rc::new(Cell::new((Stage::Head, Instant::now()))))
    }

    pub(super) fn stage(&self) -> Stage {
        self.0.get().0
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.0.set((stage, Instant::now()));
    }

    fn moved(&self) {
        match self.0.get() {
            // A head is due in one piece: its bytes don't buy it time (slowloris).
            (Stage::Head, _) | (Stage::Deciding, _) => {}
            (Stage::Idle, _) => self.enter(Stage::Head),
            (Stage::Answering, _) => self.enter(Stage::Answering),
        }
    }

    /// When the connection's patience ends.
    pub(super) fn end(&self, limits: ConnectionLimits) -> Instant {
        let (stage, since) = self.0.get();
        since
            + match stage {
                Stage::Idle | Stage::Answering => limits.idle,
                Stage::Head => limits.header,
                Stage::Deciding => FOREVER,
            }
    }
}

/// The stream under a connection.
pub(super) struct Watched<S> {
    stream: S,
    moment: Moment,
    heads: Heads,
    /// Counts requests refused undecided, by reason.
    rejects: IntCounterVec,
    /// An answer of our own that takes the place of one of hyper's.
    own: Bytes,
    closing: Closing,
}

enum Closing {
    No,
    /// Our side is shut; the rest of what the caller sends is read and dropped.
    Lingering {
        until: Pin<Box<Sleep>>,
        left: usize,
    },
    Done,
}

impl<S> Watched<S> {
    /// Watches `stream`, whose requests' heads may have `head` bytes.
    pub(super) fn new(stream: S, moment: Moment, head: usize, rejects: IntCounterVec) -> Self {
        let heads = Heads::new(head);
        Self { stream, moment, heads, rejects, own: Bytes::new(), closing: Closing::No }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if let Some(read @ [_, ..]) = buf.filled_mut().get_mut(before..) {
            self.heads.follow(read);
            self.moment.moved();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    fn write_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.own.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.own))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.own.advance(sent);
        }
        Poll::Ready(Ok(()))
    }

    fn wrote(&self) {
        if let (Stage::Answering, _) = self.moment.0.get() {
            self.moment.enter(Stage::Answering);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.write_own(cx))?;
        if let Some(status) = refusal(buf) {
            let problem = self.heads.refused().map_or_else(|| reworded(status), HeadError::problem);
            self.rejects.with_label_values(&[problem.reason]).inc();
            self.own = serialised(problem);
            return Poll::Ready(Ok(buf.len()));
        }
        let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.wrote();
        Poll::Ready(Ok(sent))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.own.is_empty() || matches!(bufs, [only] if refusal(only).is_some()) {
            let first = bufs.iter().find(|b| !b.is_empty()).map_or(&[][..], |b| b);
            return self.poll_write(cx, first);
        }
        let sent = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        self.wrote();
        Poll::Ready(Ok(sent))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_own(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Shuts our side, then reads for a moment what the caller still sends: closing over unread
    /// bytes would reset the connection and take the answer with it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_own(cx))?;
        if let Closing::No = self.closing {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.closing =
                Closing::Lingering { until: Box::pin(sleep(LINGER)), left: LINGER_BYTES };
        }
        let this = &mut *self;
        if let Closing::Lingering { until, left } = &mut this.closing {
            let mut scratch = [0u8; 4096];
            loop {
                let mut buf = ReadBuf::new(&mut scratch);
                let read = Pin::new(&mut this.stream).poll_read(cx, &mut buf);
                let ended = match read {
                    Poll::Ready(Ok(())) => buf.filled().is_empty(),
                    Poll::Ready(Err(_)) => true,
                    Poll::Pending => {
                        ready!(until.as_mut().poll(cx));
                        true
                    }
                };
                *left = left.saturating_sub(buf.filled().len());
                if ended || *left == 0 {
                    break;
                }
            }
            this.closing = Closing::Done;
        }
        Poll::Ready(Ok(()))
    }
}

/// The status of an answer that hyper made itself for a head it could not parse: such an answer
/// has no headers but its own three. All of ours have more.
fn refusal(buf: &[u8]) -> Option<StatusCode> {
    let head = std::str::from_utf8(buf).ok()?.strip_prefix("HTTP/1.")?;
    let mut lines = head.strip_suffix("\r\n\r\n")?.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse::<u16>().ok()?;
    let own = lines.all(|line| {
        let name = line.split(':').next().unwrap_or_default();
        ["connection", "content-length", "date"].iter().any(|n| name.eq_ignore_ascii_case(n))
    });
    (own && head.contains("content-length: 0") && status >= 400)
        .then(|| StatusCode::from_u16(status).ok())
        .flatten()
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

fn serialised(problem: Problem) -> Bytes {
    let status = problem.status;
    let answer = problem.into_response();
    let mut text = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in answer.headers() {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    let body = answer.into_body();
    text.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    text.extend_from_slice(b"connection: close\r\n\r\n");
    text.extend_from_slice(&body);
    Bytes::from(text)
}

/// Longer than any exchange lasts without moving on its upstream's side.
const FOREVER: Duration = Duration::from_secs(24 * 3600);
/// How long, and for how much, a closing connection listens.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 4 << 20;
