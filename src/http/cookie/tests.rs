use ::http::header::COOKIE;
use ::http::{HeaderMap, HeaderValue};

use super::cookie;
use crate::http::RequestError as E;

fn look(lines: &[&[u8]]) -> Result<Option<String>, E> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
    }
    cookie(&headers, "token").map(|value| value.map(str::to_owned))
}

#[test]
fn finds_exactly_one() {
    let found = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(look(&[b"token=a.b-c="]), found("a.b-c="));
    assert_eq!(look(&[b"x=1; token=a; y=2"]), found("a"));
    assert_eq!(look(&[b"x=1", b"y=\xc3\xa9;token=a"]), found("a"));
    assert_eq!(look(&[]), Ok(None));
    assert_eq!(look(&[b"Token=a; xtoken=b; tokenx=c; x=token"]), Ok(None));
}

#[test]
fn refuses_what_programs_read_differently() {
    let table: [&[&[u8]]; 9] = [
        &[b"token=a; token=a"],
        &[b"token=a", b"token=b"],
        &[b"token=a;token =b"],
        &[b"token=a;token"],
        &[b"token="],
        &[b"token=\"a\""],
        &[b"x=\"; token=a\""],
        &[b"token=a b"],
        &[b"token=\xff"],
    ];
    for lines in table {
        assert_eq!(look(lines), Err(E::Cookie), "{lines:?}");
    }
}
