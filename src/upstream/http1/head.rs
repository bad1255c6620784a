//! The heads of HTTP/1.1: a request's as it is written, an answer's as it is read (RFC 9112 §2 to §6).

use std::mem::MaybeUninit;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};
use bytes::Bytes;
use http_body::Body as _;
use httparse::Status;
use hyper::ext::ReasonPhrase;

use super::{Broken, framing::Framing};
use crate::{http, upstream::client::Outgoing};

/// How a request's body is told from what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framed {
    /// There is none.
    Empty,
    /// It has so many bytes.
    Length(u64),
    /// Each piece says its own length.
    Chunked,
}

/// The head of an answer, and what follows it.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) response: Response<()>,
    pub(super) body: Framing,
    /// Whether the connection may serve another request after it.
    pub(super) keep_alive: bool,
}

/// Writes the head of a request; says how its body has to follow.
///
/// How long the body is says the body, whatever the headers say: what is framed by one and sent by the other would be
/// read as a second request (RFC 9112 §11.2).
pub(super) fn write(outgoing: &Outgoing, out: &mut Vec<u8>) -> Framed {
    let Outgoing { request, identity, id } = outgoing;
    let body = request.body();
    let framed = match body.size_hint().exact() {
        _ if body.is_end_stream() => Framed::Empty,
        Some(length) => Framed::Length(length),
        None => Framed::Chunked,
    };
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let method = request.method().as_str();
    for piece in [method, " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    let mut line = |name: &str, value: &[u8]| {
        for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(piece);
        }
    };
    let mut tells_length = false;
    for (name, value) in request.headers() {
        if *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING {
            tells_length = true;
        } else if !http::is_ours(name) {
            line(name.as_str(), value.as_bytes());
        }
    }
    for (name, value) in identity.pairs() {
        line(name.as_str(), value.as_bytes());
    }
    line(http::DECISION_ID.as_str(), id.as_str().as_bytes());
    match framed {
        Framed::Empty if tells_length => out.extend_from_slice(b"content-length: 0\r\n\r\n"),
        Framed::Empty => out.extend_from_slice(b"\r\n"),
        Framed::Length(length) => {
            out.extend_from_slice(format!("content-length: {length}\r\n\r\n").as_bytes());
        }
        Framed::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n"),
    }
    framed
}

/// Reads the head of the answer to a request of `method`, if all of it is in `inbound`, and says how many bytes are
/// behind it. What is interim is passed over (RFC 9110 §15.2), but for a change of protocols, which is final.
///
/// Its headers take the place of what `headers` has, which is left alone as long as there is no head at all.
pub(super) fn read(
    inbound: &[u8],
    method: &Method,
    headers: &mut HeaderMap,
) -> Result<(Option<Head>, usize), Broken> {
    let mut passed = 0;
    loop {
        let rest = inbound.get(passed..).unwrap_or_default();
        let Some((head, length)) = read_one(rest, method, headers)? else {
            return Ok((None, passed));
        };
        passed += length;
        let status = head.response.status();
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok((Some(head), passed));
        }
    }
}

fn read_one(
    inbound: &[u8],
    method: &Method,
    headers: &mut HeaderMap,
) -> Result<Option<(Head, usize)>, Broken> {
    let mut room = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let end = match config.parse_response_with_uninit_headers(&mut parsed, inbound, &mut room)? {
        Status::Complete(end) => end,
        Status::Partial if inbound.len() > MAX_HEAD => return Err(Broken::TooLarge),
        Status::Partial => return Ok(None),
    };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Broken::Framing("its status is none"))?;
    let reason = parsed.reason.filter(|reason| {
        !reason.is_empty() && status.canonical_reason().is_none_or(|usual| usual != *reason)
    });
    let reason = reason.and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok());
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    // All values in one piece.
    let bytes = Bytes::copy_from_slice(inbound.get(..end).unwrap_or_default());
    headers.clear();
    let mut seen = Seen::default();
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let name = name.map_err(|_| Broken::Framing("it has a header without a name"))?;
        let start = header.value.as_ptr().addr().saturating_sub(inbound.as_ptr().addr());
        let value = HeaderValue::from_maybe_shared(bytes.slice(start..start + header.value.len()));
        let value =
            value.map_err(|_| Broken::Framing("it has a header with control characters"))?;
        seen.note(&name);
        headers.append(name, value);
    }
    let mut keep_alive = keeps_alive(headers, version, &seen);
    let body = framing(headers, (method, status, version), &seen, &mut keep_alive)?;
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = std::mem::take(headers);
    if let Some(reason) = reason {
        response.extensions_mut().insert(reason);
    }
    Ok(Some((Head { response, body, keep_alive }, end)))
}

