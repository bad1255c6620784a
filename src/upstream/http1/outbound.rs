//! A request on its way out: its head, then its body in pieces, framed as the head says.

use std::{
    cell::Cell,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http_body::Body as _;
use tokio::io::AsyncWrite as _;

use super::head::{self, Framed};
use crate::{
    sigv4::BodyError,
    upstream::{UploadBody, client::Outgoing, dial::Wire, upload::UploadError},
};

/// What is still to be sent of a request.
#[derive(Default)]
pub(super) struct Outbound {
    /// What is written next: the head, and short pieces behind it, which leave with it in one write.
    short: Vec<u8>,
    /// Bytes of it that were written.
    gone: usize,
    /// Behind it, a piece that is too long to be copied.
    long: Bytes,
    /// Behind that, the end of its chunk.
    end: &'static [u8],
    /// Whether anything of the request was written.
    is_begun: bool,
    /// Whether some of what was written may still be kept by TLS.
    is_kept: bool,
    rest: Option<Rest>,
}

/// What hasn't been read yet of a body.
struct Rest {
    body: UploadBody,
    framed: Framed,
}

/// Why a request can't be sent.
pub(super) enum SendError {
    /// The connection doesn't take it. Why says the end of what can be read from it.
    Wire,
    /// Its body can't be had.
    Body(UploadError),
}

impl Outbound {
    /// Takes the place of whatever was sent before.
    pub(super) fn begin(&mut self, outgoing: &mut Outgoing) {
        if self.short.capacity() == 0 {
            self.short = SPARE.take();
        }
        let framed = head::write(outgoing, &mut self.short);
        let body = outgoing.request.body_mut().take();
        self.is_begun = false;
        self.rest = Some(Rest { body, framed });
    }

    /// Whether all of it was sent.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_none() && self.is_written() && !self.is_kept
    }

    fn is_written(&self) -> bool {
        self.short.is_empty() && self.long.is_empty() && self.end.is_empty()
    }

    /// Whether anything of it was sent.
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// Sends what can be sent now; ready when that was all.
    pub(super) fn poll_send(
        &mut self,
        wire: &mut Wire,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        loop {
            let more = self.poll_gather(cx).map_err(SendError::Body);
            if let Poll::Ready(Err(error)) = more {
                return Poll::Ready(Err(error));
            }
            ready!(self.poll_write(wire, cx)).map_err(|_| SendError::Wire)?;
            match more {
                Poll::Ready(_) if self.rest.is_none() => return Poll::Ready(Ok(())),
                Poll::Ready(_) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Reads pieces of the body that are there, as long as they are short; ready when there is something to write.
    fn poll_gather(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        while let Some(rest) = &mut self.rest
            && self.short.len() < SHORT
            && self.long.is_empty()
            && self.end.is_empty()
        {
            if matches!(rest.framed, Framed::Empty | Framed::Length(0)) {
                self.rest = None;
                break;
            }
            let frame = ready!(Pin::new(&mut rest.body).poll_frame(cx)?);
            // Trailers go no further.
            let piece = frame.map(|frame| frame.into_data().unwrap_or_default());
            match (&mut rest.framed, piece) {
                (_, Some(piece)) if piece.is_empty() => {}
                (Framed::Length(left), Some(piece)) => {
                    let after = left.checked_sub(piece.len() as u64);
                    *left = after.ok_or(UploadError::Body(BodyError::Length))?;
                    self.put(piece, b"");
                }
                (Framed::Length(_), None) => {
                    return Poll::Ready(Err(BodyError::Length.into()));
                }
                (_, Some(piece)) => {
                    self.short.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                    self.put(piece, b"\r\n");
                }
                (_, None) => {
                    self.short.extend_from_slice(b"0\r\n\r\n");
                    self.rest = None;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn put(&mut self, piece: Bytes, end: &'static [u8]) {
        if piece.len() <= SHORT {
            self.short.extend_from_slice(&piece);
            self.short.extend_from_slice(end);
        } else {
            (self.long, self.end) = (piece, end);
        }
    }

    /// Writes all that was gathered.
    fn poll_write(&mut self, wire: &mut Wire, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_written() {
            let wire = Pin::new(&mut *wire);
            let written = if self.long.is_empty() && self.end.is_empty() {
                wire.poll_write(cx, self.short())
            } else {
                let slices = [self.short(), &self.long, self.end].map(IoSlice::new);
                wire.poll_write_vectored(cx, &slices)
            };
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.advance(written),
            }
        }
        if self.is_kept {
            ready!(Pin::new(wire).poll_flush(cx))?;
            self.is_kept = false;
        }
        Poll::Ready(Ok(()))
    }

    fn short(&self) -> &[u8] {
        self.short.get(self.gone..).unwrap_or_default()
    }

    fn advance(&mut self, written: usize) {
        (self.is_begun, self.is_kept) = (true, true);
        let short = written.min(self.short().len());
        self.gone += short;
        if self.short().is_empty() && self.short.capacity() > 0 {
            let mut spare = std::mem::take(&mut self.short);
            spare.clear();
            if spare.capacity() <= MAX_SPARE {
                SPARE.set(spare);
            }
            self.gone = 0;
        }
        let long = (written - short).min(self.long.len());
        self.long.advance(long);
        self.end = self.end.get(written - short - long..).unwrap_or_default();
    }
}

thread_local! {
    // Connections that have nothing to write keep no room for it.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes of room that is kept: enough for any but extraordinary heads.
const MAX_SPARE: usize = 64 << 10;
/// Bytes up to which a copy is the cheaper way.
const SHORT: usize = 8 << 10;
