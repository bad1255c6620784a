//! `poolgate check`: what it prints, and how it exits.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

const CONFIGURATION: &str = r#"
listen: { proxy: { address: "127.0.0.1:8080" }, admin: { address: "127.0.0.1:9901" } }
aws: { region: eu-west-1, account: "123456789012" }
identities: { key: { file: key } }
user_pools: [{ id: eu-west-1_Ab12Cd34E, clients: [1example23456789], groups: groups.json }]
routes:
  - { name: files, service: s3, upstream: { url: "http://127.0.0.1:9000" } }
"#;

const GROUPS: &str = r#"{ "Groups": [] }"#;

const POOL: &str = r#"{ "IdentityPoolId": "eu-west-1:7c5b0000-0000-4000-8000-000000000000",
  "CognitoIdentityProviders": [
    { "ProviderName": "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E", "ClientId": "1example23456789" } ],
  "Roles": { "authenticated": "arn:aws:iam::123456789012:role/Reader" },
  "RoleMappings": { "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E:1example23456789": {
    "Type": "Rules", "AmbiguousRoleResolution": "AuthenticatedRole", "RulesConfiguration": { "Rules": [
      { "Claim": "custom:team", "MatchType": "Equals", "Value": "a",
        "RoleARN": "arn:aws:iam::123456789012:role/Reader" } ] } } } }"#;

const ROLE: &str = r#"{ "RoleName": "Reader", "RoleId": "AROAEXAMPLE", "Arn": "arn:aws:iam::123456789012:role/Reader",
  "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": { "Federated": "cognito-identity.amazonaws.com" },
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": { "StringEquals": {
      "cognito-identity.amazonaws.com:aud": "eu-west-1:7c5b0000-0000-4000-8000-000000000000" } } } },
  "RolePolicyList": [{ "PolicyName": "Files", "PolicyDocument": { "Version": "2012-10-17", "Statement": [
    { "Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket",
      "Resource": "arn:aws:s3:::files/*" },
    { "Sid": "Tagged", "Effect": "Deny", "Action": ["s3:GetObject", "s3:GetObjekt"], "Resource": "*",
      "Condition": { "StringEquals": { "s3:ExistingObjectTag/state": "secret" } } } ] } }] }"#;

const BUCKET: &str = r#"{ "Resource": "arn:aws:s3:::files", "Policy": { "Version": "2012-10-17", "Statement": [
  { "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/*" },
  { "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/a/*" } ] } }"#;

const CONTROLS: &str = r#"{ "ServiceControlPolicies": [
  [{ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } }],
  [] ] }"#;

/// A folder of a configuration that works, with many findings.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("poolgate.yaml", CONFIGURATION),
        ("key", "of 32 bytes and of no other use.."),
        ("groups.json", GROUPS),
        ("policies/identity-pools/pool.json", POOL),
        ("policies/roles/Reader.json", ROLE),
        ("policies/resources/files.json", BUCKET),
        ("policies/organization/controls.json", CONTROLS),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What comes through a pipe can't be read twice; what is redirected can.
