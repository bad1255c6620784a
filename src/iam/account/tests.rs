use super::{Account, AccountError, AccountFile, FileKind};
use crate::iam::PolicyKind;

const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]}"#;

/// A `RoleDetail` with further members.
fn role(name: &str, more: &str) -> String {
    format!(
        r#"{{"Path":"/app/","RoleName":"{name}","RoleId":"AROA{name}","Arn":"arn:aws:iam::123456789012:role/app/{name}",
        "CreateDate":"2026-11-24T03:00:00+00:00","AssumeRolePolicyDocument":{TRUST}{more}}}"#
    )
}

fn managed(name: &str) -> String {
    format!(
        r#"{{"PolicyName":"{name}","PolicyId":"ANPAX","Arn":"arn:aws:iam::123456789012:policy/{name}","DefaultVersionId":"v2",
        "PolicyVersionList":[{{"Document":{{"Statement":"old"}},"VersionId":"v1","IsDefaultVersion":false}},
        {{"Document":{ALLOW},"VersionId":"v2","IsDefaultVersion":true}}]}}"#
    )
}

fn load(files: &[(&str, FileKind, &str)]) -> Result<Account, Vec<AccountError>> {
    let files: Vec<_> =
        files.iter().map(|&(name, kind, text)| AccountFile { name, kind, text }).collect();
    Account::load(&files)
}

/// `file path reason` of every error.
fn errors(files: &[(&str, FileKind, &str)]) -> Vec<String> {
    let errors = load(files).err().unwrap_or_default();
    errors.iter().map(|e| format!("{} {} {}", e.file, e.path, e.reason())).collect()
}

const ATTACHED: &str = r#","AttachedManagedPolicies":[{"PolicyName":"All","PolicyArn":"arn:aws:iam::123456789012:policy/All"}],
    "PermissionsBoundary":{"PermissionsBoundaryType":"Policy","PermissionsBoundaryArn":"arn:aws:iam::123456789012:policy/All"}"#;

#[test]
fn a_file_for_each_role_and_policy() {
    let inline = format!(
        r#"{ATTACHED},"RolePolicyList":[{{"PolicyName":"Own","PolicyDocument":{ALLOW}}}],
        "MaxSessionDuration":7200,"Tags":[{{"Key":"Team","Value":"a"}}],"Unheard":{{"of":1}}"#
    );
    let account = load(&[
        ("roles/A.json", FileKind::Roles, &role("A", &inline)),
        ("roles/B.json", FileKind::Roles, &role("B", "")),
        ("managed/All.json", FileKind::Managed, &managed("All")),
    ])
    .unwrap();
    let found = account.role("arn:aws:iam::123456789012:role/app/A").unwrap();
    assert_eq!((found.name.as_str(), found.id.as_str()), ("A", "AROAA"));
    let policies: Vec<_> = found.policies.iter().map(|p| (p.name(), p.kind())).collect();
    assert_eq!(policies, [("Own", PolicyKind::Inline), ("All", PolicyKind::Managed)]);
    assert_eq!(found.boundary.as_ref().unwrap().kind(), PolicyKind::Boundary);
    assert_eq!(found.trust.kind(), PolicyKind::Trust);
    assert_eq!(found.max_session_duration, 7200);
    assert_eq!(found.tags, [("Team".to_owned(), "a".to_owned())]);
    let plain = account.role("arn:aws:iam::123456789012:role/app/B").unwrap();
    assert!(plain.policies.is_empty() && plain.boundary.is_none());
    assert_eq!(plain.max_session_duration, 3600);
    // The path is part of the ARN.
    assert!(account.role("arn:aws:iam::123456789012:role/A").is_none());
    assert_eq!(account.roles().count(), 2);
}

#[test]
fn the_output_for_a_whole_account() {
    let whole = format!(
        r#"{{"UserDetailList":[{{}}],"GroupDetailList":[],"RoleDetailList":[{},{}],"Policies":[{}]}}"#,
        role("A", ATTACHED),
        role("B", ""),
        managed("All")
    );
    for kind in [FileKind::Roles, FileKind::Managed] {
        let account = load(&[("all.json", kind, &whole)]).unwrap();
        let names: Vec<_> = account.roles().map(|role| role.name.as_str()).collect();
        assert_eq!(names, ["A", "B"]);
    }
}

