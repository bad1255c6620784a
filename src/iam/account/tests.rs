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
    Account::load(&files, Some("123456789012"))
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
    let policies: Vec<_> = found.policies.policies().iter().map(|p| (p.name(), p.kind())).collect();
    assert_eq!(policies, [("Own", PolicyKind::Inline), ("All", PolicyKind::Managed)]);
    assert_eq!(found.boundary.as_ref().unwrap().policies()[0].kind(), PolicyKind::Boundary);
    assert_eq!(found.trust.policies()[0].kind(), PolicyKind::Trust);
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
    let twice = format!(
        r#","RolePolicyList":[{{"PolicyName":"P","PolicyDocument":{ALLOW}}},{{"PolicyName":"P","PolicyDocument":{ALLOW}}}]"#
    );
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
        (
            &[("r", Roles, &role("A", &twice))],
            "r RolePolicyList[1].PolicyName duplicate_policy_name",
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

/// A bucket's policy.
fn bucket(resource: &str, principal: &str) -> String {
    format!(
        r#"{{"Resource":"{resource}","Policy":{{"Version":"2012-10-17","Id":"any","Statement":[{{"Sid":"With space",
        "Effect":"Allow","Principal":{principal},"Action":"*","Resource":"*"}}]}}}}"#
    )
}

#[test]
fn policies_of_resources() {
    use crate::iam::{Action, Arn, Check, Facts, Layer, NoObserver, Resource, Session};
    let everyone = r#""*""#;
    let files: Vec<String> = [
        "arn:aws:s3:::demo",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/t",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/2026-11-24T03:01:31.000",
    ]
    .iter()
    .map(|arn| bucket(arn, everyone))
    .collect();
    let files: Vec<_> =
        files.iter().map(|text| ("f", FileKind::Resources, text.as_str())).collect();
    let account = load(&files).unwrap();
    for (resource, allowed) in [
        ("arn:aws:s3:::demo", true),
        ("arn:aws:s3:::demo/key/with/slashes", true),
        ("arn:aws:s3:::demo2/key", false),
        ("arn:aws:s3:::dem", false),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/t", true),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/t/index/i", true),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/2026-11-24T03:01:31.000", true),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/2026-11-25T03:01:31.000", false),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/t/backup/1", false),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/t2", false),
        ("arn:aws:dynamodb:eu-west-1:999999999999:table/t", false),
        ("arn:aws:sqs:eu-west-1:123456789012:demo", false),
    ] {
        let check = Check::new(Action::fixed("x:Y"), Resource::Arn(Arn::parse(resource).unwrap()));
        let anonymous = Session::anonymous();
        let verdict = account.evaluate(&anonymous, &check, &Facts::new(), &mut NoObserver);
        assert_eq!(verdict.is_allow(), allowed, "{resource}");
        assert!(verdict.denial().is_none_or(|denial| denial.layer == Layer::Resource));
    }
}

#[test]
fn organizations_are_above_the_roles_of_their_account() {
    use crate::iam::{Action, Check, Facts, Layer, NoObserver, Resource, Session};
    let levels = format!(
        r#"{{"ServiceControlPolicies":[[{ALLOW}],[]],"ResourceControlPolicies":[[{}]]}}"#,
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}"#
    );
    let inline = format!(r#","RolePolicyList":[{{"PolicyName":"Own","PolicyDocument":{ALLOW}}}]"#);
    let (own, other) =
        (role("A", &inline), role("B", &inline).replace("123456789012", "999999999999"));
    let account = load(&[
        ("o", FileKind::Organization, &levels),
        ("a", FileKind::Roles, &own),
        ("b", FileKind::Roles, &other),
    ])
    .unwrap();
    let denied_by = |arn: &str, action: &'static str| {
        let role = account.role(arn).unwrap();
        let session = Session::for_role(role.clone(), "s", Facts::new());
        let check = Check::new(Action::fixed(action), Resource::Any);
        let verdict = account.evaluate(&session, &check, &Facts::new(), &mut NoObserver);
        verdict.denial().map(|denial| denial.layer)
    };
    let (own, other) =
        ("arn:aws:iam::123456789012:role/app/A", "arn:aws:iam::999999999999:role/app/B");
    assert_eq!(denied_by(own, "sqs:ListQueues"), Some(Layer::ServiceControl));
    assert_eq!(denied_by(own, "s3:ListAllMyBuckets"), Some(Layer::ResourceControl));
    assert_eq!(denied_by(other, "sns:ListTopics"), Some(Layer::Resource));
    assert_eq!(denied_by(other, "s3:ListAllMyBuckets"), Some(Layer::ResourceControl));
}

