//! What `#name` and `:value` stand for.

use std::borrow::Cow;

use super::{super::json::Json, ExpressionError};

/// `ExpressionAttributeNames` and `ExpressionAttributeValues` of one request.
pub(in crate::services::dynamodb) struct Placeholders<'r, 'a> {
    names: Members<'r, 'a>,
    values: Members<'r, 'a>,
}

/// The members of an object, to be looked up by name.
enum Members<'r, 'a> {
    Few(&'r [Member<'a>]),
    /// Sorted: an expression has room for hundreds of placeholders and a request for a million, so
    /// comparing each with each would let one request keep a thread busy.
    Many(Vec<&'r Member<'a>>),
}

type Member<'a> = (Cow<'a, str>, Json<'a>);

impl<'r, 'a> Placeholders<'r, 'a> {
    /// Of the members of these names. One that isn't an object defines nothing.
    pub(in crate::services::dynamodb) fn new(
        names: Option<&'r Json<'a>>,
        values: Option<&'r Json<'a>>,
    ) -> Self {
        Self { names: Members::of(names), values: Members::of(values) }
    }

    /// The attribute that `placeholder`, with its `#`, stands for. It is one name, even with dots.
    pub(super) fn name(&self, placeholder: &str) -> Result<&'r str, ExpressionError> {
        match self.names.get(placeholder) {
            Some(Json::Text(name)) if !name.is_empty() => Ok(name),
            _ => Err(ExpressionError::UnknownName(placeholder.into())),
        }
    }

    /// The value that `placeholder`, with its `:`, stands for.
    pub(super) fn value(&self, placeholder: &str) -> Result<&'r Json<'a>, ExpressionError> {
        match self.values.get(placeholder) {
            Some(value @ Json::Object(_)) => Ok(value),
            _ => Err(ExpressionError::UnknownValue(placeholder.into())),
        }
    }
}

impl<'r, 'a> Members<'r, 'a> {
    fn of(json: Option<&'r Json<'a>>) -> Self {
        let members = json.and_then(Json::object).unwrap_or_default();
        if members.len() <= FEW {
            return Self::Few(members);
        }
        let mut sorted: Vec<_> = members.iter().collect();
        sorted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Self::Many(sorted)
    }

    fn get(&self, name: &str) -> Option<&'r Json<'a>> {
        let (_, value) = match self {
            Self::Few(members) => members.iter().find(|(known, _)| known == name)?,
            Self::Many(sorted) => {
                let found = sorted.binary_search_by(|(known, _)| known.as_ref().cmp(name));
                *sorted.get(found.ok()?)?
            }
        };
        Some(value)
    }
}

/// Up to so many members are compared one by one.
const FEW: usize = 16;