/// The API has documents percent-encoded (RFC 3986), the CLI as objects.
#[test]
fn documents_may_be_strings() {
    let encoded = percent_encoding::utf8_percent_encode(ALLOW, percent_encoding::NON_ALPHANUMERIC);
    let quoted = serde_json::to_string(ALLOW).unwrap();
    for document in [format!("\"{encoded}\""), quoted] {
        let inline =
            format!(r#","RolePolicyList":[{{"PolicyName":"P","PolicyDocument":{document}}}]"#);
        assert_eq!(errors(&[("r", FileKind::Roles, &role("A", &inline))]), [""; 0]);
    }
    for (document, message) in [
        (
            "%7B%22Statement%22%3A%7B%22Effect%22%3A1%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%7D",
            "r: RolePolicyList[0].PolicyDocument: in the document: Statement.Effect: expected a string, found a number",
        ),
        (
            "%FF",
            "r: RolePolicyList[0].PolicyDocument: the document is a string that isn't percent-encoded UTF-8: write it as an object",
        ),
        (
            "nonsense",
            "r: RolePolicyList[0].PolicyDocument: not JSON: expected ident at line 1 column 2",
        ),
    ] {
        let inline =
            format!(r#","RolePolicyList":[{{"PolicyName":"P","PolicyDocument":"{document}"}}]"#);
        let found = load(&[("r", FileKind::Roles, &role("A", &inline))]).unwrap_err();
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, [message]);
    }
}

#[test]
fn what_is_refused() {
    use FileKind::{Managed, Roles};
    let aws =
        r#","AttachedManagedPolicies":[{"PolicyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}]"#;
    let bounded =
        r#","PermissionsBoundary":{"PermissionsBoundaryArn":"arn:aws:iam::123456789012:policy/X"}"#;
    let broken = r#","RolePolicyList":[{"PolicyName":"P","PolicyDocument":{"Statement":[{"Effect":"Allow","Action":"x","Resource":"*"}]}}]"#;
    let no_default = managed("All").replace("\"v2\",\n", "\"v3\",\n");
    let broken_managed = managed("All").replace("\"Allow\"", "\"Permit\"");
    for (files, expected) in [
        (&[("r", Roles, "{")][..], "r  json_syntax"),
        (&[("r", Roles, "[]")], "r  wrong_type"),
        (&[("r", Roles, "{}")], "r  missing_member"),
        (&[("r", Roles, &role("A", r#","Path":"/x/""#))], "r Path duplicate_member"),
        (&[("r", Roles, &role("A", "").replace("role/app/A", "role/app/B"))], "r Arn wrong_arn"),
        (&[("r", Roles, &role("A", "").replace("arn:aws:iam", "arn:aws"))], "r Arn malformed_arn"),
        (&[("r", Roles, &role("A", "").replace("\"AROAA\"", "7"))], "r RoleId wrong_type"),
        (
            &[("r", Roles, &role("A", "").replace("AssumeRolePolicyDocument", "Assume"))],
            "r  missing_member",
        ),
        (
            &[("r", Roles, &role("A", "").replace("Federated", "Fed"))],
            "r AssumeRolePolicyDocument.Statement[0].Principal.Fed unknown_member",
        ),
        (
            &[("r", Roles, &role("A", r#","MaxSessionDuration":60"#))],
            "r MaxSessionDuration invalid_session_duration",
        ),
        (&[("r", Roles, &role("A", r#","Tags":[{"Key":"a"}]"#))], "r Tags[0] missing_member"),
        (&[("r", Roles, &role("A", aws))], "r AttachedManagedPolicies[0].PolicyArn unknown_policy"),
        (
            &[("r", Roles, &role("A", bounded))],
            "r PermissionsBoundary.PermissionsBoundaryArn unknown_policy",
        ),
        (
            &[("r", Roles, &role("A", r#","PermissionsBoundary":{}"#))],
            "r PermissionsBoundary missing_member",
        ),
        (
            &[("r", Roles, &role("A", broken))],
            "r RolePolicyList[0].PolicyDocument.Statement[0].Action invalid_action",
        ),
        (&[("r", Roles, &role("A", "")), ("s", Roles, &role("A", ""))], "s Arn duplicate_arn"),
        (
            &[("m", Managed, &managed("All")), ("n", Managed, &managed("All"))],
            "n Arn duplicate_arn",
        ),
        (&[("m", Managed, &no_default)], "m PolicyVersionList no_default_version"),
        (
            &[("m", Managed, &broken_managed)],
            "m PolicyVersionList[1].Document.Statement[0].Effect invalid_effect",
        ),
        (&[("m", Managed, &role("A", ""))], "m Arn wrong_arn"),
    ] {
        let found = errors(files);
        assert!(found.contains(&expected.to_owned()), "{expected}: {found:?}");
    }
}

/// One mistake is reported once, and mistakes of all files together.
#[test]
fn all_errors_are_reported_at_once() {
    let broken = managed("All").replace("\"Allow\"", "\"Permit\"");
    let files = [
        ("r", FileKind::Roles, &*role("A", ATTACHED)),
        ("s", FileKind::Roles, "{"),
        ("m", FileKind::Managed, &broken),
    ];
    assert_eq!(
        errors(&files),
        ["s  json_syntax", "m PolicyVersionList[1].Document.Statement[0].Effect invalid_effect",]
    );
}
