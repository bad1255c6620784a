//! What describing a request to DynamoDB costs: from its body to what IAM is asked. Promised is that
//! a GetItem or Query of 1 KiB takes at most 5 µs.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use poolgate::services::dynamodb::{
    Call, Input, KeyAttribute, KeySchema, Kind, Place, TableSchema,
};
use serde_json::json;

const HERE: Place<'static> =
    Place { partition: "aws", region: "eu-west-1", account: "123456789012" };
const OWNER: &str = "eu-west-1:0a0b0c0d-0000-4000-8000-000000000001";

fn schema() -> TableSchema {
    let key = |name: &str| KeyAttribute { name: name.to_owned(), kind: Some(Kind::Text) };
    let key = KeySchema { partition: vec![key("pk")], sort: Some(vec![key("sk")]) };
    TableSchema { key, ..TableSchema::default() }
}

/// As an SDK sends it.
fn head(operation: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let target = HeaderValue::try_from(format!("DynamoDB_20120810.{operation}"));
    headers.insert("x-amz-target", target.expect("a header"));
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
    headers
}

/// `body` with a name that makes it 1 KiB.
fn padded(mut body: serde_json::Value) -> String {
    let short = body.to_string().len();
    let names = body.get_mut("ExpressionAttributeNames").and_then(|names| names.as_object_mut());
    if let Some(names) = names {
        let padding = "x".repeat(1024_usize.saturating_sub(short + 12));
        names.insert("#pad".to_owned(), json!(padding));
    }
    body.to_string()
}

fn get_item() -> String {
    padded(json!({
        "TableName": "orders",
        "Key": { "pk": { "S": OWNER }, "sk": { "S": "2026-11-24#0001" } },
        "ProjectionExpression": "#a, #b.#c, total, lines[0].sku, lines[1].sku, address.city",
        "ExpressionAttributeNames": { "#a": "name", "#b": "status", "#c": "value" },
        "ConsistentRead": true,
        "ReturnConsumedCapacity": "TOTAL",
    }))
}

fn query() -> String {
    padded(json!({
        "TableName": "orders",
        "KeyConditionExpression": "#pk = :owner AND #sk BETWEEN :from AND :to",
        "FilterExpression": "total > :total AND (attribute_exists(paid) OR begins_with(#b, :b))",
        "ProjectionExpression": "#a, #b, total, lines",
        "ExpressionAttributeNames": { "#pk": "pk", "#sk": "sk", "#a": "name", "#b": "status" },
        "ExpressionAttributeValues": {
            ":owner": { "S": OWNER }, ":from": { "S": "2026-01" }, ":to": { "S": "2026-12" },
            ":total": { "N": "100" }, ":b": { "S": "o" },
        },
        "Limit": 25,
        "ScanIndexForward": false,
    }))
}

fn put_item() -> String {
    let attributes = (0..20).map(|n| (format!("attribute{n:02}"), json!({ "S": "x".repeat(20) })));
    let mut item: serde_json::Map<String, serde_json::Value> = attributes.collect();
    item.insert("pk".to_owned(), json!({ "S": OWNER }));
    item.insert("sk".to_owned(), json!({ "S": "2026-11-24#0001" }));
    json!({ "TableName": "orders", "Item": item }).to_string()
}

fn statement() -> String {
    json!({
        "Statement": "SELECT name, total FROM \"orders\" WHERE pk = ? AND begins_with(sk, '2026')",
        "Parameters": [{ "S": OWNER }],
    })
    .to_string()
}

fn describing(criterion: &mut Criterion) {
    let schema = schema();
    let mut group = criterion.benchmark_group("dynamodb/describe");
    for (operation, body) in [
        ("GetItem", get_item()),
        ("Query", query()),
        ("PutItem", put_item()),
        ("ExecuteStatement", statement()),
    ] {
        let headers = head(operation);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(operation, |bencher| {
            bencher.iter(|| {
                let call = Call::of(&Method::POST, "/", black_box(&headers)).expect("a call");
                let input = Input::read(black_box(body.as_bytes())).expect("a body");
                let described = call.describe(&input, HERE).expect("a description");
                let checks =
                    described.accesses.iter().flat_map(|access| access.checks(Some(&schema)));
                black_box(checks.collect::<Vec<_>>())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, describing);
criterion_main!(benches);
