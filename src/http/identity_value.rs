//! Values of the identity headers an upstream gets: names percent-encoded, lists joined by commas.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// One name as it stands in an identity header: unreserved characters, `:`, `/` and `@` as they
/// are, everything else (`,`, `%`, spaces, line breaks, non-ASCII) percent-encoded as UTF-8. So a
/// name can neither end the header nor add an item to a list.
pub fn identity_value(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Several names, each as [`identity_value`] writes it, joined by commas. Empty for none.
pub fn identity_list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let mut list = String::new();
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            list.push(',');
        }
        // Writing to a String can't fail.
        let _written = write!(list, "{}", utf8_percent_encode(item, ESCAPED));
    }
    list
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
