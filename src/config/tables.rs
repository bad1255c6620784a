//! Tables of DynamoDB whose keys the configuration tells.

use serde_json::json;

use super::map::Map;
use super::read::{Field, Named, Reader, Section, Text, section};
use super::value::{AttributeName, TableName};
use super::yaml::{Node, Value};

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The attribute that is its partition key.
    pub partition_key: String,
    /// The attribute that is its sort key; unknown if absent.
    pub sort_key: Option<String>,
    /// Its indexes by name, in the file's order.
    pub indexes: Vec<(String, Index)>,
}

/// An index of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The attributes that are its partition key, one to four.
    pub partition_key: Vec<String>,
    /// The attributes that are its sort key, one to four; unknown if absent.
    pub sort_key: Option<Vec<String>>,
}

/// Tables or indexes, by name.
pub(super) type ByName<T> = Named<TableName, T>;

/// Takes the names out of their wrapper.
pub(super) fn by_name<T>(Named(entries): ByName<T>) -> Vec<(String, T)> {
    entries.into_iter().map(|(TableName(name), value)| (name, value)).collect()
}

/// The attributes of an index's key: one, or a list of them.
struct Attributes(Vec<String>);

impl Field for Attributes {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let names = match &node.value {
            Value::Sequence(_) => Vec::<AttributeName>::read(node, reader)?,
            _ => vec![AttributeName::read(node, reader)?],
        };
        if !(1..=MAX_ATTRIBUTES).contains(&names.len()) {
            reader.error(node.position, "must be one attribute, or a list of 1 to 4");
            return None;
        }
        Some(Self(names.into_iter().map(|AttributeName(name)| name).collect()))
    }

    fn schema() -> serde_json::Value {
        json!({
            "type": ["string", "array"],
            "pattern": AttributeName::PATTERN,
            "items": AttributeName::schema(),
            "minItems": 1,
            "maxItems": MAX_ATTRIBUTES,
        })
    }
}

impl Section for Table {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let partition =
            map.required::<AttributeName>("partition_key", "The attribute of its partition key.");
        let doc = "The attribute of its sort key; unknown without.";
        let sort = map.optional::<AttributeName>("sort_key", doc);
        let doc = "Its global and local indexes, by name.";
        let indexes = map.optional::<ByName<Index>>("indexes", doc);
        let AttributeName(partition_key) = partition?;
        let sort_key = sort?.map(|AttributeName(name)| name);
        check_distinct(map, [&partition_key].into_iter().chain(&sort_key))?;
        let indexes = indexes?.map(by_name).unwrap_or_default();
        Some(Self { partition_key, sort_key, indexes })
    }
}

impl Section for Index {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let doc = "The attribute of its partition key, or a list of up to four.";
        let partition = map.required::<Attributes>("partition_key", doc);
        let doc = "The attribute of its sort key, or a list of up to four; unknown without.";
        let sort = map.optional::<Attributes>("sort_key", doc);
        let Attributes(partition_key) = partition?;
        let sort_key = sort?.map(|Attributes(names)| names);
        check_distinct(map, partition_key.iter().chain(sort_key.iter().flatten()))?;
        Some(Self { partition_key, sort_key })
    }
}

section!(Index, Table);

/// No attribute is twice in a key.
fn check_distinct<'n>(
    map: &mut Map<'_, '_>,
    names: impl Iterator<Item = &'n String>,
) -> Option<()> {
    let mut seen: Vec<&String> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            map.error(None, format!("`{name}` is in the key twice"));
            return None;
        }
        seen.push(name);
    }
    Some(())
}

/// Attributes of a global index's partition key, and as many of its sort key.
const MAX_ATTRIBUTES: usize = 4;

#[cfg(test)]
mod tests;
