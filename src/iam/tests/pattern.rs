use std::time::Duration;

use proptest::prelude::*;

use crate::iam::document::Version;
use crate::iam::pattern::Case;
use crate::iam::scope::{Scope, Unknowns};
use crate::iam::truth::Truth;
use crate::iam::variable::{Template, Wildcards};

fn glob(pattern: &str, text: &str) -> bool {
    let template = Template::parse(pattern, Version::V2008, Wildcards::Active).unwrap();
    template.matches_fixed(text, Case::Sensitive)
}

#[test]
fn stars_and_question_marks() {
    for (pattern, text, matches) in [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("*", "a\nb", true),
        ("?", "", false),
        ("?", "é", true),
        ("?", "\n", true),
        ("??", "é", false),
        ("a*b", "ab", true),
        ("a*b", "a/x/b", true),
        ("a*b", "a/x/bc", false),
        ("*a*b*", "xxaxxbxx", true),
        ("a?c*", "abcd", true),
        ("a**c", "abc", true),
        ("A", "a", false),
        ("a*?b", "ab", false),
        ("*aab", "aaaab", true),
    ] {
        assert_eq!(glob(pattern, text), matches, "{pattern:?} {text:?}");
    }
}

#[test]
fn actions_ignore_ascii_case_only() {
    let template = Template::parse("s3:Get*", Version::V2012, Wildcards::Active).unwrap();
    assert!(template.matches_fixed("S3:gETobject", Case::Ignored));
    let template = Template::parse("s:K", Version::V2012, Wildcards::Active).unwrap();
    // U+212A KELVIN SIGN folds to k in Unicode.
    assert!(!template.matches_fixed("s:\u{212a}", Case::Ignored));
}

/// What this thread has used: other programs don't count.
pub(in crate::iam) fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

/// Backtracking matchers take 2^n steps here, and the better of them n × m.
#[test]
fn adversarial_patterns_take_linear_time() {
    for pattern in [
        format!("{}b", "*a".repeat(1000)),
        format!("{}b", "*".repeat(2000)),
        format!("*{}b*", "a".repeat(1500)),
        format!("*{}b", "a".repeat(1500)),
        format!("{}b", "?*".repeat(1000)),
        format!("{}b", "a*?*".repeat(500)),
        format!("*{}b*", "a".repeat(3) + "?" + &"a".repeat(200)),
    ] {
        // Sixteen times the text takes about sixteen times the time, not 256 times.
        let time = |length: usize| {
            let text = "a".repeat(length);
            let once = || {
                let started = processor_time();
                assert!(!glob(&pattern, &text), "{pattern}");
                processor_time() - started
            };
            (0..5).map(|_| once()).min().unwrap_or_default()
        };
        let (short, long) = (time(16_000), time(256_000));
        let most = short * 64 + Duration::from_millis(2);
        assert!(long < most, "{pattern:.40} {short:?} {long:?}");
    }
}

/// Values of variables are hostile too: a run of several texts is found as one.
#[test]
fn adversarial_values_take_linear_time() {
    let template = "*x${k}${k}y*";
    let template = Template::parse(template, Version::V2012, Wildcards::Active).unwrap();
    let known = super::facts(&[&format!("k={}", "x".repeat(4000))]);
    let none = crate::iam::Facts::new();
    let scope = Scope { check: &known, session: &none, request: &none };
    let text = "x".repeat(1 << 20);
    let started = processor_time();
    let found = template.matches(&text, Case::Sensitive, scope, &mut Unknowns::default());
    assert_eq!(found, Truth::False);
    let took = processor_time() - started;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn runs_between_stars_are_bounded_if_they_have_a_question_mark() {
    let long = "a".repeat(256);
    for (pattern, holds) in [
        (format!("*{long}?*"), false),
        (format!("*?{}*", "a".repeat(255)), true),
        (format!("*{long}*"), true),
        (format!("{long}?*"), true),
        (format!("*{long}?"), true),
        (format!("{long}?"), true),
    ] {
        let template = Template::parse(&pattern, Version::V2012, Wildcards::Active);
        assert_eq!(template.is_ok(), holds, "{pattern}");
    }
}

/// The textbook matcher: one table cell for each prefix of pattern and text.
fn naive(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let mut table = vec![vec![false; text.len() + 1]; pattern.len() + 1];
    table[0][0] = true;
    for p in 1..=pattern.len() {
        for t in 0..=text.len() {
            table[p][t] = match pattern[p - 1] {
                '*' => table[p - 1][t] || (t > 0 && table[p][t - 1]),
                '?' => t > 0 && table[p - 1][t - 1],
                c => t > 0 && text[t - 1] == c && table[p - 1][t - 1],
            };
        }
    }
    table[pattern.len()][text.len()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn agrees_with_the_table(pattern in "[abé*?]{0,14}", text in "[abé]{0,14}") {
        prop_assert_eq!(glob(&pattern, &text), naive(&pattern, &text));
    }
}
