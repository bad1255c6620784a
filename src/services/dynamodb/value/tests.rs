use proptest::prelude::*;

use super::*;

fn text(json: &str) -> Option<String> {
    let json = Json::parse(json.as_bytes()).unwrap();
    Scalar::of(&json).map(|scalar| scalar.text().to_owned())
}

#[test]
fn keys_are_strings_numbers_and_bytes() {
    for (json, expected) in [
        (r#"{"S":"a"}"#, Some("a")),
        (r#"{"S":" a "}"#, Some(" a ")),
        (r#"{"N":"1.0"}"#, Some("1")),
        (r#"{"B":"AQ=="}"#, Some("AQ==")),
        (r#"{"S":""}"#, None),
        (r#"{"B":""}"#, None),
        (r#"{"B":"AQ"}"#, None),
        (r#"{"B":"AR=="}"#, None),
        (r#"{"N":1}"#, None),
        (r#"{"S":1}"#, None),
        (r#"{"s":"a"}"#, None),
        (r#"{"S":"a","N":"1"}"#, None),
        (r#"{"BOOL":true}"#, None),
        (r#"{"SS":["a"]}"#, None),
        (r#"{}"#, None),
        (r#""a""#, None),
    ] {
        assert_eq!(text(json).as_deref(), expected, "{json}");
    }
}

#[test]
fn a_number_has_one_form() {
    for (written, canonical) in [
        ("1", "1"),
        ("01", "1"),
        ("+1", "1"),
        ("1.0", "1"),
        ("1e0", "1"),
        ("10E-1", "1"),
        ("0.1e1", "1"),
        ("-1.50", "-1.5"),
        ("0", "0"),
        ("-0", "0"),
        ("0e5", "0"),
        ("0.000", "0"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("12.34e1", "123.4"),
        ("12.34e-3", "0.01234"),
        ("1e-3", "0.001"),
        ("10000000000000000000000000000000000001", "10000000000000000000000000000000000001"),
    ] {
        assert_eq!(canonical_number(written).as_deref(), Some(canonical), "{written}");
    }
    assert_eq!(canonical_number("1e125").map(|n| n.len()), Some(126));
    assert_eq!(canonical_number("1e-130").map(|n| n.len()), Some(132));
}

#[test]
fn a_number_that_a_table_could_round_is_none() {
    for written in [
        "",
        "-",
        ".",
        "e1",
        "1e",
        "1e+",
        "1 ",
        " 1",
        "1_000",
        "0x1",
        "NaN",
        "Infinity",
        "--1",
        "1.2.3",
        "1e1.5",
        "1e126",
        "1e-131",
        "1e9999999",
        "100000000000000000000000000000000000001.5",
        "1.00000000000000000000000000000000000001",
    ] {
        assert_eq!(canonical_number(written), None, "{written}");
    }
}

proptest! {
    /// However it is written, a number is the same key.
    #[test]
    fn every_spelling_is_the_same_key(digits in 1u64..1_000_000_000, shift in -20i32..20, zeros in 0usize..5) {
        let plain = canonical_number(&format!("{digits}e{shift}")).unwrap();
        let padded = format!("{}{digits}{}E{}", "0".repeat(zeros), "0".repeat(zeros), shift - zeros as i32);
        let pointed = format!("{digits}.{}e{shift}", "0".repeat(zeros));
        prop_assert_eq!(canonical_number(&padded).unwrap(), plain.clone());
        prop_assert_eq!(canonical_number(&pointed).unwrap(), plain.clone());
        prop_assert_eq!(canonical_number(&plain).unwrap(), plain);
    }

    #[test]
    fn nothing_panics(text in ".{0,40}") {
        let _ = canonical_number(&text);
    }
}
