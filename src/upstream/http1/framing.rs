//! Where an answer's body ends (RFC 9112 §6 and §7).

use bytes::{Buf as _, Bytes, BytesMut};
use httparse::Status;

use super::Broken;

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// Whatever comes until the connection ends.
    UntilClose,
}

/// Where in its chunks a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// Before a chunk's size.
    Size,
    /// In a chunk, so many bytes before its end.
    Data(u64),
    /// Before the end of its line.
    DataEnd,
    /// Behind the last chunk, so many bytes into the trailers.
    Trailers(usize),
    /// Behind all of it.
    Done,
}

impl Framing {
    /// A body in chunks.
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunked::Size)
    }

    /// Whether nothing more comes.
    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunked::Done))
    }

    /// Bytes that are still to come, where that is known.
    pub(super) fn left(self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(left),
            Self::Chunked(Chunked::Done) => Some(0),
            Self::Chunked(_) | Self::UntilClose => None,
        }
    }

    /// The next piece of the body out of `inbound`; none if more has to come, or nothing does.
    pub(super) fn next(&mut self, inbound: &mut BytesMut) -> Result<Option<Bytes>, Broken> {
        loop {
            match self {
                Self::Length(left) => return Ok(piece(inbound, left)),
                Self::UntilClose => return Ok(piece(inbound, &mut { u64::MAX })),
                Self::Chunked(Chunked::Data(left)) => {
                    let piece = piece(inbound, left);
                    if *left == 0 {
                        *self = Self::Chunked(Chunked::DataEnd);
                    }
                    return Ok(piece);
                }
                Self::Chunked(Chunked::Done) => return Ok(None),
                Self::Chunked(chunked) => {
                    let Some(next) = chunked.line(inbound)? else { return Ok(None) };
                    *chunked = next;
                }
            }
        }
    }

    /// What it means that the connection has ended.
    pub(super) fn close(&mut self) -> Result<(), Broken> {
        match self {
            Self::UntilClose => {
                *self = Self::Length(0);
                Ok(())
            }
            _ => Err(Broken::Closed),
        }
    }
}

impl Chunked {
    /// What follows the line that is next, if all of it is there.
    fn line(self, inbound: &mut BytesMut) -> Result<Option<Self>, Broken> {
        match self {
            Self::Size => {
                let Some(end) = line_end(inbound, 0)? else {
                    let whole = inbound.len() <= MAX_LINE;
                    return if whole { Ok(None) } else { Err(Broken::TooLarge) };
                };
                let line = inbound.get(..end).unwrap_or_default();
                // The parser takes a line without digits for a size of none.
                let sized = line.first().is_some_and(u8::is_ascii_hexdigit);
                match httparse::parse_chunk_size(line) {
                    Ok(Status::Complete((length, size))) if sized && length == end => {
                        inbound.advance(end);
                        Ok(Some(if size == 0 { Self::Trailers(0) } else { Self::Data(size) }))
                    }
                    _ => Err(Broken::Framing("a chunk of it has no size")),
                }
            }
            Self::DataEnd => match inbound.get(..2) {
                Some(b"\r\n") => {
                    inbound.advance(2);
                    Ok(Some(Self::Size))
                }
                None if matches!(inbound.first(), None | Some(b'\r')) => Ok(None),
                _ => Err(Broken::Framing("a chunk of it is longer than it says")),
            },
            Self::Trailers(before) => {
                let Some(end) = line_end(inbound, before)? else {
                    let whole = inbound.len() <= MAX_TRAILERS;
                    return if whole { Ok(None) } else { Err(Broken::TooLarge) };
                };
                if end > MAX_TRAILERS {
                    return Err(Broken::TooLarge);
                }
                if inbound.get(before..end) != Some(b"\r\n") {
                    return Ok(Some(Self::Trailers(end)));
                }
                // Nobody is told them, but what is none may be something else.
                let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
                let fields = httparse::parse_headers(inbound, &mut fields)?;
                if fields.is_partial() {
                    return Err(Broken::Framing("its trailers have no end"));
                }
                inbound.advance(end);
                Ok(Some(Self::Done))
            }
            Self::Data(_) | Self::Done => Ok(Some(self)),
        }
    }
}

/// Where the line that begins at `start` ends, if all of it is there: with CR LF, since not everybody takes LF alone for
/// an end.
fn line_end(inbound: &[u8], start: usize) -> Result<Option<usize>, Broken> {
    let line = inbound.get(start..).unwrap_or_default();
    let Some(length) = memchr::memchr(b'\n', line) else { return Ok(None) };
    match line.get(..length).and_then(<[u8]>::last) {
        Some(b'\r') => Ok(Some(start + length + 1)),
        _ => Err(Broken::Framing("a line of it does not end with CR LF")),
    }
}

/// As much of `left` bytes as is there.
fn piece(inbound: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(inbound.len());
    *left = left.saturating_sub(length as u64);
    (length > 0).then(|| match length == inbound.len() {
        // Without anything kept of it for what isn't there.
        true => std::mem::take(inbound).freeze(),
        false => inbound.split_to(length).freeze(),
    })
}

/// Bytes of a line with a chunk's size, and whatever extensions it has.
const MAX_LINE: usize = 16 << 10;
/// Bytes of trailers, and how many.
const MAX_TRAILERS: usize = 64 << 10;
const MAX_FIELDS: usize = 100;
