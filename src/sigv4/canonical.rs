//! The canonical request, byte for byte as both sides have to hash it.
//!
//! `+` in a query is a space, as it is to whoever reads the query afterwards: were it taken for
//! `%2B`, a signed `a%2Bb` could be sent as `a+b` and would mean something else.

use std::ops::Range;

use super::parse::{Kind, Signed};
use super::{Form, SigV4Error};

/// Memory that signatures are written in, again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) request: Vec<u8>,
    pub(super) to_sign: Vec<u8>,
    query: Vec<u8>,
    pairs: Vec<(Range<usize>, Range<usize>)>,
}

/// How a `%2F` in a path of S3 was signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Slash {
    /// As the `/` that it stands for.
    Plain,
    /// As it is.
    Encoded,
}

/// Writes the canonical request of `signed` into `scratch.request`.
pub(super) fn write(
    signed: &Signed<'_>,
    form: Form,
    slash: Slash,
    payload: &[u8],
    scratch: &mut Scratch,
) -> Result<(), SigV4Error> {
    let Scratch { request, query, pairs, .. } = scratch;
    request.clear();
    request.extend_from_slice(signed.head.method.as_str().as_bytes());
    request.push(b'\n');
    match form {
        Form::S3 => encode_once(signed.head.path, slash, request),
        Form::Other => encode_twice(signed.head.path, request),
    }
    request.push(b'\n');
    if let Some(text) = signed.head.query {
        write_query(text, query, pairs, request);
    }
    request.push(b'\n');
    write_headers(signed, request)?;
    request.push(b'\n');
    request.extend_from_slice(signed.signed_headers.as_bytes());
    request.push(b'\n');
    request.extend_from_slice(payload);
    Ok(())
}

/// Each byte decoded, then encoded as AWS does it. Paths are not normalised (S3 API Reference).
fn encode_once(path: &str, slash: Slash, out: &mut Vec<u8>) {
    each_decoded(path.as_bytes(), out, |byte, escaped, out| match byte {
        b'/' if escaped && slash == Slash::Encoded => out.extend_from_slice(b"%2F"),
        b'/' => out.push(b'/'),
        _ => encode(byte, out),
    });
}

/// What was sent, encoded once more. Dot segments are not resolved: such paths are refused.
fn encode_twice(path: &str, out: &mut Vec<u8>) {
    for byte in path.bytes() {
        if byte == b'/' { out.push(b'/') } else { encode(byte, out) }
    }
}

/// The query's pairs, decoded and encoded again, sorted by name and then value; the signature itself
/// is left out.
fn write_query(
    query: &str,
    buffer: &mut Vec<u8>,
    pairs: &mut Vec<(Range<usize>, Range<usize>)>,
    out: &mut Vec<u8>,
) {
    buffer.clear();
    pairs.clear();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let start = buffer.len();
        write_part(name, buffer);
        let middle = buffer.len();
        write_part(value, buffer);
        pairs.push((start..middle, middle..buffer.len()));
    }
    let part = |range: &Range<usize>| buffer.get(range.clone()).unwrap_or_default();
    pairs.sort_unstable_by(|(name, value), (other, other_value)| {
        (part(name), part(value)).cmp(&(part(other), part(other_value)))
    });
    let mut first = true;
    for (name, value) in pairs.iter() {
        if part(name) == b"X-Amz-Signature" {
            continue;
        }
        if !first {
            out.push(b'&');
        }
        first = false;
        out.extend_from_slice(part(name));
        out.push(b'=');
        out.extend_from_slice(part(value));
    }
}

fn write_part(text: &str, out: &mut Vec<u8>) {
    each_decoded(text.as_bytes(), out, |byte, escaped, out| match byte {
        b'+' if !escaped => out.extend_from_slice(b"%20"),
        _ => encode(byte, out),
    });
}

/// The signed headers, each on a line: name, values trimmed, with single spaces, joined by commas.
/// `host` and every `x-amz-*` that is there must be among them.
fn write_headers(signed: &Signed<'_>, out: &mut Vec<u8>) -> Result<(), SigV4Error> {
    let (mut host, mut amz) = (false, 0);
    for name in signed.signed_headers.split(';') {
        let mut values = signed.head.headers.get_all(name).iter();
        let first = values.next().ok_or(SigV4Error::SignedHeaderMissing)?;
        host |= name == "host";
        amz += usize::from(must_be_signed(name, signed.kind));
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        collapse(first.as_bytes(), out);
        for value in values {
            out.push(b',');
            collapse(value.as_bytes(), out);
        }
        out.push(b'\n');
    }
    let names = signed.head.headers.keys();
    let all = names.filter(|name| must_be_signed(name.as_str(), signed.kind)).count();
    if !host || amz != all {
        return Err(SigV4Error::HeadersNotSigned);
    }
    Ok(())
}

/// Whether a header may only be there if it is signed. The SDKs leave two out of presigned requests,
/// which mean nothing to what is asked for.
fn must_be_signed(name: &str, kind: Kind) -> bool {
    let harmless = matches!(name, "x-amz-checksum-mode" | "x-amz-user-agent");
    name.starts_with("x-amz-") && !(harmless && matches!(kind, Kind::Presigned { .. }))
}

/// `value` without blanks around it and with single spaces inside. Tabs inside stay what they are, as
/// they do with S3 and the SDKs' signers.
fn collapse(value: &[u8], out: &mut Vec<u8>) {
    let value = value.trim_ascii();
    // Tokens and hashes, the longest values there are, have none.
    if !value.contains(&b' ') {
        return out.extend_from_slice(value);
    }
    let mut after_space = false;
    for &byte in value {
        let space = byte == b' ';
        if !(space && after_space) {
            out.push(byte);
        }
        after_space = space;
    }
}

/// Writes unreserved characters as they are, and gives `take` every other byte of a percent-encoded
/// text, and whether it was escaped. A `%` that no digits follow stands for itself; such targets are
/// refused elsewhere.
fn each_decoded(text: &[u8], out: &mut Vec<u8>, take: impl Fn(u8, bool, &mut Vec<u8>)) {
    let mut rest = text;
    loop {
        let plain = rest.iter().take_while(|byte| is_unreserved(**byte)).count();
        let (run, next) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        out.extend_from_slice(run);
        rest = match next {
            [b'%', high, low, after @ ..] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    take(high << 4 | low, true, out);
                    after
                }
                _ => {
                    take(b'%', false, out);
                    next.get(1..).unwrap_or_default()
                }
            },
            [byte, after @ ..] => {
                take(*byte, false, out);
                after
            }
            [] => return,
        };
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Unreserved characters stand for themselves (RFC 3986 §2.3), all others are escaped.
fn encode(byte: u8, out: &mut Vec<u8>) {
    if is_unreserved(byte) {
        out.push(byte);
    } else {
        let hex = |digit: u8| if digit < 10 { b'0' + digit } else { b'A' + digit - 10 };
        out.extend_from_slice(&[b'%', hex(byte >> 4), hex(byte & 15)]);
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
