//! The request target, parsed once from its raw text.
//!
//! Decisions read the canonical path, the upstream gets the raw bytes, and both come from the same
//! value. Strict mode refuses every spelling that some HTTP stack resolves differently, so that no
//! decoding, re-encoding or normalising an upstream does changes what was authorized.
//!
//! Percent-encoded characters that are harmless (`%61`, `%20`, UTF-8) are accepted and decoded
//! once for routing and ARNs (RFC 3986 §6.2.2.2: both spellings are the same resource); text that
//! would still decode further (`%2561`) is refused. Not touched, because they are resources of
//! their own: the case of letters, a trailing `/`, and Unicode normalisation forms.
//!
//! Invariants of an accepted target in strict mode: the path starts with `/`; it has no `//`, no
//! `\`, no `;`, no `.` or `..` segment, no control character, raw or after any number of decodes;
//! its decoded form is UTF-8; decoded segments contain no `/`; parsing it again gives the same.

use std::borrow::Cow;

use ::http::StatusCode;
use ::http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

/// How a target is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetMode {
    /// For APIs: whatever could be read in two ways is refused.
    Strict,
}

/// A request target that every HTTP implementation reads alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    raw: PathAndQuery,
    /// The path decoded once; `None` when decoding changes nothing.
    canonical: Option<Box<str>>,
}

impl Target {
    /// Parses a raw origin-form target (`/path?query`) or absolute-form target
    /// (`http://host/path?query`, whose authority is [`Authority`](super::Authority)'s business).
    ///
    /// # Errors
    /// The first rule of `mode` that the target breaks.
    pub fn parse(raw: &str, mode: TargetMode) -> Result<Self, TargetError> {
        let origin_form = origin_form(raw)?;
        let canonical = check(origin_form, mode)?;
        let parsed =
            PathAndQuery::try_from(origin_form).map_err(|_invalid| TargetError::Character)?;
        // What is forwarded must be what was checked.
        if parsed.as_str() != origin_form {
            return Err(TargetError::Character);
        }
        Ok(Self { raw: parsed, canonical })
    }

    /// The strict target of a raw one, whose buffer it shares.
    pub(super) fn judged(raw: &PathAndQuery) -> Result<Self, TargetError> {
        let canonical = check(raw.as_str(), TargetMode::Strict)?;
        Ok(Self { raw: raw.clone(), canonical })
    }

    /// The path as received, without the query.
    pub fn path(&self) -> &str {
        self.raw.path()
    }

    /// The path decoded once: what routes, ARNs and policies see.
    pub fn canonical_path(&self) -> &str {
        self.canonical.as_deref().unwrap_or_else(|| self.raw.path())
    }

    /// The decoded segments. `/a/b` has `a`, `b`; a trailing slash adds an empty last segment, and
    /// `/` has that one only.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.canonical_path().split('/').skip(1)
    }

    /// The raw query, without its `?`.
    pub fn query(&self) -> Option<&str> {
        self.raw.query()
    }

    /// The query's pairs in order, decoded as `application/x-www-form-urlencoded`: split at `&`
    /// only, `+` is a space, a pair without `=` has an empty value.
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        query_pairs(self.query().unwrap_or_default())
    }

    /// The same without the parameters of `unwanted` names, which are decoded to be asked about. All
    /// else stays byte for byte as it is.
    ///
    /// # Errors
    /// [`TargetError::Character`], never in practice: a part of a target is one.
    pub fn without(self, unwanted: impl Fn(&str) -> bool) -> Result<Self, TargetError> {
        let Some(query) = self.query() else { return Ok(self) };
        let named = |pair: &&str| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            unwanted(&form_decode(name))
        };
        let kept: Vec<&str> = query.split('&').filter(|pair| !named(pair)).collect();
        let mut text = self.raw.path().to_owned();
        if !kept.is_empty() {
            text.push('?');
            text.push_str(&kept.join("&"));
        }
        let raw = PathAndQuery::try_from(text).map_err(|_invalid| TargetError::Character)?;
        Ok(Self { raw, canonical: self.canonical })
    }

    /// What is forwarded: path and query, byte for byte as received.
    pub fn path_and_query(&self) -> &PathAndQuery {
        &self.raw
    }
}

