//! What a record keeps of a request.

use std::net::{IpAddr, Ipv4Addr};

use ::http::Request;

use super::{Asked, capped};
use crate::clock::Time;

fn asked(target: &str) -> Asked<'static> {
    let request = Request::builder().uri(target).header("host", "a:b@gate").body(()).unwrap();
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Asked::of(&request.into_parts().0, peer, Time::from_secs(0)).into_owned()
}

#[test]
fn a_record_has_the_beginning_of_a_long_path_and_no_query() {
    assert_eq!(asked("/orders/1?secret").path, "/orders/1");
    assert_eq!(asked("/orders/1").host, "gate");
    let long = format!("/{}", "x".repeat(32 << 10));
    assert_eq!(Some(&*asked(&long).path), long.get(..1024));
}

/// HTTP/2 has no `Host`: the two tell the same.
#[test]
fn an_authority_is_a_host_with_its_port() {
    let request = Request::builder().uri("https://a:b@gate:8443/orders").body(()).unwrap();
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let asked = Asked::of(&request.into_parts().0, peer, Time::from_secs(0)).into_owned();
    assert_eq!(asked.host, "gate:8443");
}

#[test]
fn texts_are_cut_between_characters() {
    for (limit, kept) in [(0, ""), (1, "a"), (2, "a"), (3, "aé"), (4, "aéb"), (9, "aéb")] {
        assert_eq!(capped("aéb", limit), kept, "{limit}");
    }
}
