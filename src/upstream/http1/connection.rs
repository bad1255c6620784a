//! One connection: a request goes out, its answer comes in, and so on.

use std::{
    cell::RefCell,
    fmt,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use ::http::{HeaderMap, Method, Response};
use bytes::{Buf as _, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead as _, AsyncReadExt as _, ReadBuf},
    task::unconstrained,
};

use super::{
    Broken,
    framing::Framing,
    head::{self, Head},
    outbound::{Outbound, SendError},
};
use crate::upstream::{ForwardError, client::Outgoing, dial::Wire};

/// A connection, and how far the exchange on it is.
pub struct Connection {
    wire: Wire,
    outbound: Outbound,
    inbound: BytesMut,
    /// Bytes that are asked for at a time.
    appetite: usize,
    /// What is still to come of the answer.
    answer: Framing,
    /// Whether anything has come since the last request.
    heard: bool,
    /// Whether another request may follow this one.
    keep_alive: bool,
    /// Why the answer breaks off.
    broken: Option<Broken>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("answer", &self.answer).finish_non_exhaustive()
    }
}

/// Why a request has no answer.
#[derive(Debug)]
pub(in crate::upstream) struct Failed {
    /// Why.
    pub(in crate::upstream) error: ForwardError,
    /// Whether the upstream has said nothing to it: it may never have seen it.
    pub(in crate::upstream) unheard: bool,
    /// Whether nothing at all of the request has gone.
    pub(in crate::upstream) unsent: bool,
}

impl Connection {
    /// A connection on which nothing was said yet.
    pub(in crate::upstream) fn new(wire: Wire) -> Self {
        Self {
            wire,
            outbound: Outbound::default(),
            inbound: BytesMut::new(),
            appetite: APPETITE,
            answer: Framing::Length(0),
            heard: false,
            keep_alive: true,
            broken: None,
        }
    }

