//! The heads of a connection, inspected under hyper.
//!
//! hyper repairs what RFC 9112 §6.1 lets a server refuse: of `Transfer-Encoding` and
//! `Content-Length` it keeps the former, of equal `Content-Length` lines one. A proxy in front may
//! have read the same bytes otherwise, so such a head is *spoilt* here before hyper parses it: with
//! a NUL, which no head may have, in place of its end. hyper then refuses it in its turn among pipelined requests, and
//! closes the connection.
//!
//! To tell heads from bodies the framing is followed from the first byte on. Whatever hyper accepts
//! is followed as hyper reads it; whatever breaks the framing ends in [`State::Spoilt`], where
//! nothing reaches hyper that it could take for a head.

use ::http::StatusCode;

use crate::http::{Problem, RequestError, TargetError};

/// Follows the bytes of one connection.
#[derive(Debug)]
pub(super) struct Heads {
    /// The largest head, in bytes.
    limit: usize,
    state: State,
    begun: u64,
    refused: Option<HeadError>,
    /// Where in the pattern of spoilt bytes it is.
    spoilt: u8,
}

/// Why a head was spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadError {
    /// Its framing, or its target.
    Request(RequestError),
    /// It is larger than the limit.
    TooLarge,
    /// A line ends with a bare LF, which not everyone takes for an end (RFC 9112 §2.2).
    LineEnd,
}

impl HeadError {
    /// The answer.
    pub(super) fn problem(self) -> Problem {
        match self {
            Self::Request(error) => Problem::from(error),
            Self::TooLarge => Problem::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
                "the request's headers are too large or too many",
            ),
            Self::LineEnd => Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed_request",
                "a line of the request's head does not end with CR LF",
            ),
        }
    }
}

#[derive(Debug)]
enum State {
    Head(Head),
    /// So many bytes of a body, or of a chunk with the line end after it, are still to come.
    Data {
        left: u64,
        then: Next,
    },
    ChunkSize(Line),
    Trailers(Line),
    /// Nothing that follows is a request.
    Spoilt,
}

/// What follows the data.
#[derive(Clone, Copy, Debug)]
enum Next {
    Head,
    ChunkSize,
}

#[derive(Debug, Default)]
struct Head {
    size: usize,
    line: Line,
    /// The request line has been read.
    begun: bool,
    http_10: bool,
    length: Option<u64>,
    chunked: bool,
}

/// A line being read: its beginning, its length and its last two bytes without the LF.
#[derive(Debug)]
struct Line {
    start: [u8; LINE_START],
    length: usize,
    last: [u8; 2],
}

impl Default for Line {
    fn default() -> Self {
        Self { start: [0; LINE_START], length: 0, last: [0; 2] }
    }
}

impl Line {
    /// Adds a piece; whether the line ended with it.
    fn add(&mut self, piece: &[u8]) -> bool {
        let (text, ended) = match piece.split_last() {
            Some((b'\n', text)) => (text, true),
            _ => (piece, false),
        };
        let free = self.start.get_mut(self.length..).unwrap_or_default();
        let kept = free.len().min(text.len());
        if let (Some(free), Some(text)) = (free.get_mut(..kept), text.get(..kept)) {
            free.copy_from_slice(text);
        }
        self.length = self.length.saturating_add(text.len());
        match text {
            [] => {}
            [.., before, last] => self.last = [*before, *last],
            [last] => self.last = [self.last[1], *last],
        }
        ended
    }

    fn ends_with_cr(&self) -> bool {
        self.length > 0 && self.last[1] == b'\r'
    }

    /// The line without its CR, if all of it was kept.
    fn text(&self) -> Option<&[u8]> {
        self.start.get(..self.length.checked_sub(1)?)
    }

    /// The value, if the line is a header of this name, as hyper takes names: up to the colon,
    /// without white space. Of a longer line, the value's beginning.
    fn value_of(&self, name: &[u8]) -> Option<&[u8]> {
        let kept = self.start.get(..self.length.min(LINE_START))?;
        let (start, rest) = kept.split_at_checked(name.len())?;
        if !start.eq_ignore_ascii_case(name) {
            return None;
        }
        rest.strip_prefix(b":")
    }
}

