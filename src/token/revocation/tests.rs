//! What is revoked, and what is wrong with a list.

use proptest::prelude::*;

use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/Reader";

fn list(text: &str) -> RevocationList {
    RevocationList::parse(text).unwrap()
}

fn at(text: &str) -> Option<Time> {
    let rfc3339 = &time::format_description::well_known::Rfc3339;
    Some(Time::from_secs(time::OffsetDateTime::parse(text, rfc3339).unwrap().unix_timestamp()))
}

fn login<'a>() -> LoginFacts<'a> {
    LoginFacts {
        issuer: Some("https://op.example"),
        subject: Some("user-1"),
        jti: Some("j-1"),
        origin_jti: Some("o-1"),
        issued: at("2026-01-01T10:00:00Z"),
    }
}

#[test]
fn a_login_is_revoked_by_any_of_its_marks() {
    for (line, revoked) in [
        (r#"{"jti": "j-1"}"#, true),
        (r#"{"jti": "j-2"}"#, false),
        (r#"{"jti": "o-1"}"#, false),
        (r#"{"origin_jti": "o-1", "note": "stolen phone"}"#, true),
        (r#"{"sub": "user-1", "before": "2026-01-01T10:00:01Z"}"#, true),
        // Issued at that moment: it may be the new one.
        (r#"{"sub": "user-1", "before": "2026-01-01T10:00:00Z"}"#, false),
        (r#"{"sub": "user-1", "before": "2026-01-01T12:00:01+02:00"}"#, true),
        (r#"{"sub": "user-2", "before": "2026-01-01T10:00:01Z"}"#, false),
        (
            r#"{"sub": "user-1", "before": "2026-01-02T00:00:00Z", "issuer": "https://op.example"}"#,
            true,
        ),
        (
            r#"{"sub": "user-1", "before": "2026-01-02T00:00:00Z", "issuer": "https://other"}"#,
            false,
        ),
        (r#"{"jti": "\u006a-1"}"#, true),
        ("", false),
        ("\n  \n", false),
    ] {
        assert_eq!(list(line).has_login(&login()), revoked, "{line}");
    }
}

#[test]
fn what_says_nothing_is_revoked_by_nothing_but_what_says_nothing_of_its_age_is_old() {
    let all = list(&format!(
        "{{\"jti\": \"j-1\"}}\n{{\"origin_jti\": \"o-1\"}}\n{{\"sub\": \"user-1\", \"before\": \"2020-01-01T00:00:00Z\"}}\n{{\"role\": \"{ROLE}\", \"before\": \"2020-01-01T00:00:00Z\"}}\n"
    ));
    assert!(!all.has_login(&LoginFacts::default()));
    let ageless = LoginFacts { subject: Some("user-1"), ..LoginFacts::default() };
    assert!(all.has_login(&ageless));
    assert!(all.has_session(ROLE, None));
    assert!(!all.has_session(ROLE, at("2020-01-01T00:00:00Z")));
    assert!(all.has_session(ROLE, at("2019-12-31T23:59:59Z")));
    assert!(!all.has_session("arn:aws:iam::123456789012:role/Other", None));
    assert_eq!(all.counts(), [("jti", 1), ("origin_jti", 1), ("sub", 1), ("role", 1)]);
}

#[test]
fn of_several_moments_the_latest_counts() {
    let line = |day| format!("{{\"sub\": \"user-1\", \"before\": \"2026-01-{day}T00:00:00Z\"}}\n");
    for text in [line("02") + &line("01"), line("01") + &line("02")] {
        assert!(list(&text).has_login(&login()), "{text}");
        assert_eq!(list(&text).counts()[2], ("sub", 1));
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (line, column, message) in [
        ("{", 1, "EOF while parsing an object"),
        (r#"["jti"]"#, 1, ""),
        (r#"{"jti": 1}"#, 9, "invalid type"),
        (r#"{"jit": "j"}"#, 6, "unknown field `jit`"),
        (r#"{"jti": "a", "jti": "b"}"#, 18, "duplicate field `jti`"),
        (r#"{"jti": "a"} {"jti": "b"}"#, 14, "trailing characters"),
        (r#"{"jti": "a", "sub": "b"}"#, 1, "must have exactly one of"),
        ("{}", 1, "must have exactly one of"),
        (r#"{"sub": "b"}"#, 1, "needs `before`"),
        (r#"{"jti": "b", "before": "2026-01-01T00:00:00Z"}"#, 1, "`before` goes with"),
        (r#"{"sub": "b", "before": "yesterday"}"#, 1, "`before` must be a moment"),
        (r#"{"sub": "b", "before": "2026-01-01"}"#, 1, "`before` must be a moment"),
        (r#"{"jti": ""}"#, 1, "an empty value"),
        (
            r#"{"role": "Reader", "before": "2026-01-01T00:00:00Z"}"#,
            1,
            "`role` must be a role's ARN",
        ),
        (
            r#"{"role": "arn:aws:iam::123456789012:role/A", "issuer": "x", "before": "2026-01-01T00:00:00Z"}"#,
            1,
            "a role has no issuer",
        ),
    ] {
        let errors =
            RevocationList::parse(&format!("{{\"jti\": \"fine\"}}\n\n{line}\n")).unwrap_err();
        let [error] = errors.as_slice() else { panic!("{line}: {errors:?}") };
        assert_eq!(error.line, 3, "{line}");
        assert!(error.message.contains(message), "{line}: {}", error.message);
        if !message.is_empty() {
            assert!(error.column.abs_diff(column) <= 3, "{line}: {error:?}");
        }
    }
}

#[test]
fn the_list_and_its_errors_are_bounded() {
    let lines =
        |count: usize| (0..count).map(|n| format!("{{\"jti\":\"{n}\"}}\n")).collect::<String>();
    assert_eq!(list(&lines(100_000)).counts()[0], ("jti", 100_000));
    let errors = RevocationList::parse(&lines(100_001)).unwrap_err();
    assert_eq!(errors[0].line, 100_001);
    assert!(errors[0].message.contains("more than 100000 entries"), "{}", errors[0].message);
    assert_eq!(RevocationList::parse(&"x\n".repeat(1000)).unwrap_err().len(), 20);
}

#[test]
fn a_list_is_replaced_while_it_is_in_force() {
    let now = Time::from_secs(1);
    let revocations = Revocations::new("list".into(), RevocationList::default(), now);
    assert!(!revocations.has_login(&login()));
    revocations.refuse();
    assert!(revocations.is_refused());
    assert_eq!(revocations.confirmed(), now);
    revocations.replace(list(r#"{"jti": "j-1"}"#), Time::from_secs(2));
    assert!(revocations.has_login(&login()));
    assert!(!revocations.is_refused());
    assert_eq!(revocations.confirmed(), Time::from_secs(2));
    revocations.replace(RevocationList::default(), Time::from_secs(3));
    assert!(!revocations.has_login(&login()));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = RevocationList::parse(&text);
    }

    #[test]
    fn an_id_is_found_whatever_it_is(id in "\\PC{1,60}") {
        let line = serde_json::json!({ "jti": id }).to_string();
        let revoked = LoginFacts { jti: Some(&id), ..LoginFacts::default() };
        prop_assert!(list(&line).has_login(&revoked));
    }
}
