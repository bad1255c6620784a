//! The framing of `aws-chunked`, as a machine over bytes.
//!
//! ```text
//! 10000;chunk-signature=…64 digits…␍␊   a chunk: its size in hexadecimal digits; signed or not
//! …65536 bytes…␍␊
//! 0;chunk-signature=…␍␊                 the last one is empty
//! x-amz-checksum-crc32c:sOO8/Q==␍␊      a trailer, if there is one
//! x-amz-trailer-signature:…␍␊           signed where the chunks are
//! ␍␊
//! ```
//!
//! MinIO's clients end a trailer with a line feed alone and put an empty line before its signature;
//! S3 takes both, and so does this. Everything else has to be as above.

use super::{BodyError, ChunkForm};
use crate::sigv4::parse::unhex;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Nothing yet: all bytes were taken.
    More,
    /// A chunk of so many bytes begins, with its signature where chunks are signed. The last has none.
    Chunk(u64, Option<[u8; 32]>),
    /// The next so many bytes are the chunk's; they weren't taken.
    Data(usize),
    /// The chunk has ended.
    End,
    /// A line of the trailer: name in lower case, value.
    Trailer(String, String),
    /// The signature of the trailer.
    TrailerSignature([u8; 32]),
}

/// Where the machine is.
#[derive(Debug)]
pub(super) struct Framing {
    form: ChunkForm,
    state: State,
    line: Vec<u8>,
    /// Lines of the trailer.
    trailers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data(u64),
    /// The line end behind a chunk.
    DataEnd,
    /// The empty line that ends it all, where there is no trailer.
    LastEnd,
    Trailer,
    /// MinIO's empty line was there: the signature has to follow.
    TrailerSignature,
    /// Only the empty line may follow.
    TrailerEnd,
    Done,
}

impl Framing {
    pub(super) fn new(form: ChunkForm) -> Self {
        Self { form, state: State::Size, line: Vec::new(), trailers: 0 }
    }

    /// Whether it has come to its end.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Reads `input` as far as the next event: how many bytes were taken, and what it is.
    ///
    /// # Errors
    /// [`BodyError::Framing`], [`BodyError::Trailer`].
    pub(super) fn next(&mut self, input: &[u8]) -> Result<(usize, Event), BodyError> {
        if input.is_empty() {
            return Ok((0, Event::More));
        }
        match self.state {
            State::Data(left) => {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let left = left - here as u64;
                self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                Ok((0, Event::Data(here)))
            }
            State::Done => Err(BodyError::Framing("there is something behind its end")),
            _ => match self.take_line(input)? {
                (taken, None) => Ok((taken, Event::More)),
                (taken, Some(line)) => Ok((taken, self.line(&line)?)),
            },
        }
    }

    /// A line without its end, once it is whole.
    fn take_line(&mut self, input: &[u8]) -> Result<(usize, Option<Vec<u8>>), BodyError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(input.len(), |at| at + 1);
        if self.line.len() + taken > MAX_LINE {
            return Err(BodyError::Framing("a line is too long"));
        }
        self.line.extend_from_slice(input.get(..taken).unwrap_or_default());
        if end.is_none() {
            return Ok((taken, None));
        }
        let mut line = std::mem::take(&mut self.line);
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        } else if self.state != State::Trailer {
            return Err(BodyError::Framing("a line doesn't end in CR LF"));
        }
        Ok((taken, Some(line)))
    }

    fn line(&mut self, line: &[u8]) -> Result<Event, BodyError> {
        match self.state {
            State::Size => self.size(line),
            State::DataEnd if line.is_empty() => {
                self.state = State::Size;
                Ok(Event::End)
            }
            State::DataEnd => Err(BodyError::Framing("a chunk doesn't end where its size says")),
            State::LastEnd if line.is_empty() => self.done(),
            State::LastEnd => Err(BodyError::Trailer("there is one")),
            State::TrailerEnd if line.is_empty() => self.done(),
            State::TrailerEnd => Err(BodyError::Trailer("it goes on behind its end")),
            State::Trailer if line.is_empty() && self.form.signed && self.trailers > 0 => {
                self.state = State::TrailerSignature;
                Ok(Event::More)
            }
            State::Trailer if line.is_empty() && self.form.signed => {
                Err(BodyError::Trailer("it isn't signed"))
            }
            State::Trailer if line.is_empty() => self.done(),
            State::Trailer | State::TrailerSignature => self.trailer(line),
            // Both are taken care of before.
            State::Data(_) | State::Done => Err(BodyError::Framing("it goes on behind its end")),
        }
    }

    fn done(&mut self) -> Result<Event, BodyError> {
        self.state = State::Done;
        Ok(Event::More)
    }

    /// `size` or `size;chunk-signature=…`.
    fn size(&mut self, line: &[u8]) -> Result<Event, BodyError> {
        const NO_SIZE: BodyError = BodyError::Framing("a chunk's size can't be read");
        let text = std::str::from_utf8(line).map_err(|_| NO_SIZE)?;
        let (size, signature) = match (text.split_once(';'), self.form.signed) {
            (None, false) => (text, None),
            (Some((size, extension)), true) => {
                let signature = extension.strip_prefix("chunk-signature=").and_then(unhex);
                (
                    size,
                    Some(signature.ok_or(BodyError::Framing("a chunk's signature can't be read"))?),
                )
            }
            (None, true) => return Err(BodyError::Framing("a chunk isn't signed")),
            (Some(_), false) => return Err(BodyError::Framing("a chunk has an extension")),
        };
        let digits = (1..=16).contains(&size.len()) && size.bytes().all(|b| b.is_ascii_hexdigit());
        let size = u64::from_str_radix(size, 16).ok().filter(|_| digits).ok_or(NO_SIZE)?;
        self.state = match size {
            0 if self.form.trailer => State::Trailer,
            0 => State::LastEnd,
            size => State::Data(size),
        };
        Ok(Event::Chunk(size, signature))
    }

    /// `name:value`.
    fn trailer(&mut self, line: &[u8]) -> Result<Event, BodyError> {
        const UNREADABLE: BodyError = BodyError::Trailer("a line of it can't be read");
        let text = std::str::from_utf8(line).map_err(|_| UNREADABLE)?;
        let (name, value) = text.split_once(':').ok_or(UNREADABLE)?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']));
        if name == TRAILER_SIGNATURE {
            if !self.form.signed {
                return Err(BodyError::Trailer("it is signed, and the chunks are not"));
            }
            self.state = State::TrailerEnd;
            return unhex(value).map(Event::TrailerSignature).ok_or(UNREADABLE);
        }
        self.trailers += 1;
        match self.state == State::TrailerSignature || self.trailers > MAX_TRAILERS {
            true => Err(BodyError::Trailer("there is more of it than was announced")),
            false => Ok(Event::Trailer(name, value.to_owned())),
        }
    }
}

/// Signs the trailer of a signed body.
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";
/// Bytes of a line: the longest is a trailer with a SHA-512.
const MAX_LINE: usize = 256;
/// S3 takes one checksum.
const MAX_TRAILERS: usize = 1;
