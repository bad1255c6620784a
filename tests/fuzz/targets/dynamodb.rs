//! Requests to DynamoDB as they come: an operation's name, and any body.
#![no_main]

use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use poolgate::services::dynamodb::{Call, Input, Place, TARGET_PREFIX, TableSchema};
use poolgate_fuzz::parts;

fuzz_target!(|data: &[u8]| {
    let _ = TableSchema::from_description(data);
    let Some([name, body]) = parts(data, '\n') else { return };
    let mut headers = HeaderMap::new();
    let Ok(target) = HeaderValue::try_from(format!("{TARGET_PREFIX}{name}")) else { return };
    headers.insert("x-amz-target", target);
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
    let (Ok(call), Ok(input)) =
        (Call::of(&Method::POST, "/", &headers), Input::read(body.as_bytes()))
    else {
        return;
    };
    let place = Place { partition: "aws", region: "eu-west-1", account: "123456789012" };
    if let Ok(described) = call.describe(&input, place) {
        let checks = described.accesses.iter().flat_map(|access| access.checks(None));
        assert!(checks.count() > 0);
    }
});
