//! Conditions: a key that is unknown never allows and always denies, and an operator never holds
//! together with its negation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::iam::{Fact, Facts};
use poolgate_fuzz::{ask, check, conditional, parts};
use serde_json::json;

/// Operators with their negations, if they have one.
const OPERATORS: [(&str, Option<&str>); 19] = [
    ("StringEquals", Some("StringNotEquals")),
    ("StringEqualsIgnoreCase", Some("StringNotEqualsIgnoreCase")),
    ("StringLike", Some("StringNotLike")),
    ("NumericEquals", Some("NumericNotEquals")),
    ("NumericLessThan", None),
    ("NumericLessThanEquals", None),
    ("NumericGreaterThan", None),
    ("NumericGreaterThanEquals", None),
    ("DateEquals", Some("DateNotEquals")),
    ("DateLessThan", None),
    ("DateLessThanEquals", None),
    ("DateGreaterThan", None),
    ("DateGreaterThanEquals", None),
    ("Bool", None),
    ("BinaryEquals", None),
    ("IpAddress", Some("NotIpAddress")),
    ("ArnEquals", Some("ArnNotEquals")),
    ("ArnLike", Some("ArnNotLike")),
    ("Null", None),
];

fuzz_target!(|data: &[u8]| {
    let Some((&[operator, form], rest)) = data.split_first_chunk::<2>() else { return };
    let Some([policy, request]) = parts(rest, '\n') else { return };
    let (positive, negative) = OPERATORS[usize::from(operator) % OPERATORS.len()];
    let quantifier = ["", "ForAllValues:", "ForAnyValue:"][usize::from(form) % 3];
    let suffix = if form & 4 != 0 && positive != "Null" { "IfExists" } else { "" };
    let values: Vec<&str> = policy.split('\t').collect();
    let fact = match form & 8 {
        0 => Fact::One(request.to_owned()),
        _ => Fact::Many(request.split('\t').map(str::to_owned).collect()),
    };
    let single = matches!(fact, Fact::One(_)) && quantifier.is_empty();
    let check = check("b/k").unwrap();
    let holds = |operator: &str, fact: &Fact, effect: &str| {
        let written = format!("{quantifier}{operator}{suffix}");
        let policy = conditional("2012-10-17", effect, json!({ written: { "k": values } }))?;
        let mut facts = Facts::new();
        facts.set("k", fact.clone());
        let verdict = ask(policy, &check, &facts);
        let denied = verdict.denial().is_some_and(|denial| denial.statement.is_some());
        Some(if effect == "Allow" { verdict.is_allow() } else { denied })
    };
    let Some(allows) = holds(positive, &fact, "Allow") else { return };
    // What allows is true, and what is true denies.
    assert!(!allows || holds(positive, &fact, "Deny") != Some(false));
    assert_eq!(holds(positive, &Fact::Unknown, "Allow"), Some(false));
    if let Some(negative) = negative.filter(|_| single) {
        let denies = holds(negative, &fact, "Allow");
        assert!(!(allows && denies == Some(true)), "{positive} {values:?} {request:?}");
    }
});
