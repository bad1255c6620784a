//! Every construct of the grammar, and what is refused.

use super::*;
use crate::services::dynamodb::json::Json;

mod conditions;
mod generated;
mod keys;
mod laws;
mod paths;
mod updates;

/// What the tests' placeholders stand for.
pub(super) const NAMES: &str =
    r##"{"#a":"alpha","#b":"beta.gamma[1]","#0":"null","#_x":"x y","#empty":"","#number":1}"##;
pub(super) const VALUES: &str = r#"{":v":{"S":"v"},":w":{"S":"w"},":0":{"N":"1.0"},":_x":{"B":"AQ=="},
        ":list":{"L":[]},":null":null,":text":"v"}"#;

/// One of the functions that return nothing.
type Read =
    for<'r> fn(&'r str, &Placeholders<'r, '_>, &mut Vec<&'r str>) -> Result<(), ExpressionError>;

/// As one of them.
fn update<'r>(
    text: &'r str,
    placeholders: &Placeholders<'r, '_>,
    attributes: &mut Vec<&'r str>,
) -> Result<(), ExpressionError> {
    super::update(text, placeholders, attributes).map(drop)
}

/// The attributes of `text`, with a blank between them.
pub(super) fn attributes(read: Read, text: &str) -> Result<String, ExpressionError> {
    with(NAMES, VALUES, |placeholders| {
        let mut attributes = Vec::new();
        read(text, &placeholders, &mut attributes)?;
        Ok(attributes.join(" "))
    })
}

pub(super) fn with<T>(names: &str, values: &str, f: impl FnOnce(Placeholders<'_, '_>) -> T) -> T {
    let names = Json::parse(names.as_bytes()).unwrap();
    let values = Json::parse(values.as_bytes()).unwrap();
    f(Placeholders::new(Some(&names), Some(&values)))
}

/// The attributes of the key condition `text`, and its equalities.
pub(super) fn keys(text: &str) -> Result<(String, String), ExpressionError> {
    with(NAMES, VALUES, |placeholders| {
        let mut attributes = vec!["before"];
        let equalities = key_condition(text, &placeholders, &mut attributes)?;
        assert_eq!(attributes.remove(0), "before");
        let equalities: Vec<_> =
            equalities.iter().map(|(name, value)| format!("{name}={}", value.text())).collect();
        Ok((attributes.join(" "), equalities.join(" ")))
    })
}

fn accepted(read: Read, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(attributes(read, text).as_deref(), Ok(*expected), "{text}");
    }
}

fn refused(read: Read, cases: &[&str]) {
    for text in cases {
        let result = attributes(read, text);
        assert!(matches!(result, Err(ExpressionError::Syntax { .. })), "{text}: {result:?}");
    }
}

