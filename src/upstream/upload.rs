//! Requests' bodies on their way up, streamed in constant memory and never ahead of their proof.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{Course, Ended, ForwardError, Side, body::Trailers, trailer::Trailed};
use crate::http;
use crate::sigv4::{BodyError, Proof, Reader};

/// A caller's body as it comes.
#[derive(Debug)]
pub struct Arriving {
    /// What was read of it already.
    pub begun: Bytes,
    /// What is still to come.
    pub rest: Incoming,
}

/// A request's body on its way up.
///
/// INVARIANT: the last bytes of a body that has to be proven are given out when it is, so that an
/// upstream can never have all of a body that isn't what was signed.
#[derive(Debug)]
pub struct UploadBody {
    source: Source,
    course: Course,
    trailers: Trailers,
}

#[derive(Debug)]
enum Source {
    /// Nothing, or nothing more.
    None,
    /// From memory.
    Whole(Bytes),
    /// The caller's, as it comes.
    Streamed(Incoming),
    /// What is inside of the caller's, one piece late.
    Proven(Box<Proven>),
}

/// A body that is taken out of its chunks and proven as it passes.
struct Proven {
    inner: Incoming,
    reader: Reader,
    /// What has come and isn't read yet.
    unread: Bytes,
    held: Option<Bytes>,
    /// What may be sent before anything else.
    ready: VecDeque<Bytes>,
    /// With the checksum that came behind it, where the upstream takes that.
    trailed: Option<Trailed>,
    /// Bytes that are still to be given out, where that is known.
    left: Option<u64>,
    course: Course,
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
    /// It isn't what was said of it.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The right to send it has ended.
    #[error("the request may not go on: {}", .0.reason())]
    Ended(Ended),
}

impl From<UploadError> for ForwardError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Caller(_) => Self::CallerBody,
            UploadError::Ended(why) => Self::Ended(why),
            UploadError::Body(error) => Self::Body(error),
        }
    }
}

impl UploadBody {
    /// The caller's body, which has to be what `proof` says; `trailed` again, where that is wanted.
    pub(super) fn streamed(
        body: Arriving,
        proof: &Proof,
        trailed: Option<Trailed>,
        course: &Course,
    ) -> Self {
        let (course, trailers) = (course.clone(), Trailers::Drop);
        let Arriving { begun: unread, rest: inner } = body;
        if proof.is_none() && unread.is_empty() {
            return Self { source: Source::Streamed(inner), course, trailers };
        }
        let whole = inner.size_hint().exact().map(|rest| rest + unread.len() as u64);
        let inside = if proof.is_wrapped() { proof.length() } else { whole };
        let proven = Proven {
            inner,
            reader: proof.reader(),
            unread,
            held: None,
            ready: trailed.map(Trailed::before).into_iter().collect(),
            trailed,
            left: trailed.map(Trailed::whole).or(inside),
            course: course.clone(),
        };
        Self { source: Source::Proven(Box::new(proven)), course, trailers }
    }

    /// The same, with the trailers behind it, where nothing has to be proven.
    #[must_use]
    pub(super) fn with_trailers(self, trailers: Trailers) -> Self {
        Self { trailers, ..self }
    }

    /// Proves a body that comes to nothing: an upstream has all of it with the head.
    pub(super) async fn settle(&mut self) -> Result<(), UploadError> {
        if let Source::Proven(proven) = &mut self.source
            && proven.left == Some(0)
        {
            match poll_fn(|cx| proven.poll(cx)).await {
                None => self.source = Source::None,
                Some(Err(error)) => return Err(error),
                Some(Ok(_)) => return Err(BodyError::Length.into()),
            }
        }
        Ok(())
    }

    /// A body in memory.
    pub(super) fn whole(body: Bytes, course: &Course) -> Self {
        let (course, trailers) = (course.clone(), Trailers::Drop);
        Self { source: Source::Whole(body), course, trailers }
    }

    /// The body, of which nothing is left here.
    pub(super) fn take(&mut self) -> Self {
        let source = std::mem::replace(&mut self.source, Source::None);
        Self { source, course: self.course.clone(), trailers: self.trailers }
    }

    /// The same body once more, if it is in memory or there is none.
    pub(super) fn again(&self) -> Option<Self> {
        let source = match &self.source {
            Source::None => Source::None,
            Source::Whole(body) => Source::Whole(body.clone()),
            Source::Streamed(inner) if inner.is_end_stream() => Source::None,
            _ => return None,
        };
        Some(Self { source, course: self.course.clone(), trailers: self.trailers })
    }
}

impl Proven {
    /// The next piece that may be sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                if piece.is_empty() {
                    continue;
                }
                self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if !self.unread.is_empty() {
                if let Some(piece) = self.reader.read(&mut self.unread)? {
                    self.ready.extend(self.held.replace(piece));
                }
                continue;
            }
            let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
            match Trailers::Drop.pass(frame, http::request_trailers) {
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => {
                    self.course.mark();
                    self.unread = frame.into_data().unwrap_or_default();
                }
                None => {
                    self.reader.finish()?;
                    self.ready.extend(self.held.take());
                    let checksum = self.trailed.take().zip(self.reader.trailer());
                    self.ready.extend(checksum.map(|(trailed, sum)| trailed.behind(&sum)));
                    if self.ready.is_empty() {
                        return Poll::Ready(None);
                    }
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
        if let Poll::Ready(why) = this.course.poll_ended(Side::Up, cx) {
            this.source = Source::None;
            return Poll::Ready(Some(Err(UploadError::Ended(why))));
        }
        let frame = match &mut this.source {
            Source::None => None,
            Source::Whole(body) => {
                let body = std::mem::take(body);
                this.source = Source::None;
                (!body.is_empty()).then(|| Ok(Frame::data(body)))
            }
            Source::Streamed(inner) => {
                let frame = ready!(Pin::new(inner).poll_frame(cx));
                let frame = this.trailers.pass(frame, http::request_trailers);
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
        this.course.mark();
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
            Source::Proven(proven) => proven.left.map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}