#[test]
fn what_is_refused_of_resources_and_organizations() {
    use FileKind::{Organization, Resources};
    let good = bucket("arn:aws:s3:::demo", r#""*""#);
    let at = |statement: &str| format!("f Policy.Statement[0]{statement}");
    for (kind, text, expected) in [
        (Resources, "{}".to_owned(), "f  missing_member".to_owned()),
        (
            Resources,
            good.replace("\"Resource\":\"arn", "\"Resource\":7,\"X\":\"arn"),
            "f X unknown_member".to_owned(),
        ),
        (Resources, good.replace(":::demo", ":::demo/key"), "f Resource wrong_arn".to_owned()),
        (Resources, good.replace(":::demo", ":::de*mo"), "f Resource wrong_arn".to_owned()),
        (
            Resources,
            good.replace("s3:::demo", "sqs:eu-west-1:1:q"),
            "f Resource wrong_arn".to_owned(),
        ),
        (
            Resources,
            good.replace("arn:aws:s3:::demo", "demo"),
            "f Resource malformed_arn".to_owned(),
        ),
        (
            Resources,
            good.replace("\"Principal\"", "\"NotPrincipal\""),
            at(".NotPrincipal not_principal_allows"),
        ),
        (Resources, good.replace("\"Principal\":\"*\",", ""), at(" missing_member")),
        (
            Resources,
            good.replace("\"Principal\"", "\"NotPrincipal\":\"*\",\"Principal\""),
            at(".NotPrincipal conflicting_members"),
        ),
        (Resources, good.replace(",\"Resource\":\"*\"", ""), at(" missing_member")),
        (
            Resources,
            bucket("arn:aws:s3:::demo", r#"{"AWS":"arn:aws:iam::123456789012:group/g"}"#),
            at(".Principal.AWS invalid_principal"),
        ),
        (
            Resources,
            bucket("arn:aws:s3:::demo", r#"{"AWS":"arn:aws:iam::*:root"}"#),
            at(".Principal.AWS invalid_principal"),
        ),
        (Organization, "[]".to_owned(), "f  wrong_type".to_owned()),
        (Organization, r#"{"SCPs":[]}"#.to_owned(), "f SCPs unknown_member".to_owned()),
        (
            Organization,
            format!(r#"{{"ServiceControlPolicies":[{ALLOW}]}}"#),
            "f ServiceControlPolicies[0] wrong_type".to_owned(),
        ),
        (
            Organization,
            format!(
                r#"{{"ServiceControlPolicies":[[{}]]}}"#,
                ALLOW.replace("\"Resource\":\"*\"", "\"Resource\":\"arn:aws:s3\"")
            ),
            "f ServiceControlPolicies[0][0].Statement[0].Resource invalid_resource".to_owned(),
        ),
        (
            Organization,
            format!(
                r#"{{"ServiceControlPolicies":[[{}]]}}"#,
                ALLOW.replace("\"Action\"", "\"Principal\":\"*\",\"Action\"")
            ),
            "f ServiceControlPolicies[0][0].Statement[0].Principal member_not_allowed".to_owned(),
        ),
        (
            Organization,
            format!(
                r#"{{"ResourceControlPolicies":[[{}]]}}"#,
                ALLOW.replace("\"Action\":\"*\"", "\"Principal\":\"*\",\"Action\":\"s3:*\"")
            ),
            "f ResourceControlPolicies[0][0].Statement[0].Effect control_allows".to_owned(),
        ),
        (
            Organization,
            format!(
                r#"{{"ResourceControlPolicies":[[{}]]}}"#,
                ALLOW.replace(
                    "\"Allow\",\"Action\"",
                    "\"Deny\",\"Principal\":{\"AWS\":\"123456789012\"},\"NotAction\""
                )
            ),
            "f ResourceControlPolicies[0][0].Statement[0].Principal invalid_principal".to_owned(),
        ),
        (
            Organization,
            format!(
                r#"{{"ResourceControlPolicies":[[{}]]}}"#,
                ALLOW.replace("\"Allow\",\"Action\"", "\"Deny\",\"Principal\":\"*\",\"NotAction\"")
            ),
            "f ResourceControlPolicies[0][0].Statement[0].NotAction member_not_allowed".to_owned(),
        ),
    ] {
        let found = errors(&[("f", kind, &text)]);
        assert!(found.contains(&expected), "{expected}: {found:?} {text}");
    }
    assert_eq!(
        errors(&[("f", Resources, &good), ("g", Resources, &good)]),
        ["g Resource duplicate_arn"]
    );
    let levels = format!(r#"{{"ServiceControlPolicies":[[{ALLOW}]]}}"#);
    assert_eq!(
        errors(&[("f", Organization, &levels), ("g", Organization, &levels)]),
        ["g ServiceControlPolicies duplicate_levels"]
    );
    // CloudFront's names have a space.
    let cloudfront =
        r#"{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}"#;
    assert!(errors(&[("f", Resources, &bucket("arn:aws:s3:::demo", cloudfront))]).is_empty());
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

/// Of many in a file, the one that is meant.
#[test]
fn errors_name_the_role_and_the_policy() {
    let broken = ALLOW.replace("\"Resource\":\"*\"", "\"Resource\":7");
    let list = |document: &str| {
        format!(r#","RolePolicyList":[{{"PolicyName":"P1","PolicyDocument":{document}}}]"#)
    };
    let unknown = r#","AttachedManagedPolicies":[{"PolicyArn":"arn:aws:iam::aws:policy/None"}]"#;
    let roles = [
        role("A", &list(&broken)),
        role("B", &list(&serde_json::to_string(&broken).unwrap())),
        role("C", unknown),
        role("D", "").replace("sts:Assume", "Assume"),
        role("E", "").replace("\"RoleId\":\"AROAE\",", ""),
        role("F", "").replace("\"RoleName\":\"F\",", ""),
    ];
    let managed = managed("All").replace("\"Allow\"", "\"Permit\"");
    let dump = format!(r#"{{"RoleDetailList":[{}],"Policies":[{managed}]}}"#, roles.join(","));
    let bucket = bucket("arn:aws:s3:::demo", "7");
    let levels = format!(r#"{{"ServiceControlPolicies":[[],[{ALLOW},{broken}]]}}"#);
    let found = load(&[
        ("dump.json", FileKind::Roles, &dump),
        ("bucket.json", FileKind::Resources, &bucket),
        ("levels.json", FileKind::Organization, &levels),
    ]);
    let mut found: Vec<_> = found.unwrap_err().iter().map(AccountError::message).collect();
    found.sort();
    let expected = [
        "SCP[1][1]: Statement[0].Resource: expected a string or a list of strings, found a number",
        "policy All: Statement[0].Effect: unknown effect",
        "policy of bucket demo: Statement[0].Principal: ",
        "role A, policy P1: Statement[0].Resource: expected a string or a list of strings, found a number",
        "role B, policy P1: in the document: Statement[0].Resource: expected a string",
        "role C: AttachedManagedPolicies[0].PolicyArn: the policy arn:aws:iam::aws:policy/None is in no",
        "role D, trust policy: Statement[0].Action: ",
        "role E: RoleId is missing: ",
        "role arn:aws:iam::123456789012:role/app/F: RoleName is missing: ",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{expected}: {found}");
    }
}
