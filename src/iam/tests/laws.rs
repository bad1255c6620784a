//! Laws that hold for all policies and requests.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

pub(super) const KEYS: [&str; 3] = ["k", "l", "m"];
const VALUES: [&str; 5] = ["a", "b", "*", "10", "arn:aws:s3:::b/a"];

/// A statement's members but for its effect.
pub(super) fn body() -> impl Strategy<Value = String> {
    let action = select(vec![
        r#""Action":"*""#,
        r#""Action":"s3:Get*""#,
        r#""Action":"s3:PutObject""#,
        r#""NotAction":"s3:Get*""#,
    ]);
    let resource = select(vec![
        r#""Resource":"*""#,
        r#""Resource":"arn:aws:s3:::b/*""#,
        r#""Resource":"arn:aws:s3:::b/${k}""#,
        r#""Resource":["arn:aws:s3:::b/${l, 'a'}","arn:aws:s3:::c/?"]"#,
        r#""NotResource":"arn:aws:s3:::b/${k}""#,
        r#""NotResource":["arn:aws:s3:::c/*","arn:aws:s3:::b/${l, '*'}x"]"#,
    ]);
    (action, resource, prop::collection::vec(condition(), 0..3)).prop_map(
        |(action, resource, mut conditions)| {
            // Operators are members of an object: each once.
            conditions.sort();
            conditions.dedup_by_key(|condition| condition.split_once(":{").unwrap().0.to_owned());
            format!(r#"{action},{resource},"Condition":{{{}}}"#, conditions.join(","))
        },
    )
}

pub(super) fn condition() -> impl Strategy<Value = String> {
    let quantifier = select(vec!["", "ForAllValues:", "ForAnyValue:"]);
    let base = select(vec![
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "NumericNotEquals",
        "NumericLessThan",
        "Bool",
        "IpAddress",
        "NotIpAddress",
        "ArnLike",
        "ArnNotLike",
        "Null",
    ]);
    let suffix = select(vec!["", "IfExists"]);
    let texts = subsequence(vec!["a", "*", "${l}", "${m, 'b'}x", "b*", "A"], 0..4);
    (quantifier, base, suffix, select(KEYS.to_vec()), texts).prop_map(
        |(quantifier, base, suffix, key, texts)| {
            let (suffix, values) = match base {
                "Null" => ("", r#"["true"]"#.to_owned()),
                "Bool" => (suffix, r#"["true","${l}"]"#.to_owned()),
                "NumericNotEquals" | "NumericLessThan" => (suffix, r#"["10","11"]"#.to_owned()),
                "IpAddress" | "NotIpAddress" => (suffix, r#""10.0.0.0/8""#.to_owned()),
                "ArnLike" | "ArnNotLike" => {
                    (suffix, r#"["arn:aws:s3:::b/${l}","${m}","arn:aws:s3:::*"]"#.to_owned())
                }
                _ => (suffix, serde_json::to_string(&texts).unwrap()),
            };
            format!(r#""{quantifier}{base}{suffix}":{{"{key}":{values}}}"#)
        },
    )
}

fn fact() -> impl Strategy<Value = Option<Fact>> {
    let value = || select(VALUES.to_vec()).prop_map(str::to_owned);
    prop_oneof![
        2 => Just(None),
        4 => value().prop_map(|value| Some(Fact::One(value))),
        2 => prop::collection::vec(value(), 0..3).prop_map(|values| Some(Fact::Many(values))),
        1 => Just(Some(Fact::Unknown)),
    ]
}

pub(super) fn context() -> impl Strategy<Value = [Option<Fact>; 3]> {
    [fact(), fact(), fact()]
}

pub(super) fn known(context: &[Option<Fact>; 3]) -> Facts {
    let mut facts = Facts::new();
    for (key, fact) in KEYS.iter().zip(context) {
        if let Some(fact) = fact {
            facts.set(*key, fact.clone());
        }
    }
    facts
}

fn statements(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<String>> {
    let effect = prop_oneof![3 => Just("Allow"), 1 => Just("Deny")];
    let statement =
        (effect, body()).prop_map(|(effect, body)| format!(r#"{{"Effect":"{effect}",{body}}}"#));
    prop::collection::vec(statement, count)
}

fn document(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

pub(super) fn what() -> impl Strategy<Value = Check> {
    let action = select(vec!["s3:GetObject", "s3:PutObject"]);
    let resource = select(vec!["*", "arn:aws:s3:::b/a", "arn:aws:s3:::b/*", "arn:aws:s3:::c/a"]);
    (action, resource).prop_map(|(action, resource)| check(action, resource))
}

fn allowed(documents: &[String], check: &Check, context: &[Option<Fact>; 3]) -> bool {
    let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
    evaluate(&Layers::of(&session(role(&documents))), check, &known(context), &mut NoObserver)
        .is_allow()
}

/// Sees everything, so that no short cut is taken.
struct Watcher;

impl Observer for Watcher {}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn a_further_deny_never_allows(
        list in statements(1..5), deny in body(), check in what(), context in context(),
    ) {
        let deny = format!(r#"{{"Effect":"Deny",{deny}}}"#);
        let mut more = list.clone();
        more.push(deny);
        prop_assert!(allowed(&[document(&list)], &check, &context)
            || !allowed(&[document(&more)], &check, &context));
    }

    #[test]
    fn a_further_allow_never_denies(
        list in statements(1..5), allow in body(), check in what(), context in context(),
    ) {
        let mut more = list.clone();
        more.push(format!(r#"{{"Effect":"Allow",{allow}}}"#));
        prop_assert!(!allowed(&[document(&list)], &check, &context)
            || allowed(&[document(&more)], &check, &context));
    }

    #[test]
    fn order_and_division_of_statements_do_not_matter(
        (list, shuffled) in statements(1..6).prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        split in 0..6_usize, check in what(), context in context(),
    ) {
        let answer = allowed(&[document(&list)], &check, &context);
        prop_assert_eq!(answer, allowed(&[document(&shuffled)], &check, &context));
        let (left, right) = shuffled.split_at(split.min(shuffled.len() - 1));
        if !left.is_empty() {
            prop_assert_eq!(answer, allowed(&[document(left), document(right)], &check, &context));
        }
    }

    /// The heart of it: what can't be observed never turns a denial into an allow.
    #[test]
    fn making_a_key_unknown_never_allows(
        list in statements(1..5), check in what(), context in context(), which in 0..3_usize,
    ) {
        let mut hidden = context.clone();
        hidden[which] = Some(Fact::Unknown);
        prop_assert!(allowed(&[document(&list)], &check, &context)
            || !allowed(&[document(&list)], &check, &hidden));
    }

    #[test]
    fn observing_changes_nothing(list in statements(1..5), check in what(), context in context()) {
        let (document, known) = (document(&list), known(&context));
        let session = session(role(&[&document]));
        let plain = evaluate(&Layers::of(&session), &check, &known, &mut NoObserver);
        let watched = evaluate(&Layers::of(&session), &check, &known, &mut Watcher);
        prop_assert_eq!(plain.denial().map(Denial::reason), watched.denial().map(Denial::reason));
        prop_assert_eq!(plain.is_allow(), watched.is_allow());
    }

    /// An unknown key is named exactly if the answer hangs on it.
    #[test]
    fn named_unknown_keys_are_unknown(
        list in statements(1..5), check in what(), context in context(),
    ) {
        let document = document(&list);
        let verdict = evaluate(&Layers::of(&session(role(&[&document]))), &check, &known(&context), &mut NoObserver);
        for key in verdict.denial().map(|denial| denial.unknown_keys.clone()).unwrap_or_default() {
            let at = KEYS.iter().position(|known| *known == key);
            prop_assert_eq!(at.and_then(|at| context[at].clone()), Some(Fact::Unknown));
        }
    }

    #[test]
    fn a_scalar_is_a_list_of_one(
        effect in select(vec!["Allow", "Deny"]), operator in select(vec!["StringEquals", "StringNotLike"]),
        value in select(vec!["a", "*", "${l}"]), check in what(), context in context(),
    ) {
        let write = |open: &str, close: &str| {
            let list = |text: &str| format!("{open}\"{text}\"{close}");
            document(&[
                r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#.replace("Allow", if effect == "Deny" { "Allow" } else { "Deny" })
                    .replace("\"Action\":\"*\"", if effect == "Deny" { "\"Action\":\"*\"" } else { "\"Action\":\"none:None\"" }),
                format!(
                    r#"{{"Effect":"{effect}","Action":{},"Resource":{},"Condition":{{"{operator}":{{"k":{}}}}}}}"#,
                    list("s3:*"), list("arn:aws:s3:::b/${l}"), list(value)
                ),
            ])
        };
        prop_assert_eq!(
            allowed(&[write("", "")], &check, &context),
            allowed(&[write("[", "]")], &check, &context)
        );
    }

    /// Every Not… element is the complement of its plain form, where all variables have values.
    #[test]
    fn not_elements_are_complements(
        action in select(vec!["s3:GetObject", "s3:Put*", "*"]),
        resource in select(vec!["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${k}"]),
        value in select(VALUES.to_vec()), check in what(),
    ) {
        let context = [Some(Fact::One(value.to_owned())), None, None];
        let allow = |elements: String| {
            allowed(&[document(&[format!(r#"{{"Effect":"Allow",{elements}}}"#)])], &check, &context)
        };
        prop_assert_ne!(
            allow(format!(r#""Action":"{action}","Resource":"*""#)),
            allow(format!(r#""NotAction":"{action}","Resource":"*""#))
        );
        prop_assert_ne!(
            allow(format!(r#""Action":"*","Resource":"{resource}""#)),
            allow(format!(r#""Action":"*","NotResource":"{resource}""#))
        );
    }

    #[test]
    fn parsing_never_panics(text in "\\PC{0,200}") {
        let _ = Policy::parse("p", PolicyKind::Inline, &text);
        let quoted = serde_json::to_string(&text).unwrap();
        for (kind, key) in [(PolicyKind::Inline, "Resource"), (PolicyKind::Trust, "Principal")] {
            let json = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":{quoted},"{key}":{quoted},
                "Condition":{{"ArnLike":{{"k":{quoted}}},"DateEquals":{{"k":{quoted}}},"IpAddress":{{"k":{quoted}}},
                "NumericEquals":{{"k":{quoted}}},{quoted}:{{{quoted}:{quoted}}}}}}}}}"#
            );
            let _ = Policy::parse("p", kind, &json);
        }
    }
}
