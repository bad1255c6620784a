use ::http::header::HOST;
use ::http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::Authority;
use crate::http::RequestError as E;

fn of(uri: &str, hosts: &[&[u8]]) -> Result<Authority, E> {
    let mut headers = HeaderMap::new();
    for host in hosts {
        headers.append(HOST, HeaderValue::from_bytes(host).unwrap());
    }
    Authority::of(&uri.parse().unwrap(), &headers)
}

#[test]
fn parses_to_canonical_form() {
    let table = [
        ("Api.Example.COM", "api.example.com", None),
        ("api.example.com.", "api.example.com", None),
        ("api.example.com.:8080", "api.example.com", Some(8080)),
        ("127.0.0.1:080", "127.0.0.1", Some(80)),
        ("my_service:3000", "my_service", Some(3000)),
        ("[0:0::1]:443", "[::1]", Some(443)),
        ("[::1]", "[::1]", None),
    ];
    for (text, host, port) in table {
        let authority = Authority::parse(text).unwrap();
        assert_eq!((authority.host(), authority.port()), (host, port), "{text}");
        assert_eq!(Authority::parse(authority.as_str()), Ok(authority));
    }
}

#[test]
fn refuses_what_is_no_host() {
    let long = "a".repeat(260);
    let table = [
        "", ":80", ".", "a..b", ".a", "a:", "a:x", "a:+80", "a:65536", "a:80:80", "u@a", "u:p@a",
        "a/b", "a\\b", "a b", " a", "a,b", "a%41", "a#", "a?b", "[::1", "::1", "[::1]x", "[a]",
        "é", &long,
    ];
    for text in table {
        assert_eq!(Authority::parse(text), Err(E::HostInvalid), "{text:?}");
    }
}

#[test]
fn takes_exactly_one_host_that_agrees_with_the_target() {
    // CVE-2026-57209: the Host that decides must be the Host that is forwarded.
    assert_eq!(of("/x", &[b"A.example"]).unwrap().as_str(), "a.example");
    assert_eq!(of("http://a.example/x", &[]).unwrap().as_str(), "a.example");
    assert_eq!(of("http://a.example/x", &[b"a.example:80"]).unwrap().port(), Some(80));
    assert_eq!(of("/x", &[]), Err(E::HostMissing));
    assert_eq!(of("/x", &[b"a", b"a"]), Err(E::Repeated("Host")));
    assert_eq!(of("/x", &[b"\xff"]), Err(E::NotAscii("Host")));
    assert_eq!(of("/x", &[b"a@b"]), Err(E::HostInvalid));
    assert_eq!(of("http://a.example/x", &[b"b.example"]), Err(E::HostDisagrees));
    assert_eq!(of("http://a.example/x", &[b"a.example:81"]), Err(E::HostDisagrees));
    assert_eq!(of("https://a.example/x", &[b"a.example:80"]), Err(E::HostDisagrees));
    assert_eq!(of("http://user@a.example/x", &[b"a.example"]), Err(E::HostInvalid));
}

proptest! {
    #[test]
    fn parsing_is_total_and_idempotent(text in any::<String>()) {
        if let Ok(authority) = Authority::parse(&text) {
            prop_assert_eq!(Authority::parse(authority.as_str()), Ok(authority));
        }
    }
}
