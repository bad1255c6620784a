//! What is forwarded to a user pool unsigned, and what is not.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::http::{Target, TargetMode};
use crate::services::{Body, Proof};

fn request(method: Method, target: &str, headers: &[(&str, &str)]) -> Request {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    let target = Target::parse(target, TargetMode::Strict).unwrap();
    Request { method, target, headers: map, body: Body::Streamed(Proof::NONE) }
}

fn operation_request(name: &str) -> Request {
    let target = format!("{TARGET_PREFIX}{name}");
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", &target)];
    request(Method::POST, "/", &headers)
}

fn pools() -> Vec<String> {
    vec!["us-east-1_Demo00001".to_owned()]
}

#[test]
fn the_list_is_sorted_for_its_search() {
    assert!(UNSIGNED.is_sorted());
}

#[test]
fn unsigned_operations_are_public_and_no_other() {
    for name in UNSIGNED {
        let described = describe(operation_request(name), &pools()).unwrap();
        assert!(matches!(described.checks, Checks::Public), "{name}");
    }
    for name in ["AdminCreateUser", "ListUsers", "GetClientToken", "initiateauth", "Nonsense"] {
        let error = describe(operation_request(name), &pools()).unwrap_err();
        assert_eq!(error.reason(), "operation_not_forwarded", "{name}");
    }
}

#[test]
fn what_is_not_the_protocol_is_malformed() {
    let target = "AWSCognitoIdentityProviderService.InitiateAuth";
    let json = ("content-type", "application/x-amz-json-1.1");
    let cases = [
        request(Method::GET, "/", &[json, ("x-amz-target", target)]),
        request(Method::POST, "/other", &[json, ("x-amz-target", target)]),
        request(Method::POST, "/?a=b", &[json, ("x-amz-target", target)]),
        request(Method::POST, "/", &[("x-amz-target", target)]),
        request(Method::POST, "/", &[("content-type", "text/plain"), ("x-amz-target", target)]),
        request(Method::POST, "/", &[json]),
        request(Method::POST, "/", &[json, ("x-amz-target", target), ("x-amz-target", target)]),
        request(Method::POST, "/", &[json, ("x-amz-target", "DynamoDB_20120810.Scan")]),
        request(Method::POST, "/", &[json, ("x-amz-target", &format!("{target}/../x"))]),
    ];
    for case in cases {
        let shown = format!("{case:?}");
        let error = describe(case, &pools()).unwrap_err();
        assert_eq!(error.reason(), "malformed_operation", "{shown}");
    }
}

#[test]
fn keys_and_discovery_of_configured_pools_are_public() {
    for (method, target, public) in [
        (Method::GET, "/us-east-1_Demo00001/.well-known/jwks.json", true),
        (Method::HEAD, "/us-east-1_Demo00001/.well-known/openid-configuration", true),
        (Method::GET, "/us-east-1_Other0001/.well-known/jwks.json", false),
        (Method::GET, "/us-east-1_Demo00001/.well-known/other", false),
        (Method::GET, "/us-east-1_Demo00001/.well-known/jwks.json/x", false),
        (Method::GET, "/us-east-1_Demo00001/", false),
        (Method::POST, "/us-east-1_Demo00001/.well-known/jwks.json", false),
    ] {
        let described = describe(request(method.clone(), target, &[]), &pools());
        assert_eq!(described.is_ok(), public, "{method} {target}");
    }
}