impl Heads {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: State::Head(Head::default()), begun: 0, refused: None, spoilt: 0 }
    }

    /// Why a head was spoilt, if one was.
    pub(super) fn refused(&self) -> Option<HeadError> {
        self.refused
    }

    /// How many heads have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Follows bytes on their way to hyper.
    pub(super) fn follow(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = match &self.state {
                State::Spoilt => {
                    self.spoil(rest);
                    return;
                }
                State::Data { left, .. } => usize::try_from(*left).unwrap_or(usize::MAX),
                State::Head(_) | State::ChunkSize(_) | State::Trailers(_) => line_end(rest),
            };
            let (piece, after) = rest.split_at_mut(count.min(rest.len()));
            let next = match &mut self.state {
                State::Head(head) => {
                    self.begun += u64::from(head.size == 0);
                    head.follow(piece, self.limit)
                }
                State::Data { left, then } => {
                    *left -= piece.len() as u64;
                    Ok((*left == 0).then_some(match then {
                        Next::Head => State::Head(Head::default()),
                        Next::ChunkSize => State::ChunkSize(Line::default()),
                    }))
                }
                State::ChunkSize(line) => Ok(line.add(piece).then(|| chunk(line))),
                State::Trailers(line) => Ok(trailer(line, piece)),
                State::Spoilt => Ok(None),
            };
            match next {
                Ok(None) => {}
                Ok(Some(state)) => self.state = state,
                Err(error) => {
                    self.refused = Some(error);
                    self.state = State::Spoilt;
                    self.spoil(piece);
                }
            }
            rest = after;
        }
    }

    /// Overwrites bytes with what hyper refuses: a NUL, and the end of a head, since hyper parses a
    /// head that came in pieces only when it sees one.
    fn spoil(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = if self.spoilt == 0 { 0 } else { b'\n' };
            self.spoilt = (self.spoilt + 1) % 3;
        }
    }
}

impl Head {
    /// Reads a line or a part of one; what follows the head, at its end.
    fn follow(&mut self, piece: &[u8], limit: usize) -> Result<Option<State>, HeadError> {
        self.size += piece.len();
        if self.size > limit {
            return Err(if self.begun {
                HeadError::TooLarge
            } else {
                HeadError::Request(RequestError::Target(TargetError::TooLong))
            });
        }
        // The type of targets cuts a fragment off, which no request has (RFC 9112 §3.2).
        if !self.begun && piece.contains(&b'#') {
            return Err(HeadError::Request(RequestError::Target(TargetError::Fragment)));
        }
        if !self.line.add(piece) {
            return Ok(None);
        }
        if !self.line.ends_with_cr() {
            return Err(HeadError::LineEnd);
        }
        if self.line.length == 1 {
            // Empty lines before a request are passed over (RFC 9112 §2.2).
            if !self.begun {
                self.line = Line::default();
                return Ok(None);
            }
            return Ok(Some(self.end()));
        }
        if self.begun {
            self.header().map_err(HeadError::Request)?;
        } else {
            self.begun = true;
            self.http_10 = self.line.last[0] == b'0';
        }
        self.line = Line::default();
        Ok(None)
    }

    fn header(&mut self) -> Result<(), RequestError> {
        if let Some(value) = self.line.value_of(b"content-length") {
            if self.length.is_some() {
                return Err(RequestError::Repeated("Content-Length"));
            }
            let whole = self.line.text().is_some();
            let length = number(value).filter(|_| whole).ok_or(RequestError::ContentLength)?;
            self.length = Some(length);
        } else if let Some(value) = self.line.value_of(b"transfer-encoding") {
            let plain = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            if self.chunked || self.http_10 || !plain || self.line.text().is_none() {
                return Err(RequestError::TransferEncoding);
            }
            self.chunked = true;
        }
        if self.chunked && self.length.is_some() {
            return Err(RequestError::LengthAndEncoding);
        }
        Ok(())
    }

    fn end(&self) -> State {
        match self.length {
            _ if self.chunked => State::ChunkSize(Line::default()),
            Some(left @ 1..) => State::Data { left, then: Next::Head },
            _ => State::Head(Self::default()),
        }
    }
}

/// What follows the line of a chunk's size.
fn chunk(line: &Line) -> State {
    let kept = line.start.get(..line.length.min(LINE_START)).unwrap_or_default();
    let digits = kept.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let size = kept.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
    let size = size.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match size {
        _ if !line.ends_with_cr() => State::Spoilt,
        Some(0) => State::Trailers(Line::default()),
        Some(size) => match size.checked_add(2) {
            Some(left) => State::Data { left, then: Next::ChunkSize },
            None => State::Spoilt,
        },
        None => State::Spoilt,
    }
}

/// The next head, after the last trailer. Like hyper, takes no bare LF for the end of a line here.
fn trailer(line: &mut Line, piece: &[u8]) -> Option<State> {
    if !line.add(piece) {
        return None;
    }
    if !line.ends_with_cr() {
        line.add(b"?");
        return None;
    }
    if line.length == 1 {
        return Some(State::Head(Head::default()));
    }
    *line = Line::default();
    None
}

/// How many bytes to the end of the line, or of what there is of it.
fn line_end(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

/// A decimal number alone, in white space.
fn number(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    // `parse` alone would take "+1".
    let plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

/// How much of a line is kept: names, lengths and sizes with some white space.
const LINE_START: usize = 64;