/// Why a request target is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Longer than 8 KiB.
    #[error("the request target is longer than 8192 bytes; shorten its path or query")]
    TooLong,
    /// Neither origin-form nor absolute-form with an `http` scheme (RFC 9112 §3.2).
    #[error("the request target must start with / or be an absolute http or https URL")]
    Form,
    /// A `%` that two hexadecimal digits don't follow.
    #[error("the request target has a % that is not followed by two hexadecimal digits")]
    Escape,
    /// `%00`.
    #[error("the request target has a NUL character")]
    Nul,
    /// `%2F` in the path.
    #[error("the path has an encoded slash (%2F); use another character in names")]
    EncodedSlash,
    /// `\` or `%5C` in the path, `\` in the query.
    #[error("the request target has a backslash; use / between path segments")]
    Backslash,
    /// A `.` or `..` segment, raw or encoded.
    #[error("the path has a . or .. segment; send the resolved path")]
    DotSegment,
    /// A path that decodes further after being decoded once (`%252e`).
    #[error("the path is percent-encoded twice; encode it once")]
    DoubleEncoding,
    /// `;` or `%3B` in the path.
    #[error("the path has a ; parameter; put parameters into the query")]
    MatrixParameter,
    /// `#` anywhere, `%23` or `%3F` in the path.
    #[error("the request target has a # or an encoded # or ? in its path")]
    Fragment,
    /// `//` in the path.
    #[error("the path has an empty segment (//); send a single slash")]
    EmptySegment,
    /// A control character, raw or encoded in the path.
    #[error("the request target has a control character")]
    Control,
    /// A raw byte outside ASCII.
    #[error("the request target has a character outside ASCII; percent-encode it")]
    NonAscii,
    /// Escapes that are not UTF-8, overlong forms (`%c0%ae`) among them.
    #[error("the percent-encoded bytes of the request target are not UTF-8")]
    Encoding,
    /// A character that URLs do not have.
    #[error("the request target has a character that must be percent-encoded")]
    Character,
}

impl TargetError {
    /// The stable code for metrics, logs and problem answers.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "target_too_long",
            Self::Form => "target_form",
            Self::Escape => "target_bad_escape",
            Self::Nul => "target_nul",
            Self::EncodedSlash => "target_encoded_slash",
            Self::Backslash => "target_backslash",
            Self::DotSegment => "target_dot_segment",
            Self::DoubleEncoding => "target_double_encoding",
            Self::MatrixParameter => "target_matrix_parameter",
            Self::Fragment => "target_fragment",
            Self::EmptySegment => "target_empty_segment",
            Self::Control => "target_control_character",
            Self::NonAscii => "target_non_ascii",
            Self::Encoding => "target_not_utf8",
            Self::Character => "target_character",
        }
    }

    /// 414 for a target that is too long, otherwise 400.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::URI_TOO_LONG,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The pairs of a query string; see [`Target::query_pairs`].
pub(super) fn query_pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (form_decode(name), form_decode(value))
    })
}

/// The names of a query's parameters, as they are and decoded.
pub fn query_names(query: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        (name, form_decode(name))
    })
}

fn form_decode(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        // Spaces before escapes, so that %2B stays a plus.
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}

/// The path and query of a raw target in either form.
pub(super) fn origin_form(raw: &str) -> Result<&str, TargetError> {
    if raw.len() > MAX_LENGTH {
        return Err(TargetError::TooLong);
    }
    if raw.starts_with('/') {
        return Ok(raw);
    }
    let (scheme, rest) = raw.split_once("://").ok_or(TargetError::Form)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(TargetError::Form);
    }
    match rest.find(['/', '?', '#', '\\']) {
        None => Ok("/"),
        Some(end) => rest.get(end..).ok_or(TargetError::Form),
    }
}

fn check(origin_form: &str, mode: TargetMode) -> Result<Option<Box<str>>, TargetError> {
    let (path, query) = match origin_form.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (origin_form, None),
    };
    match mode {
        TargetMode::Strict => {
            if let Some(query) = query {
                strict_query(query)?;
            }
            strict_path(path)
        }
    }
}

