//! Values of key attributes, as context keys have them.
//!
//! A key is a string, a number or bytes
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>).
//! In a policy it is text: strings as they are, numbers in their one canonical form, so that `1`,
//! `1.0` and `1e0` are the same key to the gate as they are to a table, bytes in base64.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::json::Json;

/// The value of an attribute that can be a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar<'a> {
    kind: Kind,
    text: Cow<'a, str>,
}

/// The types of key attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `S`.
    Text,
    /// `N`.
    Number,
    /// `B`.
    Binary,
}

impl Kind {
    /// The type of this descriptor.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "S" => Self::Text,
            "N" => Self::Number,
            "B" => Self::Binary,
            _ => return None,
        })
    }
}

impl<'a> Scalar<'a> {
    /// The attribute value `json` (`{"S": "x"}`), if it is one that can be a key.
    pub(super) fn of(json: &'a Json<'_>) -> Option<Self> {
        let [(name, Json::Text(value))] = json.object()? else { return None };
        match Kind::named(name)? {
            Kind::Text => Self::string(Cow::Borrowed(value)),
            Kind::Number => Self::number(value),
            Kind::Binary => Self::binary(value),
        }
    }

    /// A string. No key is empty.
    pub(super) fn string(text: Cow<'a, str>) -> Option<Self> {
        (!text.is_empty()).then_some(Self { kind: Kind::Text, text })
    }

    /// A number, if it is one that DynamoDB can store.
    pub(super) fn number(text: &str) -> Option<Self> {
        let text = canonical_number(text)?;
        Some(Self { kind: Kind::Number, text: Cow::Owned(text) })
    }

    fn binary(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())?;
        Some(Self { kind: Kind::Binary, text: Cow::Owned(STANDARD.encode(bytes)) })
    }

    /// Its type.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Its text in context keys.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The same, borrowing nothing.
    pub(super) fn into_owned(self) -> Scalar<'static> {
        Scalar { kind: self.kind, text: Cow::Owned(self.text.into_owned()) }
    }
}

/// The plain decimal form of a number: no exponent, no zeros that say nothing, no sign on zero.
/// `None` if it isn't one that DynamoDB stores exactly: up to 38 digits, from 1E-130 to
/// 9.9999999999999999999999999999999999999E+125.
fn canonical_number(text: &str) -> Option<String> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty()
        || digits.len() > MAX_WRITTEN
        || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    // The power of ten of the first digit: 0 for 1 to 9.
    let leading_zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let magnitude = i64::try_from(whole.len()).ok()? - 1 - leading_zeros + exponent;
    let significant = significant.trim_end_matches('0');
    if significant.len() > MAX_DIGITS || !(MIN_MAGNITUDE..=MAX_MAGNITUDE).contains(&magnitude) {
        return None;
    }
    let mut plain = String::with_capacity(significant.len() + 4);
    if negative {
        plain.push('-');
    }
    match usize::try_from(magnitude) {
        Err(_below_one) => {
            plain.push_str("0.");
            let zeros = usize::try_from(-magnitude - 1).ok()?;
            plain.extend(std::iter::repeat_n('0', zeros));
            plain.push_str(significant);
        }
        Ok(magnitude) => {
            let (before, after) =
                significant.split_at_checked(magnitude + 1).unwrap_or((significant, ""));
            plain.push_str(before);
            plain.extend(std::iter::repeat_n('0', magnitude + 1 - before.len()));
            if !after.is_empty() {
                plain.push('.');
                plain.push_str(after);
            }
        }
    }
    Some(plain)
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let exponent: i64 = digits.parse().ok()?;
    Some(if text.starts_with('-') { -exponent } else { exponent })
}

/// Significant digits of a number.
const MAX_DIGITS: usize = 38;
/// Digits in which a number may be written; far more than say anything.
const MAX_WRITTEN: usize = 256;
/// The powers of ten that a number's first digit may stand for.
const MIN_MAGNITUDE: i64 = -130;
const MAX_MAGNITUDE: i64 = 125;

#[cfg(test)]
mod tests;
