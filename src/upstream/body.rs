//! Answers' bodies, streamed in constant memory.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use ::http::HeaderMap;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

use super::client::Lease;
use crate::http;

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
        /// What becomes of trailers.
        trailers: Trailers,
    },
}

impl AnswerBody {
    /// A body made here.
    pub fn own(body: impl Into<Bytes>) -> Self {
        Self::Own(Full::new(body.into()))
    }

    pub(super) fn upstream(inner: Incoming, lease: Lease, trailers: Trailers) -> Self {
        let mut lease = Some(lease);
        if inner.is_end_stream() {
            give_back(&mut lease);
        }
        Self::Upstream { inner, lease, trailers }
    }
}

/// What becomes of trailers. Nothing follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trailers {
    /// They are discarded, as they may be (RFC 9110 §6.5.1): in HTTP/1 hardly anybody waits for them.
    Drop,
    /// They go on, cleaned: in HTTP/2, where gRPC says in them how a call ended.
    Keep,
}

impl Trailers {
    /// A frame of a body, if it goes on; `clean` cleans trailers.
    pub(super) fn pass<E>(
        self,
        frame: Option<Result<Frame<Bytes>, E>>,
        clean: fn(&mut HeaderMap),
    ) -> Option<Result<Frame<Bytes>, E>> {
        match frame {
            Some(Ok(mut frame)) if frame.is_trailers() => {
                if let Some(trailers) = frame.trailers_mut() {
                    clean(trailers);
                }
                (self == Self::Keep).then_some(Ok(frame))
            }
            frame => frame,
        }
    }
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
            Self::Upstream { inner, lease, trailers } => {
                let frame = ready!(Pin::new(&mut *inner).poll_frame(cx));
                let frame = trailers.pass(frame, http::answer_trailers);
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
