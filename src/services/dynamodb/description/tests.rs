//! Descriptions as AWS gives them, and others.

use serde_json::{Value, json};

use super::*;

fn read(description: &Value) -> Result<TableSchema, &'static str> {
    TableSchema::from_description(description.to_string().as_bytes()).map_err(|error| error.0)
}

fn element(name: &str, kind: &str) -> Value {
    json!({ "AttributeName": name, "KeyType": kind })
}

fn definition(name: &str, kind: &str) -> Value {
    json!({ "AttributeName": name, "AttributeType": kind })
}

/// The answer for a table with a sort key and three indexes, with what a real one has beside them.
fn description() -> Value {
    json!({ "Table": {
        "TableName": "demo",
        "TableStatus": "ACTIVE",
        "TableArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/demo",
        "ItemCount": 3, "TableSizeBytes": 12.5, "DeletionProtectionEnabled": false,
        "LatestStreamArn": null,
        "AttributeDefinitions": [
            definition("pk", "S"), definition("sk", "N"), definition("owner", "B"),
            definition("at", "S"), definition("country", "S"), definition("city", "S"),
        ],
        "KeySchema": [element("pk", "HASH"), element("sk", "RANGE")],
        "GlobalSecondaryIndexes": [
            { "IndexName": "by_owner", "IndexStatus": "ACTIVE", "Projection": { "ProjectionType": "ALL" },
              "KeySchema": [element("owner", "HASH")] },
            { "IndexName": "by_place", "KeySchema": [
                element("country", "HASH"), element("city", "HASH"),
                element("at", "RANGE"), element("sk", "RANGE"),
            ]},
        ],
        "LocalSecondaryIndexes": [
            { "IndexName": "by_time", "KeySchema": [element("pk", "HASH"), element("at", "RANGE")] },
        ],
    }})
}

/// The description with another value at `pointer`.
fn with(pointer: &str, value: Value) -> Value {
    let mut description = description();
    *description.pointer_mut(pointer).unwrap() = value;
    description
}

fn key(partition: &[(&str, Kind)], sort: &[(&str, Kind)]) -> KeySchema {
    let attributes = |names: &[(&str, Kind)]| {
        names
            .iter()
            .map(|(name, kind)| KeyAttribute { name: (*name).to_owned(), kind: Some(*kind) })
            .collect()
    };
    KeySchema { partition: attributes(partition), sort: Some(attributes(sort)) }
}

#[test]
fn keys_are_read_in_order_and_with_their_types() {
    use Kind::{Binary, Number, Text};
    let schema = read(&description()).unwrap();
    assert_eq!(schema.key, key(&[("pk", Text)], &[("sk", Number)]));
    let mut names: Vec<_> = schema.indexes.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["by_owner", "by_place", "by_time"]);
    assert_eq!(schema.indexes["by_owner"], key(&[("owner", Binary)], &[]));
    let place = key(&[("country", Text), ("city", Text)], &[("at", Text), ("sk", Number)]);
    assert_eq!(schema.indexes["by_place"], place);
    assert_eq!(schema.indexes["by_time"], key(&[("pk", Text)], &[("at", Text)]));

    let plain = json!({ "Table": {
        "AttributeDefinitions": [definition("id", "N")], "KeySchema": [element("id", "HASH")],
        "GlobalSecondaryIndexes": null,
    }});
    let schema = read(&plain).unwrap();
    assert_eq!((schema.key, schema.indexes.len()), (key(&[("id", Number)], &[]), 0));
}

#[test]
fn whatever_is_odd_is_refused() {
    let twice = json!([definition("pk", "S"), definition("pk", "S")]);
    let names = ["pk", "sk", "owner", "at", "country"];
    let five: Vec<_> = names.iter().map(|name| element(name, "HASH")).collect();
    let ranges: Vec<_> = names.iter().map(|name| element(name, "RANGE")).collect();
    let indexed = |key: Value| with("/Table/GlobalSecondaryIndexes/0/KeySchema", key);
    let local = |key: Value| with("/Table/LocalSecondaryIndexes/0/KeySchema", key);
    for (description, why) in [
        (json!([]), "it has no Table"),
        (json!({ "Table": null }), "it has no Table"),
        (json!({ "Table": [] }), "a key has no partition key"),
        (with("/Table/KeySchema", json!(null)), "a key has no partition key"),
        (with("/Table/KeySchema", json!([])), "a key has no partition key"),
        (with("/Table/KeySchema", json!({})), "a list is not a list"),
        (with("/Table/KeySchema", json!(["pk"])), "a name or a type is missing"),
        (with("/Table/KeySchema/0", element("pk", "RANGE")), "a key has no partition key"),
        (
            with("/Table/KeySchema/0", element("pk", "hash")),
            "a key attribute is neither HASH nor RANGE",
        ),
        (
            with("/Table/KeySchema/1", element("sk", "HASH")),
            "the table's key has too many attributes",
        ),
        (with("/Table/KeySchema/1", element("pk", "RANGE")), "an attribute is in a key twice"),
        (with("/Table/KeySchema/0", element("", "HASH")), "a name or a type is missing"),
        (with("/Table/KeySchema/0/AttributeName", json!(1)), "a name or a type is missing"),
        (with("/Table/KeySchema/0", element("id", "HASH")), "a key attribute is not defined"),
        (with("/Table/AttributeDefinitions", json!(null)), "a key attribute is not defined"),
        (with("/Table/AttributeDefinitions", twice), "an attribute is defined twice"),
        (
            with("/Table/AttributeDefinitions/0", definition("pk", "M")),
            "an attribute is of no type that keys have",
        ),
        (
            with("/Table/AttributeDefinitions/0", json!({ "AttributeName": "pk" })),
            "a name or a type is missing",
        ),
        (with("/Table/GlobalSecondaryIndexes", json!("none")), "a list is not a list"),
        (
            with("/Table/GlobalSecondaryIndexes/0/IndexName", json!(null)),
            "a name or a type is missing",
        ),
        (
            with("/Table/GlobalSecondaryIndexes/0/IndexName", json!("by_place")),
            "two indexes have one name",
        ),
        (
            with("/Table/GlobalSecondaryIndexes/0/IndexName", json!("by_time")),
            "two indexes have one name",
        ),
        (indexed(json!([])), "a key has no partition key"),
        (indexed(json!(five)), "no index has such a key"),
        (
            indexed(json!([&[element("city", "HASH")], ranges.as_slice()].concat())),
            "no index has such a key",
        ),
        (
            local(json!([element("owner", "HASH"), element("at", "RANGE")])),
            "no index has such a key",
        ),
        (local(json!([element("pk", "HASH")])), "no index has such a key"),
    ] {
        assert_eq!(read(&description), Err(why), "{description}");
    }
    for text in ["", "{", "<html>", "{\"Table\":{},\"Table\":{}}"] {
        let found = TableSchema::from_description(text.as_bytes());
        assert_eq!(found, Err(DescriptionError("it is not JSON")), "{text}");
    }
}
