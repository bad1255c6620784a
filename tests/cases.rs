//! `poolgate test`: the demo's own tests, each way a test can fail, coverage, and what is printed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Exit code, standard output and standard error of `poolgate test`.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolgate"));
    let output = command.current_dir(root()).arg("test").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A file of tests of the demo's configuration, in a folder of its own.
struct Cases {
    folder: tempfile::TempDir,
    file: PathBuf,
}

impl Cases {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some_test.yaml");
        let config = root().join("policies/tests/poolgate.yaml");
        let head = format!("config: {}\nbase_url: http://127.0.0.1:8080\n", config.display());
        fs::write(&file, head + text).unwrap();
        Self { folder, file }
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let folder = self.folder.path().to_str().unwrap();
        run(&[&[folder], arguments].concat())
    }

    /// What came, of the only case.
    fn json(&self) -> Value {
        let (_, out, error) = self.run(&["--output", "json"]);
        let mut report: Value = serde_json::from_str(&out).map_err(|_| error).unwrap();
        report.pointer_mut("/cases/0").unwrap().take()
    }
}

/// The demo's rights, as the sample tests pin them, and every statement of its policies.
#[test]
fn the_demos_policies_pass_their_tests() {
    let (code, out, error) = run(&["policies/tests", "--coverage-min", "100"]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains(" passed, 0 failed\n") && out.contains("100.0%"), "{out}");
    assert!(!out.contains("passed over"), "{out}");
}

/// The example of the documentation, on the demo's configuration.
#[test]
fn the_documented_file_passes() {
    let page = fs::read_to_string(root().join("docs/testing.md")).unwrap();
    let example = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("example_test.yaml");
    fs::write(&file, example).unwrap();
    let config = ["--config", "policies/tests/poolgate.yaml"];
    let (code, out, error) = run(&[&[file.to_str().unwrap()], &config[..]].concat());
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains("16 passed"), "{out}");
}

/// What the tests are run against is what the demo runs with, as far as decisions go.
#[test]
fn the_demos_tests_have_the_demos_routes() {
    let tested = fs::read_to_string(root().join("policies/tests/poolgate.yaml")).unwrap();
    let demo = fs::read_to_string(root().join("src/cli/demo_files.rs")).unwrap();
    let demo =
        demo.replace("{{", "{").replace("}}", "}").replace("{POOL_ID}", "us-east-1_Demo00001");
    let routes = tested.split("routes:\n").nth(1).unwrap().lines();
    let decides = |line: &&str| !line.contains("upstream:") && !line.contains("tables:");
    let mut lines = demo.lines().skip_while(|line| *line != "routes:");
    for line in routes.filter(decides) {
        assert!(lines.any(|known| known == line), "{line}");
    }
}

const CALLERS: &str = "callers: { alice: { groups: [readers] }, bob: { groups: [writers] } }\n";

#[test]
fn each_expectation_can_fail() {
    let request = "request: GET /api/orders/1\n    who: alice";
    let terms = "action: s3:GetObject\n    resource: arn:aws:s3:::demo/secret/x\n    who: alice";
    let unknown = "action: dynamodb:Query\n    \
                   resource: arn:aws:dynamodb:us-east-1:000000000000:table/demo\n    \
                   unknown: [dynamodb:LeadingKeys]\n    who: alice";
    for (what, right, wrong, told) in [
        (request, "allow", "deny", ["deny", "allow"]),
        (
            request,
            "{ decision: allow, reason: allowed_by_policy }",
            "{ decision: allow, reason: valid_token }",
            ["reason valid_token", "reason allowed_by_policy"],
        ),
        (
            request,
            "{ decision: allow, statement: ReaderAccess/ReadApi }",
            "{ decision: allow, statement: ReaderAccess/Other }",
            ["statement ReaderAccess/Other", "statement ReaderAccess/ReadApi"],
        ),
        (
            request,
            "{ decision: allow, role: \"arn:aws:iam::000000000000:role/Reader\" }",
            "{ decision: allow, role: Writer }",
            ["role Writer", "role arn:aws:iam::000000000000:role/Reader"],
        ),
        (
            request,
            "{ decision: allow, cedar: allow }",
            "{ decision: allow, cedar: deny }",
            ["Cedar deny", "Cedar allow"],
        ),
        (
            terms,
            "{ decision: deny, layer: identity }",
            "{ decision: deny, layer: boundary }",
            ["layer permissions boundary", "layer identity-based policy"],
        ),
        (
            terms,
            "{ decision: deny, refused: [] }",
            "{ decision: deny, refused: [x] }",
            ["refused x", "refused none"],
        ),
        (
            unknown,
            "{ decision: deny, unknown: [\"DYNAMODB:leadingkeys\"] }",
            "{ decision: deny, unknown: [] }",
            ["unknown none", "unknown dynamodb:LeadingKeys"],
        ),
    ] {
        let case = |expect| {
            Cases::new(&format!("{CALLERS}tests:\n  - name: t\n    {what}\n    expect: {expect}\n"))
        };
        let passing = case(right).json();
        assert_eq!(passing["passes"], true, "{right}: {passing:#}");
        assert_eq!(passing["trail"], serde_json::json!([]));
        let (code, out, _) = case(wrong).run(&[]);
        assert_eq!(code, 1, "{wrong}: {out}");
        let line = format!("expected {}, came {}", told[0], told[1]);
        assert!(out.contains(&line), "{line}: {out}");
        let failing = case(wrong).json();
        assert_eq!(failing["wrong"][0]["expected"], told[0]);
        assert!(!failing["trail"].as_array().unwrap().is_empty());
    }
}

