use ::http::header::{ORIGIN, SEC_WEBSOCKET_VERSION};
use ::http::{HeaderMap, HeaderValue, Method};

use super::{Origin, check_origin};
use crate::http::{Authority, RequestError as E, Scheme, Upgrade};

fn check(method: Method, upgrade: Option<Upgrade>, origins: &[&str]) -> Result<(), E> {
    let mut headers = HeaderMap::new();
    for origin in origins {
        headers.append(ORIGIN, HeaderValue::from_str(origin).unwrap());
    }
    let own = Origin::new(Scheme::Https, &Authority::parse("api.example").unwrap());
    let listed = [Origin::parse("http://localhost:3000").unwrap()];
    check_origin(&method, upgrade, &headers, &own, &listed)
}

#[test]
fn asks_unsafe_methods_and_handshakes_for_their_origin() {
    let websocket = Some(Upgrade::WebSocket);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert_eq!(check(method, None, &["https://evil.example"]), Ok(()));
    }
    for good in ["https://api.example", "https://API.example:443", "http://localhost:3000"] {
        assert_eq!(check(Method::POST, None, &[good]), Ok(()), "{good}");
        assert_eq!(check(Method::GET, websocket, &[good]), Ok(()), "{good}");
    }
    let bad: [&[&str]; 9] = [
        &[],
        &["null"],
        &[""],
        &["http://api.example"],
        &["https://api.example:444"],
        &["https://api.example.evil"],
        &["https://api.example/"],
        &["https://u@api.example"],
        &["https://api.example", "https://api.example"],
    ];
    for origins in bad {
        assert_eq!(check(Method::DELETE, None, origins), Err(E::Origin), "{origins:?}");
        assert_eq!(check(Method::GET, websocket, origins), Err(E::Origin), "{origins:?}");
    }
}

/// A sub-request of nginx, Traefik or Caddy has the handshake's own headers, and no `Upgrade`.
#[test]
fn knows_a_handshake_whose_upgrade_stays_with_the_proxy() {
    let own = Origin::new(Scheme::Https, &Authority::parse("api.example").unwrap());
    let check = |origin: &'static str| {
        let headers = HeaderMap::from_iter([
            (ORIGIN, HeaderValue::from_static(origin)),
            (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
        ]);
        check_origin(&Method::GET, None, &headers, &own, &[])
    };
    assert_eq!(check("https://evil.example"), Err(E::Origin));
    assert_eq!(check("https://api.example"), Ok(()));
}
