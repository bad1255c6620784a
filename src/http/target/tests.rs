use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::{MAX_LENGTH, Target, TargetError, TargetMode};
use crate::http::RawTarget;

fn strict(raw: &str) -> Result<Target, TargetError> {
    Target::parse(raw, TargetMode::Strict)
}

#[test]
fn parameters_are_taken_out_by_their_decoded_names_and_the_rest_stays() {
    for (target, left) in [
        ("/a%62", "/a%62"),
        ("/a?", "/a?"),
        ("/a?x", "/a"),
        ("/a?x=1&x", "/a"),
        ("/a%62?b=%31&x=1&&c+d=&X=2", "/a%62?b=%31&&c+d=&X=2"),
        ("/a?%78=1&y=x", "/a?y=x"),
    ] {
        let parsed = Target::parse(target, TargetMode::Strict).unwrap();
        let path = parsed.canonical_path().to_owned();
        let found = parsed.without(|name| name == "x").unwrap();
        assert_eq!(found.path_and_query().as_str(), left, "{target}");
        assert_eq!(found.canonical_path(), path, "{target}");
    }
}

#[test]
fn refuses_every_ambiguous_spelling() {
    use TargetError as E;
    let table = [
        // CVE-2019-9901, CVE-2026-33494: dot segments.
        ("/info/../private", E::DotSegment),
        ("/..", E::DotSegment),
        ("/a/.", E::DotSegment),
        ("/./a", E::DotSegment),
        ("/a/%2e%2e/b", E::DotSegment),
        ("/a/.%2E/b", E::DotSegment),
        ("/a/%2e", E::DotSegment),
        // Calico #12531: double encoding.
        ("/a/%252e%252e/b", E::DoubleEncoding),
        ("/a/%25%32%65/b", E::DoubleEncoding),
        ("/%2561dmin", E::DoubleEncoding),
        ("/%25252f", E::DoubleEncoding),
        ("/%25u002f", E::DoubleEncoding),
        // CVE-2021-29492: encoded separators.
        ("/a%2fb", E::EncodedSlash),
        ("/a%2Fb", E::EncodedSlash),
        ("/a%5cb", E::Backslash),
        ("/a%5Cb", E::Backslash),
        ("/a\\b", E::Backslash),
        ("http://h\\a", E::Form),
        ("/a?x=\\", E::Backslash),
        // CVE-2026-26205: // as an authority.
        ("//a", E::EmptySegment),
        ("/a//b", E::EmptySegment),
        ("/a//", E::EmptySegment),
        // CVE-2026-73553: matrix parameters.
        ("/a;x=1/b", E::MatrixParameter),
        ("/a%3bx", E::MatrixParameter),
        ("/..;/a", E::MatrixParameter),
        // GHSA-fvhj: # becomes %23.
        ("/a#b", E::Fragment),
        ("/a%23b", E::Fragment),
        ("/a%3Fb", E::Fragment),
        ("/a?b#c", E::Fragment),
        // NUL and controls.
        ("/a%00", E::Nul),
        ("/a?b=%00", E::Nul),
        ("/a%0ab", E::Control),
        ("/a%7f", E::Control),
        ("/a\u{1}", E::Control),
        ("/a\t", E::Control),
        ("/a?b=\r\n", E::Control),
        ("/a%C2%85", E::Control),
        // Bad escapes.
        ("/a%", E::Escape),
        ("/a%2", E::Escape),
        ("/a%zz", E::Escape),
        ("/a%u0061", E::Escape),
        ("/a?b=%", E::Escape),
        ("/a?b=%g0", E::Escape),
        // CVE-2008-2938: overlong UTF-8.
        ("/a/%c0%ae%c0%ae/b", E::Encoding),
        ("/%ff", E::Encoding),
        ("/a?b=%ff", E::Encoding),
        ("/é", E::NonAscii),
        ("/a?é", E::NonAscii),
        ("/a b", E::Character),
        ("/a{b}", E::Character),
        ("/a\"", E::Character),
        ("/a?<b>", E::Character),
        // Forms other than origin and absolute.
        ("", E::Form),
        ("*", E::Form),
        ("a/b", E::Form),
        ("?a", E::Form),
        ("ftp://h/a", E::Form),
        ("example.com:443", E::Form),
        ("http://h?a", E::Form),
    ];
    for (raw, expected) in table {
        assert_eq!(strict(raw), Err(expected), "{raw:?}");
    }
}

#[test]
fn caps_the_length() {
    let fits = format!("/{}", "a".repeat(MAX_LENGTH - 1));
    assert!(strict(&fits).is_ok());
    let long = format!("{fits}a");
    assert_eq!(strict(&long), Err(TargetError::TooLong));
    assert_eq!(TargetError::TooLong.status(), 414);
    assert_eq!(TargetError::Nul.status(), 400);
    let uri: ::http::Uri = long.parse().unwrap();
    assert_eq!(RawTarget::of(&uri), Err(TargetError::TooLong));
}

