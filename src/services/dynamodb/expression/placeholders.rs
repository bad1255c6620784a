//! What `#name` and `:value` stand for.

use std::borrow::Cow;

use super::{super::json::Json, ExpressionError, lexer::in_word};

/// `ExpressionAttributeNames` and `ExpressionAttributeValues` of one request.
pub(in crate::services::dynamodb) struct Placeholders<'r, 'a> {
    names: Members<'r, 'a>,
    values: Members<'r, 'a>,
    /// One that isn't written as a placeholder.
    stray: Option<&'r str>,
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
        let stray = stray(names, '#').or_else(|| stray(values, ':'));
        Self { names: Members::of(names), values: Members::of(values), stray }
    }

    /// That all of them are written as placeholders. DynamoDB refuses others; a stand-in (moto) lets
    /// them replace attributes: `{"pk": "sk"}` would make `sk` of every `pk`.
    pub(super) fn check(&self) -> Result<(), ExpressionError> {
        self.stray.map_or(Ok(()), |stray| Err(ExpressionError::Stray(stray.into())))
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

/// One of `members` that isn't `sign` and a word.
fn stray<'r>(members: Option<&'r Json<'_>>, sign: char) -> Option<&'r str> {
    let is_placeholder = |name: &str| {
        let word = name.strip_prefix(sign).unwrap_or_default();
        !word.is_empty() && word.bytes().all(|byte| in_word(&byte))
    };
    let mut names = members.and_then(Json::object)?.iter().map(|(name, _)| name.as_ref());
    names.find(|name| !is_placeholder(name))
}

/// Up to so many members are compared one by one.
const FEW: usize = 16;
