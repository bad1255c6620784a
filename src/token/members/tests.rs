use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::http::strict_object;

fn as_map(members: &Members) -> Map<String, Value> {
    members.iter().map(|(name, value)| (name.to_owned(), value.to_value())).collect()
}

#[test]
fn keeps_what_is_said() {
    let text = r#"{"sub":"a","n":-1.5,"u":18446744073709551615,"t":true,"z":null,"e":"\u00e9\n","l":["x",1],"o":{"p":{}},"":""}"#;
    let members = Members::parse(text.as_bytes()).unwrap();
    let expected: Map<String, Value> = serde_json::from_str(text).unwrap();
    assert_eq!(as_map(&members), expected);
    for (name, value) in &expected {
        assert_eq!(members.get(name).map(ClaimValue::to_value).as_ref(), Some(value), "{name}");
    }
    assert_eq!(members.get("su"), None);
    assert_eq!(members.get("subs"), None);
}

#[test]
fn equal_is_what_says_the_same() {
    let parse = |text: &str| Members::parse(text.as_bytes()).unwrap();
    assert_eq!(parse(r#"{"a":1,"b":"x"}"#), parse(r#"{ "b":"\u0078", "a":1 }"#));
    assert_ne!(parse(r#"{"a":1}"#), parse(r#"{"a":"1"}"#));
    assert_ne!(parse(r#"{"a":1}"#), parse(r#"{"a":1,"b":null}"#));
}

#[test]
fn a_member_is_set_anew_or_replaced() {
    let mut members = Members::parse(br#"{"m":"old","z":1}"#).unwrap();
    for (name, value) in
        [("m", json!("new")), ("a", json!(["x"])), ("q", json!(7)), ("z", json!(null))]
    {
        members.set(name, ClaimValue::from(&value));
        assert_eq!(members.get(name).map(ClaimValue::to_value), Some(value), "{name}");
    }
    let names: Vec<_> = members.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["m", "z", "a", "q"]);
}

/// Of so many members that they aren't compared each with each, and of so few that they are.
#[test]
fn a_name_is_there_once_however_many_there_are() {
    for count in [2, FEW, FEW + 1, 500] {
        let name = |n: usize| format!("name{}", n % (count - 1));
        let text = |n: usize| (0..n).map(|n| format!("\"{}\":{n}", name(n))).collect::<Vec<_>>();
        let parse = |n: usize| Members::parse(format!("{{{}}}", text(n).join(",")).as_bytes());
        assert_eq!(parse(count - 1).unwrap().iter().count(), count - 1);
        assert_eq!(parse(count), Err(NotStrictJson), "{count}");
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]{0,2}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever is written, it is taken, refused and read as by the map that everything else is read by,
    /// members that occur twice included.
    #[test]
    fn agrees_with_a_map(members in proptest::collection::vec(("[a-c]{0,2}", json_value()), 0..6)) {
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        let text = format!("{{{}}}", members.join(","));
        let read = Members::parse(text.as_bytes()).map(|members| as_map(&members));
        prop_assert_eq!(read, strict_object(text.as_bytes(), MAX_DEPTH));
    }

    #[test]
    fn agrees_on_what_is_no_json(text in "[\\[\\]{}\",:a01e.\\\\ -]{0,24}") {
        let read = Members::parse(text.as_bytes()).map(|members| as_map(&members));
        prop_assert_eq!(read, strict_object(text.as_bytes(), MAX_DEPTH));
    }
}

#[test]
fn is_no_deeper_than_other_json() {
    for depth in [15, 16, 17] {
        let text = format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        let read = Members::parse(text.as_bytes()).map(|members| as_map(&members));
        assert_eq!(read, strict_object(text.as_bytes(), MAX_DEPTH), "{depth}");
    }
}
