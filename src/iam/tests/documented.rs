//! The policies of AWS's own documentation, and what it says of them.

use super::*;

/// A policy of an identity, and what it is to allow: action, resource, what is known, allowed.
fn check_all(documents: &[&str], cases: &[(&str, &str, &[&str], bool)]) {
    let session = session(role(documents));
    for (action, resource, known, allowed) in cases {
        let check = check(action, resource);
        let verdict = evaluate(&Layers::of(&session), &check, &facts(known), &mut NoObserver);
        assert_eq!(verdict.is_allow(), *allowed, "{action} {resource} {known:?} {verdict:?}");
    }
}

/// Action, resource, what is known; whether nobody may, and whether the role may.
type OfBucket<'a> = (&'a str, &'a str, &'a [&'a str], Option<bool>, Option<bool>);

/// The same of a bucket's policy, for nobody and for a role that may do everything of itself.
fn check_bucket(document: &str, cases: &[OfBucket<'_>]) {
    let resource = PolicySet::from(policy(PolicyKind::Resource, document));
    let all = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let (anonymous, everything) = (Session::anonymous(), session(role(&[all])));
    for (action, arn, known, nobody, somebody) in cases {
        let (check, known) = (check(action, arn), facts(known));
        for (session, expected) in [(&anonymous, nobody), (&everything, somebody)] {
            let Some(expected) = expected else { continue };
            let owner = Some("123456789012");
            let layers = Layers { resource: Some(&resource), owner, ..Layers::of(session) };
            let verdict = evaluate(&layers, &check, &known, &mut NoObserver);
            assert_eq!(verdict.is_allow(), *expected, "{action} {arn} {verdict:?}");
        }
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-ip.html>
#[test]
fn requests_from_elsewhere_are_denied() {
    let all = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{
        "NotIpAddress":{"aws:SourceIp":["192.0.2.0/24","203.0.113.0/24"]},"Bool":{"aws:ViaAWSService":"false"}}}}"#;
    let (get, key) = ("s3:GetObject", "arn:aws:s3:::b/k");
    check_all(
        &[all, deny],
        &[
            (get, key, &["aws:SourceIp=192.0.2.7", "aws:ViaAWSService=false"], true),
            (get, key, &["aws:SourceIp=198.51.100.7", "aws:ViaAWSService=false"], false),
            (get, key, &["aws:SourceIp=198.51.100.7", "aws:ViaAWSService=true"], true),
            (get, key, &["aws:SourceIp=::ffff:203.0.113.9", "aws:ViaAWSService=false"], true),
            (get, key, &["aws:SourceIp=?", "aws:ViaAWSService=false"], false),
            (get, key, &["aws:SourceIp=198.51.100.7"], true),
        ],
    );
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_mfa-selfmanage.html>,
/// "DenyAllExceptListedIfNoMFA".
#[test]
fn without_mfa_only_some_actions_are_allowed() {
    let all = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let deny = |operator: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","NotAction":["iam:GetUser","sts:GetSessionToken"],
            "Resource":"*","Condition":{{"{operator}":{{"aws:MultiFactorAuthPresent":"false"}}}}}}}}"#
        )
    };
    let key = "arn:aws:s3:::b/k";
    let mfa = |value: &str| vec![format!("aws:MultiFactorAuthPresent={value}")];
    for (operator, known, denied) in [
        ("BoolIfExists", mfa("false"), true),
        ("BoolIfExists", mfa("true"), false),
        // Long-term keys don't have the key; without IfExists they would get by.
        ("BoolIfExists", vec![], true),
        ("Bool", vec![], false),
    ] {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let deny = deny(operator);
        check_all(
            &[all, &deny],
            &[
                ("s3:GetObject", key, &known, !denied),
                ("iam:GetUser", "arn:aws:iam::123456789012:user/u", &known, true),
            ],
        );
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_s3_cognito-bucket.html>
#[test]
fn identities_have_folders_of_their_own() {
    let document = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"ListYourObjects","Effect":"Allow","Action":"s3:ListBucket","Resource":["arn:aws:s3:::bucket"],
         "Condition":{"StringLike":{"s3:prefix":["cognito/app/${cognito-identity.amazonaws.com:sub}/*"]}}},
        {"Sid":"ReadWriteDeleteYourObjects","Effect":"Allow","Action":["s3:DeleteObject","s3:GetObject","s3:PutObject"],
         "Resource":["arn:aws:s3:::bucket/cognito/app/${cognito-identity.amazonaws.com:sub}/*"]}]}"#;
    let me = "cognito-identity.amazonaws.com:sub=eu-west-1:1234";
    let (mine, other) = (
        "arn:aws:s3:::bucket/cognito/app/eu-west-1:1234/a",
        "arn:aws:s3:::bucket/cognito/app/eu-west-1:12345/a",
    );
    check_all(
        &[document],
        &[
            ("s3:GetObject", mine, &[me], true),
            ("s3:GetObject", other, &[me], false),
            ("s3:GetObject", mine, &[], false),
            ("s3:GetObject", other, &["cognito-identity.amazonaws.com:sub=*"], false),
            ("s3:GetObjectAcl", mine, &[me], false),
            (
                "s3:ListBucket",
                "arn:aws:s3:::bucket",
                &[me, "s3:prefix=cognito/app/eu-west-1:1234/"],
                true,
            ),
            ("s3:ListBucket", "arn:aws:s3:::bucket", &[me, "s3:prefix=cognito/app/"], false),
            ("s3:ListBucket", "arn:aws:s3:::bucket", &[me], false),
        ],
    );
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html>
#[test]
fn rows_and_attributes_are_limited() {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Sid":"AllowAccessToOnlyItemsMatchingUserID","Effect":"Allow",
        "Action":["dynamodb:GetItem","dynamodb:Query","dynamodb:UpdateItem"],
        "Resource":["arn:aws:dynamodb:us-west-2:123456789012:table/GameScores"],
        "Condition":{"ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["${www.amazon.com:user_id}"],
          "dynamodb:Attributes":["UserId","GameTitle","Wins"]},
          "StringEqualsIfExists":{"dynamodb:Select":"SPECIFIC_ATTRIBUTES","dynamodb:ReturnValues":["NONE","UPDATED_OLD"]}}}]}"#;
    let (get, table) =
        ("dynamodb:GetItem", "arn:aws:dynamodb:us-west-2:123456789012:table/GameScores");
    let (me, my_row) = ("www.amazon.com:user_id=bob", "dynamodb:LeadingKeys=[bob]");
    check_all(
        &[document],
        &[
            (get, table, &[me, my_row, "dynamodb:Attributes=[UserId,Wins]"], true),
            (get, table, &[me, my_row, "dynamodb:Attributes=[UserId,Secret]"], false),
            (get, table, &[me, "dynamodb:LeadingKeys=[bob,carol]"], false),
            (get, table, &["dynamodb:LeadingKeys=[bob]"], false),
            // The trap that the documentation warns of: nothing named is nothing forbidden.
            (get, table, &[me], true),
            (get, table, &[me, "dynamodb:LeadingKeys=?"], false),
            (get, table, &[me, my_row, "dynamodb:Select=ALL_ATTRIBUTES"], false),
            ("dynamodb:UpdateItem", table, &[me, my_row, "dynamodb:ReturnValues=ALL_OLD"], false),
            ("dynamodb:UpdateItem", table, &[me, my_row, "dynamodb:ReturnValues=NONE"], true),
            (
                get,
                "arn:aws:dynamodb:us-west-2:123456789012:table/GameScores/index/i",
                &[me, my_row],
                false,
            ),
        ],
    );
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
#[test]
fn set_operators_compare_every_or_some_value() {
    let tags = |operator: &str, values: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{
            "{operator}":{{"aws:TagKeys":{values}}}}}}}}}"#
        )
    };
    let (create, any) = ("ec2:CreateTags", "arn:aws:ec2:eu-west-1:123456789012:instance/i-1");
    for (operator, values, known, allowed) in [
        ("ForAllValues:StringEquals", r#"["environment","cost-center"]"#, "[environment]", true),
        ("ForAllValues:StringEquals", r#"["environment","cost-center"]"#, "[environment,x]", false),
        ("ForAllValues:StringEquals", r#"["environment","cost-center"]"#, "[]", true),
        ("ForAnyValue:StringEquals", r#"["environment","cost-center"]"#, "[environment,x]", true),
        ("ForAnyValue:StringEquals", r#"["environment","cost-center"]"#, "[x]", false),
        ("ForAnyValue:StringEquals", r#"["environment","cost-center"]"#, "[]", false),
        // Negated value by value, not as a whole.
        ("ForAllValues:StringNotEquals", r#"["a","b"]"#, "[c,a]", false),
        ("ForAllValues:StringNotEquals", r#"["a","b"]"#, "[c,d]", true),
        ("ForAnyValue:StringNotEquals", r#"["a","b"]"#, "[c,a]", true),
        ("ForAnyValue:StringNotEquals", r#"["a","b"]"#, "[a]", false),
    ] {
        let known = format!("aws:TagKeys={known}");
        check_all(&[&tags(operator, values)], &[(create, any, &[&known], allowed)]);
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
#[test]
fn variables_have_defaults_and_escapes() {
    let team = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*",
        "Resource":"arn:aws:s3:::amzn-s3-demo-bucket-${aws:PrincipalTag/team, 'company-wide'}/*"}}"#;
    let dollar = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*",
        "Resource":"arn:aws:s3:::bucket/${*}/${$}{x}/${?}"}}"#;
    let old = r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*",
        "Resource":"arn:aws:s3:::home/${aws:username}/*"}}"#;
    let get = "s3:GetObject";
    check_all(
        &[team, dollar, old],
        &[
            (
                get,
                "arn:aws:s3:::amzn-s3-demo-bucket-yellow/k",
                &["aws:PrincipalTag/team=yellow"],
                true,
            ),
            (get, "arn:aws:s3:::amzn-s3-demo-bucket-company-wide/k", &[], true),
            (
                get,
                "arn:aws:s3:::amzn-s3-demo-bucket-company-wide/k",
                &["aws:PrincipalTag/team=yellow"],
                false,
            ),
            (get, "arn:aws:s3:::bucket/*/${x}/?", &[], true),
            (get, "arn:aws:s3:::bucket/a/${x}/b", &[], false),
            (get, "arn:aws:s3:::home/bob/k", &["aws:username=bob"], false),
            (get, "arn:aws:s3:::home/${aws:username}/k", &[], true),
        ],
    );
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html> and
/// "NotAction".
#[test]
fn not_elements_leave_out() {
    let document = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","NotAction":"iam:*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:*","NotResource":["arn:aws:s3:::HRBucket/Payroll","arn:aws:s3:::HRBucket/Payroll/*"]}]}"#;
    check_all(
        &[document],
        &[
            ("s3:GetObject", "arn:aws:s3:::HRBucket/Payroll/2026", &[], true),
            ("s3:GetObject", "arn:aws:s3:::HRBucket/Other", &[], false),
            ("s3:ListAllMyBuckets", "*", &[], false),
            ("iam:GetUser", "*", &[], false),
            ("sqs:ListQueues", "*", &[], true),
        ],
    );
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>,
/// `StringLike` beside `ArnLike`.
#[test]
fn arns_are_compared_part_by_part() {
    let document = |operator: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{
            "{operator}":{{"aws:SourceArn":"arn:aws:cloudtrail:*:111122223333:trail/finance/*"}}}}}}}}"#
        )
    };
    let (action, any) = ("s3:PutObject", "arn:aws:s3:::b/k");
    let right = "aws:SourceArn=arn:aws:cloudtrail:us-east-2:111122223333:trail/finance/doc";
    let wrong = "aws:SourceArn=arn:aws:cloudtrail:us-east-2:999999999999:trail/x:111122223333:trail/finance/doc";
    for (operator, crosses) in [("StringLike", true), ("ArnLike", false), ("ArnEquals", false)] {
        check_all(
            &[&document(operator)],
            &[(action, any, &[right], true), (action, any, &[wrong], crosses)],
        );
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html>
#[test]
fn bucket_policies() {
    let (get, key) = ("s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/k");
    let public = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Public Read","Effect":"Allow","Principal":"*",
        "Action":["s3:GetObject","s3:GetObjectVersion"],"Resource":["arn:aws:s3:::amzn-s3-demo-bucket/*"]}]}"#;
    check_bucket(
        public,
        &[
            (get, key, &[], Some(true), Some(true)),
            ("s3:PutObject", key, &[], Some(false), Some(true)),
            ("s3:ListBucket", "arn:aws:s3:::amzn-s3-demo-bucket", &[], Some(false), Some(true)),
        ],
    );
    let secure = r#"{"Version":"2012-10-17","Statement":[{"Sid":"RestrictToTLSRequestsOnly","Action":"s3:*","Effect":"Deny",
        "Resource":["arn:aws:s3:::amzn-s3-demo-bucket","arn:aws:s3:::amzn-s3-demo-bucket/*"],
        "Condition":{"Bool":{"aws:SecureTransport":"false"}},"Principal":"*"}]}"#;
    check_bucket(
        secure,
        &[
            (get, key, &["aws:SecureTransport=false"], Some(false), Some(false)),
            (get, key, &["aws:SecureTransport=true"], Some(false), Some(true)),
        ],
    );
    let mfa = r#"{"Version":"2012-10-17","Id":"123","Statement":[{"Sid":"","Effect":"Deny","Principal":"*","Action":"s3:*",
        "Resource":"arn:aws:s3:::amzn-s3-demo-bucket/taxdocuments/*","Condition":{"Null":{"aws:MultiFactorAuthAge":true}}},
        {"Sid":"","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::amzn-s3-demo-bucket/taxdocuments/*",
        "Condition":{"NumericGreaterThan":{"aws:MultiFactorAuthAge":3600}}}]}"#;
    let taxes = "arn:aws:s3:::amzn-s3-demo-bucket/taxdocuments/1";
    check_bucket(
        mfa,
        &[
            (get, taxes, &[], None, Some(false)),
            (get, taxes, &["aws:MultiFactorAuthAge=3601"], None, Some(false)),
            (get, taxes, &["aws:MultiFactorAuthAge=3600.0"], None, Some(true)),
            (get, key, &[], None, Some(true)),
        ],
    );
    let referer = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*",
        "Condition":{"StringLike":{"aws:Referer":["http://www.example.com/*","http://example.com/*"]}}}]}"#;
    check_bucket(
        referer,
        &[
            (get, key, &["aws:referer=http://example.com/page"], Some(true), None),
            (get, key, &["aws:referer=http://example.org/"], Some(false), None),
            (get, key, &[], Some(false), None),
        ],
    );
}
