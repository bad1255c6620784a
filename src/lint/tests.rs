//! Each lint: where it says something, and where it doesn't.

mod actions;
mod conditions;
mod docs;
mod roles;

use super::*;
use crate::iam::{Account, AccountFile, FileKind};

/// What everything here is given, unless a test is about it.
pub(super) const GIVEN: Given<'static> = Given { home: Some(HOME), services: &[], roles: None };

const HOME: Home<'static> = Home { partition: "aws", region: "eu-west-1", account: "123456789012" };

/// What is found in these files, which load: ids and paths.
fn found_in(files: &[(FileKind, &str)], given: Given<'_>) -> Vec<(&'static str, String)> {
    let sources: Vec<AccountFile<'_>> =
        files.iter().map(|(kind, text)| AccountFile { name: "file", kind: *kind, text }).collect();
    if let Err(errors) = Account::load(&sources, Some("123456789012")) {
        panic!("{errors:?} in {files:?}");
    }
    let findings = lint_account(files, given);
    let mut found: Vec<_> =
        findings.into_iter().map(|found| (found.lint.id(), found.path.to_string())).collect();
    found.sort();
    found
}

/// The ids of what is found.
fn ids(files: &[(FileKind, &str)]) -> Vec<&'static str> {
    found_in(files, GIVEN).into_iter().map(|(id, _)| id).collect()
}

/// A role with these statements in an inline policy.
fn role(statements: &str) -> String {
    with_policy(&format!(r#"{{ "Version": "2012-10-17", "Statement": {statements} }}"#))
}

/// A role with this inline policy.
fn with_policy(document: &str) -> String {
    let trusting = r#"{ "Effect": "Allow", "Principal": { "Federated": "cognito-identity.amazonaws.com" },
        "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {
        "StringEquals": { "cognito-identity.amazonaws.com:aud": "eu-west-1:7c5b0000-0000-4000-8000-000000000000" },
        "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": "authenticated" } } }"#;
    role_with(trusting, document, "")
}

/// A role with this trust statement, this inline policy and what else it has.
fn role_with(trust: &str, document: &str, more: &str) -> String {
    format!(
        r#"{{ "RoleName": "Reader", "RoleId": "AROAEXAMPLE", {more}
        "Arn": "arn:aws:iam::123456789012:role/Reader",
        "AssumeRolePolicyDocument": {{ "Version": "2012-10-17", "Statement": {trust} }},
        "RolePolicyList": [{{ "PolicyName": "Files", "PolicyDocument": {document} }}] }}"#
    )
}

/// What is found in a role with these statements.
fn of_statements(statements: &str) -> Vec<&'static str> {
    ids(&[(FileKind::Roles, &role(statements))])
}

/// What is found in a role with a statement of this effect, actions, resources and conditions.
fn of(effect: &str, actions: &str, resources: &str, conditions: &str) -> Vec<&'static str> {
    of_statements(&format!(
        r#"{{ "Effect": "{effect}", "Action": {actions}, "Resource": {resources}, "Condition": {conditions} }}"#
    ))
}

#[test]
fn ids_are_unique_and_no_lint_is_an_error() {
    let mut ids: Vec<&str> = Lint::ALL.iter().map(|lint| lint.id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Lint::ALL.len());
    assert!(Lint::ALL.iter().all(|lint| lint.severity() != crate::config::Severity::Error));
}
