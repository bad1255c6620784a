use std::net::IpAddr;

use super::*;

fn admits(sources: &[&str], address: Option<&str>) -> bool {
    let address = address.map(|text| text.parse::<IpAddr>().unwrap());
    sources.iter().any(|text| Source::parse(text).unwrap().contains(address))
}

#[test]
fn a_source_is_a_network_or_unix_sockets() {
    assert!(admits(&["10.0.0.0/8"], Some("10.1.2.3")));
    assert!(admits(&["10.0.0.0/8"], Some("::ffff:10.1.2.3")), "IPv4 in IPv6");
    assert!(!admits(&["10.0.0.0/8"], Some("11.1.2.3")));
    assert!(!admits(&["10.0.0.0/8"], None));
    assert!(admits(&["unix"], None));
    assert!(!admits(&["unix"], Some("127.0.0.1")));
    assert!(admits(&["::1"], Some("::1")));
    for wrong in ["", "Unix", "10.0.0.1/8", "localhost", "10.0.0.0/33"] {
        assert!(Source::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn this_machine_may_ask_if_nobody_is_named() {
    let sources: Vec<Source> = local().into_iter().map(|source| source.value).collect();
    for (address, wanted) in [
        (Some("127.0.0.1"), true),
        (Some("127.8.8.8"), true),
        (Some("::1"), true),
        (None, true),
        (Some("10.0.0.1"), false),
        (Some("::2"), false),
    ] {
        let address = address.map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(sources.iter().any(|source| source.contains(address)), wanted, "{address:?}");
    }
}
