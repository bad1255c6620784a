use std::borrow::Cow;

use super::*;

#[test]
fn borrows_what_needs_no_unescaping() {
    let json =
        Json::parse(br#"{"a": "x", "b\u0041": "y\n", "c": [1, -1, 1.5, true, null]}"#).unwrap();
    let Json::Object(members) = &json else { panic!("{json:?}") };
    assert!(matches!(&members[0], (Cow::Borrowed("a"), Json::Text(Cow::Borrowed("x")))));
    assert_eq!(json.member("bA").and_then(Json::text), Some("y\n"));
    let items = [Json::Number, Json::Number, Json::Number, Json::Bool(true), Json::Null];
    assert_eq!(json.member("c").and_then(Json::list), Some(&items[..]));
}

#[test]
fn null_counts_as_no_member() {
    let json = Json::parse(br#"{"a": null}"#).unwrap();
    assert_eq!(json.member("a"), None);
}

#[test]
fn refuses_what_could_be_read_in_two_ways() {
    let many: Vec<String> = (0..40).map(|n| format!("\"m{n}\":1")).collect();
    let twice_of_many = format!("{{{},\"m3\":2}}", many.join(","));
    let twice_at_the_border = format!("{{{},\"m15\":2}}", many[..16].join(","));
    for body in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"x":[{"a":1,"a":1}]}"#,
        twice_of_many.as_str(),
        twice_at_the_border.as_str(),
        r#"{"a":1} {"a":2}"#,
        r#"{"a":1},"#,
        "{\"a\":\"\\ud800\"}",
        "\u{feff}{}",
        r#"{"a":01}"#,
        r#"{"a":NaN}"#,
        r#"{'a':1}"#,
        r#"{"a":1,}"#,
        "",
    ] {
        assert!(Json::parse(body.as_bytes()).is_err(), "{body}");
    }
    assert!(Json::parse(b"{\"a\":\"\xff\"}").is_err());
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    assert!(Json::parse(deep.as_bytes()).is_err());
}
