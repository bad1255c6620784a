//! Looking up a cookie that carries a token.
//!
//! Cookies have no integrity: a sibling domain can plant a second one of the same name, and
//! programs differ in which they take. So there is exactly one, or the request is refused
//! (RFC 6265 §5.4 leaves the order open). The value must be of RFC 6265 §4.1.1's `cookie-octet`,
//! so that no quoted string hides another pair.

use ::http::header::COOKIE;
use ::http::{HeaderMap, HeaderValue};

use super::RequestError;

/// The value of the cookie of this name, over all `Cookie` lines. Names are case-sensitive.
///
/// # Errors
/// [`RequestError::Cookie`] if the name occurs more than once or its value is malformed or empty.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, RequestError> {
    let mut found = None;
    for line in headers.get_all(COOKIE) {
        for pair in line.as_bytes().split(|byte| *byte == b';') {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let written = parts.next().unwrap_or_default().trim_ascii();
            if written != name.as_bytes() {
                continue;
            }
            let value = parts.next().unwrap_or_default().trim_ascii();
            if found.is_some() || value.is_empty() || !value.iter().all(is_cookie_octet) {
                return Err(RequestError::Cookie);
            }
            found = Some(std::str::from_utf8(value).map_err(|_opaque| RequestError::Cookie)?);
        }
    }
    Ok(found)
}

/// Removes every cookie of this name; the others stay as they are.
pub fn remove_cookie(headers: &mut HeaderMap, name: &str) {
    let lines: Vec<HeaderValue> = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| {
            let others: Vec<&[u8]> = line
                .as_bytes()
                .split(|byte| *byte == b';')
                .map(<[u8]>::trim_ascii)
                .filter(|pair| {
                    let written = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
                    !pair.is_empty() && written.trim_ascii() != name.as_bytes()
                })
                .collect();
            (!others.is_empty()).then(|| HeaderValue::from_bytes(&others.join(&b"; "[..])).ok())?
        })
        .collect();
    headers.remove(COOKIE);
    for line in lines {
        headers.append(COOKIE, line);
    }
}

fn is_cookie_octet(byte: &u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

#[cfg(test)]
mod tests;
