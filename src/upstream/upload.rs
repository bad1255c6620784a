//! Requests' bodies on their way up, streamed in constant memory and never ahead of their proof.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use aws_lc_rs::digest;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::body::{Progress, without_trailers};
use crate::services::Proof;

/// A request's body on its way up.
///
/// INVARIANT: the last bytes of a body that has to be proven are given out when it is, so that an
/// upstream can never have all of a body that isn't what was signed.
#[derive(Debug)]
pub struct UploadBody {
    source: Source,
    progress: Progress,
}

#[derive(Debug)]
enum Source {
    /// Nothing, or nothing more.
    None,
    /// From memory.
    Whole(Bytes),
    /// The caller's, as it comes.
    Streamed(Incoming),
    /// The caller's, one frame late.
    Proven(Box<Proven>),
}

/// A body that is hashed as it passes.
struct Proven {
    inner: Incoming,
    hash: digest::Context,
    expected: [u8; 32],
    held: Option<Bytes>,
}

impl std::fmt::Debug for Proven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proven").finish_non_exhaustive()
    }
}

/// Why a request's body can't be sent on.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The caller's connection or framing broke.
    #[error(transparent)]
    Caller(#[from] hyper::Error),
    /// It isn't what the caller signed.
    #[error("the body is not the one that was signed")]
    Digest,
}

impl UploadBody {
    /// The caller's body.
    ///
    /// # Errors
    /// [`UploadError::Digest`] if there is none and one was signed.
    pub(super) fn streamed(
        inner: Incoming,
        proof: Proof,
        progress: &Progress,
    ) -> Result<Self, UploadError> {
        let source = match proof {
            Proof::None => Source::Streamed(inner),
            Proof::Sha256(expected) if inner.is_end_stream() => {
                let empty = digest::digest(&digest::SHA256, b"");
                if empty.as_ref() != expected {
                    return Err(UploadError::Digest);
                }
                Source::None
            }
            Proof::Sha256(expected) => {
                let hash = digest::Context::new(&digest::SHA256);
                Source::Proven(Box::new(Proven { inner, hash, expected, held: None }))
            }
        };
        Ok(Self { source, progress: progress.clone() })
    }

    /// A body in memory.
    pub(super) fn whole(body: Bytes, progress: &Progress) -> Self {
        Self { source: Source::Whole(body), progress: progress.clone() }
    }

    /// The same body once more, if it is in memory or there is none.
    pub(super) fn again(&self) -> Option<Self> {
        let source = match &self.source {
            Source::None => Source::None,
            Source::Whole(body) => Source::Whole(body.clone()),
            Source::Streamed(inner) if inner.is_end_stream() => Source::None,
            _ => return None,
        };
        Some(Self { source, progress: self.progress.clone() })
    }
}

impl Proven {
    /// The next frame that may be sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        loop {
            match without_trailers(ready!(Pin::new(&mut self.inner).poll_frame(cx))) {
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    if data.is_empty() {
                        continue;
                    }
                    self.hash.update(&data);
                    if let Some(earlier) = self.held.replace(data) {
                        return Poll::Ready(Some(Ok(Frame::data(earlier))));
                    }
                }
                None => {
                    let hash = self.hash.clone().finish();
                    if hash.as_ref() != self.expected {
                        return Poll::Ready(Some(Err(UploadError::Digest)));
                    }
                    return Poll::Ready(self.held.take().map(|data| Ok(Frame::data(data))));
                }
            }
        }
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = &mut *self;
        let frame = match &mut this.source {
            Source::None => None,
            Source::Whole(body) => {
                let body = std::mem::take(body);
                this.source = Source::None;
                (!body.is_empty()).then(|| Ok(Frame::data(body)))
            }
            Source::Streamed(inner) => {
                let frame = without_trailers(ready!(Pin::new(inner).poll_frame(cx)));
                frame.map(|frame| frame.map_err(UploadError::from))
            }
            Source::Proven(proven) => {
                let frame = ready!(proven.poll(cx));
                if !matches!(frame, Some(Ok(_))) {
                    this.source = Source::None;
                }
                frame
            }
        };
        this.progress.mark();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::None => true,
            Source::Whole(body) => body.is_empty(),
            Source::Streamed(inner) => inner.is_end_stream(),
            // Not before it is proven.
            Source::Proven(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::None => SizeHint::with_exact(0),
            Source::Whole(body) => SizeHint::with_exact(body.len() as u64),
            Source::Streamed(inner) => inner.size_hint(),
            Source::Proven(proven) => {
                let held = proven.held.as_ref().map_or(0, |held| held.len() as u64);
                match proven.inner.size_hint().exact() {
                    Some(left) => SizeHint::with_exact(left + held),
                    None => SizeHint::new(),
                }
            }
        }
    }
}
