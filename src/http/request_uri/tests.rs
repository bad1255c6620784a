use proptest::prelude::*;

use super::RequestUri;
use crate::http::{Authority, Scheme};

fn of(scheme: Scheme, authority: &str, path: &str) -> RequestUri {
    RequestUri::new(scheme, &Authority::parse(authority).unwrap(), path)
}

#[test]
fn spellings_of_one_uri_are_equal() {
    let request = of(Scheme::Https, "api.example", "/a%2fb/~c");
    for text in [
        "https://api.example/a%2Fb/~c",
        "HTTPS://API.Example:443/a%2fb/%7Ec",
        "https://api.example./a%2fb/%7ec?query#fragment",
        "https://api.example/a%2fb/%7e%63#fragment?",
    ] {
        assert_eq!(RequestUri::parse(text), Some(request.clone()), "{text}");
    }
    assert_eq!(RequestUri::parse("http://[::1]:80"), Some(of(Scheme::Http, "[0::1]", "/")));
    assert_eq!(RequestUri::parse("http://a?x"), Some(of(Scheme::Http, "a:80", "/")));
}

#[test]
fn other_uris_are_not() {
    let request = of(Scheme::Https, "api.example", "/a/b");
    for text in [
        "http://api.example/a/b",
        "https://api.example:8443/a/b",
        "https://api.example/a/b/",
        "https://api.example/a/B",
        "https://api.example/a%2Fb",
        "https://api.example/a//b",
        "https://api.example/a/./b",
        "https://api.example/c/../a/b",
        "https://api.example/a/b%",
        "https://api.example/a/%zz",
        "https://other.example/a/b",
    ] {
        assert_ne!(RequestUri::parse(text).unwrap(), request, "{text}");
    }
    for text in [
        "",
        "/a/b",
        "//api.example/a/b",
        "api.example/a/b",
        "ftp://api.example/a/b",
        "https://user@api.example/a/b",
        "https:///a/b",
        "https://api.example:/a/b",
        "https://api.example,other/a/b",
    ] {
        assert_eq!(RequestUri::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_normalising_twice_changes_nothing(path in "(/[a%0-9A-Fa-f~é]{0,8}){0,4}") {
        let once = of(Scheme::Http, "a", &path);
        let again = of(Scheme::Http, "a", &once.path);
        // A decoded character may be the first of what then reads like an escape, but never a `%`.
        prop_assert_eq!(once.path.matches('%').count(), path.matches('%').count() - decoded(&path));
        prop_assert!(again.path.len() <= once.path.len());
        let _ = RequestUri::parse(&format!("http://a{path}"));
        let _ = RequestUri::parse(&path);
    }
}

/// How many escapes of unreserved characters `path` has.
fn decoded(path: &str) -> usize {
    let escapes = path.split('%').skip(1).filter_map(|part| part.get(..2));
    let bytes = escapes.filter_map(|digits| u8::from_str_radix(digits, 16).ok());
    bytes.filter(|b| b.is_ascii_alphanumeric() || b"-._~".contains(b)).count()
}
