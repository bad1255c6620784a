use ::http::{HeaderMap, HeaderName, HeaderValue};

use super::{answer_trailers, request_trailers};

fn left(names: &[&str], clean: fn(&mut HeaderMap)) -> Vec<String> {
    let mut trailers = HeaderMap::new();
    for name in names {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        trailers.append(name, HeaderValue::from_static("x"));
    }
    clean(&mut trailers);
    let mut names: Vec<String> = trailers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn trailing_metadata_of_grpc_reaches_the_caller() {
    let names = ["grpc-status", "grpc-message", "grpc-status-details-bin", "my_key.v1", "x-cost"];
    let mut expected = names.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(left(&names, answer_trailers), expected);
}

#[test]
fn nothing_is_said_behind_a_body_that_belongs_before_it() {
    let names = [
        "content-length",
        "transfer-encoding",
        "connection",
        "set-cookie",
        "location",
        "x-poolgate-role",
        "x_poolgate_role",
        "cache-control",
        "x-kept",
    ];
    assert_eq!(left(&names, answer_trailers), ["x-kept"]);
    let names = [
        "authorization",
        "cookie",
        "host",
        "content-length",
        "x-forwarded-for",
        "x_forwarded_for",
        "x-poolgate-role",
        "x-amz-meta-a",
        "x-http-method-override",
        "range",
        "x-kept",
    ];
    assert_eq!(left(&names, request_trailers), ["x-kept"]);
}
