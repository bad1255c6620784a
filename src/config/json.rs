//! Where in a JSON text a value is, so that a problem of a policy has a line and a column.

use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::problem::Position;

/// One step into a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The member of this name; the first, if there are several.
    Key(&'a str),
    /// The element of this index, from zero.
    Index(usize),
}

/// The line and column of the value that `path` leads to in `text`; where the path leads nowhere,
/// of the last value on it. Text that is not JSON is at the place of its first error.
pub fn locate(text: &str, path: &[Step<'_>]) -> (usize, usize) {
    let mut value = match serde_json::from_str::<&RawValue>(text) {
        Ok(value) => value,
        Err(error) => return (error.line().max(1), error.column().max(1)),
    };
    for step in path {
        match enter(value, *step) {
            Some(found) => value = found,
            None => break,
        }
    }
    let offset = (value.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let Position { line, column } = Position::of_offset(text, offset);
    (line, column)
}

/// The text of the value that `path` leads to in `text`, as it is written; none if it leads nowhere.
pub fn written<'t>(text: &'t str, path: &[Step<'_>]) -> Option<&'t str> {
    let value = serde_json::from_str::<&RawValue>(text).ok()?;
    path.iter().try_fold(value, |value, step| enter(value, *step)).map(RawValue::get)
}

fn enter<'t>(value: &'t RawValue, step: Step<'_>) -> Option<&'t RawValue> {
    Find(step).deserialize(&mut serde_json::Deserializer::from_str(value.get())).ok()?
}

/// Looks for one step's value and keeps it unread.
struct Find<'a>(Step<'a>);

impl<'de> DeserializeSeed<'de> for Find<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            Step::Key(_) => json.deserialize_map(self),
            Step::Index(_) => json.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for Find<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a collection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Step::Key(wanted) = self.0 else { return Err(A::Error::custom("not a list")) };
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if found.is_none() && key == wanted {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Step::Index(wanted) = self.0 else { return Err(A::Error::custom("not an object")) };
        let mut found = None;
        let mut index = 0;
        while let Some(item) = list.next_element::<&RawValue>()? {
            if index == wanted {
                found = Some(item);
            }
            index += 1;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, locate};

    const TEXT: &str =
        "{\n  \"Statement\": [\n    { \"Effect\": \"é\", \"Action\": 1 },\n    {}\n  ]\n}";

    #[test]
    fn finds_values_by_path() {
        let statement = [Step::Key("Statement"), Step::Index(0)];
        for (path, expected) in [
            (&[][..], (1, 1)),
            (&[Step::Key("Statement")], (2, 16)),
            (&statement, (3, 5)),
            (&[statement[0], statement[1], Step::Key("Action")], (3, 32)),
            (&[Step::Key("Statement"), Step::Index(1), Step::Key("Effect")], (4, 5)),
            (&[Step::Index(3)], (1, 1)),
        ] {
            assert_eq!(locate(TEXT, path), expected, "{path:?}");
        }
    }

    #[test]
    fn text_that_is_not_json_is_located_at_its_error() {
        assert_eq!(locate("{\n  x", &[]), (2, 3));
        assert_eq!(locate("", &[]), (1, 1));
    }
}
