//! JSON read strictly: no duplicate members, bounded depth, nothing after the value.
//!
//! `serde_json::Value` keeps the last of two members with one name, where another parser keeps the
//! first; a token that two parsers read differently is refused (RFC 8725 §2.4, RFC 7519 §4).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Not JSON, or with duplicate members, or too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotStrictJson;

/// Reads `bytes` as one JSON object, with at most `depth` arrays and objects inside one another, the
/// outermost included.
pub(crate) fn strict_object(
    bytes: &[u8],
    depth: usize,
) -> Result<Map<String, Value>, NotStrictJson> {
    match strict_json(bytes, depth)? {
        Value::Object(members) => Ok(members),
        _ => Err(NotStrictJson),
    }
}

/// Reads `bytes` as any JSON value, as [`strict_object`].
pub(crate) fn strict_json(bytes: &[u8], depth: usize) -> Result<Value, NotStrictJson> {
    let json = std::str::from_utf8(bytes).map_err(|_| NotStrictJson)?;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = StrictJson { depth }.deserialize(&mut deserializer).map_err(|_| NotStrictJson)?;
    deserializer.end().map_err(|_| NotStrictJson)?;
    Ok(value)
}

/// Reads a value, with at most `depth` arrays and objects inside one another.
#[derive(Clone, Copy)]
pub(crate) struct StrictJson {
    pub(crate) depth: usize,
}

impl StrictJson {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("too deep"))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for StrictJson {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictJson {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inside)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inside)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(bytes: &[u8]) -> Result<Map<String, Value>, NotStrictJson> {
        strict_object(bytes, 16)
    }

    #[test]
    fn refuses_what_parsers_disagree_on() {
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n - 1), "]".repeat(n - 1));
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":[{"a":1,"a":2}]}"#,
            r#"{"a":1} {"a":1}"#,
            r#"{"a":1}x"#,
            r#"{"a":1,}"#,
            r#"{"a":1e999}"#,
            "[1]",
            "7",
            "",
            "\u{feff}{}",
            &deep(17),
        ] {
            assert_eq!(object(text.as_bytes()), Err(NotStrictJson), "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(NotStrictJson));
        assert!(object(deep(16).as_bytes()).is_ok());
    }

    #[test]
    fn agrees_with_serde_json_on_the_rest() {
        let text = r#"{"a":[1,-2,3.5,null,true,"x\/\u00e9"],"b":{"c":{}}}"#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(Value::Object(object(text.as_bytes()).unwrap()), expected);
    }
}