/// Checks the path and decodes it once; `None` when there is nothing to decode.
fn strict_path(path: &str) -> Result<Option<Box<str>>, TargetError> {
    if !path.starts_with('/') {
        return Err(TargetError::Form);
    }
    let mut escapes = false;
    let mut previous = 0;
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                escapes = true;
                // CVE-2021-29492: %2F and %5C are separators to some and characters to others.
                match escaped(&mut bytes)? {
                    0 => return Err(TargetError::Nul),
                    b'/' => return Err(TargetError::EncodedSlash),
                    b'\\' => return Err(TargetError::Backslash),
                    b';' => return Err(TargetError::MatrixParameter),
                    b'#' | b'?' => return Err(TargetError::Fragment),
                    1..=0x1f | 0x7f => return Err(TargetError::Control),
                    _ => {}
                }
            }
            // CVE-2026-26205: a leading // is an authority to some.
            b'/' if previous == b'/' => return Err(TargetError::EmptySegment),
            b'\\' => return Err(TargetError::Backslash),
            b';' => return Err(TargetError::MatrixParameter),
            b'#' => return Err(TargetError::Fragment),
            0..=0x1f | 0x7f => return Err(TargetError::Control),
            0x80.. => return Err(TargetError::NonAscii),
            // RFC 3986 pchar, and what browsers send raw beside it.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {}
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+'
            | b',' | b'=' | b':' | b'@' | b'/' | b'[' | b']' | b'|' => {}
            _ => return Err(TargetError::Character),
        }
        previous = byte;
    }
    if !escapes {
        return no_dot_segments(path).map(|()| None);
    }
    let decoded =
        percent_decode_str(path).decode_utf8().map_err(|_invalid| TargetError::Encoding)?;
    if decoded.chars().any(char::is_control) {
        return Err(TargetError::Control);
    }
    if decodes_further(&decoded) {
        return Err(TargetError::DoubleEncoding);
    }
    no_dot_segments(&decoded)?;
    Ok(Some(decoded.into()))
}

/// Checks the query. It is forwarded as received; the rules keep parsers from disagreeing on it.
fn strict_query(query: &str) -> Result<(), TargetError> {
    let mut escapes = false;
    let mut bytes = query.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                escapes = true;
                if escaped(&mut bytes)? == 0 {
                    return Err(TargetError::Nul);
                }
            }
            b'#' => return Err(TargetError::Fragment),
            b'\\' => return Err(TargetError::Backslash),
            0..=0x1f | 0x7f => return Err(TargetError::Control),
            0x80.. => return Err(TargetError::NonAscii),
            b' ' | b'"' | b'<' | b'>' => return Err(TargetError::Character),
            _ => {}
        }
    }
    if escapes && percent_decode_str(query).decode_utf8().is_err() {
        return Err(TargetError::Encoding);
    }
    Ok(())
}

/// The byte of an escape whose `%` has been read.
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Result<u8, TargetError> {
    let high = bytes.next().and_then(hex_digit).ok_or(TargetError::Escape)?;
    let low = bytes.next().and_then(hex_digit).ok_or(TargetError::Escape)?;
    Ok(high << 4 | low)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Whether text decoded once still has an escape, `%uXXXX` as IIS reads it included.
fn decodes_further(decoded: &str) -> bool {
    decoded.split('%').skip(1).any(|after| {
        let mut bytes = after.bytes();
        match bytes.next() {
            Some(b'u' | b'U') => true,
            Some(first) => {
                first.is_ascii_hexdigit() && bytes.next().is_some_and(|b| b.is_ascii_hexdigit())
            }
            None => false,
        }
    })
}

/// CVE-2019-9901, CVE-2026-33494: `/public/../private` is two different paths to two programs.
fn no_dot_segments(path: &str) -> Result<(), TargetError> {
    let any = path.as_bytes().windows(2).any(|two| two == b"/.");
    if any && path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(TargetError::DotSegment);
    }
    Ok(())
}

/// Longest accepted target, in bytes (RFC 9110 §4.1 asks for at least 8000).
pub(super) const MAX_LENGTH: usize = 8192;

#[cfg(test)]
mod tests;
