use std::collections::HashSet;

use super::*;

#[test]
fn every_operation_is_found_by_its_target() {
    let mut targets = HashSet::new();
    for operation in &OPERATIONS {
        let target = format!("{}{}", operation.api.prefix(), operation.name);
        let found = Operation::named(&target).unwrap();
        assert_eq!((found.name, found.api), (operation.name, operation.api));
        assert_eq!(operation.action, format!("dynamodb:{}", operation.name));
        assert!(targets.insert(target));
    }
    assert_eq!(targets.len(), 66);
}

#[test]
fn nothing_else_is_found() {
    for target in [
        "",
        "GetItem",
        "DynamoDB_20120810",
        "DynamoDB_20120810.",
        "DynamoDB_20120810.getitem",
        "DynamoDB_20120810.GetItem ",
        "DynamoDB_20120810.DescribeStream",
        "DynamoDBStreams_20120810.GetItem",
        "DynamoDB_20111205.GetItem",
        "dynamodb_20120810.GetItem",
        "DynamoDB_20120810.GetItem.GetItem",
    ] {
        assert!(Operation::named(target).is_none(), "{target}");
    }
}
