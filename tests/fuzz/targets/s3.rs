//! Requests to S3: what goes upstream is what was judged. Parsed again, it is the same request
//! with the same checks.
#![no_main]

use bytes::Bytes;
use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use poolgate::iam::{Check, Facts};
use poolgate::services::s3::{Asked, Parsed, RequestFacts};
use poolgate::services::{Body, Checks, Operation, Proof};
use poolgate_fuzz::headers;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.split('\n');
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
    let Ok(method) = method.parse::<Method>() else { return };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    if !path.starts_with('/') {
        return;
    }
    let headers = headers(lines);
    let digest = headers.get("x-amz-content-sha256").cloned();
    let Some(once) = describe(&method, path, query, headers, body) else { return };
    let (forward, target) = (&once.forward, &once.forward.target);
    let body = match &forward.body {
        Body::Whole { bytes, .. } => std::str::from_utf8(bytes).unwrap(),
        Body::Streamed(_) => "",
    };
    let mut headers = forward.headers.clone();
    // The payload's digest belongs to the signature: it is judged as it came, and the signer upstream writes its own.
    if let Some(digest) = digest {
        headers.insert("x-amz-content-sha256", digest);
    }
    let twice = describe(&forward.method, target.path(), target.query(), headers, body);
    let twice = twice.unwrap_or_else(|| panic!("{forward:?}"));
    assert_eq!(&twice.forward.target, target);
    assert_eq!(twice.forward.headers, forward.headers);
    assert_eq!(asked(&twice.checks), asked(&once.checks));
    // Nothing on the way could read the path as another one.
    let path = target.path();
    assert!(path.is_ascii() && !path.contains("//") && !path.contains('\\'), "{path}");
    assert!(!path.split('/').any(|segment| segment == "." || segment == ".."), "{path}");
});

fn describe(
    method: &Method,
    path: &str,
    query: Option<&str>,
    headers: HeaderMap,
    body: &str,
) -> Option<Operation> {
    let asked = Asked { method, path, query, headers: &headers, bucket: None };
    let parsed = Parsed::of(asked).ok()?;
    let body = match parsed.body_limit() {
        None => Body::Streamed(Proof::NONE),
        Some(most) => {
            Body::whole(Bytes::copy_from_slice(body.as_bytes().get(..most.min(body.len()))?))
        }
    };
    let facts = RequestFacts { partition: "aws", ..RequestFacts::default() };
    parsed.describe(headers, body, &facts).ok()
}

/// Action, resource and context keys of all that is asked.
fn asked(checks: &Checks) -> Vec<(String, Facts)> {
    let shown =
        |check: &Check| (format!("{} {}", check.action, check.resource), check.context.clone());
    match checks {
        Checks::Public => Vec::new(),
        Checks::All(checks) => checks.iter().map(shown).collect(),
        Checks::Each(delete) => {
            delete.objects.iter().flat_map(|object| &object.checks).map(shown).collect()
        }
    }
}
