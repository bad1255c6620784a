//! Conditions: keys, operators, values, variables.

use super::*;

/// The ids of what is found with this condition in a statement on objects; `expected` separates them
/// by spaces.
fn check(effect: &str, conditions: &str, expected: &str) {
    let expected: Vec<&str> = expected.split(' ').filter(|id| !id.is_empty()).collect();
    let found = of(effect, r#""s3:PutObject""#, r#""arn:aws:s3:::b/*""#, conditions);
    assert_eq!(found, expected, "{effect} {conditions}");
}

#[test]
fn keys_exist_and_can_be_seen() {
    for (conditions, expected) in [
        (r#"{ "IpAddress": { "aws:SourceIP": "10.0.0.0/8" } }"#, ""),
        (r#"{ "IpAddress": { "aws:SourceAdress": "10.0.0.0/8" } }"#, "unknown_key"),
        (r#"{ "StringEquals": { "s3:prefx": "a" } }"#, "unknown_key"),
        (r#"{ "StringEquals": { "LeadingKeys": "a" } }"#, "unknown_key"),
        (r#"{ "StringEquals": { "poolgate:Spiffe": "a" } }"#, "unknown_key"),
        (r#"{ "StringEquals": { "poolgate:SpiffeId": "spiffe://a/b" } }"#, ""),
        (r#"{ "StringEquals": { "cognito-identity.amazonaws.com:email": "a" } }"#, "unknown_key"),
        // Of other services and providers nothing is known.
        (r#"{ "StringEquals": { "kms:ViaService": "a" } }"#, ""),
        (r#"{ "StringEquals": { "accounts.google.com:hd": "a" } }"#, ""),
        (r#"{ "StringEquals": { "jwt:tenant": "a" } }"#, ""),
        (r#"{ "StringEquals": { "aws:PrincipalTag/team": "a" } }"#, ""),
        (r#"{ "StringEquals": { "aws:ResourceTag/team": "a" } }"#, "unobservable_key"),
        (r#"{ "Null": { "s3:BucketTag/team": "true" } }"#, "unobservable_key"),
        (r#"{ "StringNotEqualsIfExists": { "aws:PrincipalOrgID": "o-a" } }"#, "unobservable_key"),
        (r#"{ "StringNotEquals": { "aws:SourceVpce": "vpce-1" } }"#, "absent_key"),
        (r#"{ "Bool": { "aws:MultiFactorAuthPresent": "true" } }"#, "absent_key"),
        (r#"{ "StringEquals": { "s3:x-amz-acl": "private" } }"#, ""),
        (r#"{ "StringEquals": { "s3:prefix": "a" } }"#, "key_not_of_action"),
        (r#"{ "StringNotEquals": { "s3:prefix": "a" } }"#, ""),
        (r#"{ "StringEqualsIfExists": { "s3:prefix": "a" } }"#, ""),
        (r#"{ "Null": { "s3:prefix": "false" } }"#, "key_not_of_action"),
    ] {
        check("Allow", conditions, expected);
        check("Deny", conditions, expected);
    }
}

#[test]
fn what_is_said_of_a_key_that_is_never_there_is_what_comes_of_it() {
    for (effect, operator, said) in [
        ("Allow", "StringEquals", "this never allows"),
        ("Deny", "StringEquals", "this never denies"),
        ("Deny", "StringNotEquals", "always holds"),
        ("Allow", "StringEqualsIfExists", "always holds"),
        ("Allow", "ForAllValues:StringEquals", "always holds"),
        ("Deny", "ForAnyValue:StringEquals", "this never denies"),
        ("Deny", "ForAnyValue:StringEqualsIfExists", "this denies"),
    ] {
        let role = role(&format!(
            r#"{{ "Effect": "{effect}", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*",
            "Condition": {{ "{operator}": {{ "aws:SourceVpce": "v" }} }} }}"#
        ));
        let found = lint_account(&[(FileKind::Roles, &role)], GIVEN);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains(said), "{operator}: {}", found[0].message);
    }
}

#[test]
fn a_key_that_an_action_lacks_is_told_once_for_each_action() {
    let found = of(
        "Allow",
        r#"["dynamodb:Scan", "dynamodb:GetItem"]"#,
        r#""arn:aws:dynamodb:*:*:table/t""#,
        r#"{ "ForAnyValue:StringEquals": { "dynamodb:LeadingKeys": "a" }, "Null": { "dynamodb:LeadingKeys": "false" } }"#,
    );
    assert_eq!(found, ["key_not_of_action"]);
}

#[test]
fn without_account_and_region_their_keys_are_unknown() {
    let role = role(
        r#"{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*",
        "Condition": { "StringEquals": { "aws:RequestedRegion": "eu-west-1" } } }"#,
    );
    let files = [(FileKind::Roles, role.as_str())];
    assert_eq!(ids(&files), [""; 0]);
    let found = found_in(&files, Given { home: None, ..GIVEN });
    assert_eq!(found[0].0, "unobservable_key");
}

/// What no request here can be of has its conditions to itself, unless a route names such actions.
#[test]
fn conditions_of_what_is_never_asked_are_passed_over() {
    let role = role(
        r#"{ "Effect": "Allow", "Action": "orders:Read", "Resource": "*",
        "Condition": { "StringEquals": { "aws:ResourceTag/team": "a" } } }"#,
    );
    let files = [(FileKind::Roles, role.as_str())];
    assert_eq!(ids(&files), [""; 0]);
    let services = ["Orders".to_owned()];
    let found = found_in(&files, Given { services: &services, ..GIVEN });
    assert_eq!(found[0].0, "unobservable_key");
}

#[test]
fn set_operators_stand_where_there_is_a_set() {
    let groups = "jwt:cognito:groups";
    for (effect, conditions, expected) in [
        ("Allow", format!(r#"{{ "StringEquals": {{ "{groups}": "a" }} }}"#), "multi_valued_key"),
        ("Deny", format!(r#"{{ "StringNotEquals": {{ "{groups}": "a" }} }}"#), "multi_valued_key"),
        ("Allow", format!(r#"{{ "Null": {{ "{groups}": "false" }} }}"#), ""),
        ("Allow", format!(r#"{{ "ForAnyValue:StringEquals": {{ "{groups}": "a" }} }}"#), ""),
        (
            "Allow",
            format!(r#"{{ "ForAllValues:StringEquals": {{ "{groups}": "a" }} }}"#),
            "for_all_values_without_null",
        ),
        ("Deny", format!(r#"{{ "ForAllValues:StringEquals": {{ "{groups}": "a" }} }}"#), ""),
        (
            "Allow",
            format!(
                r#"{{ "ForAllValues:StringEquals": {{ "{groups}": "a" }}, "Null": {{ "JWT:Cognito:Groups": "false" }} }}"#
            ),
            "",
        ),
        (
            "Allow",
            format!(
                r#"{{ "ForAllValues:StringEquals": {{ "{groups}": "a" }}, "Null": {{ "{groups}": "true" }} }}"#
            ),
            "for_all_values_without_null",
        ),
        (
            "Allow",
            format!(
                r#"{{ "ForAllValues:StringEquals": {{ "{groups}": "a" }}, "ForAnyValue:StringLike": {{ "{groups}": "*" }} }}"#
            ),
            "",
        ),
        (
            "Allow",
            r#"{ "ForAllValues:StringEquals": { "s3:RequestObjectTagKeys": "a" } }"#.into(),
            "",
        ),
        (
            "Allow",
            r#"{ "ForAnyValue:StringEquals": { "aws:PrincipalTag/a": "a" } }"#.into(),
            "set_operator_on_single_value",
        ),
        // A claim may be an array or not.
        ("Allow", r#"{ "ForAnyValue:StringEquals": { "jwt:roles": "a" } }"#.into(), ""),
        ("Allow", r#"{ "StringEquals": { "jwt:roles": "a" } }"#.into(), ""),
    ] {
        check(effect, &conditions, expected);
    }
}

#[test]
fn operators_compare_what_keys_hold() {
    for (operator, key, value, right) in [
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", true),
        ("StringLike", "aws:SourceIp", "10.*", false),
        ("IpAddress", "aws:userid", "10.0.0.0/8", false),
        ("DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:00Z", true),
        ("StringEquals", "aws:CurrentTime", "2026-01-01T00:00:00Z", false),
        ("NumericLessThan", "aws:EpochTime", "1000000", true),
        ("DateLessThan", "aws:EpochTime", "1000000", true),
        ("NumericLessThan", "s3:signatureAge", "1000", true),
        ("NumericLessThan", "aws:userid", "1000", false),
        ("Bool", "aws:SecureTransport", "true", true),
        ("StringEquals", "aws:SecureTransport", "true", true),
        ("Bool", "aws:userid", "true", false),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::1:role/R", true),
        ("StringEquals", "aws:PrincipalArn", "arn:aws:iam::1:role/R", true),
        ("ArnLike", "aws:PrincipalAccount", "arn:aws:iam::1:role/R", false),
        ("Null", "aws:SourceIp", "true", true),
    ] {
        let conditions = format!(r#"{{ "{operator}": {{ "{key}": "{value}" }} }}"#);
        check("Allow", &conditions, if right { "" } else { "wrong_operator" });
    }
}

#[test]
fn values_are_what_they_look_like() {
    let identity = "eu-west-1:7c5b0000-0000-4000-8000-000000000000";
    for (conditions, expected) in [
        (r#"{ "StringEquals": { "aws:userid": "A*" } }"#, "wildcard_in_equals"),
        (r#"{ "StringNotEqualsIgnoreCase": { "aws:userid": ["A", "B?"] } }"#, "wildcard_in_equals"),
        (r#"{ "StringEquals": { "aws:userid": "A${*}" } }"#, ""),
        (r#"{ "StringLike": { "aws:userid": "A*" } }"#, ""),
        (r#"{ "StringEquals": { "aws:userid": [] } }"#, "empty_values"),
        (r#"{ "StringEquals": { "aws:userid": "${aws:username}" } }"#, "null_variable"),
        (r#"{ "StringEquals": { "aws:userid": "${aws:username, 'none'}" } }"#, ""),
        (r#"{ "StringEquals": { "aws:userid": "${aws:usernam, 'none'}" } }"#, "null_variable"),
        (r#"{ "StringEquals": { "aws:userid": "${jwt:scope}" } }"#, "null_variable"),
        (r#"{ "StringEquals": { "aws:userid": "${aws:ResourceTag/a}" } }"#, "unobservable_key"),
        (r#"{ "StringEquals": { "aws:userid": "${aws:PrincipalTag/a}" } }"#, ""),
        // No variables in numbers: it is refused there.
        (
            r#"{ "StringLike": { "cognito-identity.amazonaws.com:sub": "5f0c6c1e" } }"#,
            "not_an_identity_id",
        ),
        (r#"{ "StringLike": { "cognito-identity.amazonaws.com:sub": "eu-west-1:*" } }"#, ""),
    ] {
        check("Allow", conditions, expected);
    }
    let right = format!(
        r#"{{ "StringEquals": {{ "cognito-identity.amazonaws.com:aud": "{identity}" }} }}"#
    );
    check("Allow", &right, "");
}

#[test]
fn variables_before_the_fifth_colon_are_told() {
    for (resource, expected) in [
        ("arn:aws:s3::${aws:PrincipalAccount}:b/*", vec!["null_variable"]),
        ("arn:aws:s3:::b/${aws:PrincipalAccount}/*", vec![]),
    ] {
        let document = format!(
            r#"{{ "Version": "2012-10-17", "Statement": {{ "Effect": "Allow",
            "Action": "s3:GetObject", "Resource": "{resource}" }} }}"#
        );
        let found = ids(&[(FileKind::Roles, &with_policy(&document))]);
        assert!(expected.iter().all(|id| found.contains(id)), "{resource} {found:?}");
        assert_eq!(found.contains(&"null_variable"), !expected.is_empty(), "{resource}");
    }
}

#[test]
fn variables_of_the_older_version_are_text() {
    for (version, expected) in [
        ("", vec!["literal_variable"]),
        (r#""Version": "2008-10-17", "#, vec!["literal_variable"]),
        (r#""Version": "2012-10-17", "#, vec![]),
    ] {
        let document = format!(
            r#"{{ {version}"Statement": {{ "Effect": "Allow", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::b/${{aws:PrincipalTag/a}}/*" }} }}"#
        );
        assert_eq!(ids(&[(FileKind::Roles, &with_policy(&document))]), expected, "{version}");
    }
}

#[test]
fn rights_that_hang_on_what_users_write_are_told() {
    for (effect, conditions, expected) in [
        ("Allow", r#"{ "StringEquals": { "jwt:email": "a@example.com" } }"#, "user_writable_claim"),
        ("Allow", r#"{ "StringEquals": { "jwt:Custom:Team": "a" } }"#, "user_writable_claim"),
        ("Deny", r#"{ "StringEquals": { "jwt:email": "a@example.com" } }"#, ""),
        ("Allow", r#"{ "StringEquals": { "jwt:sub": "a" } }"#, ""),
        ("Allow", r#"{ "StringEquals": { "aws:userid": "${jwt:name}" } }"#, "user_writable_claim"),
    ] {
        check(effect, conditions, expected);
    }
}
