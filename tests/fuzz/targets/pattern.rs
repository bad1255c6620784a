//! Patterns match what the textbook matcher says they match.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate_fuzz::{ask, check, conditional, known, parts};
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Some([pattern, text]) = parts(data, '\n') else { return };
    if pattern.len() > 200 || text.len() > 400 {
        return;
    }
    let matches = |text: &str, condition| {
        let policy = conditional("2008-10-17", "Allow", condition)?;
        Some(ask(policy, &check("b/k")?, &known("k", text)).is_allow())
    };
    let like = matches(text, json!({ "StringLike": { "k": pattern } }));
    let unlike = matches(text, json!({ "StringNotLike": { "k": pattern } }));
    // Long runs with a ? between two stars are refused.
    assert!(like.is_some() || pattern.len() > 128, "{pattern:?} is refused");
    if let Some(like) = like {
        assert_eq!(like, naive(pattern, text), "{pattern:?} and {text:?}");
        assert_eq!(unlike, Some(!like), "{pattern:?} and {text:?}");
    }
});

/// One cell for each prefix of the pattern and of the text.
fn naive(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for step in pattern.chars() {
        let above = row.clone();
        row[0] = step == '*' && above[0];
        for (place, character) in text.iter().enumerate() {
            row[place + 1] = match step {
                '*' => above[place + 1] || row[place],
                '?' => above[place],
                literal => above[place] && literal == *character,
            };
        }
    }
    row[text.len()]
}
