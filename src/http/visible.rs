//! A header's value as text.

use ::http::HeaderValue;

/// The value, if it is visible ASCII, spaces and tabs, as [`HeaderValue::to_str`] has it. Tokens are
/// long, so bytes are looked at by the word.
pub(crate) fn visible(value: &HeaderValue) -> Option<&str> {
    is_visible(value).then(|| std::str::from_utf8(value.as_bytes()).ok())?
}

/// Whether the value is text. No value has control characters but tabs, so what isn't ASCII is all that is left to find.
pub(crate) fn is_visible(value: &HeaderValue) -> bool {
    value.as_bytes().is_ascii()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_what_the_library_takes_for_text(bytes in prop::collection::vec(any::<u8>(), 0..70)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                prop_assert_eq!(visible(&value), value.to_str().ok());
            }
        }

        #[test]
        fn text_is_found_whole(text in "[ -~\t]{0,70}") {
            let value = HeaderValue::from_str(&text).unwrap();
            prop_assert_eq!(visible(&value), Some(text.as_str()));
        }
    }
}
