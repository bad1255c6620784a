use ::http::{HeaderMap, HeaderName, HeaderValue, header::COOKIE};

use super::from_http2;
use crate::http::RequestError;

#[test]
fn crumbs_of_cookies_become_one_line() {
    let mut headers = HeaderMap::new();
    for crumb in ["a=1", "b=2; c=3", "d=4"] {
        headers.append(COOKIE, HeaderValue::from_static(crumb));
    }
    from_http2(&mut headers).unwrap();
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
    assert_eq!(from_http2(&mut headers), Ok(()));
    headers.append("x-0", HeaderValue::from_static("z"));
    assert_eq!(from_http2(&mut headers), Err(RequestError::Headers));
}