    /// Whether the next request can go out on it: the last answer has ended, and the upstream has said nothing since,
    /// not even that it leaves.
    pub(in crate::upstream) fn is_ready(&mut self) -> bool {
        if !self.is_reusable() {
            return false;
        }
        // Nobody is woken by it: whoever asks takes what the reactor knows, however many were asked about before.
        let mut byte = [0];
        let mut unexpected = ReadBuf::new(&mut byte);
        let reads = poll_fn(|cx| Pin::new(&mut self.wire).poll_read(cx, &mut unexpected));
        pin!(unconstrained(reads)).poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Whether both the request and its answer are over, nothing is behind them, and both sides stay.
    fn is_reusable(&self) -> bool {
        self.keep_alive
            && self.answer.is_done()
            && self.outbound.is_done()
            && self.inbound.is_empty()
    }

    /// Whether all of the request has gone.
    pub(in crate::upstream) fn is_sent(&self) -> bool {
        self.outbound.is_done()
    }

    /// Leaves it for the next request; false if there can't be one.
    pub(in crate::upstream) fn rest(&mut self) -> bool {
        // Idle, it keeps no room.
        self.inbound = match self.is_reusable() {
            true => BytesMut::new(),
            false => return false,
        };
        true
    }

    /// Whether nothing more comes of the answer.
    pub(in crate::upstream) fn is_answered(&self) -> bool {
        self.answer.is_done()
    }

    /// All of the answer's body, if it has come already.
    pub(in crate::upstream) fn whole(&mut self) -> Option<Bytes> {
        match self.answer {
            Framing::Length(left) if left <= self.inbound.len() as u64 => {
                Some(self.answer.next(&mut self.inbound).ok()?.unwrap_or_default())
            }
            _ => None,
        }
    }

    /// Bytes that are still to come of the answer, where that is known.
    pub(in crate::upstream) fn left(&self) -> Option<u64> {
        self.answer.left()
    }

    /// What it consists of: the wire, and what was read from it and belongs to no answer.
    pub(in crate::upstream) fn into_parts(self) -> (Wire, Bytes) {
        (self.wire, self.inbound.freeze())
    }

    /// Sends a request and waits for the head of its answer. The body of the one and that of the other may still be
    /// under way then.
    ///
    /// The request's body is taken; its headers are left as long as nothing was heard of an answer.
    ///
    /// # Errors
    /// Why there is no answer. The connection is of no use any more.
    pub(in crate::upstream) async fn exchange(
        &mut self,
        outgoing: &mut Outgoing,
    ) -> Result<Response<()>, Box<Failed>> {
        self.outbound.begin(outgoing);
        let request = &mut outgoing.request;
        (self.appetite, self.heard) = (APPETITE, false);
        let method = request.method().clone();
        let headers = request.headers_mut();
        match poll_fn(|cx| self.poll_exchange(&method, headers, cx)).await {
            Ok(Head { response, body, keep_alive }) => {
                (self.answer, self.keep_alive) = (body, keep_alive);
                Ok(response)
            }
            Err(error) => {
                // Of what TLS couldn't write, some may have gone.
                let unsent = !self.outbound.is_begun() && !matches!(self.wire, Wire::Tls(_));
                let unheard = !self.heard;
                Err(Box::new(Failed { error, unheard, unsent }))
            }
        }
    }

    fn poll_exchange(
        &mut self,
        method: &Method,
        headers: &mut HeaderMap,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Head, ForwardError>> {
        let sent = self.outbound.poll_send(&mut self.wire, cx);
        if let Poll::Ready(Err(SendError::Body(error))) = sent {
            return Poll::Ready(Err(error.into()));
        }
        // An upstream that doesn't take all of a request may have said why before it left: what it said comes before
        // its end.
        self.poll_head(method, headers, cx).map_err(ForwardError::Upstream)
    }

    fn poll_head(
        &mut self,
        method: &Method,
        headers: &mut HeaderMap,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Head, Broken>> {
        SCRATCH.with_borrow_mut(|scratch| {
            loop {
                let mut buffer = ReadBuf::new(scratch);
                ready!(Pin::new(&mut self.wire).poll_read(cx, &mut buffer))?;
                let came = buffer.filled();
                if came.is_empty() {
                    return Poll::Ready(Err(Broken::Closed));
                }
                self.heard = true;
                let head = if self.inbound.is_empty() {
                    let (head, length) = head::read(came, method, headers)?;
                    self.inbound.extend_from_slice(came.get(length..).unwrap_or_default());
                    head
                } else {
                    self.inbound.extend_from_slice(came);
                    let (head, length) = head::read(&self.inbound, method, headers)?;
                    self.inbound.advance(length);
                    head
                };
                if let Some(head) = head {
                    return Poll::Ready(Ok(head));
                }
            }
        })
    }

    /// The next piece of the answer's body; none at its end. What is left of the request goes on meanwhile.
    ///
    /// An error comes a turn later: whoever passes the answer on can send what came before it first.
    pub(in crate::upstream) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let piece = self.poll_piece(cx);
        if let Poll::Ready(Some(Err(error))) = piece {
            self.broken = Some(error);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        piece
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        if !self.outbound.is_done() {
            match self.outbound.poll_send(&mut self.wire, cx) {
                Poll::Ready(Err(SendError::Body(error))) => {
                    return Poll::Ready(Some(Err(Broken::Request(error))));
                }
                // Who doesn't hear a request out may still answer it.
                Poll::Ready(Err(SendError::Wire)) => {
                    self.keep_alive = false;
                    self.outbound = Outbound::default();
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        loop {
            if let Some(piece) = self.answer.next(&mut self.inbound)? {
                return Poll::Ready(Some(Ok(piece)));
            }
            if self.answer.is_done() {
                return Poll::Ready(None);
            }
            if ready!(self.poll_fill(cx))? == 0 {
                self.keep_alive = false;
                self.answer.close()?;
            }
        }
    }

    /// Reads what has come; none at the end of the connection.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.inbound.capacity() - self.inbound.len() < LEAST {
            self.inbound.reserve(self.appetite);
        }
        let room = self.inbound.capacity() - self.inbound.len();
        let read = ready!(pin!(self.wire.read_buf(&mut self.inbound)).poll(cx))?;
        if read == room {
            self.appetite = (self.appetite * 2).min(MOST);
        } else if read < room / 4 {
            self.appetite = APPETITE;
        }
        Poll::Ready(Ok(read))
    }
}

thread_local! {
    // Heads are read into what all connections of a thread share: one that waits for its answer, or for its next
    // request, keeps no room for it, and what is used again and again is in the processor's caches.
    static SCRATCH: RefCell<[u8; FIRST]> = const { RefCell::new([0; FIRST]) };
}

/// Bytes that are read with a head.
const FIRST: usize = 16 << 10;
/// Bytes that are asked for at first, and at most once there was more.
const APPETITE: usize = 8 << 10;
const MOST: usize = 256 << 10;
/// What is smaller isn't worth asking the kernel for.
const LEAST: usize = 1 << 10;
