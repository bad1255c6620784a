//! API requests as IAM sees them.

use ::http::{HeaderValue, Method};

use super::*;
use crate::http::{Target, TargetMode};
use crate::services::{Body, Proof};

fn api() -> Api {
    Api::gateway("aws", "us-east-1", "000000000000", "demoapi", "prod")
}

fn checks(method: Method, target: &str, cache_control: Option<&str>) -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    if let Some(value) = cache_control {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_str(value).unwrap());
    }
    let target = Target::parse(target, TargetMode::Strict).unwrap();
    let operation =
        describe(&api(), Request { method, target, headers, body: Body::Streamed(Proof::NONE) })
            .unwrap();
    let Checks::All(checks) = operation.checks else { panic!("an API call is never public") };
    checks
        .iter()
        .map(|check| (check.action.as_str().to_owned(), check.resource.as_str().to_owned()))
        .collect()
}

const PREFIX: &str = "arn:aws:execute-api:us-east-1:000000000000:demoapi/prod";

#[test]
fn the_resource_is_the_method_and_the_path_itself() {
    for (method, target, path) in [
        (Method::GET, "/", "GET/"),
        (Method::GET, "/api/orders/1", "GET/api/orders/1"),
        (Method::GET, "/api/orders/1?q=a/b", "GET/api/orders/1"),
        (Method::DELETE, "/api/orders/", "DELETE/api/orders/"),
        (Method::GET, "/api/%6frders", "GET/api/orders"),
        (Method::GET, "/api/a*b", "GET/api/a*b"),
    ] {
        let found = checks(method, target, None);
        let wanted = ("execute-api:Invoke".to_owned(), format!("{PREFIX}/{path}"));
        assert_eq!(found, [wanted], "{target}");
    }
}

#[test]
fn web_socket_connections_are_managed_by_another_action() {
    // Messages are posted to them, they are asked about, and ended.
    for method in [Method::POST, Method::GET, Method::DELETE, Method::HEAD] {
        for path in ["/@connections/abc", "/%40connections/abc"] {
            let found = checks(method.clone(), path, None);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].0, "execute-api:ManageConnections", "{method} {path}");
        }
    }
    let found = checks(Method::POST, "/@connections", None);
    assert_eq!(found[0].0, "execute-api:Invoke");
}

#[test]
fn asking_to_bypass_the_cache_is_a_right_of_its_own() {
    for (value, count) in [
        ("max-age=0", 2),
        ("no-store, Max-Age = 0", 2),
        ("max-age=10", 1),
        ("no-cache", 1),
        ("s-maxage=0", 1),
        ("max-age=00", 2),
        ("\"max-age=0\"", 2),
        ("max-age=\"0\"", 2),
        ("max-age=+0", 2),
        ("max-age=-1", 2),
        ("max-age=0.5", 2),
        ("max-age=", 2),
        ("max-age", 2),
        ("max-age=10, max-age=0", 2),
        ("max-age=99999999999999999999999", 1),
        ("max-age=010", 1),
        ("max-aged=0", 1),
        ("", 1),
        (",", 1),
        ("max-age=10, \u{e9}", 2),
    ] {
        let found = checks(Method::GET, "/api/x", Some(value));
        assert_eq!(found.len(), count, "{value}");
        assert!(found.iter().skip(1).all(|(action, _)| action == "execute-api:InvalidateCache"));
    }
}

#[test]
fn partitions_are_part_of_the_arn() {
    let api = Api::gateway("aws-cn", "cn-north-1", "000000000000", "a", "$default");
    let Api::Gateway { prefix } = api else { unreachable!() };
    assert_eq!(prefix, "arn:aws-cn:execute-api:cn-north-1:000000000000:a/$default");
}
