//! A downstream stream that knows when it last moved, words hyper's own refusals as problem+json,
//! and closes in a way that lets the last answer arrive.

use std::{
    cell::{Cell, RefCell},
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

use super::{head::Heads, preface::Opening, refusal::Refusals};
use crate::{doors::ConnectionLimits, upstream::Course};

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
    /// The same, and it may stand still for long.
    Streaming,
}

/// What is said on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaking {
    /// Requests of HTTP/1.
    Http1,
    /// HTTP/2, from the first byte on: there is nothing for HTTP/1 to read.
    Http2,
    /// Something else, which a request has made of it.
    Other,
}

/// What a connection is doing, and since when nothing moved.
#[derive(Clone, Debug)]
pub(super) struct Moment(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    stage: Cell<(Stage, Instant)>,
    /// Bytes of an answer of ours may still be on their way to the stream.
    answering: Cell<bool>,
    /// What is said on the connection.
    speaking: Cell<Speaking>,
    /// Requests that have begun to come, and those that were taken up.
    heads: Cell<u64>,
    taken: Cell<u64>,
    /// The caller's body, which moves too.
    upload: RefCell<Option<Course>>,
}

impl Moment {
    pub(super) fn new() -> Self {
        // The first request's head is due at once: a connection that says nothing is not idle.
        let stage = Cell::new((Stage::Head, Instant::now()));
        let (answering, heads, taken) = (Cell::new(false), Cell::new(0), Cell::new(0));
        let (speaking, upload) = (Cell::new(Speaking::Http1), RefCell::default());
        Self(Rc::new(Inner { stage, answering, speaking, heads, taken, upload }))
    }

    /// What is said on the connection.
    pub(super) fn speaking(&self) -> Speaking {
        self.0.speaking.get()
    }

    /// What follows is something else.
    pub(super) fn speak(&self, speaking: Speaking) {
        self.0.speaking.set(speaking);
    }

    /// Whether something came behind the request that is being answered.
    pub(super) fn is_ahead(&self) -> bool {
        self.0.heads.get() > self.0.taken.get()
    }

    /// From now on the caller's body counts as moving, too.
    pub(super) fn follow(&self, upload: Option<Course>) {
        *self.0.upload.borrow_mut() = upload;
    }

    pub(super) fn stage(&self) -> Stage {
        self.0.stage.get().0
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.0.stage.set((stage, Instant::now()));
        if stage == Stage::Deciding {
            self.0.taken.set(self.0.taken.get() + 1);
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
            (stage @ (Stage::Answering | Stage::Streaming), _) => self.enter(stage),
        }
    }

    /// Whether an answer is on its way.
    pub(super) fn is_answering(&self) -> bool {
        matches!(self.stage(), Stage::Answering | Stage::Streaming)
    }

    /// A part of an answer was given out.
    pub(super) fn gave(&self) {
        if self.is_answering() {
            self.enter(self.stage());
        }
    }

    /// When the connection's patience ends.
    pub(super) fn end(&self, limits: ConnectionLimits) -> Instant {
        let (stage, since) = self.0.stage.get();
        let uploaded = self.0.upload.borrow().as_ref().map_or(since, Course::last);
        since.max(uploaded)
            + match stage {
                Stage::Idle | Stage::Answering => limits.idle,
                Stage::Streaming => limits.stream,
                Stage::Head => limits.header,
                Stage::Deciding => FOREVER,
            }
    }
}

/// Waits for an end that may move while what it bounds is polled: one that has come nearer is taken up at
/// once, one that has moved away when the old one is reached.
pub(super) fn expired(
    mut patience: Pin<&mut Sleep>,
    end: impl Fn() -> Instant,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let due = end();
    if due < patience.deadline() {
        patience.as_mut().reset(due);
    }
    while patience.as_mut().poll(cx).is_ready() {
        let end = end();
        if end <= Instant::now() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        patience.as_mut().reset(end);
    }
    Poll::Pending
}

/// The stream under a connection.
pub(super) struct Watched<S> {
    stream: S,
    moment: Moment,
    opening: Opening,
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
        let (opening, closing) = (Opening::START, Closing::No);
        Self { stream, moment, opening, heads, refusals, own: Bytes::new(), closing }
    }

    /// The stream, when there is nothing more to watch on it.
    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// Reads the first bytes, which say what is spoken.
    fn poll_opening(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        while let Opening::Begun(_) = self.opening {
            let held = self.opening.held();
            if buf.remaining() <= held.len() {
                return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
            }
            buf.put_slice(held);
            let read = Pin::new(&mut self.stream).poll_read(cx, buf);
            if !matches!(read, Poll::Ready(Ok(()))) {
                buf.set_filled(before);
                return read;
            }
            let come = buf.filled().get(before..).unwrap_or_default();
            self.opening = Opening::of(come, come.len() == held.len());
            if let Opening::Begun(_) = self.opening {
                buf.set_filled(before);
            }
        }
        if self.opening == Opening::Http2 {
            self.moment.speak(Speaking::Http2);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match self.opening {
            Opening::Http1 | Opening::Http2 => {
                ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?
            }
            Opening::Begun(_) => ready!(self.poll_opening(cx, buf))?,
        }
        if let Some(read @ [_, ..]) = buf.filled_mut().get_mut(before..)
            && self.moment.speaking() == Speaking::Http1
        {
            self.heads.follow(read);
            self.moment.0.heads.set(self.heads.begun());
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
        self.moment.gave();
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
