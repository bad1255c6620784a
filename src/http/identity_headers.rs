//! The identity headers that an upstream gets: names percent-encoded, lists joined by commas.

use std::{ops::Range, sync::Arc};

use ::http::{HeaderName, HeaderValue};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What the upstream is told of the caller. All of them are always sent, empty where there is
/// nothing to tell, so that a caller's own copies can never stand (CVE-2026-30851).
///
/// A copy costs a counter: they are written once for each caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityHeaders(Option<Arc<[HeaderValue; 4]>>);

impl IdentityHeaders {
    /// `x-poolgate-subject`, the token's subject; `x-poolgate-identity`, the identity id; `x-poolgate-role`, the role's
    /// ARN; `x-poolgate-groups`, each percent-encoded, joined by commas.
    pub fn new(
        subject: Option<&str>,
        identity: Option<&str>,
        role: Option<&str>,
        groups: &[&str],
    ) -> Self {
        let one = |text: Option<&str>| text.map(written).unwrap_or_default();
        let values = [one(subject), one(identity), one(role), list(groups)];
        // In one piece of memory: they are read together, by whichever request comes next.
        let text = Bytes::from(values.concat());
        let mut end = 0;
        let values = values.map(|value| {
            let start = end;
            end += value.len();
            self::value(&text, start..end)
        });
        Self(Some(Arc::new(values)))
    }

    /// `x-poolgate-subject`.
    pub fn subject(&self) -> &HeaderValue {
        &self.values()[0]
    }

    /// `x-poolgate-identity`.
    pub fn identity(&self) -> &HeaderValue {
        &self.values()[1]
    }

    /// `x-poolgate-role`.
    pub fn role(&self) -> &HeaderValue {
        &self.values()[2]
    }

    fn values(&self) -> &[HeaderValue; 4] {
        static NOBODY: [HeaderValue; 4] = [const { HeaderValue::from_static("") }; 4];
        self.0.as_deref().unwrap_or(&NOBODY)
    }

    /// Names and values, as they are sent.
    pub fn pairs(&self) -> [(HeaderName, &HeaderValue); 4] {
        let [subject, identity, role, groups] = self.values();
        let [of_subject, of_identity, of_role, of_groups] = NAMES;
        [(of_subject, subject), (of_identity, identity), (of_role, role), (of_groups, groups)]
    }
}

/// Whether it is a header that only Poolgate sets.
pub(crate) fn is_ours(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-poolgate-")
}

/// Their names.
const NAMES: [HeaderName; 4] = [
    HeaderName::from_static("x-poolgate-subject"),
    HeaderName::from_static("x-poolgate-identity"),
    HeaderName::from_static("x-poolgate-role"),
    HeaderName::from_static("x-poolgate-groups"),
];

/// One name as it stands in an identity header: unreserved characters, `:`, `/` and `@` as they
/// are, everything else (`,`, `%`, spaces, line breaks, non-ASCII) percent-encoded as UTF-8. So a
/// name can neither end the header nor add an item to a list.
fn written(text: &str) -> String {
    if text.bytes().all(is_plain) { text.to_owned() } else { escaped(text) }
}

/// Several names, each as [`written`] has it, joined by commas. Empty for none.
fn list(items: &[&str]) -> String {
    let items: Vec<String> = items.iter().map(|item| written(item)).collect();
    items.join(",")
}

/// What is written is visible ASCII, and so always a value.
fn value(text: &Bytes, place: Range<usize>) -> HeaderValue {
    HeaderValue::from_maybe_shared(text.slice(place)).unwrap_or(HeaderValue::from_static(""))
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
