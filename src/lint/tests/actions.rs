//! Actions and resources.

use super::*;

const TABLE: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/t";

#[test]
fn actions_and_resources_fit() {
    let table = format!(r#""{TABLE}""#);
    let stream = format!(r#""{TABLE}/stream/*""#);
    for (actions, resources, expected) in [
        (r#""s3:GetObjekt""#, r#""arn:aws:s3:::b/*""#, "unknown_action"),
        (r#""s3:Foo*""#, r#""*""#, "unknown_action"),
        (r#""S3:getobject""#, r#""arn:aws:s3:::b/*""#, ""),
        (r#""dynamodb:TransactGetItems""#, &table, "unknown_action"),
        (r#""dynamodb:ExecuteStatement""#, &table, "unknown_action"),
        (r#""sts:AssumeRol""#, r#""*""#, "unknown_action"),
        (r#""cognito-identity:GetID""#, r#""*""#, ""),
        (r#""execute-api:Invoked""#, r#""*""#, "unknown_action"),
        // Of services that aren't listed nothing is known.
        (r#""ec2:Fly""#, r#""arn:aws:s3:::b""#, ""),
        (r#""s3:ListBucket""#, r#""arn:aws:s3:::b/*""#, "bucket_action_on_object"),
        (r#""s3:ListBucket""#, r#"["arn:aws:s3:::b/*", "arn:aws:s3:::b"]"#, ""),
        (r#""s3:ListBucket""#, r#""arn:aws:s3:::b*""#, ""),
        (r#""s3:ListBucket*""#, r#""arn:aws:s3:::b/*""#, "bucket_action_on_object"),
        // ListMultipartUploadParts is about objects.
        (r#""s3:List*""#, r#""arn:aws:s3:::b/*""#, ""),
        (r#""s3:*""#, r#""arn:aws:s3:::b/*""#, ""),
        (r#""*""#, r#""arn:aws:s3:::b/*""#, ""),
        (r#""s3:PutObject""#, r#""arn:aws:s3:::b""#, "object_action_on_bucket"),
        (r#""s3:PutObject""#, r#""arn:aws:s3:::${aws:PrincipalTag/b}""#, ""),
        (
            r#"["s3:GetObject", "s3:GetBucketAcl"]"#,
            r#""arn:aws:s3:::b""#,
            "object_action_on_bucket",
        ),
        (r#""s3:ListAllMyBuckets""#, r#""arn:aws:s3:::*""#, "star_only_action"),
        (r#""s3:ListAllMyBuckets""#, r#"["*", "arn:aws:s3:::b"]"#, ""),
        (r#""dynamodb:ListTables""#, &table, "star_only_action"),
        (r#""dynamodb:GetRecords""#, &table, "wrong_resource_type"),
        (r#""dynamodb:GetRecords""#, &stream, ""),
        (r#""dynamodb:GetItem""#, r#""arn:aws:dynamodb:::table/t""#, "wrong_resource_type"),
        (r#""s3:GetObject""#, r#""arn:aws:s3:eu-west-1:123456789012:b/*""#, "wrong_resource_type"),
        (r#""s3:GetObject""#, r#""arn:aws:s3""#, ""),
        (r#""dynamodb:GetItem""#, r#""arn:aws:s3:::b/*""#, "wrong_service"),
        (r#""execute-api:Invoke""#, &table, "wrong_service"),
        (r#""execute-api:Invoke""#, r#""arn:aws:execute-api:*:*:api/prod/GET/*""#, ""),
        (r#""sts:AssumeRole""#, r#""arn:aws:iam::123456789012:role/R""#, ""),
    ] {
        let expected: Vec<&str> = [expected].into_iter().filter(|id| !id.is_empty()).collect();
        for effect in ["Allow", "Deny"] {
            assert_eq!(of(effect, actions, resources, "{}"), expected, "{actions} {resources}");
        }
    }
}

/// What is left out can't be of a wrong type, but it can be misspelt.
#[test]
fn lists_of_what_is_left_out_are_only_searched_for_unknown_actions() {
    let statement = |member: &str| {
        format!(
            r#"{{ "Effect": "Deny", "NotAction": ["s3:ListBucket", {member}], "Resource": "arn:aws:s3:::b/*" }}"#
        )
    };
    assert_eq!(of_statements(&statement(r#""s3:GetObject""#)), [""; 0]);
    assert_eq!(of_statements(&statement(r#""s3:GetObjects""#)), ["unknown_action"]);
}

#[test]
fn unknown_actions_have_a_hint() {
    for (action, hint) in [
        ("s3:GetObjekt", "did you mean `GetObject`?"),
        ("s3:HeadObject", "authorized as s3:GetObject"),
        ("s3:ListObjectsV2", "authorized as s3:ListBucket"),
        ("dynamodb:TransactWriteItems", "what it does with each item"),
        ("dynamodb:ExecuteStatement", "dynamodb:PartiQLSelect"),
        ("dynamodb:GetItems", "did you mean `GetItem`?"),
    ] {
        let role =
            role(&format!(r#"{{ "Effect": "Allow", "Action": "{action}", "Resource": "*" }}"#));
        let found = lint_account(&[(FileKind::Roles, &role)], GIVEN);
        assert!(found[0].message.contains(hint), "{found:?}");
    }
}

#[test]
fn every_action_has_its_own_place() {
    let role = role(
        r#"[{ "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket", "s3:Nothing"],
        "Resource": "arn:aws:s3:::b/*" }]"#,
    );
    let at = "RolePolicyList[0].PolicyDocument.Statement[0].Action";
    let expected =
        [("bucket_action_on_object", format!("{at}[1]")), ("unknown_action", format!("{at}[2]"))];
    assert_eq!(found_in(&[(FileKind::Roles, &role)], GIVEN), expected);
}

#[test]
fn a_document_that_is_a_string_has_the_place_of_the_string() {
    let document = r#""%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3AFly%22%2C%22Resource%22%3A%22%2A%22%7D%7D""#;
    let found = found_in(&[(FileKind::Roles, &with_policy(document))], GIVEN);
    assert_eq!(found, [("unknown_action", "RolePolicyList[0].PolicyDocument".to_owned())]);
}
