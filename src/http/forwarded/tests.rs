use std::net::IpAddr;

use ::http::{HeaderMap, HeaderName, HeaderValue, Version};

use super::{TrustedProxies, forwarded, write_address};
use crate::http::{Authority, Peer, Received, RequestError as E, Scheme, receive};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn trusted() -> TrustedProxies {
    TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
}

fn arrive(peer: &str, lines: &[(&str, &[u8])]) -> Result<(Received, HeaderMap), E> {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("a.example"));
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    let trusted = trusted();
    let peer = Peer::new(ip(peer), Scheme::Http, &trusted);
    let received = receive(&mut headers, Version::HTTP_11, peer)?;
    Ok((received, headers))
}

#[test]
fn walks_from_the_right_over_trusted_proxies() {
    let table: [(&str, &[&[u8]], &str, usize); 10] = [
        ("10.0.0.1", &[b"192.0.2.7"], "192.0.2.7", 1),
        ("10.0.0.1", &[b"6.6.6.6, 192.0.2.7"], "192.0.2.7", 1),
        ("10.0.0.1", &[b"6.6.6.6, 192.0.2.7, 10.0.0.2"], "192.0.2.7", 2),
        ("10.0.0.1", &[b"6.6.6.6", b"192.0.2.7", b"10.0.0.2"], "192.0.2.7", 2),
        ("10.0.0.1", &[b"10.0.0.3,10.0.0.2"], "10.0.0.3", 2),
        ("10.0.0.1", &[b"not an address \xff, 192.0.2.7"], "192.0.2.7", 1),
        ("10.0.0.1", &[b"192.0.2.7:5000"], "192.0.2.7", 1),
        ("fd00::1", &[b"[2001:db8::1]:443, [fd00::2]"], "2001:db8::1", 2),
        ("::ffff:10.0.0.1", &[b"::ffff:192.0.2.7"], "192.0.2.7", 1),
        // CVE-2026-40575: nobody else is believed.
        ("192.0.2.9", &[b"10.0.0.9, not an address"], "192.0.2.9", 0),
    ];
    for (peer, lines, client, hops) in table {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        let (received, headers) = arrive(peer, &lines).unwrap();
        assert_eq!(received.client_ip, ip(client), "{lines:?}");
        assert_eq!(received.hops.len(), hops, "{lines:?}");
        assert!(!headers.contains_key("x-forwarded-for"));
    }
}

#[test]
fn refuses_what_a_trusted_proxy_cannot_have_written() {
    let long = ["10.0.0.2"; 40].join(",");
    let table: [&[u8]; 7] =
        [b"", b"unknown", b"192.0.2.7,", b"192.0.2.7, _hidden", b"1.2.3", b"\xff", long.as_bytes()];
    for value in table {
        let refused = arrive("10.0.0.1", &[("x-forwarded-for", value)]);
        assert_eq!(refused.err(), Some(E::Forwarded("X-Forwarded-For")), "{value:?}");
    }
    let table: [(&str, &[&[u8]], E); 6] = [
        ("x-forwarded-proto", &[b"https,http"], E::Forwarded("X-Forwarded-Proto")),
        ("x-forwarded-proto", &[b"gopher"], E::Forwarded("X-Forwarded-Proto")),
        ("x-forwarded-proto", &[b"https", b"https"], E::Repeated("X-Forwarded-Proto")),
        ("x-forwarded-host", &[b"a, b"], E::Forwarded("X-Forwarded-Host")),
        ("x-forwarded-host", &[b"\xff"], E::Forwarded("X-Forwarded-Host")),
        ("x-forwarded-host", &[b"a", b"b"], E::Repeated("X-Forwarded-Host")),
    ];
    for (name, values, error) in table {
        let lines: Vec<_> = values.iter().map(|value| (name, *value)).collect();
        assert_eq!(arrive("10.0.0.1", &lines).err(), Some(error), "{lines:?}");
        assert!(arrive("192.0.2.9", &lines).is_ok(), "not read: {lines:?}");
    }
}

#[test]
fn believes_scheme_and_host_of_trusted_proxies_only() {
    let lines: [(&str, &[u8]); 2] =
        [("x-forwarded-proto", b"HTTPS"), ("x-forwarded-host", b"Public.example")];
    let (received, _) = arrive("10.0.0.1", &lines).unwrap();
    assert_eq!(received.scheme, Scheme::Https);
    assert_eq!(received.forwarded_host, Some(Authority::parse("public.example").unwrap()));
    let (received, _) = arrive("192.0.2.9", &lines).unwrap();
    assert_eq!(received.scheme, Scheme::Http);
    assert_eq!(received.forwarded_host, None);
}

#[test]
fn writes_them_anew() {
    let authority = Authority::parse("a.example:8080").unwrap();
    let (received, mut headers) = arrive("192.0.2.9", &[("x-forwarded-for", b"6.6.6.6")]).unwrap();
    headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6"));
    forwarded(&mut headers, &received, &authority);
    assert_eq!(headers["x-forwarded-for"], "192.0.2.9");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-forwarded-host"], "a.example:8080");

    let lines: [(&str, &[u8]); 3] = [
        ("x-forwarded-for", b"6.6.6.6, 192.0.2.7, 10.0.0.2"),
        ("x-forwarded-proto", b"https"),
        ("x-forwarded-host", b"public.example"),
    ];
    let (received, mut headers) = arrive("10.0.0.1", &lines).unwrap();
    forwarded(&mut headers, &received, &authority);
    assert_eq!(headers["x-forwarded-for"], "192.0.2.7, 10.0.0.2, 10.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers["x-forwarded-host"], "public.example");
}

proptest::proptest! {
    #[test]
    fn an_address_is_written_as_the_library_does(address: IpAddr) {
        let mut written = String::new();
        write_address(address, &mut written);
        proptest::prop_assert_eq!(written, address.to_string());
    }
}
