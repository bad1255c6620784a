use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::iam::document::Version;
use crate::iam::pattern::Case;
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

/// Backtracking matchers take 2^n steps here, this one n × m.
#[test]
fn adversarial_patterns_take_bounded_time() {
    let text = "a".repeat(4000);
    let started = Instant::now();
    for pattern in [
        format!("{}b", "*a".repeat(1000)),
        format!("{}b", "*".repeat(2000)),
        format!("*{}b", "a".repeat(1500)),
        format!("{}b", "?*".repeat(1000)),
        format!("{}b", "a*?*".repeat(500)),
    ] {
        assert!(!glob(&pattern, &text));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
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
    fn agrees_with_the_table(pattern in "[abé*?]{0,12}", text in "[abé]{0,12}") {
        prop_assert_eq!(glob(&pattern, &text), naive(&pattern, &text));
    }
}