#[test]
fn a_role_has_its_session_name_and_tags() {
    let terms = "tests:\n  - name: t\n    action: s3:GetObject\n    \
                 resource: arn:aws:s3:::demo/public/x\n";
    let who = "    who: { role: Reader, session_name: me, tags: { team: blue } }\n";
    let secret = terms.replace("public", "secret");
    let found = Cases::new(&format!("{secret}{who}    expect: deny\n")).json();
    assert_eq!(found["passes"], true);
    let detail = found["got"]["detail"].as_str().unwrap();
    assert!(detail.contains("assumed-role/Reader/me"), "{detail}");
}

/// At another time a token of the same case is good or isn't.
#[test]
fn tests_have_their_own_clock() {
    let claims = "{ groups: [readers], claims: { exp: 1767225600 } }";
    for (now, reason) in
        [("2025-12-31T23:00:00Z", "allowed_by_policy"), ("2026-01-01T00:00:00Z", "expired")]
    {
        let text = format!(
            "now: {now}\ntests:\n  - name: t\n    request: GET /api/x\n    who: {claims}\n    expect: allow\n"
        );
        assert_eq!(Cases::new(&text).json()["got"]["reason"], reason);
    }
}

/// The demo's configuration for tests with `from` replaced, in a file in `folder`.
fn configuration(folder: &Path, from: &str, to: &str) -> String {
    let text = fs::read_to_string(root().join("policies/tests/poolgate.yaml")).unwrap();
    assert!(text.contains(from), "{from}");
    let policies = root().join("policies").display().to_string();
    let text = text.replace(from, to).replace("../", &format!("{policies}/"));
    let text = text.replace("policies: ..", &format!("policies: {policies}"));
    let file = folder.join("poolgate.yaml");
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// The test's own key is no issuer's, and the issuer's verifies none of the test's tokens.
#[test]
fn a_token_from_a_file_is_verified_with_the_issuers_keys() {
    let text = "now: 2026-01-01T00:00:00Z\n\
                callers: { file: { token: a.jwt }, other: { token: b.jwt }, made: { groups: readers } }\n\
                tests:\n  - { name: t, request: GET /api/x, allow: [file, made] }\n  \
                - { name: u, request: GET /api/x, who: other, \
                expect: { decision: deny, reason: bad_signature } }\n";
    let cases = Cases::new(text);
    let folder = cases.folder.path();
    let (issuer, public) = poolgate::standin::SigningKey::fresh().unwrap();
    fs::write(folder.join("jwks.json"), serde_json::json!({ "keys": [public] }).to_string())
        .unwrap();
    let token = issuer.sign(&serde_json::json!({
        "iss": "http://127.0.0.1:8080/us-east-1_Demo00001", "aud": "demoappclient00000000000000",
        "sub": "s", "token_use": "id", "iat": 1767225600, "exp": 1767225601,
        "cognito:preferred_role": "arn:aws:iam::000000000000:role/Reader",
        "cognito:roles": ["arn:aws:iam::000000000000:role/Reader"],
    }));
    let token = token.unwrap();
    fs::write(folder.join("a.jwt"), format!("{token}\n")).unwrap();
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    fs::write(folder.join("b.jwt"), format!("{rest}.{other}{}", signature.get(1..).unwrap()))
        .unwrap();
    let clients = "    clients: [demoappclient00000000000000]\n";
    let keys = format!("{clients}    jwks: file:jwks.json\n");
    let config = configuration(folder, clients, &keys);
    let (code, out, error) = cases.run(&["--config", &config]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains("3 passed"), "{out}");
}

#[test]
fn no_backend_is_asked_for_a_table() {
    let text = "callers: { bob: { groups: [writers] } }\ntests:\n  - name: t\n    request: \
                { method: POST, url: /, headers: { X-Amz-Target: DynamoDB_20120810.PutItem }, \
                json: { TableName: demo, Item: { pk: { S: a } } } }\n    allow: bob\n";
    let cases = Cases::new(text);
    let tables = "    tables: { demo: { partition_key: pk, sort_key: sk } }\n";
    let config = configuration(cases.folder.path(), tables, "");
    let (code, out, error) = cases.run(&["--config", &config]);
    assert_eq!(code, 1, "{error}");
    let message = "a test asks no backend: name the table and its keys under `tables` of the route";
    assert!(out.contains(message), "{out}");
}

#[test]
fn what_is_wrong_with_a_test_is_told_with_its_place() {
    let test = |fields: &str| format!("tests:\n  - name: t\n{fields}");
    let terms = "    action: a:B\n    resource: \"*\"\n";
    for (text, place, message) in [
        (test("    alow: guest\n"), "4:1", "tests[0]: `alow` is not a field here"),
        (test(&format!("{terms}    allow: {{ role: Nobody }}\n")), "7:12", "no role `Nobody`"),
        (
            test(&format!("{terms}    allow: {{ groups: [reeders] }}\n")),
            "7:12",
            "the groups of user pool us-east-1_Demo00001 have no `reeders`",
        ),
        (
            test(&format!("{terms}    allow: {{ provider: x }}\n")),
            "7:12",
            "the configuration has no user pool or issuer `x`",
        ),
        (
            test(&format!("{terms}    allow: {{ token: none.jwt }}\n")),
            "7:12",
            "none.jwt: No such file",
        ),
        (
            test("    action: GetObject\n    resource: \"*\"\n    allow: guest\n"),
            "5:13",
            "`GetObject` is not an action such as s3:GetObject",
        ),
        (
            test(
                "    action: [s3:PutObject, s3:GetObjekt]\n    resource: \"*\"\n    allow: guest\n",
            ),
            "5:28",
            "`s3:GetObjekt` is no action of its service; did you mean `GetObject`?",
        ),
        (
            test(&format!(
                "{terms}    who: guest\n    expect: {{ decision: deny, reason: explicit_dney }}\n"
            )),
            "8:39",
            "no decision has the reason `explicit_dney`; did you mean `explicit_deny`?",
        ),
        (test("    action: a:B\n    resource: x\n    allow: guest\n"), "6:15", "`x`: "),
        (
            test("    request: { method: GET, url: /, body_file: none }\n    allow: guest\n"),
            "5:14",
            "none: No such file",
        ),
        (
            format!("identity_pool: us-east-1:1\n{}", test(&format!("{terms}    allow: guest\n"))),
            "3:16",
            "the configuration has no identity pool `us-east-1:1`",
        ),
    ] {
        let cases = Cases::new(&text);
        let (code, out, error) = cases.run(&[]);
        assert_eq!((code, out.as_str()), (64, ""), "{text}{error}");
        let at = format!("{}:", cases.file.display());
        assert!(error.starts_with(&at) && error.contains(message), "{text}{error}");
        if !message.starts_with("tests[0]") {
            assert!(error.starts_with(&format!("{at}{place}: ")), "{text}{error}");
        }
    }
}

#[test]
fn what_cannot_be_run_fails_and_says_why() {
    for (fields, message) in [
        (
            "    request: \"GET /demo/{identity}\"\n    allow: guest\n",
            "{identity}: this caller has no identity id",
        ),
        (
            "    request: { method: GET, url: /, headers: { \"a b\": c } }\n    allow: guest\n",
            "`a b` is not a header",
        ),
    ] {
        let cases = Cases::new(&format!("{CALLERS}tests:\n  - name: t\n{fields}"));
        let (code, out, error) = cases.run(&[]);
        assert_eq!(code, 1, "{error}");
        assert!(out.contains(message), "{out}");
    }
}

#[test]
fn usage_and_configuration_have_their_exit_codes() {
    let empty = tempfile::tempdir().unwrap();
    let (code, _, error) = run(&[empty.path().to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(error.contains("has no tests: their names end in _test.yaml"), "{error}");
    assert_eq!(run(&["/nowhere/at/all"]).0, 2);
    assert_eq!(run(&[]).0, 2);
    assert_eq!(run(&["policies/tests", "--coverage-min", "101"]).0, 2);
    let (code, _, error) = run(&["policies/tests", "--filter", "no such case"]);
    assert_eq!(code, 2, "{error}");
    let (code, _, error) = run(&["policies/tests", "--config", "README.md"]);
    assert_eq!(code, 64, "{error}");
    let file = empty.path().join("a_test.yaml");
    fs::write(&file, "tests: [{ name: t, action: \"a:B\", resource: \"*\", deny: guest }]\n")
        .unwrap();
    let (code, _, error) = run(&[file.to_str().unwrap()]);
    assert_eq!(code, 64);
    assert!(error.contains("says no `config`; name one in the file, or give --config"), "{error}");
    let config = ["--config", "policies/tests/poolgate.yaml"];
    assert_eq!(run(&[&[file.to_str().unwrap()], &config[..]].concat()).0, 0);
}

#[test]
fn coverage_tells_what_no_case_has_matched() {
    let text = "tests:\n  - { name: t, request: GET /api/orders/1, allow: alice }\n";
    let cases = Cases::new(&format!("{CALLERS}{text}"));
    let (code, out, _) = cases.run(&["--coverage"]);
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("never matched: Deny DenySecret/NobodyReadsSecrets, identity-based policy")
    );
    assert!(out.contains("never matched: Allow WriterAccess/WriteOrders"), "{out}");
    assert!(!out.contains("ReaderAccess/ReadApi"), "{out}");
    assert!(out.contains("never matched: Cedar policy "), "{out}");
    let (code, out, _) = cases.run(&["--coverage-min", "50"]);
    assert_eq!(code, 1);
    assert!(out.contains("fewer than 50%") && out.contains("1 passed, 0 failed"), "{out}");
    let (_, out, _) = cases.run(&["--coverage", "--output", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    let missed = report["coverage"]["never_matched"].as_array().unwrap();
    let all = report["coverage"]["statements"].as_u64().unwrap();
    let matched = report["coverage"]["matched"].as_u64().unwrap();
    assert_eq!(u64::try_from(missed.len()).unwrap(), all - matched);
    assert!(missed.iter().any(|one| one["path"] == "RolePolicyList[0].PolicyDocument"));
}

#[test]
fn junit_is_xml_whatever_a_case_is_called() {
    let name = r#""<&\"'>]]>""#;
    let text = format!(
        "{CALLERS}tests:\n  - {{ name: {name}, request: GET /api/x, allow: alice }}\n  - {{ name: b, request: GET /api/x, deny: alice }}\n"
    );
    let (code, out, _) = Cases::new(&text).run(&["--output", "junit", "--coverage-min", "100"]);
    assert_eq!(code, 1);
    let mut reader = quick_xml::Reader::from_str(&out);
    let (mut tests, mut failures, mut open) = (Vec::new(), 0, 0);
    loop {
        use quick_xml::events::Event;
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() == b"testcase" => {
                let name = tag.attributes().map(Result::unwrap).find(|a| a.key.as_ref() == b"name");
                tests.push(String::from_utf8_lossy(&name.unwrap().value).into_owned());
            }
            Event::Start(tag) => {
                open += 1;
                failures += usize::from(tag.name().as_ref() == b"failure");
            }
            Event::End(tag) => open -= i32::from(tag.name().as_ref() != b"testcase"),
            _ => {}
        }
    }
    assert_eq!((failures, open), (2, 0), "{out}");
    assert_eq!(tests.len(), 3, "{out}");
    assert!(tests[0].starts_with("&lt;&amp;&quot;'&gt;]]&gt;"), "{tests:?}");
    assert!(out.contains(r#"<testsuites name="poolgate test" tests="3" failures="2" errors="0">"#));
}

#[test]
fn files_that_are_not_named_as_tests_are_told() {
    let cases = Cases::new("tests: [{ name: t, request: GET /api/x, deny: guest }]\n");
    fs::write(cases.folder.path().join("other.yaml"), "").unwrap();
    let (_, out, _) = cases.run(&[]);
    assert!(out.contains("other.yaml is passed over: tests are named …_test.yaml"), "{out}");
}
