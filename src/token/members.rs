//! The claims of a token as they are kept, and its header: names and texts in one string.
//!
//! Tokens are kept by the ten thousand, and each has some twenty claims: as a map with a string for
//! each name and each text they would take several times the memory, and the time to make it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::json::{MAX_DEPTH, NotStrictJson};
use crate::http::StrictJson;

/// The members of one JSON object, each name once.
#[derive(Clone, Default)]
pub(crate) struct Members {
    text: String,
    /// As they were written.
    members: Vec<Member>,
}

#[derive(Clone)]
struct Member {
    name: Span,
    value: Held,
}

/// A place in the text.
#[derive(Clone, Copy)]
struct Span {
    from: u32,
    to: u32,
}

#[derive(Clone)]
enum Held {
    Null,
    Bool(bool),
    Number(Number),
    Text(Span),
    Nested(Box<Value>),
}

/// The value of a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClaimValue<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(&'a Number),
    /// A string.
    Text(&'a str),
    /// An array or an object.
    Nested(&'a Value),
}

impl<'a> ClaimValue<'a> {
    /// The string, if it is one.
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(self) -> Option<&'a [Value]> {
        match self {
            Self::Nested(Value::Array(elements)) => Some(elements),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(self) -> Option<&'a Map<String, Value>> {
        match self {
            Self::Nested(Value::Object(members)) => Some(members),
            _ => None,
        }
    }

    /// Its copy.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.to_owned()),
            Self::Nested(value) => value.clone(),
        }
    }
}

impl<'a> From<&'a Value> for ClaimValue<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Array(_) | Value::Object(_) => Self::Nested(value),
        }
    }
}

impl Members {
    /// Reads `bytes` as one JSON object, strictly.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, NotStrictJson> {
        let json = std::str::from_utf8(bytes).map_err(|_| NotStrictJson)?;
        let mut read = Self { text: String::with_capacity(bytes.len()), members: Vec::new() };
        let mut deserializer = serde_json::Deserializer::from_str(json);
        Whole(&mut read).deserialize(&mut deserializer).map_err(|_| NotStrictJson)?;
        deserializer.end().map_err(|_| NotStrictJson)?;
        if read.has_twice() {
            return Err(NotStrictJson);
        }
        read.text.shrink_to_fit();
        read.members.shrink_to_fit();
        Ok(read)
    }

    /// The value of the member `name`.
    pub(crate) fn get(&self, name: &str) -> Option<ClaimValue<'_>> {
        let member = self.members.iter().find(|member| member.name.is(name, &self.text))?;
        Some(member.value.in_text(&self.text))
    }

    /// All of them, as they were written.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, ClaimValue<'_>)> {
        let text = self.text.as_str();
        self.members.iter().map(move |member| (member.name.of(text), member.value.in_text(text)))
    }

    /// Sets `name`, in place of what it was.
    pub(crate) fn set(&mut self, name: &str, value: ClaimValue<'_>) {
        let value = match value {
            ClaimValue::Null => Held::Null,
            ClaimValue::Bool(value) => Held::Bool(value),
            ClaimValue::Number(number) => Held::Number(number.clone()),
            ClaimValue::Text(text) => Held::Text(Span::added(&mut self.text, text)),
            ClaimValue::Nested(value) => Held::Nested(Box::new(value.clone())),
        };
        match self.members.iter_mut().find(|member| member.name.is(name, &self.text)) {
            Some(member) => member.value = value,
            None => {
                let name = Span::added(&mut self.text, name);
                self.members.push(Member { name, value });
            }
        }
    }

    /// About how many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        let nested = |member: &Member| match &member.value {
            Held::Nested(value) => bytes(value),
            _ => 0,
        };
        let nested: usize = self.members.iter().map(nested).sum();
        self.text.len() + self.members.len() * size_of::<Member>() + nested
    }

    /// Whether a name is there twice.
    fn has_twice(&self) -> bool {
        if self.members.len() <= FEW {
            let mut rest = self.members.as_slice();
            while let [member, others @ ..] = rest {
                let name = member.name.of(&self.text);
                if others.iter().any(|other| other.name.is(name, &self.text)) {
                    return true;
                }
                rest = others;
            }
            return false;
        }
        let mut names: Vec<_> = self.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| matches!(pair, [one, other] if one == other))
    }
}

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        let same = |(name, value)| other.get(name) == Some(value);
        self.members.len() == other.members.len() && self.iter().all(same)
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Span {
    /// Where `added` is, now that it is at the end of `text`.
    fn added(text: &mut String, added: &str) -> Self {
        let from = text.len();
        text.push_str(added);
        // A token has 8 KiB; in a text too long to be told, a place is empty.
        let at = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        Self { from: at(from), to: at(text.len()) }
    }

    /// Whether it is `wanted` that is there: mostly its length tells.
    fn is(self, wanted: &str, text: &str) -> bool {
        (self.to - self.from) as usize == wanted.len() && self.of(text) == wanted
    }

    fn of(self, text: &str) -> &str {
        text.get(self.from as usize..self.to as usize).unwrap_or_default()
    }
}

impl Held {
    fn in_text<'a>(&'a self, text: &'a str) -> ClaimValue<'a> {
        match self {
            Self::Null => ClaimValue::Null,
            Self::Bool(value) => ClaimValue::Bool(*value),
            Self::Number(number) => ClaimValue::Number(number),
            Self::Text(span) => ClaimValue::Text(span.of(text)),
            Self::Nested(value) => ClaimValue::Nested(value),
        }
    }
}

/// About how many bytes `value` takes.
fn bytes(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len() + 16,
            Value::Array(elements) => {
                let free = elements.capacity() - elements.len();
                free * size_of::<Value>() + elements.iter().map(bytes).sum::<usize>()
            }
            Value::Object(members) => {
                members.iter().map(|(name, value)| 128 + name.len() + 2 * bytes(value)).sum()
            }
            _ => 0,
        }
}

/// Reads the object.
struct Whole<'m>(&'m mut Members);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Members { text, members: read } = self.0;
        while let Some(name) = members.next_key_seed(Name(text))? {
            let value = members.next_value_seed(One(text))?;
            read.push(Member { name, value });
        }
        Ok(())
    }
}

/// Reads a name into the text.
struct Name<'m>(&'m mut String);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Span;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Span, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Span, E> {
        Ok(Span::added(self.0, name))
    }
}

/// Reads a value, into the text if it is one.
struct One<'m>(&'m mut String);

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = Held;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Held, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = Held;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_unit<E: Error>(self) -> Result<Held, E> {
        Ok(Held::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Held, E> {
        Ok(Held::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Held, E> {
        Ok(Held::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Held, E> {
        Ok(Held::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Held, E> {
        Number::from_f64(value).map(Held::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Held, E> {
        Ok(Held::Text(Span::added(self.0, value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Held, A::Error> {
        INSIDE.visit_seq(elements).map(|value| Held::Nested(Box::new(value)))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Held, A::Error> {
        INSIDE.visit_map(members).map(|value| Held::Nested(Box::new(value)))
    }
}

/// So many names are compared each with each; more would take too long.
const FEW: usize = 48;
/// Within the object that is read.
const INSIDE: StrictJson = StrictJson { depth: MAX_DEPTH - 1 };

#[cfg(test)]
mod tests;
