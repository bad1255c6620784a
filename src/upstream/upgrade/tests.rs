use ::http::{HeaderMap, HeaderName, HeaderValue};

use super::{accept, accepts, fresh_key};

#[test]
fn the_handshake_of_the_rfc_is_accepted() {
    assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn nothing_else_is_a_websocket() {
    let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
    let good = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ];
    let headers = |pairs: &[(&'static str, &'static str)]| {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    };
    assert!(accepts(&headers(&good), &key));
    for left_out in 0..good.len() {
        let mut some = good.to_vec();
        some.remove(left_out);
        assert!(!accepts(&headers(&some), &key), "{some:?}");
    }
    for (name, value) in [("upgrade", "h2c"), ("sec-websocket-accept", "AAAA")] {
        let mut more = good.to_vec();
        more.push((name, value));
        assert!(!accepts(&headers(&more), &key), "{more:?}");
    }
    assert!(!accepts(&headers(&good), &HeaderValue::from_static("another")));
    assert_ne!(fresh_key().unwrap(), fresh_key().unwrap());
}
