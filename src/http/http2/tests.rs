use ::http::{HeaderMap, HeaderName, HeaderValue, Uri, header::COOKIE};

use super::from_http2;
use crate::http::RequestError;

#[test]
fn crumbs_of_cookies_become_one_line() {
    let mut headers = HeaderMap::new();
    for crumb in ["a=1", "b=2; c=3", "d=4"] {
        headers.append(COOKIE, HeaderValue::from_static(crumb));
    }
    from_http2(&Uri::default(), &mut headers).unwrap();
    let lines: Vec<&HeaderValue> = headers.get_all(COOKIE).iter().collect();
    assert_eq!(lines, ["a=1; b=2; c=3; d=4"]);
}

#[test]
fn there_are_no_more_headers_than_in_http1() {
    let mut headers = HeaderMap::new();
    for number in 0..100 {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        headers.append(name, HeaderValue::from_static("y"));
    }
    assert_eq!(from_http2(&Uri::default(), &mut headers), Ok(()));
    headers.append("x-0", HeaderValue::from_static("z"));
    assert_eq!(from_http2(&Uri::default(), &mut headers), Err(RequestError::Headers));
}

#[test]
fn the_authority_is_the_host() {
    let uri = Uri::from_static("https://api.example:8443/a");
    let mut headers = HeaderMap::new();
    from_http2(&uri, &mut headers).unwrap();
    assert_eq!(headers["host"], "api.example:8443");
    // One that came is judged beside the authority.
    headers.insert("host", HeaderValue::from_static("other"));
    from_http2(&uri, &mut headers).unwrap();
    assert_eq!(headers["host"], "other");
}
