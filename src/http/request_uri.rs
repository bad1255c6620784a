//! The URI a request was sent to, for comparing it with one that the caller has signed.
//!
//! Compared are scheme, host, port and path; query and fragment are not (RFC 9449 §4.3). Both sides
//! are normalised by syntax and scheme (RFC 3986 §6.2.2, §6.2.3), except that `.` and `..` segments
//! stay as they are: a path that has them is another path here.

use super::{Authority, Origin, Scheme};

/// Scheme, host, port and path, normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestUri {
    origin: Origin,
    path: String,
}

impl RequestUri {
    /// The URI of a request for the raw `path` of `authority`.
    pub fn new(scheme: Scheme, authority: &Authority, path: &str) -> Self {
        Self { origin: Origin::new(scheme, authority), path: normalised(path) }
    }

    /// Parses an absolute `http` or `https` URI; its query and fragment are dropped. `None` for
    /// anything else, a user name in it included.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        Some(Self::new(Scheme::parse(scheme)?, &Authority::parse(authority).ok()?, path))
    }
}

/// Escapes of unreserved characters decoded, the others in upper case; `/` for no path.
fn normalised(path: &str) -> String {
    if path.is_empty() {
        return "/".to_owned();
    }
    let mut parts = path.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let escaped = part.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (Some(byte), Some(rest)) = (byte, part.get(2..)) else {
            // No escape: it equals nothing but itself.
            out.push('%');
            out.push_str(part);
            continue;
        };
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests;
