use super::*;
use crate::iam::Arn;
use crate::iam::{Action, Check, Facts, Layers, NoObserver, Resource, Role, Session, evaluate};

#[test]
fn guests_reach_the_listed_services_and_no_others() {
    let all =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
        "Principal":{"Federated":"cognito-identity.amazonaws.com"}}}"#;
    let parse = |kind, json| Arc::new(Policy::parse("test", kind, json).unwrap());
    let role = Role {
        arn: Arn::parse("arn:aws:iam::123456789012:role/Guest").unwrap(),
        name: "Guest".to_owned(),
        id: "AROA".to_owned(),
        trust: parse(PolicyKind::Trust, trust).into(),
        policies: parse(PolicyKind::Inline, all).into(),
        boundary: None,
        organization: Arc::default(),
        max_session_duration: 3600,
        tags: Vec::new(),
    };
    let mut session = Session::for_role(Arc::new(role), "CognitoIdentityCredentials", Facts::new());
    session.session_policies = guest_scope_down().unwrap().clone();
    assert_eq!(session.session_policies.policies().len(), 2);
    for (action, allowed) in [
        ("s3:GetObject", true),
        ("dynamodb:PutItem", true),
        ("execute-api:Invoke", true),
        ("lambda:InvokeFunction", true),
        ("cognito-idp:SignUp", true),
        // Of the managed policy alone, and of the inline one alone: one has to allow, not both.
        ("rum:PutRumEvents", true),
        ("mobiletargeting:PutEvents", true),
        ("sqs:SendMessage", true),
        ("kms:Decrypt", true),
        ("kms:CreateGrant", false),
        ("textract:AnalyzeDocument", true),
        ("textract:AnalyzeExpense", false),
        ("sagemaker:InvokeEndpoint", true),
        ("sagemaker:CreateModel", false),
        ("sumerian:ViewRelease", true),
        ("sumerian:Login", false),
        ("iam:PassRole", false),
        ("sts:AssumeRole", false),
        ("secretsmanager:GetSecretValue", false),
        ("ec2:RunInstances", false),
        ("s3express:CreateSession", false),
    ] {
        let check = Check::new(Action::new(action), Resource::Any);
        let verdict = evaluate(&Layers::of(&session), &check, &Facts::new(), &mut NoObserver);
        assert_eq!(verdict.is_allow(), allowed, "{action}");
    }
}
