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

/// `value` in as many arrays.
fn nested(depth: usize, value: &str) -> String {
    format!("{}{value}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn what_is_nested_deeper_than_anything_that_counts_is_not_kept() {
    let innermost = |text: &str| {
        let mut json = Json::parse(text.as_bytes()).unwrap();
        while let Json::List(items) = &json {
            json = items[0].clone();
        }
        format!("{json:?}")
    };
    assert_eq!(innermost(&nested(KEPT_DEPTH, "1")), "Number");
    assert_eq!(innermost(&nested(KEPT_DEPTH + 1, "1")), "Unkept");
    assert_eq!(innermost(&nested(KEPT_DEPTH, "{}")), "Unkept");
    assert_eq!(innermost(&nested(100, "1")), "Unkept");
    // It is read all the same.
    for inner in [r#"{"a":1,"a":1}"#, "{", r#"{"a":[{"b":1,"b":1}]}"#] {
        assert!(Json::parse(nested(KEPT_DEPTH, inner).as_bytes()).is_err(), "{inner}");
    }
    let many = |last: usize| {
        let members: Vec<String> = (0..40).map(|n| format!("\"m{n}\":1")).collect();
        nested(KEPT_DEPTH, &format!("{{{},\"m{last}\":2}}", members.join(",")))
    };
    assert!(Json::parse(many(40).as_bytes()).is_ok());
    for last in [0, 15, 16, 17, 39] {
        assert!(Json::parse(many(last).as_bytes()).is_err(), "{last}");
    }
}

#[test]
fn no_body_takes_many_times_its_size() {
    // What there is no room for is given up, and leaves room for what follows.
    let long = format!(r#"{{"x":[{}1],"a":{{"S":"b"}}}}"#, "[[1]],".repeat(MAX_KEPT));
    let json = Json::parse(long.as_bytes()).unwrap();
    assert_eq!(json.member("x"), Some(&Json::Unkept));
    assert_eq!(json.member("a").and_then(|a| a.member("S")).and_then(Json::text), Some("b"));
    // An object that is given up names nothing twice either.
    let filled = format!("[{}1]", "1,".repeat(MAX_KEPT - 4));
    for members in [2, 20] {
        let object = |last: usize| {
            let names: Vec<String> = (0..members).map(|n| format!("\"m{n}\":[1,1]")).collect();
            format!(r#"{{"filled":{filled},"x":{{{},"m{last}":2}}}}"#, names.join(","))
        };
        let json = object(members);
        let json = Json::parse(json.as_bytes()).unwrap();
        assert_eq!(json.member("x"), Some(&Json::Unkept), "{members}");
        for last in 0..members {
            assert!(Json::parse(object(last).as_bytes()).is_err(), "{members} {last}");
        }
    }
    let members: Vec<String> = (0..=MAX_KEPT).map(|n| format!("\"{n}\":0")).collect();
    assert!(Json::parse(format!("{{{}}}", members.join(",")).as_bytes()).is_err());
}
