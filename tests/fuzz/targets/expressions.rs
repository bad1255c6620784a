//! Expressions of DynamoDB: whose rows an expression is about is a value or unknown, never left out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate_fuzz::rows::keyed;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let key = json!({ "pk": { "S": "me" }, "sk": { "S": "s" } });
    let mut names = json!({ "#p": "pk", "#s": "sk", "#a": "a" });
    let values = json!({ ":p": { "S": "me" }, ":s": { "S": "s" }, ":n": { "N": "1" } });
    names.as_object_mut().unwrap().retain(|name, _| text.contains(name));
    let mut body = json!({ "TableName": "demo" });
    let (name, member) = match which % 5 {
        0 => ("Query", "KeyConditionExpression"),
        1 => ("UpdateItem", "UpdateExpression"),
        2 => ("PutItem", "ConditionExpression"),
        3 => ("GetItem", "ProjectionExpression"),
        _ => ("Query", "FilterExpression"),
    };
    body[member] = json!(text);
    match name {
        "PutItem" => body["Item"] = key,
        "Query" if member == "FilterExpression" => {
            body["KeyConditionExpression"] = json!("pk = :p");
        }
        "Query" => {}
        _ => body["Key"] = key,
    }
    let named = |value: &(&String, &serde_json::Value)| {
        text.contains(value.0) || (member == "FilterExpression" && value.0 == ":p")
    };
    let values: serde_json::Map<_, _> = values
        .as_object()
        .unwrap()
        .iter()
        .filter(named)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !values.is_empty() && name != "GetItem" {
        body["ExpressionAttributeValues"] = values.into();
    }
    if names.as_object().is_some_and(|names| !names.is_empty()) {
        body["ExpressionAttributeNames"] = names;
    }
    keyed(name, &body);
});
