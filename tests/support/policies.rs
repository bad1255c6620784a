//! Policies of any size, for what decisions and configurations cost.

use std::sync::Arc;

use poolgate::iam::{
    Action, Arn, Check, Facts, Policy, PolicyKind, PolicySet, Resource, Role, Session,
};

const IDENTITY: &str = "eu-west-1:00000000-0000-4000-8000-000000000001";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
    "Principal":{"Federated":"cognito-identity.amazonaws.com"},
    "Action":"sts:AssumeRoleWithWebIdentity"}}"#;

/// A statement as roles of identity pools have them: a few actions, a resource with a policy
/// variable, two conditions.
fn statement(number: usize, bucket: &str, block: &str) -> String {
    format!(
        r#"{{"Sid":"S{number}","Effect":"Allow","Action":["s3:GetObject","s3:Put*"],
        "Resource":"arn:aws:s3:::{bucket}/home/${{cognito-identity.amazonaws.com:sub}}/*",
        "Condition":{{"Bool":{{"aws:SecureTransport":"true"}},
        "IpAddress":{{"aws:SourceIp":["10.0.0.0/8","{block}"]}}}}}}"#
    )
}

/// A document of `statements`.
pub(crate) fn document(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

/// `count` statements, of which `matching` are of the action and the resource of [`check`], evenly
/// among the others; of those only the last allows.
pub(crate) fn statements(count: usize, matching: usize) -> Vec<String> {
    let every = count / matching;
    (0..count)
        .map(|number| match (number + 1) % every {
            0 if number + every >= count => statement(number, "demo", "203.0.113.0/24"),
            0 => statement(number, "demo", "198.51.100.0/24"),
            _ => statement(number, &format!("other{number}"), "203.0.113.0/24"),
        })
        .collect()
}

/// The statements as policies of a hundred.
pub(crate) fn policies(statements: &[String]) -> PolicySet {
    statements.chunks(100).map(|chunk| parsed(PolicyKind::Inline, &document(chunk))).collect()
}

/// A compiled policy.
pub(crate) fn parsed(kind: PolicyKind, json: &str) -> Arc<Policy> {
    match Policy::parse("policy", kind, json) {
        Ok(policy) => Arc::new(policy),
        Err(errors) => unreachable!("{errors:?}"),
    }
}

fn arn(text: &str) -> Arn {
    match Arn::parse(text) {
        Ok(arn) => arn,
        Err(error) => unreachable!("{error}"),
    }
}

/// A session of a role with these policies.
pub(crate) fn session(policies: PolicySet) -> Session {
    let role = Role {
        arn: arn("arn:aws:iam::123456789012:role/Writer"),
        name: "Writer".to_owned(),
        id: "AROAEXAMPLE".to_owned(),
        trust: parsed(PolicyKind::Trust, TRUST).into(),
        policies,
        boundary: None,
        organization: Arc::default(),
        max_session_duration: 3600,
        tags: Vec::new(),
    };
    let mut facts = Facts::new();
    facts.one("cognito-identity.amazonaws.com:sub", IDENTITY);
    Session::for_role(Arc::new(role), "CognitoIdentityCredentials", facts)
}

/// An object of the session's own.
pub(crate) fn check() -> Check {
    let object = arn(&format!("arn:aws:s3:::demo/home/{IDENTITY}/notes/today.txt"));
    Check::new(Action::fixed("s3:GetObject"), Resource::Arn(object))
}

/// What is known of the request.
pub(crate) fn request() -> Facts {
    let mut request = Facts::new();
    request.one("aws:SourceIp", "203.0.113.9");
    request.one("aws:SecureTransport", "true");
    request
}

/// An exported role of `count` statements.
pub(crate) fn exported(name: &str, count: usize) -> String {
    let policy = document(&statements(count, 1));
    format!(
        r#"{{"Path":"/","RoleName":"{name}","RoleId":"AROA{name}","Arn":"arn:aws:iam::123456789012:role/{name}",
        "AssumeRolePolicyDocument":{TRUST},"RolePolicyList":[{{"PolicyName":"Own","PolicyDocument":{policy}}}]}}"#
    )
}
