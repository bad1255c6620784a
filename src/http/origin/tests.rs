use ::http::header::ORIGIN;
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
