use std::time::Duration;

use ipnet::IpNet;

use super::{Address, PoolId, Region, Size, Span, Text, Url, UrlScheme};
use crate::config::reach::{HostAndPort, HostName, UpstreamUrl};
use crate::config::value::{AccountId, IdentityPoolId, LoadBalancerArn};

#[test]
fn hosts_are_written_as_those_of_requests_are() {
    for (text, host) in [
        ("API.example.com", "api.example.com"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[2001:DB8::0001]", "[2001:db8::1]"),
    ] {
        let Ok(HostName(found)) = HostName::parse(text) else { panic!("{text}") };
        assert_eq!(found, host);
        assert_eq!(found, crate::http::Authority::parse(text).unwrap().host());
    }
    let Ok(HostAndPort(found)) = HostAndPort::parse("[0:0::1]:8443") else { panic!() };
    assert_eq!(found, "[::1]:8443");
}

#[test]
fn an_upstream_that_is_the_gate_itself_is_told() {
    for (listener, upstream, own) in [
        ("127.0.0.1:8080", "http://127.0.0.1:8080", true),
        ("127.0.0.1:8080", "http://localhost:8080", true),
        ("127.0.0.1:8080", "http://127.0.0.1:8081", false),
        ("0.0.0.0:8080", "http://127.0.0.1:8080", true),
        ("0.0.0.0:80", "http://LOCALHOST", true),
        ("[::]:8080", "http://[::1]:8080", true),
        ("[::ffff:127.0.0.1]:8080", "http://127.0.0.1:8080", true),
        ("127.0.0.1:8080", "http://0.0.0.0:8080", true),
        ("0.0.0.0:8080", "http://10.0.0.1:8080", false),
        ("10.0.0.1:8080", "http://10.0.0.1:8080", true),
        ("10.0.0.1:8080", "http://127.0.0.1:8080", false),
        ("10.0.0.1:8080", "http://localhost:8080", false),
        ("0.0.0.0:8080", "http://api.example:8080", false),
        ("unix:/run/p.sock", "unix:/run/p.sock", true),
        ("unix:/run/p.sock", "unix:/run/q.sock", false),
        ("unix:/run/p.sock", "http://127.0.0.1:80", false),
    ] {
        let (at, to) = (Address::parse(listener).unwrap(), UpstreamUrl::parse(upstream).unwrap());
        assert_eq!(to.leads_to(&at), own, "{listener} {upstream}");
    }
}

#[test]
fn addresses() {
    for (text, shown, local) in [
        ("127.0.0.1:80", "127.0.0.1:80", true),
        ("localhost:9901", "127.0.0.1:9901", true),
        ("[::1]:80", "[::1]:80", true),
        ("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", true),
        ("0.0.0.0:8080", "0.0.0.0:8080", false),
        ("10.0.0.1:1", "10.0.0.1:1", false),
        ("unix:/run/p.sock", "unix:/run/p.sock", true),
    ] {
        let address = Address::parse(text).unwrap();
        assert_eq!(address.to_string(), shown);
        assert_eq!(address.is_local(), local, "{text}");
    }
    for text in ["", ":80", "localhost", "example.com:80", "1.2.3.4:70000", "unix:p.sock", "unix:"]
    {
        assert!(Address::parse(text).is_err(), "{text}");
    }
}

#[test]
fn durations_and_sizes() {
    for (text, millis) in
        [("0s", 0), ("10s", 10_000), ("500ms", 500), ("5m", 300_000), ("24h", 86_400_000)]
    {
        assert_eq!(Span::parse(text), Ok(Span(Duration::from_millis(millis))));
    }
    for text in ["", "s", "10", "1.5s", "-1s", "1d", "10 s", "10S", "99999999999999999999s"] {
        assert!(Span::parse(text).is_err(), "{text}");
    }
    assert!(Span::parse("18446744073709551615h").is_err());
    for (text, bytes) in [("0B", 0), ("64KiB", 65_536), ("16MiB", 1 << 24), ("1GiB", 1 << 30)] {
        assert_eq!(Size::parse(text), Ok(Size(bytes)));
    }
    for text in ["", "64", "64K", "64KB", "64kib", "1.5MiB", "18446744073709551615GiB"] {
        assert!(Size::parse(text).is_err(), "{text}");
    }
}

#[test]
fn networks() {
    assert_eq!(IpNet::parse("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
    assert_eq!(IpNet::parse("10.0.0.1").unwrap().to_string(), "10.0.0.1/32");
    assert_eq!(IpNet::parse("::1").unwrap().to_string(), "::1/128");
    let message = IpNet::parse("10.1.0.0/8").unwrap_err();
    assert_eq!(message, "10.1.0.0/8 has bits beyond its prefix; write 10.0.0.0/8");
    assert!(IpNet::parse("10.0.0.0/33").is_err());
    assert!(IpNet::parse("example.com").is_err());
}

#[test]
fn urls() {
    for (text, scheme, host, port, path) in [
        ("https://a.example", UrlScheme::Https, "a.example", 443, ""),
        ("http://A.example:8080/x/y", UrlScheme::Http, "a.example", 8080, "/x/y"),
        ("http://[::1]/", UrlScheme::Http, "::1", 80, "/"),
        ("http://[::1]:99", UrlScheme::Http, "::1", 99, ""),
    ] {
        let url = Url::parse(text).unwrap();
        let found = (url.as_str(), url.scheme(), url.host(), url.port(), url.path());
        assert_eq!(found, (text, scheme, host, port, path));
    }
    for text in [
        "",
        "a.example",
        "ftp://a",
        "https://",
        "https:///x",
        "https://u:secret@a",
        "https://a?q",
        "https://a#f",
        "https://a:99999",
        "https://a b",
        "/x",
    ] {
        let message = Url::parse(text).unwrap_err();
        assert!(!message.contains("secret"), "{message}");
    }
    assert!(Url::parse("http://127.0.0.9").unwrap().is_loopback());
    assert!(Url::parse("http://localhost:1").unwrap().is_loopback());
    assert!(!Url::parse("http://localhost.evil.example").unwrap().is_loopback());
    assert!(Url::parse("http://keys.example").unwrap().demand_trust().is_err());
    assert!(Url::parse("https://keys.example").unwrap().demand_trust().is_ok());
}

#[test]
fn ids() {
    for text in [
        "eu-west-1_Ab12Cd34E",
        "us-gov-west-1_x",
        "eusc-de-east-1_x",
        "cn-north-1_x",
        "us-east-1_Demo00001",
    ] {
        assert!(PoolId::parse(text).is_ok(), "{text}");
    }
    for text in ["", "eu-west-1_", "euwest1_x", "eu-west_x", "eu-west-1_a_b", "EU-west-1_a", "_a"] {
        assert!(PoolId::parse(text).is_err(), "{text}");
    }
    let longest = format!("eu-west-1_{}", "a".repeat(45));
    assert!(PoolId::parse(&longest).is_ok());
    assert!(PoolId::parse(&format!("{longest}a")).is_err());
    assert!(Region::parse("eu-west-1").is_ok());
    assert!(Region::parse("eu-west-1a").is_err());
    assert!(Region::parse("-").is_err());
    assert!(AccountId::parse("123456789012").is_ok());
    assert!(AccountId::parse("12345678901").is_err());
    assert!(IdentityPoolId::parse("us-east-1:00000000-0000-4000-8000-000000000001").is_ok());
    assert!(IdentityPoolId::parse("us-east-1:X").is_err());
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc";
    assert!(LoadBalancerArn::parse(arn).is_ok());
    assert!(LoadBalancerArn::parse(&arn.replace("/app/", "/net/")).is_err());
    assert!(LoadBalancerArn::parse("arn:aws:elasticloadbalancing").is_err());
}
