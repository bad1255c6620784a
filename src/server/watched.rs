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

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::{head::Heads, refusal::Refusals};
use crate::doors::ConnectionLimits;

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
pub(super) struct Moment(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    stage: Cell<(Stage, Instant)>,
    /// Bytes of an answer of ours may still be on their way to the stream.
    answering: Cell<bool>,
}

impl Moment {
    pub(super) fn new() -> Self {
        // The first request's head is due at once: a connection that says nothing is not idle.
        let stage = Cell::new((Stage::Head, Instant::now()));
        Self(Rc::new(Inner { stage, answering: Cell::new(false) }))
    }

    pub(super) fn stage(&self) -> Stage {
        self.0.stage.get().0
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.0.stage.set((stage, Instant::now()));
        if stage == Stage::Deciding {
            self.0.answering.set(true);
        }
    }

    /// Everything written so far has left; between requests, that includes the last answer.
    fn flushed(&self) {
        if let Stage::Idle | Stage::Head = self.stage() {
            self.0.answering.set(false);
        }
    }

    /// Whether what is written now can be nothing of ours, but only hyper's refusal of a head.
    fn is_silent(&self) -> bool {
        !self.0.answering.get()
    }

    fn moved(&self) {
        match self.0.stage.get() {
            // A head is due in one piece: its bytes don't buy it time (slowloris).
            (Stage::Head, _) | (Stage::Deciding, _) => {}
            (Stage::Idle, _) => self.enter(Stage::Head),
            (Stage::Answering, _) => self.enter(Stage::Answering),
        }
    }

    /// When the connection's patience ends.
    pub(super) fn end(&self, limits: ConnectionLimits) -> Instant {
        let (stage, since) = self.0.stage.get();
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
    /// What is to be done about a head that hyper refuses.
    refusals: Refusals,
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
    pub(super) fn new(stream: S, moment: Moment, head: usize, refusals: Refusals) -> Self {
        let heads = Heads::new(head);
        Self { stream, moment, heads, refusals, own: Bytes::new(), closing: Closing::No }
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
        if self.moment.stage() == Stage::Answering {
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
        if self.moment.is_silent() {
            self.own = self.refusals.answer(self.heads.refused(), buf);
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
        if !self.own.is_empty() || self.moment.is_silent() {
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
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.moment.flushed();
        Poll::Ready(Ok(()))
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

/// Longer than any exchange lasts without moving on its upstream's side.
const FOREVER: Duration = Duration::from_secs(24 * 3600);
/// How long, and for how much, a closing connection listens.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 4 << 20;
