//! What DescribeTable answers, as a schema
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html>).
//!
//! Whatever is odd in an answer is an error: a key that is read wrongly would let one caller's rows
//! pass for another's.

use std::collections::HashMap;

use super::{
    json::Json,
    schema::{KeyAttribute, KeySchema, TableSchema},
    value::Kind,
};

/// A description isn't one of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the description of a table: {0}")]
pub struct DescriptionError(&'static str);

impl TableSchema {
    /// The schema in DescribeTable's answer.
    ///
    /// # Errors
    /// [`DescriptionError`]
    pub fn from_description(body: &[u8]) -> Result<Self, DescriptionError> {
        let body = Json::parse(body).map_err(|_| DescriptionError("it is not JSON"))?;
        let table = body.member("Table").ok_or(DescriptionError("it has no Table"))?;
        let kinds = kinds(table)?;
        let key = key(table, &kinds)?;
        if key.partition.len() > 1 || sorts(&key) > 1 {
            return Err(DescriptionError("the table's key has too many attributes"));
        }
        let mut indexes = HashMap::new();
        for (name, global) in [("GlobalSecondaryIndexes", true), ("LocalSecondaryIndexes", false)] {
            for index in list(table, name)? {
                let own = self::key(index, &kinds)?;
                let fits = match global {
                    true => own.partition.len() <= MAX_ATTRIBUTES && sorts(&own) <= MAX_ATTRIBUTES,
                    // It sorts the table's own partitions in another way.
                    false => own.partition == key.partition && sorts(&own) == 1,
                };
                if !fits {
                    return Err(DescriptionError("no index has such a key"));
                }
                let name = text(index, "IndexName")?.to_owned();
                if indexes.insert(name, own).is_some() {
                    return Err(DescriptionError("two indexes have one name"));
                }
            }
        }
        Ok(Self { key, indexes })
    }
}

/// The types of the table's key attributes, by name.
fn kinds<'t>(table: &'t Json<'_>) -> Result<HashMap<&'t str, Kind>, DescriptionError> {
    let mut kinds = HashMap::new();
    for definition in list(table, "AttributeDefinitions")? {
        let kind = Kind::named(text(definition, "AttributeType")?)
            .ok_or(DescriptionError("an attribute is of no type that keys have"))?;
        if kinds.insert(text(definition, "AttributeName")?, kind).is_some() {
            return Err(DescriptionError("an attribute is defined twice"));
        }
    }
    Ok(kinds)
}

/// The key of a table or an index.
fn key(of: &Json<'_>, kinds: &HashMap<&str, Kind>) -> Result<KeySchema, DescriptionError> {
    let (mut partition, mut sort) = (Vec::<KeyAttribute>::new(), Vec::<KeyAttribute>::new());
    for element in list(of, "KeySchema")? {
        let name = text(element, "AttributeName")?;
        let kind = *kinds.get(name).ok_or(DescriptionError("a key attribute is not defined"))?;
        if partition.iter().chain(&sort).any(|known| known.name == name) {
            return Err(DescriptionError("an attribute is in a key twice"));
        }
        let attribute = KeyAttribute { name: name.to_owned(), kind: Some(kind) };
        match text(element, "KeyType")? {
            "HASH" => partition.push(attribute),
            "RANGE" => sort.push(attribute),
            _ => return Err(DescriptionError("a key attribute is neither HASH nor RANGE")),
        }
    }
    match partition.is_empty() {
        true => Err(DescriptionError("a key has no partition key")),
        false => Ok(KeySchema { partition, sort: Some(sort) }),
    }
}

fn sorts(key: &KeySchema) -> usize {
    key.sort.as_ref().map_or(0, Vec::len)
}

/// The items of the member `name`; none where it is absent.
fn list<'j, 'a>(of: &'j Json<'a>, name: &str) -> Result<&'j [Json<'a>], DescriptionError> {
    match of.member(name) {
        None => Ok(&[]),
        Some(list) => list.list().ok_or(DescriptionError("a list is not a list")),
    }
}

fn text<'j>(of: &'j Json<'_>, name: &str) -> Result<&'j str, DescriptionError> {
    let text = of.member(name).and_then(Json::text).filter(|text| !text.is_empty());
    text.ok_or(DescriptionError("a name or a type is missing"))
}

/// Attributes of a global index's partition key, and as many of its sort key.
const MAX_ATTRIBUTES: usize = 4;

#[cfg(test)]
mod tests;
