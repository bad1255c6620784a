use proptest::prelude::*;

use super::{SpiffeError as E, SpiffeId};

#[test]
fn ids_of_the_specification_are_read() {
    for text in [
        "spiffe://example.org",
        "spiffe://staging.example.com/payments/mysql",
        "spiffe://k8s-west.example.com/ns/staging/sa/default",
        "spiffe://example.com/9eebccd2-12bf-40a6-b262-65fe0487d453",
        "spiffe://a_b/A.B-C_d/...",
    ] {
        assert_eq!(SpiffeId::parse(text).unwrap().as_str(), text);
    }
    let longest = format!("spiffe://a/{}", "b".repeat(2037));
    assert_eq!(longest.len(), 2048);
    assert_eq!(SpiffeId::parse(&longest).unwrap().to_string(), longest);
}

#[test]
fn whatever_breaks_a_rule_is_refused() {
    let domain = format!("spiffe://{}/a", "a".repeat(256));
    let long = format!("spiffe://a/{}", "b".repeat(2038));
    for (text, error) in [
        ("", E::Scheme),
        ("spiffe:/a", E::Scheme),
        ("SPIFFE://a", E::Scheme),
        ("https://a/b", E::Scheme),
        ("spiffe://", E::TrustDomain),
        ("spiffe:///a", E::TrustDomain),
        ("spiffe://Example.org/a", E::TrustDomain),
        ("spiffe://a:80/a", E::TrustDomain),
        ("spiffe://user@a/a", E::TrustDomain),
        ("spiffe://a?b", E::TrustDomain),
        ("spiffe://é/a", E::TrustDomain),
        (&domain, E::TrustDomain),
        ("spiffe://a/", E::Path),
        ("spiffe://a/b/", E::Path),
        ("spiffe://a//b", E::Path),
        ("spiffe://a/./b", E::Path),
        ("spiffe://a/b/..", E::Path),
        ("spiffe://a/%62", E::Path),
        ("spiffe://a/b?c", E::Path),
        ("spiffe://a/b#c", E::Path),
        ("spiffe://a/b c", E::Path),
        ("spiffe://a/é", E::Path),
        (&long, E::TooLong),
    ] {
        assert_eq!(SpiffeId::parse(text), Err(error), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_read_is_kept_as_it_is(text in "(spiffe://)?[a-zA-Z0-9./_%:@?é-]{0,40}") {
        if let Ok(id) = SpiffeId::parse(&text) {
            prop_assert_eq!(id.as_str(), text.as_str());
            prop_assert!(text.is_ascii() && !text.contains(['%', '@', '?', ' ']));
        }
    }
}
