//! Answers' bodies, streamed in constant memory.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::client::Lease;

/// When an exchange last moved.
#[derive(Clone, Debug)]
pub(super) struct Progress(Rc<Cell<Instant>>);

impl Progress {
    pub(super) fn new() -> Self {
        Self(Rc::new(Cell::new(Instant::now())))
    }

    pub(super) fn mark(&self) {
        self.0.set(Instant::now());
    }

    pub(super) fn last(&self) -> Instant {
        self.0.get()
    }
}

/// An answer's body on its way down.
#[derive(Debug)]
pub enum AnswerBody {
    /// One made here.
    Own(Full<Bytes>),
    /// An upstream's; its connection goes back to the idle ones when it has ended.
    Upstream {
        /// The body.
        inner: Incoming,
        /// The connection, until the end.
        lease: Option<Lease>,
    },
}

impl AnswerBody {
    /// A body made here.
    pub fn own(body: impl Into<Bytes>) -> Self {
        Self::Own(Full::new(body.into()))
    }

    pub(super) fn upstream(inner: Incoming, lease: Lease) -> Self {
        let mut lease = Some(lease);
        if inner.is_end_stream() {
            give_back(&mut lease);
        }
        Self::Upstream { inner, lease }
    }
}

/// Trailers were not there when headers were judged and cleaned, and either side may read them as
/// headers: they may be discarded (RFC 9110 §6.5.1), and are. Nothing follows them.
pub(super) fn without_trailers<E>(
    frame: Option<Result<Frame<Bytes>, E>>,
) -> Option<Result<Frame<Bytes>, E>> {
    frame.filter(|frame| !matches!(frame, Ok(frame) if frame.is_trailers()))
}

fn give_back(lease: &mut Option<Lease>) {
    if let Some(lease) = lease.take() {
        lease.give_back();
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Own(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|f| f.map_err(|e| match e {})))
            }
            Self::Upstream { inner, lease } => {
                let frame = without_trailers(ready!(Pin::new(&mut *inner).poll_frame(cx)));
                if frame.is_none() || (matches!(frame, Some(Ok(_))) && inner.is_end_stream()) {
                    give_back(lease);
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Upstream { inner, .. } => inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Upstream { inner, .. } => inner.size_hint(),
        }
    }
}
