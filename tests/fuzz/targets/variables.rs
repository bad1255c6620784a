//! A variable stands for its value as literal text: writing the value in its place, with all that
//! could be a wildcard or a variable escaped, changes no answer. And any text may be a value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate_fuzz::{ask, check, conditional, known, parts};
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Some([template, text, value]) = parts(data, '\n') else { return };
    if data.len() > 2000 {
        return;
    }
    let matches = |operator: &str, pattern: &str| {
        let policy = conditional("2012-10-17", "Allow", json!({ operator: { "t": pattern } }))?;
        let mut known = known("k", value);
        known.one("t", text);
        Some(ask(policy, &check("b/k")?, &known).is_allow())
    };
    // Between the variables, which stand at every tab, is text with wildcards.
    let pieces: Vec<String> = template.split('\t').map(|text| text.replace('$', "${$}")).collect();
    let (open, closed) = (pieces.join("${k}"), pieces.join(&escaped(value)));
    for operator in ["StringLike", "StringEquals", "StringNotLike", "ArnLike", "ArnNotEquals"] {
        // A value can bring colons where the policy wrote none; then it is no longer the same ARN.
        if operator.starts_with("Arn") && value.contains(':') {
            continue;
        }
        if let (Some(open), Some(closed)) = (matches(operator, &open), matches(operator, &closed)) {
            assert_eq!(open, closed, "{operator} {template:?} {text:?} {value:?}");
        }
        // Whatever the text means, or doesn't.
        let _ = matches(operator, template);
    }
});

fn escaped(value: &str) -> String {
    let escape = |character| match character {
        '*' => "${*}".to_owned(),
        '?' => "${?}".to_owned(),
        '$' => "${$}".to_owned(),
        other => other.to_string(),
    };
    value.chars().map(escape).collect()
}
