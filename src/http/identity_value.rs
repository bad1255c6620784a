//! Values of the identity headers an upstream gets: names percent-encoded, lists joined by commas.

use std::sync::OnceLock;

use ::http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// One name as it stands in an identity header: unreserved characters, `:`, `/` and `@` as they
/// are, everything else (`,`, `%`, spaces, line breaks, non-ASCII) percent-encoded as UTF-8. So a
/// name can neither end the header nor add an item to a list.
pub fn identity_value(text: &str) -> HeaderValue {
    if text.bytes().all(is_plain) { value(text) } else { value(&escaped(text)) }
}

/// Several names, each as [`identity_value`] writes it, joined by commas. Empty for none.
pub fn identity_list<'a>(items: impl IntoIterator<Item = &'a str>) -> HeaderValue {
    let mut items = items.into_iter();
    let Some(first) = items.next() else { return HeaderValue::from_static("") };
    let Some(second) = items.next() else { return identity_value(first) };
    let mut list = escaped(first);
    for item in [second].into_iter().chain(items) {
        list.push(',');
        list.push_str(&escaped(item));
    }
    value(&list)
}

/// A value that is written when it is asked for first, and kept beside what it is written of.
#[derive(Clone, Debug, Default)]
pub struct Written(OnceLock<HeaderValue>);

impl Written {
    /// The value, as `write` has it.
    pub fn value(&self, write: impl FnOnce() -> HeaderValue) -> HeaderValue {
        self.0.get_or_init(write).clone()
    }
}

/// What is written is visible ASCII, and so always a value.
fn value(written: &str) -> HeaderValue {
    HeaderValue::from_str(written).unwrap_or(HeaderValue::from_static(""))
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// The bytes that [`ESCAPED`] leaves as they are.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'@')
}

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b'@');

#[cfg(test)]
mod tests;
