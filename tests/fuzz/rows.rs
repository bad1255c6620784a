//! Requests about rows.

use http::{HeaderMap, HeaderValue, Method};
use poolgate::iam::{Context, Lookup};
use poolgate::services::dynamodb::{
    Call, Input, KeyAttribute, KeySchema, Kind, Place, TARGET_PREFIX, TableSchema,
};
use serde_json::Value;

/// What `body` asks of the operation `name`, if it can be told: whose rows it is about must then be
/// a list that isn't empty, or unknown.
pub fn keyed(name: &str, body: &Value) {
    let mut headers = HeaderMap::new();
    let target = HeaderValue::try_from(format!("{TARGET_PREFIX}{name}")).unwrap();
    headers.insert("x-amz-target", target);
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
    let call = Call::of(&Method::POST, "/", &headers).unwrap();
    let body = body.to_string();
    let input = Input::read(body.as_bytes()).unwrap();
    let place = Place { partition: "aws", region: "eu-west-1", account: "123456789012" };
    let Ok(described) = call.describe(&input, place) else { return };
    let attribute = |name: &str| KeyAttribute { name: name.to_owned(), kind: Some(Kind::Text) };
    let key = KeySchema { partition: vec![attribute("pk")], sort: Some(vec![attribute("sk")]) };
    let schema = TableSchema { key, ..TableSchema::default() };
    assert!(!described.accesses.is_empty());
    for schema in [None, Some(&schema)] {
        for check in described.accesses.iter().flat_map(|access| access.checks(schema)) {
            match check.context.lookup("dynamodb:leadingkeys") {
                Lookup::Unknown => {}
                Lookup::Many(values) if !values.is_empty() && schema.is_some() => {}
                other => panic!("{body}: {other:?}"),
            }
        }
    }
}
