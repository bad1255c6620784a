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

use super::{Broken, client::Lease, multiplexed::Stream};
use crate::http;

/// An answer's body on its way down.
#[derive(Debug)]
pub enum AnswerBody {
    /// One that is here: made here, or come with the answer's head.
    Own(Full<Bytes>),
    /// What comes on a connection of its own, which goes back to the idle ones at its end.
    Alone(Option<Lease>),
    /// What comes on one that is shared.
    Shared(Incoming, Stream),
}

impl AnswerBody {
    /// A body made here.
    pub fn own(body: impl Into<Bytes>) -> Self {
        Self::Own(Full::new(body.into()))
    }

    /// What follows an answer's head on `lease`.
    pub(super) fn alone(mut lease: Lease) -> Self {
        match lease.whole() {
            Some(body) => {
                lease.give_back();
                Self::own(body)
            }
            None => Self::Alone(Some(lease)),
        }
    }
}

/// What becomes of trailers. Nothing follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trailers {
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

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut *self {
            Self::Own(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|f| f.map_err(|e| match e {})))
            }
            Self::Alone(lease) => {
                let Some(connection) = lease.as_mut() else { return Poll::Ready(None) };
                let piece = ready!(connection.poll_body(cx));
                match &piece {
                    Some(Ok(_)) if !connection.is_answered() => {}
                    Some(Err(_)) => *lease = None,
                    _ => {
                        if let Some(connection) = lease.take() {
                            connection.give_back();
                        }
                    }
                }
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
            Self::Shared(inner, _) => {
                let frame = ready!(Pin::new(inner).poll_frame(cx));
                let frame = Trailers::Keep.pass(frame, http::answer_trailers);
                Poll::Ready(frame.map(|frame| frame.map_err(Broken::from)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Alone(lease) => lease.is_none(),
            Self::Shared(inner, _) => inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Alone(None) => SizeHint::with_exact(0),
            Self::Alone(Some(lease)) => {
                lease.left().map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Self::Shared(inner, _) => inner.size_hint(),
        }
    }
}