#[test]
fn a_configuration_may_come_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    let text = format!(
        "listen: {{ proxy: {{ address: \"127.0.0.1:8080\" }} }}
identities: {{ key: {{ file: {place}/key }} }}
user_pools: [{{ id: eu-west-1_Ab12Cd34E, clients: [1example23456789] }}]
routes:
  - {{ name: a, service: execute-api, engines: {{ iam: off }}, upstream: {{ url: \"http://127.0.0.1:9000\" }} }}
"
    );
    fs::write(folder.path().join("key"), "of 32 bytes and of no other use..").unwrap();
    fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
    let program = env!("CARGO_BIN_EXE_poolgate");
    for script in [
        format!("cat {place}/poolgate.yaml | {program} check --config /dev/stdin"),
        format!("{program} check --config /dev/stdin < {place}/poolgate.yaml"),
    ] {
        let out = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{script}: {out:?}");
    }
}

fn check(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_poolgate"))
        .current_dir(folder)
        .args(["check", "--config", "poolgate.yaml"])
        .args(arguments)
        .output()
        .unwrap()
}

fn printed(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Where each finding is, how bad, and which.
const FINDINGS: [(&str, &str, &str); 9] = [
    ("policies/roles/Reader.json:2:71", "warning", "trust_without_amr"),
    ("policies/roles/Reader.json:8:51", "warning", "bucket_action_on_object"),
    ("policies/roles/Reader.json:10:69", "warning", "unknown_action"),
    ("policies/roles/Reader.json:11:70", "warning", "unobservable_key"),
    ("policies/resources/files.json:2:3", "warning", "public_resource"),
    ("policies/resources/files.json:3:3", "warning", "public_resource"),
    ("policies/resources/files.json:3:3", "note", "redundant_statement"),
    ("policies/organization/controls.json:3:3", "warning", "empty_level"),
    ("policies/identity-pools/pool.json:7:18", "warning", "user_writable_claim"),
];

#[test]
fn every_finding_has_its_place_its_severity_and_its_id() {
    let folder = folder();
    let output = check(folder.path(), &[]);
    assert!(output.status.success(), "{output:?}");
    let lines = printed(&output);
    assert_eq!(lines.len(), FINDINGS.len(), "{lines:#?}");
    for ((place, severity, id), line) in FINDINGS.iter().zip(&lines) {
        assert!(line.starts_with(&format!("{place}: {severity}: ")), "{place} {id}: {line}");
        assert!(line.ends_with(&format!(" [{id}]")), "{place} {id}: {line}");
    }
    let unknown = lines.iter().find(|line| line.ends_with("[unobservable_key]")).unwrap();
    for named in ["s3:ExistingObjectTag/state", "Statement[1] (Tagged)", "denies"] {
        assert!(unknown.contains(named), "{unknown}");
    }
}

#[test]
fn json_has_an_object_a_line() {
    let folder = folder();
    let output = check(folder.path(), &["--output", "json"]);
    assert!(output.status.success(), "{output:?}");
    let objects: Vec<Value> =
        printed(&output).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), FINDINGS.len());
    for ((place, severity, id), object) in FINDINGS.iter().zip(&objects) {
        let text = |name: &str| object[name].as_str().unwrap();
        let at = format!("{}:{}:{}", text("file"), object["line"], object["column"]);
        assert_eq!((at.as_str(), text("severity"), text("id")), (*place, *severity, *id));
        assert_eq!(text("doc"), format!("docs/lints.md#{id}"));
        assert!(!text("message").is_empty());
    }
}

#[test]
fn lints_fail_only_if_they_are_denied() {
    let folder = folder();
    for (arguments, code) in [
        (&["--deny", "redundant_statement"][..], 1),
        (&["--deny", "unknown_key"], 0),
        (&["--deny", "unknown_key", "--deny", "warnings"], 1),
        (&["--deny", "unknown_action", "--allow", "unknown_action"], 0),
        (&["--deny", "no_such_lint"], 2),
        (&["--allow", "warnings"], 2),
        (&["--allow", "config_error"], 2),
    ] {
        let output = check(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
    let output = check(folder.path(), &["--allow", "public_resource"]);
    assert_eq!(printed(&output).len(), FINDINGS.len() - 2);
}

/// Warnings that are no lint's are named as one.
#[test]
fn warnings_of_the_configuration_may_be_denied_and_allowed() {
    let folder = folder();
    let text = CONFIGURATION.replace("identities: { key: { file: key } }\n", "");
    fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
    let output = check(folder.path(), &["--output", "json"]);
    assert!(output.status.success(), "{output:?}");
    let object: Value = serde_json::from_str(&printed(&output)[0]).unwrap();
    assert_eq!(object["id"], "config_warning");
    let lints: Vec<&str> = FINDINGS.iter().map(|(_, _, id)| *id).collect();
    let allowed: Vec<&str> = lints.iter().flat_map(|id| ["--allow", id]).collect();
    for (arguments, code) in [
        (&["--deny", "config_warning"][..], 1),
        (&["--deny", "warnings"], 1),
        (&["--deny", "warnings", "--allow", "config_warning"], 0),
        (&["--deny", "config_warning", "--allow", "config_warning"], 0),
    ] {
        let output = check(folder.path(), &[&allowed, arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
}

/// The configuration of the samples' own tests gives no example of a warning.
#[test]
fn the_samples_configuration_for_tests_is_clean() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/tests");
    let output = check(&folder, &["--deny", "warnings"]);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
}

/// A shadow decides nothing, so that serving does without it; a check doesn't.
#[test]
fn a_broken_shadow_fails_the_check() {
    let folder = folder();
    let shadow = folder.path().join("next/roles");
    fs::create_dir_all(&shadow).unwrap();
    fs::write(shadow.join("Reader.json"), "{").unwrap();
    fs::write(
        folder.path().join("poolgate.yaml"),
        format!("shadow_policies: next\n{CONFIGURATION}"),
    )
    .unwrap();
    let output = check(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let lines = printed(&output);
    assert!(lines[0].starts_with("next/roles/Reader.json:1:"), "{lines:?}");
    assert_eq!(lines.len(), FINDINGS.len() + 1, "the rest is told all the same: {lines:?}");
}

/// What serving would fail at: the check makes no log, and fails at it too.
#[test]
fn a_log_that_can_be_nowhere_fails_the_check_and_the_start() {
    let folder = folder();
    let text = format!("decision_log: {{ sink: file, path: nodir/d.log }}{CONFIGURATION}");
    fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
    let told = "poolgate.yaml:1:35: decision_log.path: nodir is not a folder; make it first";
    let output = check(folder.path(), &[]);
    assert_eq!((output.status.code(), printed(&output)), (Some(1), vec![told.to_owned()]));
    let output = Command::new(env!("CARGO_BIN_EXE_poolgate"))
        .current_dir(folder.path())
        .args(["serve", "--config", "poolgate.yaml"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().next(), Some(told));
    fs::create_dir(folder.path().join("nodir")).unwrap();
    assert!(check(folder.path(), &[]).status.success());
    assert!(!folder.path().join("nodir/d.log").exists());
}

/// A file may hold many.
#[test]
fn errors_name_the_role_and_the_policy_that_they_are_in() {
    let folder = folder();
    let role = |name: &str| ROLE.replace("Reader", name).replace("AROAEXAMPLE", name);
    let broken = role("Writer").replace("\"arn:aws:s3:::files/*\"", "7");
    let dump = format!("{{ \"RoleDetailList\": [\n{},\n{}] }}", role("Reader"), broken);
    fs::remove_file(folder.path().join("policies/roles/Reader.json")).unwrap();
    fs::write(folder.path().join("policies/roles/dump.json"), dump).unwrap();
    let expected = "role Writer, policy Files: Statement[0].Resource: expected a string";
    let lines = printed(&check(folder.path(), &[]));
    assert!(lines[0].starts_with("policies/roles/dump.json:"), "{lines:?}");
    assert!(lines[0].contains(&format!(": {expected}")), "{lines:?}");
    let lines = printed(&check(folder.path(), &["--output", "json"]));
    let object: Value = serde_json::from_str(&lines[0]).unwrap();
    assert!(object["message"].as_str().unwrap().starts_with(expected), "{object}");
}

/// What is wrong comes first: of a configuration that is refused, nothing else is said.
#[test]
fn errors_fail_and_are_objects_too() {
    let folder = folder();
    let role = ROLE.replace("\"Deny\"", "\"deny\"");
    fs::write(folder.path().join("policies/roles/Reader.json"), role).unwrap();
    let output = check(folder.path(), &["--output", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let lines = printed(&output);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let object: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(object["line"], 10);
    assert_eq!(
        (object["severity"].as_str(), object["id"].as_str()),
        (Some("error"), Some("config_error"))
    );
    assert!(object.get("doc").is_none());
}

/// The sample policies, which the demo runs with, are as they should be.
#[test]
fn the_samples_are_clean() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let folder = tempfile::tempdir().unwrap();
    let configuration = format!(
        r#"
listen: {{ proxy: {{ address: "127.0.0.1:8080" }}, admin: {{ address: "127.0.0.1:9901" }} }}
aws: {{ region: us-east-1, account: "000000000000" }}
user_pools:
  - {{ id: us-east-1_Demo00001, clients: [demoappclient00000000000000], groups: {policies}/user-pools/groups.json }}
identities: {{ key: {{ file: key }} }}
policies: {policies}
routes:
  - name: api
    service: execute-api
    match: {{ path: / }}
    api: {{ id: demoapi, stage: prod }}
    engines: {{ iam: enforce, cedar: shadow }}
    upstream: {{ url: "http://127.0.0.1:3000" }}
"#,
        policies = policies.display()
    );
    fs::write(folder.path().join("key"), "of 32 bytes and of no other use..").unwrap();
    fs::write(folder.path().join("poolgate.yaml"), configuration).unwrap();
    let output = check(folder.path(), &[]);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
}
