//! Calls of more than one message: they are read as they come, and answered as they are made.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use ::http::{HeaderMap, Response};
use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use prost::Message;
use tokio::sync::{mpsc, watch};

use super::{super::Phase, Code, PREFIX, Reply, Said, failed, framed, headed, trailers};

/// How a conversation ended.
pub(in super::super) type Ended = Result<(), (Code, &'static str)>;

/// The answer of a call that `talk` answers, message by message. It ends at the latest when the
/// process drains.
pub(in super::super) fn converse<F>(
    seats: &Seats,
    phase: &watch::Receiver<Phase>,
    talk: impl FnOnce(Say) -> F,
) -> Response<Reply>
where
    F: Future<Output = Ended> + 'static,
{
    let Some(seat) = seats.take() else {
        return failed(Code::ResourceExhausted, "too many streams; try again");
    };
    let (say, said) = mpsc::channel(1);
    let talk = talk(Say(say));
    let mut phase = phase.clone();
    let talk = async move {
        let _seat = seat;
        tokio::select! {
            biased;
            ended = talk => ended,
            _ = phase.wait_for(|phase| *phase >= Phase::Draining) => {
                Err((Code::Unavailable, "the process ends; try another"))
            }
        }
    };
    let conversation = Conversation { talk: Some(Box::pin(talk)), said, trailers: None };
    headed(Said::InParts(Box::new(conversation)))
}

/// Says messages of an answer. One waits until the caller takes it.
pub(in super::super) struct Say(mpsc::Sender<Bytes>);

impl Say {
    pub(in super::super) async fn message(&self, message: &impl Message) {
        // It fails only if the answer is dropped, and whoever speaks with it.
        let _ = self.0.send(framed(|out| message.encode_raw(out))).await;
    }
}

/// An answer's body whose messages are still being made. It is worked on only while its connection
/// asks for more: a caller that doesn't read isn't read from.
pub(super) struct Conversation {
    talk: Option<Pin<Box<dyn Future<Output = Ended>>>>,
    said: mpsc::Receiver<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Conversation {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        loop {
            if let Poll::Ready(Some(message)) = self.said.poll_recv(cx) {
                return Poll::Ready(Some(Frame::data(message)));
            }
            let Some(talk) = &mut self.talk else {
                return Poll::Ready(self.trailers.take().map(Frame::trailers));
            };
            match talk.as_mut().poll(cx) {
                Poll::Ready(ended) => {
                    self.trailers = Some(trailers(ended));
                    self.talk = None;
                }
                // What it has just said has woken this task already.
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// The messages of a request, each of at most `limit` bytes.
pub(in super::super) struct Messages<B> {
    body: B,
    read: BytesMut,
    limit: usize,
}

impl<B> Messages<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    pub(in super::super) fn new(body: B, limit: usize) -> Self {
        Self { body, read: BytesMut::new(), limit }
    }

    /// The next message, none at the end.
    ///
    /// # Errors
    /// It is compressed, which nobody asked for, too long, or breaks off.
    pub(in super::super) async fn next(&mut self) -> Result<Option<Bytes>, Code> {
        loop {
            if let Some(message) = self.taken()? {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                None if self.read.is_empty() => return Ok(None),
                None | Some(Err(_)) => return Err(Code::InvalidArgument),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.read.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    /// A message of those bytes that are there, if one is whole.
    fn taken(&mut self) -> Result<Option<Bytes>, Code> {
        let Some(&[compressed, a, b, c, d]) = self.read.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        if compressed != 0 {
            return Err(Code::Unimplemented);
        }
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(Code::ResourceExhausted);
        }
        if self.read.len() - PREFIX < length {
            return Ok(None);
        }
        self.read.advance(PREFIX);
        Ok(Some(self.read.split_to(length).freeze()))
    }
}

/// How many conversations a data thread has: they last, and each holds a message.
#[derive(Default)]
pub(in super::super) struct Seats(Rc<Cell<usize>>);

impl Seats {
    /// None if there are too many already.
    fn take(&self) -> Option<Seat> {
        let taken = self.0.get();
        (taken < MAX_CONVERSATIONS).then(|| {
            self.0.set(taken + 1);
            Seat(Rc::clone(&self.0))
        })
    }
}

struct Seat(Rc<Cell<usize>>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

const MAX_CONVERSATIONS: usize = 256;

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
