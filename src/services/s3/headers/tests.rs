//! Every header has one class.

use super::*;

#[test]
fn headers_have_the_class_of_their_name() {
    for (name, expected) in [
        ("range", Class::Forwarded),
        ("if-match", Class::Forwarded),
        ("x-amz-meta-anything", Class::Forwarded),
        ("x-amz-checksum-crc64nvme", Class::Forwarded),
        ("x-amz-mfa", Class::Forwarded),
        ("authorization", Class::Dropped),
        ("cookie", Class::Dropped),
        ("host", Class::Dropped),
        ("x-amz-date", Class::Dropped),
        ("x-amz-content-sha256", Class::Dropped),
        ("x-amz-acl", Class::Of(Family::Acl)),
        ("x-amz-grant-read", Class::Of(Family::Acl)),
        ("x-amz-fwd-status", Class::Of(Family::ObjectLambda)),
        ("x-amz-copy-source", Class::Of(Family::Copy)),
        ("x-amz-object-lock-mode", Class::Of(Family::Lock)),
        ("x-amz-object-lock-", Class::Unknown),
        ("x-amz-", Class::Unknown),
        ("x-amz-grant-", Class::Unknown),
    ] {
        assert_eq!(class(name), expected, "{name}");
    }
}

#[test]
fn the_lists_are_sorted_and_disjoint() {
    let lists: [&[&str]; 6] = [&COMMON, &SPENT, &LOCK, &NEW_BUCKET, &COPY, &GRANTS];
    assert!(lists.iter().chain([&STANDARD.as_slice()]).all(|list| list.is_sorted()));
    let mut all: Vec<_> = lists.concat();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn a_header_that_is_read_comes_once_and_in_ascii() {
    let mut headers = HeaderMap::new();
    headers.append("if-match", "a".parse().unwrap());
    assert_eq!(text(&headers, "if-match"), Ok(Some("a")));
    headers.append("if-match", "b".parse().unwrap());
    assert!(text(&headers, "if-match").is_err());
    headers.insert("if-match", ::http::HeaderValue::from_bytes(b"\xff").unwrap());
    assert!(text(&headers, "if-match").is_err());
    assert_eq!(text(&headers, "range"), Ok(None));
}

#[test]
fn what_is_not_false_is_true() {
    let mut headers = HeaderMap::new();
    assert_eq!(says_true(&headers, "x"), Ok(false));
    for (value, expected) in [("true", true), ("TRUE", true), ("1", true), ("False ", false)] {
        headers.insert("x", value.parse().unwrap());
        assert_eq!(says_true(&headers, "x"), Ok(expected), "{value}");
    }
}
