//! The JSON of a request, read once and refused where two readers could read it differently.

use std::{borrow::Cow, cell::Cell, collections::HashSet, fmt};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value that borrows what needs no unescaping.
///
/// INVARIANT: no object in it has two members of one name. Which of them counts is each reader's own
/// choice, and the gate's need not be the backend's.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// Which one doesn't matter: attribute values have their numbers in strings.
    Number,
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Members<'a>),
    /// An object or array of which nothing is kept but that it is one: it is nested so deep that
    /// nothing in it can say what a request does, or has more in it than there is room for. A body
    /// of brackets would else take a hundred times its own size.
    Unkept,
}

/// The members of an object, in order.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

impl<'a> Json<'a> {
    /// Parses `body`, nested at most 128 deep (`serde_json`'s limit; DynamoDB's own is lower).
    ///
    /// # Errors
    /// If it isn't one JSON value in UTF-8, or an object names a member twice.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        let room = Cell::new(MAX_KEPT);
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let json = Reading { depth: 0, room: &room }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(json)
    }

    /// The string, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub(super) fn object(&self) -> Option<&[(Cow<'a, str>, Self)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The member `name`, if this is an object that has it. `null` counts as none, as AWS's own
    /// services take it.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let found = self.object()?.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value).filter(|value| **value != Self::Null)
    }
}

/// How a value is read: where it is, and what there is room for.
#[derive(Clone, Copy)]
struct Reading<'k> {
    /// The objects and arrays around it.
    depth: usize,
    /// How many more values may be kept of the whole body.
    room: &'k Cell<usize>,
}

impl Reading<'_> {
    /// Whether what is in an object or array here may be looked at.
    fn keeps(self) -> bool {
        self.depth < KEPT_DEPTH
    }

    fn inside(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// Pushes `item` if all before it are kept and there is room for it. If not, all are given up,
    /// with what is in them.
    fn keep<T>(self, kept: &mut Option<Vec<T>>, item: T, room_before: usize) -> Option<Vec<T>> {
        if let (Some(items), Some(room)) = (kept.as_mut(), self.room.get().checked_sub(1)) {
            self.room.set(room);
            items.push(item);
            return None;
        }
        self.room.set(room_before);
        kept.take()
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number)
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let before = self.room.get();
        let mut list = self.keeps().then(Vec::new);
        while let Some(item) = items.next_element_seed(self.inside())? {
            let _given_up = self.keep(&mut list, item, before);
        }
        Ok(list.map_or(Json::Unkept, |list| Json::List(fitted(list))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json<'de>, A::Error> {
        let before = self.room.get();
        let mut object = self.keeps().then(Members::new);
        // Names of what isn't kept; and of all, once there are many.
        let (mut few, mut seen) = (Vec::new(), HashSet::new());
        let mut count = 0;
        while let Some(Name(name)) = members.next_key()? {
            let value = members.next_value_seed(self.inside())?;
            let twice = match (count, &object) {
                (0..FEW, Some(object)) => object.iter().any(|(known, _)| *known == name),
                (0..FEW, None) => few.contains(&name),
                (FEW, _) => {
                    let kept = object.iter().flatten().map(|(known, _)| known.clone());
                    seen.extend(kept.chain(few.drain(..)));
                    !seen.insert(name.clone())
                }
                _ => !seen.insert(name.clone()),
            };
            if twice {
                return Err(A::Error::custom("an object names a member twice"));
            }
            count += 1;
            if count > MAX_KEPT {
                return Err(A::Error::custom("an object has too many members"));
            }
            if object.is_none() && count <= FEW {
                few.push(name.clone());
            }
            if let Some(given_up) = self.keep(&mut object, (name.clone(), value), before)
                && count <= FEW
            {
                few.extend(given_up.into_iter().map(|(known, _)| known).chain([name]));
            }
        }
        Ok(object.map_or(Json::Unkept, |object| Json::Object(fitted(object))))
    }
}

/// Most objects and arrays have fewer items than a vector begins with room for.
fn fitted<T>(mut items: Vec<T>) -> Vec<T> {
    items.shrink_to_fit();
    items
}

/// A member's name; serde's own `Cow` is always owned.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// Up to so many members are compared one by one.
const FEW: usize = 16;
/// Objects and arrays nested deeper are not kept. The deepest that is looked at is an attribute's
/// value in BatchWriteItem: request, tables, writes, write, its kind, item, value.
const KEPT_DEPTH: usize = 7;
/// Values that are kept of one body, and the most members of one object. An item has room for fewer
/// than that.
const MAX_KEPT: usize = 1 << 20;

#[cfg(test)]
mod tests;
