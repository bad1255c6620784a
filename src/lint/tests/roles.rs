//! Statements beside others, trust policies, resources, organizations, identity pools.

use std::collections::HashSet;

use super::*;

fn allow(action: &str, resource: &str) -> String {
    format!(r#"{{ "Effect": "Allow", "Action": "{action}", "Resource": "{resource}" }}"#)
}

fn deny(action: &str, resource: &str) -> String {
    format!(r#"{{ "Effect": "Deny", "Action": "{action}", "Resource": "{resource}" }}"#)
}

#[test]
fn a_deny_takes_back_what_it_covers() {
    let (all, objects) = ("arn:aws:s3:::*", "arn:aws:s3:::b/*");
    for (allowed, denied, covered) in [
        (allow("s3:GetObject", objects), deny("s3:*", "*"), true),
        (allow("s3:GetObject", objects), deny("*", all), true),
        (allow("s3:Get*", objects), deny("S3:G*", objects), true),
        (allow("s3:GetObject", "arn:aws:s3:::b/a/*"), deny("s3:GetObject", objects), true),
        (
            allow("s3:GetObject", "arn:aws:s3:::b/${aws:userid}"),
            deny("s3:GetObject", objects),
            true,
        ),
        (allow("s3:GetObject", objects), deny("s3:GetObject", "arn:aws:s3:::b/a/*"), false),
        (allow("s3:GetObject", objects), deny("s3:PutObject", objects), false),
        (allow("s3:Get*", objects), deny("s3:GetObject", objects), false),
        (allow("s3:Get*", objects), deny("s3:Get??????*", objects), false),
        (allow("s3:ListAllMyBuckets", "*"), deny("s3:*", all), false),
        (allow("*", objects), deny("s3:*", objects), false),
        // A star doesn't cross the parts of an ARN.
        (
            allow("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:1:table/t"),
            deny("dynamodb:*", "arn:aws:dynamodb:*:table/t"),
            false,
        ),
        (
            allow("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:1:table/t"),
            deny("dynamodb:*", "arn:aws:dynamodb:*"),
            true,
        ),
        (
            allow("s3:GetObject", "arn:aws:s3:::b/x"),
            deny("s3:GetObject", "arn:aws:s3:::b/${*}"),
            false,
        ),
    ] {
        let expected: &[&str] = if covered { &["shadowed_statement"] } else { &[] };
        assert_eq!(
            of_statements(&format!("[{allowed}, {denied}]")),
            expected,
            "{allowed} {denied}"
        );
        assert_eq!(
            of_statements(&format!("[{denied}, {allowed}]")),
            expected,
            "{denied} {allowed}"
        );
    }
    let sometimes = r#"{ "Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": { "Bool": { "aws:SecureTransport": "false" } } }"#;
    let allowed = allow("s3:GetObject", objects);
    assert_eq!(of_statements(&format!("[{allowed}, {sometimes}]")), [""; 0]);
}

#[test]
fn a_deny_of_another_policy_of_the_role_counts_and_so_does_its_boundary() {
    let managed = format!(
        r#"{{ "PolicyName": "No", "Arn": "arn:aws:iam::123456789012:policy/No", "DefaultVersionId": "v1",
        "PolicyVersionList": [{{ "VersionId": "v1", "Document": {{ "Statement": [{}, {}] }} }}] }}"#,
        deny("s3:*", "*"),
        allow("dynamodb:GetItem", "*"),
    );
    let policy = "arn:aws:iam::123456789012:policy/No";
    let attached = format!(r#""AttachedManagedPolicies": [{{ "PolicyArn": "{policy}" }}],"#);
    let boundary = format!(r#""PermissionsBoundary": {{ "PermissionsBoundaryArn": "{policy}" }},"#);
    let of_role = |more: &str, allowed: &str| {
        let document = format!(r#"{{ "Statement": {allowed} }}"#);
        let trust = r#"{ "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole" }"#;
        let role = role_with(trust, &document, more);
        // Whichever file comes first.
        let found = ids(&[(FileKind::Roles, &role), (FileKind::Managed, &managed)]);
        assert_eq!(found, ids(&[(FileKind::Managed, &managed), (FileKind::Roles, &role)]));
        found
    };
    let (objects, items) = (allow("s3:GetObject", "arn:aws:s3:::b/*"), allow("dynamodb:*", "*"));
    assert_eq!(of_role(&attached, &objects), ["shadowed_statement"]);
    assert_eq!(of_role(&boundary, &objects), ["shadowed_statement"]);
    assert_eq!(of_role(&attached, &items), [""; 0]);
    let item = allow("dynamodb:GetItem", "arn:aws:dynamodb:*:*:table/t");
    assert_eq!(of_role(&attached, &item), ["redundant_statement"]);
    // A boundary allows nothing by itself.
    assert_eq!(of_role(&boundary, &item), [""; 0]);
    assert_eq!(of_role("", &items), ["unused_policy"]);
}

#[test]
fn a_boundary_may_be_wide() {
    let managed = format!(
        r#"{{ "PolicyName": "Most", "Arn": "arn:aws:iam::123456789012:policy/Most", "DefaultVersionId": "v1",
        "PolicyVersionList": [{{ "VersionId": "v1", "Document": {{ "Statement": {} }} }}] }}"#,
        allow("*", "*"),
    );
    let boundary = r#""PermissionsBoundary": { "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/Most" },"#;
    let attached =
        r#""AttachedManagedPolicies": [{ "PolicyArn": "arn:aws:iam::123456789012:policy/Most" }],"#;
    for (more, expected) in [
        (boundary.to_owned(), &[][..]),
        (attached.to_owned(), &["full_access"]),
        (format!("{boundary} {attached}"), &["full_access"]),
    ] {
        let trust = r#"{ "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole" }"#;
        let document = format!(r#"{{ "Statement": {} }}"#, deny("s3:DeleteBucket", "*"));
        let role = role_with(trust, &document, &more);
        assert_eq!(
            ids(&[(FileKind::Roles, &role), (FileKind::Managed, &managed)]),
            expected,
            "{more}"
        );
    }
}

#[test]
fn of_statements_that_say_the_same_one_is_told() {
    let condition = r#""Condition": { "StringLike": { "s3:prefix": ["a/*", "b/*"] } }"#;
    let first = format!(
        r#"{{ "Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListBucketVersions"], "Resource": "arn:aws:s3:::b", {condition} }}"#
    );
    let second = format!(
        r#"{{ "Effect": "Allow", "Resource": "arn:aws:s3:::b", "Action": ["s3:listbucketversions", "s3:ListBucket"], {condition} }}"#
    );
    assert_eq!(of_statements(&format!("[{first}, {second}]")), ["redundant_statement"]);
    let other = second.replace("b/*", "c/*");
    assert_eq!(of_statements(&format!("[{first}, {other}]")), [""; 0]);
    // These cover each other: only one may go.
    let wide = r#"{ "Effect": "Allow", "Action": ["s3:*", "s3:GetObject"], "Resource": "arn:aws:s3:::b/*" }"#;
    let same = allow("s3:*", "arn:aws:s3:::b/*");
    for both in [format!("[{wide}, {same}]"), format!("[{same}, {wide}]")] {
        let found = found_in(&[(FileKind::Roles, &role(&both))], GIVEN);
        let at = "RolePolicyList[0].PolicyDocument.Statement[1]".to_owned();
        assert_eq!(found, [("redundant_statement", at)]);
    }
}

/// A role has as many statements as it likes; what is compared is bounded.
#[test]
fn many_statements_are_linted_in_no_time() {
    let statements: Vec<String> =
        (0..500).map(|n| allow("s3:GetObject", &format!("arn:aws:s3:::b{n}/*"))).collect();
    let document = format!(r#"{{ "Statement": [{}] }}"#, statements.join(","));
    let policy = |n: usize| format!(r#"{{ "PolicyName": "P{n}", "PolicyDocument": {document} }}"#);
    let policies: Vec<String> = (1..20).map(policy).collect();
    let role = with_policy(&document).replace(
        r#""RolePolicyList": ["#,
        &format!(r#""RolePolicyList": [{},"#, policies.join(",")),
    );
    let started = std::time::Instant::now();
    let found = ids(&[(FileKind::Roles, &role)]);
    assert_eq!(found.len(), 19 * 500, "each is there twenty times");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_deny_is_found_behind_many_statements_that_allow() {
    let mut statements: Vec<String> =
        (0..100).map(|n| allow("s3:GetObject", &format!("arn:aws:s3:::b{n}/*"))).collect();
    statements.push(deny("s3:GetObject", "arn:aws:s3:::b9*"));
    let found = of_statements(&format!("[{}]", statements.join(",")));
    assert_eq!(found, ["shadowed_statement"; 11], "b9 and b90 to b99");
}

#[test]
fn wide_rights_are_told_unless_they_are_an_administrators() {
    let all = allow("*", "*");
    assert_eq!(of_statements(&all), ["full_access"]);
    for name in ["MyAdmin", "administrators"] {
        let named = role(&all).replace("\"Files\"", &format!("\"{name}\""));
        assert_eq!(ids(&[(FileKind::Roles, &named)]), [""; 0]);
    }
    let but = r#"{ "Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*" }"#;
    assert_eq!(of_statements(but), ["allow_all_but"]);
    let but = r#"{ "Effect": "Deny", "NotAction": "s3:*", "Resource": "*" }"#;
    assert_eq!(of_statements(but), [""; 0]);
}

#[test]
fn trust_policies_say_whose_tokens_and_of_whom() {
    let aud = r#""StringEquals": { "cognito-identity.amazonaws.com:aud": "eu-west-1:7c5b0000-0000-4000-8000-000000000000" }"#;
    let amr =
        r#""ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": "unauthenticated" }"#;
    let pool = r#"{ "Federated": "cognito-identity.amazonaws.com" }"#;
    let oidc = r#"{ "Federated": "arn:aws:iam::123456789012:oidc-provider/id.example.com/a" }"#;
    let both = ["trust_without_amr", "trust_without_audience"];
    for (principal, conditions, expected) in [
        (pool, format!("{aud}, {amr}"), &[][..]),
        (pool, String::new(), &both),
        (r#""*""#, String::new(), &both),
        (pool, aud.to_owned(), &["trust_without_amr"]),
        (pool, amr.to_owned(), &["trust_without_audience"]),
        (
            pool,
            format!(r#"{amr}, "StringLike": {{ "cognito-identity.amazonaws.com:aud": "*" }}"#),
            &["trust_without_audience"],
        ),
        (
            pool,
            format!(
                r#"{aud}, "StringEquals": {{ "cognito-identity.amazonaws.com:amr": "authenticated" }}"#
            ),
            &["multi_valued_key"],
        ),
        (
            pool,
            format!(r#"{aud}, {amr}, "IpAddress": {{ "aws:SourceIp": "10.0.0.0/8" }}"#),
            &["unobservable_key"],
        ),
        (
            pool,
            format!(
                r#"{amr}, "StringLike": {{ "cognito-identity.amazonaws.com:aud": "eu-west-1:*" }}"#
            ),
            &["trust_without_audience"],
        ),
        (
            pool,
            format!(
                r#"{amr}, "StringLike": {{ "cognito-identity.amazonaws.com:aud": [
                "eu-west-1:7c5b0000-0000-4000-8000-000000000000", "eu-west-2:????????-*" ] }}"#
            ),
            &["trust_without_audience"],
        ),
        (
            pool,
            format!(
                r#"{amr}, "StringLike": {{ "cognito-identity.amazonaws.com:aud": "eu-west-1:7c5b0000-0000-4000-8000-000000000000" }}"#
            ),
            &[],
        ),
        (
            pool,
            format!(
                r#"{aud}, "ForAnyValue:StringLike": {{ "cognito-identity.amazonaws.com:amr": "*authenticated" }}"#
            ),
            &["trust_without_amr"],
        ),
        (
            pool,
            format!(
                r#"{aud}, "ForAnyValue:StringLike": {{ "cognito-identity.amazonaws.com:amr": "auth*" }}"#
            ),
            &[],
        ),
        (oidc, String::new(), &["trust_without_audience"]),
        (
            oidc,
            r#""StringLike": { "id.example.com/a:aud": "?*" }"#.to_owned(),
            &["trust_without_audience"],
        ),
        (oidc, r#""StringLike": { "id.example.com/a:aud": "client-*" }"#.to_owned(), &[]),
        (oidc, r#""StringEquals": { "id.example.com/a:aud": "client" }"#.to_owned(), &[]),
        (oidc, r#""StringLike": { "id.example.com/a:sub": "repo:*" }"#.to_owned(), &[]),
        // Whom others let in never gets here.
        (r#"{ "Service": "ec2.amazonaws.com" }"#, String::new(), &[]),
        (r#"{ "AWS": "123456789012" }"#, String::new(), &[]),
    ] {
        // Two operators of the same name would be refused.
        let conditions =
            conditions.replacen(r#", "StringEquals""#, r#", "StringEqualsIgnoreCase""#, 1);
        let trust = format!(
            r#"{{ "Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {{ {conditions} }} }}"#
        );
        let document =
            format!(r#"{{ "Statement": {} }}"#, allow("s3:GetObject", "arn:aws:s3:::b/*"));
        let role = role_with(&trust, &document, "");
        assert_eq!(ids(&[(FileKind::Roles, &role)]), expected, "{principal} {conditions}");
    }
}

#[test]
fn policies_of_resources_name_roles_that_there_are() {
    let reader = "arn:aws:iam::123456789012:role/Reader";
    let file = |principal: &str| {
        format!(
            r#"{{ "Resource": "arn:aws:s3:::b", "Policy": {{ "Version": "2012-10-17", "Statement": {{ "Effect": "Deny",
            {principal}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*" }} }} }}"#
        )
    };
    let role = role(&allow("s3:GetObject", "arn:aws:s3:::b/*"));
    for (principal, found) in [
        (format!(r#""Principal": {{ "AWS": "{reader}" }}"#), false),
        (format!(r#""Principal": {{ "AWS": ["{reader}", "{reader}s"] }}"#), true),
        (format!(r#""NotPrincipal": {{ "AWS": "{}" }}"#, reader.replace("role/", "role/x/")), true),
        (r#""Principal": { "AWS": "arn:aws:iam::999999999999:role/Other" }"#.to_owned(), false),
        (r#""Principal": { "AWS": "arn:aws:iam::123456789012:user/u" }"#.to_owned(), false),
        (r#""Principal": { "AWS": "arn:aws:iam::123456789012:root" }"#.to_owned(), false),
        (r#""Principal": { "AWS": "AROA1234567890ABCDEF" }"#.to_owned(), false),
    ] {
        let expected: &[&str] = if found { &["unknown_principal"] } else { &[] };
        let bucket = file(&principal);
        // Whichever file comes first.
        for files in [
            [(FileKind::Roles, role.as_str()), (FileKind::Resources, &bucket)],
            [(FileKind::Resources, &bucket), (FileKind::Roles, &role)],
        ] {
            assert_eq!(ids(&files), expected, "{principal}");
        }
    }
    let unknown = file(&format!(r#""Principal": {{ "AWS": ["{reader}"] }}"#));
    assert_eq!(
        found_in(&[(FileKind::Resources, &unknown)], GIVEN),
        [("unknown_principal", "Policy.Statement.Principal.AWS[0]".to_owned())]
    );
    let nowhere = Given { home: None, ..GIVEN };
    assert_eq!(found_in(&[(FileKind::Resources, &unknown)], nowhere), []);
}

#[test]
fn policies_of_resources_are_of_here() {
    for (resource, expected) in [
        ("arn:aws:s3:::b", None),
        ("arn:aws-cn:s3:::b", Some("partition")),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/t", None),
        ("arn:aws:dynamodb:eu-west-2:123456789012:table/t", Some("region")),
        ("arn:aws:dynamodb:eu-west-1:999999999999:table/t", Some("account")),
        ("arn:aws-cn:dynamodb:eu-west-1:123456789012:table/t", Some("partition")),
    ] {
        let file = format!(
            r#"{{ "Resource": "{resource}", "Policy": {{ "Version": "2012-10-17", "Statement": {{ "Effect": "Deny",
            "Principal": "*", "Action": "*", "Resource": "{resource}" }} }} }}"#
        );
        let files = [(FileKind::Resources, file.as_str())];
        let found = lint_account(&files, GIVEN);
        let found: Vec<_> = found.iter().map(|f| (f.lint.id(), f.message.as_str())).collect();
        match (expected, found.as_slice()) {
            (None, []) => {}
            (Some(what), [("resource_elsewhere", message)]) => {
                assert!(message.contains(&format!("of another {what} than")), "{message}");
            }
            _ => panic!("{resource}: {found:?}"),
        }
        assert!(lint_account(&files, Given { home: None, ..GIVEN }).is_empty());
    }
}

#[test]
fn policies_of_resources_are_about_them_and_say_for_whom() {
    let me = r#"{ "AWS": "123456789012" }"#;
    let never = r#""Condition": { "Bool": { "aws:SecureTransport": "true" } }, "#;
    for (principal, more, resource, expected) in [
        (me, "", "arn:aws:s3:::b/*", &[][..]),
        (me, "", "arn:aws:s3:::b*", &[]),
        (me, "", "*", &[]),
        (me, "", "arn:aws:s3:::${aws:PrincipalTag/a}/*", &[]),
        (me, "", "arn:aws:s3:::bb/*", &["foreign_resource"]),
        (me, "", "arn:aws:s3:::c*/x", &["foreign_resource"]),
        (r#""*""#, "", "arn:aws:s3:::b/*", &["public_resource"]),
        (r#"{ "AWS": ["*"] }"#, "", "arn:aws:s3:::b/*", &["public_resource"]),
        (r#""*""#, never, "arn:aws:s3:::b/*", &[]),
    ] {
        let file = format!(
            r#"{{ "Resource": "arn:aws:s3:::b", "Policy": {{ "Version": "2012-10-17", "Statement": {{ "Effect": "Allow",
            "Principal": {principal}, {more} "Action": "s3:GetObject", "Resource": "{resource}" }} }} }}"#
        );
        assert_eq!(ids(&[(FileKind::Resources, &file)]), expected, "{principal} {resource}");
    }
}

#[test]
fn every_level_of_service_control_policies_allows_something() {
    let denying = format!(r#"[{{ "Statement": {} }}]"#, deny("s3:DeleteBucket", "*"));
    let allowing = format!(r#"[{{ "Statement": {} }}]"#, allow("*", "*"));
    let rcp = r#"[{ "Statement": { "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*" } }]"#;
    let file = format!(
        r#"{{ "ServiceControlPolicies": [{allowing}, {denying}, []], "ResourceControlPolicies": [{rcp}] }}"#
    );
    let at = |level: usize| ("empty_level", format!("ServiceControlPolicies[{level}]"));
    assert_eq!(found_in(&[(FileKind::Organization, &file)], GIVEN), [at(1), at(2)]);
}

#[test]
fn roles_and_policies_of_an_export_are_told_if_nobody_has_them() {
    let role = role(&allow("s3:GetObject", "arn:aws:s3:::b/*"));
    let export = format!(
        r#"{{ "RoleDetailList": [{role}], "Policies": [{{ "PolicyName": "P", "Arn": "arn:aws:iam::123456789012:policy/P",
        "PolicyVersionList": [{{ "IsDefaultVersion": true, "Document": {{ "Statement": {} }} }}] }}] }}"#,
        allow("s3:GetObject", "arn:aws:s3:::b/*")
    );
    let files = [(FileKind::Roles, export.as_str())];
    let unused = ("unused_policy", "Policies[0].Arn".to_owned());
    assert_eq!(found_in(&files, GIVEN), std::slice::from_ref(&unused));
    let mut roles = HashSet::new();
    let unheard = ("unused_role", "RoleDetailList[0].Arn".to_owned());
    let given = Given { roles: Some(&roles), ..GIVEN };
    assert_eq!(found_in(&files, given), [unused.clone(), unheard]);
    roles.insert("arn:aws:iam::123456789012:role/Reader".to_owned());
    let given = Given { roles: Some(&roles), ..GIVEN };
    assert_eq!(found_in(&files, given), [unused]);
}

#[test]
fn rules_and_tags_on_what_users_write_are_told() {
    let pool = r#"{ "IdentityPoolId": "eu-west-1:7c5b0000-0000-4000-8000-000000000000",
      "RoleMappings": {
        "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E:client": { "Type": "Rules", "AmbiguousRoleResolution": "Deny",
          "RulesConfiguration": { "Rules": [
            { "Claim": "cognito:groups", "MatchType": "Contains", "Value": "a", "RoleARN": "arn:aws:iam::1:role/R" },
            { "Claim": "custom:team", "MatchType": "Equals", "Value": "a", "RoleARN": "arn:aws:iam::1:role/R" } ] } },
        "accounts.google.com": { "Type": "Rules", "AmbiguousRoleResolution": "Deny",
          "RulesConfiguration": { "Rules": [
            { "Claim": "email", "MatchType": "Equals", "Value": "a", "RoleARN": "arn:aws:iam::1:role/R" } ] } } },
      "PrincipalTags": {
        "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E": { "UseDefaults": false, "PrincipalTags": { "id": "sub", "mail": "email" } },
        "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other0000": { "UseDefaults": true, "PrincipalTags": { "mail": "email" } } } }"#;
    let found = lint_identity_pool(3, pool);
    assert!(found.iter().all(|f| f.lint == Lint::UserWritableClaim && f.file == 3), "{found:?}");
    let paths: Vec<String> = found.iter().map(|found| found.path.to_string()).collect();
    let provider = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E";
    assert_eq!(
        paths,
        [
            format!("RoleMappings.{provider}:client.RulesConfiguration.Rules[1].Claim"),
            format!("PrincipalTags.{provider}.PrincipalTags.mail"),
        ]
    );
}