#[test]
fn keeps_the_raw_bytes_and_decodes_once() {
    let table = [
        ("/", "/"),
        ("/orders/1", "/orders/1"),
        ("/orders/", "/orders/"),
        ("/%6frders/%31", "/orders/1"),
        ("/a%20b/%C3%A9", "/a b/é"),
        ("/100%25", "/100%"),
        ("/$default/@connections/x=1,2", "/$default/@connections/x=1,2"),
        ("/.well-known/...", "/.well-known/..."),
        ("/f[0]|1", "/f[0]|1"),
        ("/%2a", "/*"),
    ];
    for (raw, canonical) in table {
        let with_query = format!("{raw}?q=%2F%5c&f[a]=../..//;x");
        let target = strict(&with_query).unwrap();
        assert_eq!(target.path(), raw);
        assert_eq!(target.canonical_path(), canonical);
        assert_eq!(target.query(), Some("q=%2F%5c&f[a]=../..//;x"));
        assert_eq!(target.path_and_query().as_str(), with_query);
    }
}

#[test]
fn takes_the_path_of_an_absolute_form() {
    let target = strict("HTTP://api.example.com:80/orders?x=1").unwrap();
    assert_eq!(target.path_and_query().as_str(), "/orders?x=1");
    assert_eq!(strict("http://api.example.com").unwrap().path(), "/");
    let uri = "http://api.example.com/orders?x=1".parse().unwrap();
    assert_eq!(RawTarget::of(&uri).unwrap().strict().unwrap(), target);
    let connect = "api.example.com:443".parse().unwrap();
    assert_eq!(RawTarget::of(&connect), Err(TargetError::Form));
}

#[test]
fn splits_segments_and_pairs() {
    let target = strict("/a/%62%20c/?x=1&y=a+b%2B&&z&x=%C3%A9").unwrap();
    assert_eq!(target.segments().collect::<Vec<_>>(), ["a", "b c", ""]);
    let pairs: Vec<_> = target.query_pairs().collect();
    let expected = [("x", "1"), ("y", "a b+"), ("z", ""), ("x", "é")];
    assert_eq!(pairs.len(), expected.len());
    for ((name, value), (n, v)) in pairs.iter().zip(expected) {
        assert_eq!((name.as_ref(), value.as_ref()), (n, v));
    }
    assert_eq!(strict("/").unwrap().query_pairs().count(), 0);
}

/// Text made of the pieces that matter.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/".to_owned()),
        Just("%".to_owned()),
        Just("%2".to_owned()),
        Just("%25".to_owned()),
        Just("%2e".to_owned()),
        Just("2e".to_owned()),
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just(";".to_owned()),
        Just("?".to_owned()),
        Just("\\".to_owned()),
        "[a-z0-9]{1,3}",
        "%[0-9a-f]{2}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// Every spelling of a path that a sane upstream takes for the same: each byte but `/` and `%`
/// raw or as an escape in either case.
fn respell(path: &str, choices: &[u8]) -> String {
    let mut out = String::new();
    for (index, byte) in path.bytes().enumerate() {
        let choice = choices[index % choices.len()];
        let raw = byte.is_ascii_alphanumeric() && choice.is_multiple_of(3);
        match byte {
            b'/' => out.push('/'),
            _ if raw => out.push(char::from(byte)),
            _ if choice.is_multiple_of(2) => out.push_str(&format!("%{byte:02x}")),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn parsing_is_total(raw in any::<String>()) {
        let _ = strict(&raw);
    }

    #[test]
    fn accepted_targets_hold_the_invariants(raw in hostile()) {
        if let Ok(target) = strict(&raw) {
            prop_assert_eq!(target.path_and_query().as_str(), &raw);
            let mut path = target.path().to_owned();
            for _ in 0..4 {
                prop_assert!(path.starts_with('/'));
                prop_assert!(!path.contains("//"));
                prop_assert!(!path.contains(['\\', ';', '#', '?', '\0']));
                prop_assert!(!path.split('/').any(|s| s == "." || s == ".."));
                path = percent_decode_str(&path).decode_utf8_lossy().into_owned();
            }
            // Decoding more than once changes nothing.
            prop_assert_eq!(target.canonical_path(), path);
            prop_assert_eq!(strict(target.path_and_query().as_str()), Ok(target));
        }
    }

    #[test]
    fn respelling_never_changes_what_is_authorized(
        raw in hostile(),
        choices in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        if let Ok(target) = strict(&raw)
            && let Ok(respelt) = strict(&respell(target.canonical_path(), &choices))
        {
            prop_assert_eq!(respelt.canonical_path(), target.canonical_path());
        }
    }

    #[test]
    fn ordinary_paths_survive_respelling(
        path in "(/[a-z0-9é ]{1,6}){1,4}/?",
        choices in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        let target = strict(&respell(&path, &choices)).unwrap();
        prop_assert_eq!(target.canonical_path(), path);
    }
}