/// Which headers of an answer say something about its connection: the others are the caller's.
#[derive(Default)]
struct Seen {
    connection: bool,
    length: bool,
    coding: bool,
}

impl Seen {
    fn note(&mut self, name: &HeaderName) {
        self.connection |= *name == header::CONNECTION;
        self.length |= *name == header::CONTENT_LENGTH;
        self.coding |= *name == header::TRANSFER_ENCODING;
    }
}

/// How the body of an answer is told from what follows it (RFC 9112 §6.3).
fn framing(
    headers: &mut HeaderMap,
    (method, status, version): (&Method, StatusCode, Version),
    seen: &Seen,
    keep_alive: &mut bool,
) -> Result<Framing, Broken> {
    if seen.coding && seen.length {
        // Which of two framings is meant nobody knows; after this answer nothing on the connection is trusted.
        headers.remove(header::CONTENT_LENGTH);
        *keep_alive = false;
    }
    let none = status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if none || *method == Method::HEAD {
        return Ok(Framing::Length(0));
    }
    if seen.coding {
        let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
        let coding = codings.next().map(HeaderValue::as_bytes).unwrap_or_default();
        if version == Version::HTTP_10 {
            return Err(Broken::Framing("HTTP/1.0 has no transfer codings"));
        }
        let chunked = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
        if !chunked || codings.next().is_some() {
            return Err(Broken::Framing("it has a transfer coding other than chunked"));
        }
        return Ok(Framing::chunked());
    }
    if seen.length
        && let Some(length) = content_length(headers)?
    {
        return Ok(Framing::Length(length));
    }
    *keep_alive = false;
    Ok(Framing::UntilClose)
}

/// What `Content-Length` says, several times the same at most (RFC 9110 §8.6).
fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Broken> {
    let mut found = None;
    for value in headers.get_all(header::CONTENT_LENGTH) {
        for digits in value.as_bytes().split(|byte| *byte == b',') {
            let length = length(digits.trim_ascii());
            let length = length.ok_or(Broken::Framing("its content-length is no number"))?;
            if found.replace(length).is_some_and(|before| before != length) {
                return Err(Broken::Framing("it has two lengths"));
            }
        }
    }
    Ok(found)
}

/// A number of digits alone: no sign, no blank.
fn length(digits: &[u8]) -> Option<u64> {
    let mut length = (!digits.is_empty()).then_some(0u64)?;
    for digit in digits {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        length = length.checked_mul(10)?.checked_add(digit)?;
    }
    Some(length)
}

/// Whether the connection goes on after the answer (RFC 9112 §9.3).
fn keeps_alive(headers: &HeaderMap, version: Version, seen: &Seen) -> bool {
    let says = |what: &[u8]| {
        seen.connection
            && headers.get_all(header::CONNECTION).iter().any(|value| {
                let mut tokens = value.as_bytes().split(|byte| *byte == b',');
                tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(what))
            })
    };
    match version {
        Version::HTTP_10 => says(b"keep-alive") && !says(b"close"),
        _ => !says(b"close"),
    }
}

/// Headers of an answer.
const MAX_HEADERS: usize = 100;
/// Bytes of an answer's head.
const MAX_HEAD: usize = 400 << 10;
