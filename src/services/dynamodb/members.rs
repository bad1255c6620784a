//! The members of a request, or of a part of it.

use std::borrow::Cow;

use super::{DynamoDbError, json::Json};

/// The members of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members<'r, 'b>(&'r [(Cow<'b, str>, Json<'b>)]);

impl<'r, 'b> Members<'r, 'b> {
    /// Those of `json`.
    ///
    /// # Errors
    /// If it is no object.
    pub(super) fn of(json: &'r Json<'b>) -> Result<Self, DynamoDbError> {
        json.object().map(Self).ok_or(UNEXPECTED)
    }

    /// The member `name`, if it is there and isn't null.
    pub(super) fn get(self, name: &str) -> Option<&'r Json<'b>> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value).filter(|value| **value != Json::Null)
    }

    /// The string `name`.
    ///
    /// # Errors
    /// If it is there and no string.
    pub(super) fn text(self, name: &str) -> Result<Option<&'r str>, DynamoDbError> {
        self.get(name).map(|value| value.text().ok_or(UNEXPECTED)).transpose()
    }

    /// The string `name`, which has to be there.
    ///
    /// # Errors
    /// If it isn't.
    pub(super) fn required_text(self, name: &str) -> Result<&'r str, DynamoDbError> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// The array `name`.
    ///
    /// # Errors
    /// If it is there and no array.
    pub(super) fn list(self, name: &str) -> Result<Option<&'r [Json<'b>]>, DynamoDbError> {
        self.get(name).map(|value| value.list().ok_or(UNEXPECTED)).transpose()
    }

    /// The array `name`, which has to be there and to have an item.
    ///
    /// # Errors
    /// If it isn't, or hasn't.
    pub(super) fn required_list(self, name: &str) -> Result<&'r [Json<'b>], DynamoDbError> {
        self.list(name)?.filter(|items| !items.is_empty()).ok_or_else(|| missing(name))
    }

    /// The object `name`.
    ///
    /// # Errors
    /// If it is there and no object.
    pub(super) fn object(self, name: &str) -> Result<Option<Self>, DynamoDbError> {
        self.get(name).map(Self::of).transpose()
    }

    /// The object `name`, which has to be there and to have a member.
    ///
    /// # Errors
    /// If it isn't, or hasn't.
    pub(super) fn required_object(self, name: &str) -> Result<Self, DynamoDbError> {
        self.object(name)?.filter(|members| !members.0.is_empty()).ok_or_else(|| missing(name))
    }

    /// Names and values, null ones included.
    pub(super) fn iter(self) -> impl Iterator<Item = (&'r str, &'r Json<'b>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Whether it has no members but these.
    pub(super) fn has_only(self, known: &[&str]) -> bool {
        self.0.iter().all(|(name, _)| known.contains(&&**name))
    }
}

/// What is told of a member that has to be there.
pub(super) fn missing(name: &str) -> DynamoDbError {
    DynamoDbError::Validation(format!(
        "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must \
         not be null",
        in_messages(name)
    ))
}

/// Refuses a list of more items than DynamoDB takes: each of them has its cost.
pub(super) fn most(name: &str, items: usize, most: usize) -> Result<(), DynamoDbError> {
    match items <= most {
        true => Ok(()),
        false => Err(DynamoDbError::Validation(format!(
            "1 validation error detected: Value at '{}' failed to satisfy constraint: Member must \
             have length less than or equal to {most}",
            in_messages(name)
        ))),
    }
}

/// A member's name as messages have it: the API's begin with a capital, these don't.
fn in_messages(name: &str) -> String {
    let mut first = name.chars();
    first.next().into_iter().flat_map(char::to_lowercase).chain(first).collect()
}

/// A member of another type than it has.
pub(super) const UNEXPECTED: DynamoDbError =
    DynamoDbError::Serialization("A member of the request has an unexpected type");
