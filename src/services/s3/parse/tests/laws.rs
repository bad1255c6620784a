//! Laws over generated requests.

use proptest::prelude::*;

use super::super::super::{
    address::decode,
    testing::{Ask, ask, shown},
};
use crate::services::Checks;

/// Requests that often are ones of S3's.
fn requests() -> impl Strategy<Value = Ask> {
    let method = prop::sample::select(vec!["GET", "HEAD", "PUT", "POST", "DELETE"]);
    let segment = prop_oneof![
        "[a-zA-Z0-9._~+ !*'();:@&=$,-]{1,8}".prop_map(|s| s.replace(' ', "%20")),
        prop::sample::select(vec![
            "%2e", "..", ".", "%2F", "%5C", "%00", "%C3%A9", "é", "%ff", "%", "%25", "", "a", "b",
        ])
        .prop_map(str::to_owned),
    ];
    let path = prop::collection::vec(segment, 0..5).prop_map(|parts| parts.join("/"));
    let bucket = prop::sample::select(vec!["demo", "my.demo", "%64emo", "Demo", ""]);
    let pair = prop_oneof![
        prop::sample::select(vec![
            "acl",
            "tagging",
            "versionId=v",
            "uploads",
            "uploadId=u",
            "partNumber=3",
            "versions",
            "list-type=2",
            "prefix=a%2F",
            "prefix=a+b",
            "delimiter=/",
            "max-keys=7",
            "x-id=y",
            "X-Amz-Date=d",
            "analytics",
            "id=i",
            "%61cl=",
            "x-amz-acl=private",
            "foo",
        ])
        .prop_map(str::to_owned),
        "[a-z%=+é]{0,6}",
    ];
    let query = prop::collection::vec(pair, 0..3).prop_map(|pairs| pairs.join("&"));
    let source = prop::option::of(prop::sample::select(vec![
        "other/b",
        "/other/%C3%A9?versionId=v",
        "other/../b",
        "x",
        "%zz/a",
    ]));
    (method, bucket, path, query, source).prop_map(|(method, bucket, path, query, source)| {
        let question = if query.is_empty() { "" } else { "?" };
        let slash = if path.is_empty() { "" } else { "/" };
        let request = ask(&format!("{method} /{bucket}{slash}{path}{question}{query}"));
        match source {
            Some(source) => request.header("x-amz-copy-source", source),
            None => request,
        }
    })
}

fn questions(checks: &Checks) -> Vec<(String, crate::iam::Facts)> {
    match checks {
        Checks::All(checks) => checks.iter().map(|c| (shown(c), c.context.clone())).collect(),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What is forwarded is what was authorized: the path decodes to the ARN's bucket and key.
    #[test]
    fn the_upstream_path_is_the_key_that_was_authorized(request in requests()) {
        let Ok(operation) = request.described() else { return Ok(()) };
        let path = operation.forward.target.path();
        prop_assert!(path.is_ascii());
        let decoded = decode(path).unwrap();
        let first = questions(&operation.checks).remove(0).0;
        let (_, resource) = first.split_once(' ').unwrap();
        if resource == "*" {
            prop_assert_eq!(path, "/");
        } else {
            prop_assert_eq!(decoded.strip_prefix('/'), Some(resource));
        }
        // Nothing on the way could read it as another one.
        prop_assert!(!decoded.contains("//") && !decoded.contains('\\'));
        let dots = decoded.split('/').any(|s| s == "." || s == "..");
        prop_assert!(!dots && !decoded.chars().any(char::is_control));
    }

    /// parse(serialise(parse(x))) is parse(x).
    #[test]
    fn a_request_that_was_forwarded_is_the_same_request(request in requests()) {
        let Ok(once) = request.described() else { return Ok(()) };
        let mut again = ask(&format!("{} {}", once.forward.method, once.forward.target));
        for (name, value) in &once.forward.headers {
            again = again.header(name.as_str(), value.to_str().unwrap());
        }
        let twice = again.operation();
        prop_assert_eq!(&twice.forward.target, &once.forward.target);
        prop_assert_eq!(&twice.forward.headers, &once.forward.headers);
        prop_assert_eq!(questions(&twice.checks), questions(&once.checks));
    }

    #[test]
    fn anything_at_all_is_described_or_refused(
        method in "[A-Z]{1,7}",
        target in "/\\PC{0,40}",
        source in proptest::option::of("[ -~]{0,20}"),
        host in proptest::option::of("[a-z.-]{0,6}"),
    ) {
        let mut request = ask(&format!("{method} {target}"));
        if let Some(source) = source {
            request = request.header("x-amz-copy-source", &source);
        }
        if let Some(host) = host {
            request = request.host(&host);
        }
        let _ = request.described();
    }
}
