//! Addresses, `Host`, and what failures are called; forwarding itself is tested over sockets.

use std::collections::HashSet;

use super::{ForwardError, HostHeader, Place, Upstream, origin::Address};

fn at(host: &str, port: u16) -> Upstream {
    Upstream::new("u", Place::Tcp(host.to_owned(), port), None, HostHeader::Keep)
}

#[test]
fn an_address_needs_no_look_up_and_a_name_has_none_before() {
    for (host, shown) in [("127.0.0.1", "127.0.0.1:81"), ("::1", "[::1]:81")] {
        let upstream = at(host, 81);
        let address = Address::Tcp(shown.parse().unwrap());
        assert_eq!(upstream.addresses(), std::slice::from_ref(&address));
        assert!(upstream.has(&address));
        assert!(!upstream.has(&Address::Tcp("127.0.0.1:82".parse().unwrap())));
    }
    assert!(at("orders.example", 81).addresses().is_empty());
    let path = std::path::PathBuf::from("/run/api.sock");
    let unix = Upstream::new("u", Place::Unix(path.clone()), None, HostHeader::Keep);
    assert_eq!(unix.addresses(), [Address::Unix(path)]);
}

#[tokio::test]
async fn a_look_up_that_fails_leaves_what_was_known() {
    let local = at("localhost", 81);
    local.resolve().await.unwrap();
    let known: HashSet<String> =
        local.addresses().iter().map(|address| format!("{address:?}")).collect();
    assert!(known.iter().any(|address| address.contains(":81")), "{known:?}");
    // Whose turn it is changes, the addresses don't.
    for _ in 0..3 {
        let again = local.addresses();
        assert_eq!(again.len(), known.len());
        assert!(again.iter().all(|address| local.has(address)));
    }
    let fixed = at("127.0.0.1", 81);
    fixed.resolve().await.unwrap();
    assert_eq!(fixed.addresses().len(), 1);
    // No such name can be (RFC 6761 §6.4).
    let nowhere = at("nowhere.invalid", 81);
    assert!(nowhere.resolve().await.is_err());
    assert!(nowhere.addresses().is_empty());
}

#[test]
fn every_upstream_is_one_of_its_own() {
    assert_ne!(at("127.0.0.1", 81).serial, at("127.0.0.1", 81).serial);
}

#[test]
fn a_host_that_cannot_stand_in_a_header_is_not_sent() {
    assert!(matches!(HostHeader::rewrite("a.example:81"), HostHeader::Rewrite(_)));
    assert_eq!(HostHeader::rewrite("a\r\nx: y"), HostHeader::Keep);
}

#[test]
fn failures_tell_callers_nothing_of_the_upstream() {
    let io = || std::io::Error::other("10.1.2.3 refused");
    for (error, reason, status) in [
        (ForwardError::NoAddress, "upstream_no_address", 502),
        (ForwardError::Connect(io()), "upstream_unreachable", 502),
        (ForwardError::Tls(io()), "upstream_tls", 502),
        (ForwardError::ConnectTimeout, "upstream_connect_timeout", 504),
        (ForwardError::AnswerTimeout, "upstream_timeout", 504),
        (ForwardError::CallerBody, "request_body_broken", 400),
        (ForwardError::Unsendable, "request_unsendable", 400),
    ] {
        assert_eq!((error.reason(), error.status().as_u16()), (reason, status));
        assert!(!error.detail().contains("10.1.2.3"));
    }
}
