//! PartiQL: whose rows a statement is about is a value or unknown, never left out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate_fuzz::rows::keyed;
use serde_json::json;

fuzz_target!(|text: &str| {
    let parameters = vec![json!({ "S": "me" }); text.matches('?').count()];
    keyed("ExecuteStatement", &json!({ "Statement": text }));
    if !parameters.is_empty() {
        keyed("ExecuteStatement", &json!({ "Statement": text, "Parameters": parameters }));
    }
});
