//! A request's body, as far as a stage has to read it.

use std::{future::Future, pin::Pin};

use bytes::Bytes;

/// A body that has not been read yet. What a stage reads whole is judged whole, and goes upstream
/// from memory; the rest is streamed by the forwarder.
pub trait Payload {
    /// How many bytes there are; `None` where the head doesn't say.
    fn declared(&self) -> Option<u64>;

    /// Reads all of it, if it has at most `limit` bytes. Read once, it is gone.
    fn read(&mut self, limit: usize) -> ReadFuture<'_>;

    /// Reads on until what has come is `enough`, or all of it. What was read stays a part of the body.
    fn begin<'a>(&'a mut self, enough: &'a mut Enough<'_>) -> ReadFuture<'a>;
}

/// Whether so much of a body is enough.
pub type Enough<'e> = dyn FnMut(&[u8]) -> bool + 'e;

/// A body that is being read.
pub type ReadFuture<'a> = Pin<Box<dyn Future<Output = Result<Bytes, PayloadError>> + 'a>>;

/// Why a body can't be read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It has more bytes than allowed.
    #[error("the body is larger than it may be here")]
    TooLarge,
    /// It broke off.
    #[error("the body broke off")]
    Broken,
    /// Nothing of it came for too long, or too little.
    #[error("the body took too long")]
    TooSlow,
    /// Whoever asks has kept it.
    #[error("the body is signed, and was not sent along")]
    Withheld,
    /// The bodies of others take the room there is.
    #[error("too many bodies are being read; try again")]
    NoRoom,
}

impl PayloadError {
    /// A stable code for metrics and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "body_too_large",
            Self::Broken => "request_body_broken",
            Self::TooSlow => "request_body_too_slow",
            Self::Withheld => "body_withheld",
            Self::NoRoom => "request_bodies_too_many",
        }
    }
}

/// A body that is in memory.
#[derive(Clone, Debug, Default)]
pub struct Whole(pub Bytes);

impl Payload for Whole {
    fn declared(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    fn read(&mut self, limit: usize) -> ReadFuture<'_> {
        let body = std::mem::take(&mut self.0);
        let read = if body.len() > limit { Err(PayloadError::TooLarge) } else { Ok(body) };
        Box::pin(std::future::ready(read))
    }

    fn begin<'a>(&'a mut self, enough: &'a mut Enough<'_>) -> ReadFuture<'a> {
        enough(&self.0);
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}