/// DynamoDB refuses them; moto would take `pk` for another attribute.
#[test]
fn nothing_but_placeholders_is_defined() {
    let (text, scalar) = ("pk = :v", r#"{"S":"v"}"#);
    for (names, values, stray) in [
        (r#"{"pk":"sk"}"#, format!(r#"{{":v":{scalar}}}"#), "pk"),
        (r##"{"#pk":"pk"}"##, format!(r#"{{":v":{scalar},"v":{scalar}}}"#), "v"),
        (r##"{"#":"pk"}"##, format!(r#"{{":v":{scalar}}}"#), "#"),
        (r##"{"#a.b":"pk"}"##, format!(r#"{{":v":{scalar}}}"#), "#a.b"),
        (r#"{":v":"pk"}"#, format!(r#"{{":v":{scalar}}}"#), ":v"),
        (r##"{"#v":"pk"}"##, format!(r##"{{":v":{scalar},"#v":{scalar}}}"##), "#v"),
    ] {
        let expected = Err(ExpressionError::Stray(stray.into()));
        with(names, &values, |placeholders| {
            let mut found = Vec::new();
            assert_eq!(condition(text, &placeholders, &mut found), expected, "{names}");
            assert_eq!(projection("pk", &placeholders, &mut found), expected, "{names}");
            let update = update("REMOVE pk", &placeholders, &mut found);
            assert_eq!(update, expected, "{names}");
            let key = key_condition(text, &placeholders, &mut found).map(drop);
            assert_eq!(key, expected, "{names}");
        });
    }
}

#[test]
fn placeholders_must_be_defined() {
    for name in ["#c", "#A", "#empty", "#number", "#a1"] {
        let expected = Err(ExpressionError::UnknownName(name.into()));
        for path in
            [name.to_owned(), format!("{name}.a"), format!("a.{name}"), format!("a[0].{name}")]
        {
            assert_eq!(attributes(projection, &path), expected, "{path}");
            assert_eq!(attributes(condition, &format!("{path} = :v")), expected, "{path}");
            assert_eq!(attributes(update, &format!("REMOVE {path}")), expected, "{path}");
        }
        assert_eq!(keys(&format!("{name} = :v")).err(), expected.err(), "{name}");
    }
    for value in [":c", ":V", ":null", ":text", ":v1"] {
        let expected = ExpressionError::UnknownValue(value.into());
        for text in [format!("a = {value}"), format!("a IN (:v, {value})")] {
            assert_eq!(attributes(condition, &text), Err(expected.clone()), "{text}");
        }
        for text in [format!("SET a = {value}"), format!("ADD a {value}")] {
            assert_eq!(attributes(update, &text), Err(expected.clone()), "{text}");
        }
        for text in [
            format!("a = {value}"),
            format!("{value} = a"),
            format!("a < {value}"),
            format!("a BETWEEN :v AND {value}"),
            format!("begins_with(a, {value})"),
        ] {
            assert_eq!(keys(&text), Err(expected.clone()), "{text}");
        }
    }
    let nothing = Placeholders::new(None, None);
    assert!(condition("#a = :v", &nothing, &mut Vec::new()).is_err());
    assert!(condition("a = :v", &nothing, &mut Vec::new()).is_err());
    assert!(projection("a", &nothing, &mut Vec::new()).is_ok());
    for json in ["[]", "\"#a\"", "null", "1"] {
        with(json, json, |placeholders| {
            assert!(projection("#a", &placeholders, &mut Vec::new()).is_err());
            assert!(condition("a = :v", &placeholders, &mut Vec::new()).is_err());
        });
    }
}

#[test]
fn many_placeholders_are_found_as_few_are() {
    for count in [1, 15, 16, 17, 100] {
        let names: Vec<_> = (0..count).map(|i| format!("\"#n{i}\":\"a{i}\"")).collect();
        let values: Vec<_> = (0..count).map(|i| format!("\":v{i}\":{{\"S\":\"{i}\"}}")).collect();
        let (names, values) = (format!("{{{}}}", names.join(",")), values.join(","));
        with(&names, &format!("{{{values}}}"), |placeholders| {
            for i in 0..count {
                let text = format!("#n{i} = :v{i}");
                let mut attributes = Vec::new();
                let equalities = key_condition(&text, &placeholders, &mut attributes).unwrap();
                assert_eq!(attributes, [format!("a{i}")]);
                assert_eq!(equalities[0].1.text(), i.to_string());
            }
            for text in [format!("#n{count}"), "#n".to_owned(), "#n00".to_owned()] {
                assert!(projection(&text, &placeholders, &mut Vec::new()).is_err(), "{text}");
            }
        });
    }
}

#[test]
fn length_and_depth_have_limits() {
    let longest = "a".repeat(4096);
    assert_eq!(attributes(projection, &longest), Ok(longest.clone()));
    for read in [projection as Read, condition, update] {
        assert_eq!(attributes(read, &(longest.clone() + " ")), Err(ExpressionError::TooLong));
    }
    assert_eq!(keys(&" ".repeat(4097)), Err(ExpressionError::TooLong));

    // As programs do that add one term at a time.
    let steps = |count: usize| "(".repeat(count) + "a=:v" + &" OR b=:v)".repeat(count);
    assert!(attributes(condition, &steps(256)).is_ok());
    assert_eq!(attributes(condition, &steps(257)), Err(ExpressionError::TooDeep));

    // Nothing nests deep enough for a small stack.
    let deep = |open: &str| open.repeat(4000 / open.len());
    let small = std::thread::Builder::new().stack_size(512 << 10).spawn(move || {
        for open in ["(", "NOT(", "(NOT "] {
            assert_eq!(attributes(condition, &deep(open)), Err(ExpressionError::TooDeep), "{open}");
        }
        assert_eq!(keys(&deep("(")), Err(ExpressionError::TooDeep));
        for open in ["(", "if_not_exists(a,", "list_append(", "(b+("] {
            let text = format!("SET a={}", deep(open));
            let result = attributes(update, &text);
            assert!(
                matches!(result, Err(ExpressionError::TooDeep | ExpressionError::Syntax { .. })),
                "{open}: {result:?}"
            );
        }
        assert!(attributes(condition, &(deep("NOT ") + "a=:v")).is_ok());
        let path = "a".to_owned() + &".a".repeat(2000);
        assert_eq!(attributes(projection, &path).as_deref(), Ok("a"));
    });
    small.unwrap().join().unwrap();
}

#[test]
fn an_error_says_where() {
    for (text, at) in [("", 0), ("a = ", 4), ("a = b c", 6), ("a ! b", 2), ("é", 0), ("a = é", 4)]
    {
        assert_eq!(attributes(condition, text), Err(ExpressionError::Syntax { at }), "{text}");
    }
    let error = ExpressionError::UnknownName("#x".into());
    assert_eq!(error.to_string(), "the attribute name #x is not defined");
}
