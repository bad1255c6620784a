//! JSON as written: members in order, duplicates kept, numbers exact or marked.
//!
//! `serde_json::Value` keeps the last of two members of the same name; a policy in which one
//! program reads the first and another the last is how checks get bypassed, so nothing is dropped
//! here and readers refuse duplicates.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// One step from a JSON value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JsonStep {
    /// Into a member of an object.
    Key(String),
    /// Into an item of an array, from 0.
    Index(usize),
}

/// Where in a document something is. Displayed as `Statement[2].Condition.StringLike`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct JsonPath(pub Vec<JsonStep>);

impl JsonPath {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// This path and a member.
    pub fn key(&self, name: &str) -> Self {
        self.then(JsonStep::Key(name.to_owned()))
    }

    /// This path and an item.
    pub fn index(&self, index: usize) -> Self {
        self.then(JsonStep::Index(index))
    }

    /// This path and, inside what it leads to, `rest`.
    pub fn join(&self, rest: &Self) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// The steps.
    pub fn steps(&self) -> &[JsonStep] {
        &self.0
    }

    fn then(&self, step: JsonStep) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                JsonStep::Key(name) if position == 0 => f.write_str(name)?,
                JsonStep::Key(name) => write!(f, ".{name}")?,
                JsonStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    /// The shortest decimal form. Inexact if it took more digits than a double surely keeps.
    Number {
        text: String,
        exact: bool,
    },
    Text(String),
    List(Vec<Node>),
    /// Members in order, duplicates included.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Parses `text`, nested at most 128 deep (`serde_json`'s limit).
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The type, as an error names it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number { .. } => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The string, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The first member of that name, if this is an object that has it.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The names that an object has more than once, one for each time too many.
    pub(super) fn duplicates(members: &[(String, Self)]) -> Vec<&str> {
        let mut seen = HashSet::with_capacity(members.len());
        let names = members.iter().map(|(name, _)| name.as_str());
        names.filter(|name| !seen.insert(*name)).collect()
    }

    /// The bytes of all its strings, numbers and names.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 4,
            Self::Number { text, .. } | Self::Text(text) => text.len(),
            Self::List(items) => items.iter().map(Self::weight).sum(),
            Self::Object(members) => members.iter().map(|(n, v)| n.len() + v.weight()).sum(),
        }
    }
}

/// Significant digits that a double keeps whatever they are (IEEE 754 binary64).
const EXACT_DIGITS: usize = 15;

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number { text: value.to_string(), exact: true })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number { text: value.to_string(), exact: true })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        let digits = format!("{value:e}")
            .chars()
            .take_while(|c| *c != 'e')
            .filter(char::is_ascii_digit)
            .count();
        Ok(Node::Number { text: value.to_string(), exact: digits <= EXACT_DIGITS })
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Node::Object(object))
    }
}
