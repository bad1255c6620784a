use std::path::Path;

use super::*;

fn problems(text: &str) -> Vec<String> {
    let read = load(Path::new("t.yaml"), text);
    read.unwrap_err().into_iter().map(|problem| problem.to_string()).collect()
}

/// A file with one test of these fields.
fn test(fields: &str) -> String {
    format!("tests:\n  - name: t\n{fields}")
}

const TERMS: &str = "    action: s3:GetObject\n    resource: \"*\"\n";

#[test]
fn reads_a_whole_file() {
    let text = r#"
config: ../poolgate.yaml
base_url: http://127.0.0.1:8080
identity_pool: us-east-1:00000000-0000-4000-8000-000000000001
now: 2026-01-31T12:00:00+01:00
source_ip: 203.0.113.7
callers:
  alice: { groups: readers, claims: { email_verified: true, level: 3, tags: [a, b] } }
  ops: { role: Admin, session_name: ci, tags: { team: blue, year: 2026 } }
  ci: { token: ci.jwt }
  visitor: guest
tests:
  - name: objects
    action: [s3:GetObject, s3:PutObject]
    resource: "arn:aws:s3:::demo/{identity}/x"
    context: { "s3:prefix": home/, "aws:SecureTransport": true, "dynamodb:LeadingKeys": [a, 2] }
    unknown: [ "aws:ResourceTag/x" ]
    now: 2026-02-01T00:00:00Z
    allow: [alice, ops]
    deny: [anonymous, { sub: x }]
  - name: requests
    request:
      - GET /a
      - { method: POST, url: "https://b/c", headers: { X-A: 1 }, json: { n: 1.5, s: null } }
    who: visitor
    expect: { decision: deny, reason: explicit_deny, statement: [P/S, "P[0]"], layer: boundary,
              role: Guest, refused: [], unknown: [a], cedar: no_opinion }
"#;
    let file = load(Path::new("folder/t.yaml"), text).unwrap();
    assert_eq!(file.config.unwrap().value, Path::new("folder/../poolgate.yaml"));
    let [objects, requests] = file.tests.as_slice() else { panic!("{:?}", file.tests) };
    assert_eq!(objects.cases(), 8);
    assert_eq!(objects.now.unwrap().rfc3339(), "2026-02-01T00:00:00.000Z");
    assert_eq!(objects.source_ip, Some("203.0.113.7".parse().unwrap()));
    let What::Terms(terms) = &objects.what else { panic!() };
    let many = what::Values::Many(vec!["a".into(), "2".into()]);
    assert_eq!(terms.context[1].1, what::Values::One("true".into()));
    assert_eq!(terms.context[2].1, many);
    let [allowed, denied] = objects.answers.as_slice() else { panic!() };
    assert_eq!(allowed.expect, Expect::only(Effect::Allow));
    let CallerKind::User(alice) = &allowed.callers[0].kind else { panic!() };
    let claims = serde_json::json!({ "email_verified": true, "level": 3, "tags": ["a", "b"] });
    assert_eq!(serde_json::Value::from(alice.claims.clone()), claims);
    let CallerKind::Role { tags, .. } = &allowed.callers[1].kind else { panic!() };
    assert_eq!(tags[1], ("year".to_owned(), "2026".to_owned()));
    assert_eq!(denied.callers[0].kind, CallerKind::Anonymous);
    assert_eq!(denied.callers[1].name, "user x");
    assert_eq!(requests.now.unwrap().rfc3339(), "2026-01-31T11:00:00.000Z");
    let What::Requests(sent) = &requests.what else { panic!() };
    assert_eq!((sent[0].method.as_str(), sent[0].url.as_str()), ("GET", "/a"));
    assert_eq!(sent[1].body, Body::Json(r#"{"n":1.5,"s":null}"#.into()));
    let expect = &requests.answers[0].expect;
    assert_eq!(expect.statements, ["P/S", "P[0]"]);
    assert_eq!(
        (expect.refused.as_deref(), expect.layer),
        (Some(&[][..]), Some(PolicyLayer::Boundary))
    );
}

#[test]
fn each_mistake_is_told_at_its_place() {
    for (text, expected) in [
        (String::new(), "t.yaml:1:1: `tests` is missing: the tests"),
        ("tests: []".into(), "t.yaml:1:8: tests: must not be empty"),
        ("test: 1\n".into(), "t.yaml:1:1: `test` is not a field here; did you mean `tests`?"),
        (
            test(&format!("{TERMS}    alow: guest\n")),
            "t.yaml:5:5: tests[0]: `alow` is not a field here; did you mean `allow`?",
        ),
        (
            test(TERMS),
            "t.yaml:2:5: tests[0]: must say who: `who` with `expect`, or `allow`, `deny` or both",
        ),
        (test(&format!("{TERMS}    who: guest\n")), "t.yaml:2:5: tests[0]: `who` needs `expect`"),
        (test(&format!("{TERMS}    expect: deny\n")), "t.yaml:5:13: tests[0].expect: needs `who`"),
        (
            test(&format!("{TERMS}    who: guest\n    expect: maybe\n")),
            "t.yaml:6:13: tests[0].expect: must be one of allow, deny, not \"maybe\"",
        ),
        (
            test(&format!("{TERMS}    who: guest\n    expect: {{ reason: x }}\n")),
            "t.yaml:6:13: tests[0].expect: `decision` is missing: whether it is allowed: allow or deny",
        ),
        (
            test(&format!("{TERMS}    who: guest\n    expect: {{ decision: deny, sid: x }}\n")),
            "t.yaml:6:31: tests[0].expect: `sid` is not a field here",
        ),
        (
            test(&format!("{TERMS}    allow: gust\n")),
            "t.yaml:5:12: `gust` is not one of `callers`; did you mean `guest`?",
        ),
        (
            test(&format!("{TERMS}    allow: []\n")),
            "t.yaml:5:12: tests[0].allow: must not be empty",
        ),
        (
            test("    action: a:b\n    allow: guest\n"),
            "t.yaml:2:5: tests[0]: `action` needs `resource`",
        ),
        (
            test("    resource: \"*\"\n    allow: guest\n"),
            "t.yaml:2:5: tests[0]: `resource` needs `action`",
        ),
        (
            test("    allow: guest\n"),
            "t.yaml:2:5: tests[0]: must have either `action` and `resource`, or `request`",
        ),
        (
            test(&format!("{TERMS}    request: GET http://x/\n    allow: guest\n")),
            "t.yaml:2:5: tests[0]: must have either `action` and `resource`, or `request`",
        ),
        (
            test("    request: GET /a\n    allow: guest\n"),
            "t.yaml:3:14: a URL that begins with / needs `base_url` in this file",
        ),
        (
            test("    request: GET\n    allow: guest\n"),
            "t.yaml:3:14: tests[0].request: must be a method and a URL, such as GET /orders/1, not \"GET\"",
        ),
        (
            test("    request: { method: GET, url: x }\n    allow: guest\n"),
            "t.yaml:3:34: tests[0].request.url: must begin with http://, https:// or /",
        ),
        (
            test(
                "    request: { method: GET, url: \"http://x/\", body: a, json: 1 }\n    allow: guest\n",
            ),
            "t.yaml:3:14: tests[0].request: has more than one body; keep one of `body`, `json`, `body_file`",
        ),
        (
            test(
                "    request: { method: GET, url: \"http://x/\", json: .nan }\n    allow: guest\n",
            ),
            "t.yaml:3:53: tests[0].request.json: is a number that JSON doesn't have; quote it",
        ),
        (
            test("    request: GET http://x/\n    context: { a: b }\n    allow: guest\n"),
            "t.yaml:4:14: tests[0].context: goes with `action` and `resource`",
        ),
        (
            test("    request: GET http://x/\n    allow: { role: R }\n"),
            "t.yaml:4:12: a role can't send a request; give a user or a token that gets the role, \
             or `action` and `resource` instead of `request`",
        ),
        (
            test(&format!("{TERMS}    allow: {{ role: R, groups: [a] }}\n")),
            "t.yaml:5:31: tests[0].allow.groups: does not go with a role",
        ),
        (
            test(&format!("{TERMS}    allow: {{ token: a, tags: {{ a: b }} }}\n")),
            "t.yaml:5:30: tests[0].allow.tags: does not go with a token's file",
        ),
        (
            test(&format!("{TERMS}    allow: {{ role: R, token: a }}\n")),
            "t.yaml:5:30: tests[0].allow.token: does not go with a role",
        ),
        (
            test(&format!("{TERMS}    allow: {{ session_name: a }}\n")),
            "t.yaml:5:28: tests[0].allow.session_name: does not go with a user",
        ),
        (
            test(&format!("{TERMS}    context: {{ a: {{ b: c }} }}\n    allow: guest\n")),
            "t.yaml:5:19: tests[0].context.a: must be one value, not a mapping",
        ),
        (
            test(&format!("{TERMS}    context: {{ a: }}\n    allow: guest\n")),
            "t.yaml:5:17: tests[0].context.a: has no value; quote an empty one: \"\"",
        ),
        (
            test(&format!("{TERMS}    now: yesterday\n    allow: guest\n")),
            "t.yaml:5:10: tests[0].now: must be a time such as 2026-01-31T12:00:00Z, not \"yesterday\"",
        ),
        (
            test(&format!("{TERMS}    source_ip: 1.2.3\n    allow: guest\n")),
            "t.yaml:5:16: tests[0].source_ip: must be an IP address such as 203.0.113.7, not \"1.2.3\"",
        ),
        (
            format!("callers: {{ guest: {{}} }}\n{}", test(&format!("{TERMS}    allow: guest\n"))),
            "t.yaml:1:19: callers: `guest` is a caller of every file; take another name",
        ),
        (
            format!("callers: {{ a: nobody }}\n{}", test(&format!("{TERMS}    allow: guest\n"))),
            "t.yaml:1:15: callers.a: must be a mapping such as { groups: [readers] } or { role: Reader }, or guest or anonymous",
        ),
    ] {
        let found = problems(&text);
        assert!(found.iter().any(|problem| problem == expected), "{text}\n{found:#?}");
    }
}

#[test]
fn a_file_has_so_many_cases_at_most() {
    let many = |name: &str, count| format!("    {name}: [{}]\n", vec!["\"a:b\""; count].join(", "));
    let text = test(&format!("{}{}    allow: guest\n", many("action", 101), many("resource", 100)));
    assert_eq!(
        problems(&text),
        ["t.yaml:2:3: tests: come to more than 10000 cases; use more files"]
    );
    let text = test(&format!("{}{}    allow: guest\n", many("action", 100), many("resource", 100)));
    assert_eq!(load(Path::new("t.yaml"), &text).unwrap().tests[0].cases(), 10_000);
}

#[test]
fn the_schema_names_every_field() {
    let schema = schema();
    let test = &schema["properties"]["tests"]["items"]["properties"];
    for name in ["name", "who", "expect", "allow", "deny", "action", "request", "now", "unknown"] {
        assert!(test[name].is_object(), "{name}");
    }
}
