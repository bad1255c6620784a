//! `docs/lints.md`: every lint has its section, whose first example triggers it and nothing else, and
//! whose second triggers nothing.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::{config::Severity, identity::IdentityPool};

const PAGE: &str = include_str!("../../../docs/lints.md");

#[test]
fn every_lint_has_a_section_whose_examples_are_so() {
    let sections: HashMap<&str, &str> =
        PAGE.split("\n### ").skip(1).filter_map(|section| section.split_once('\n')).collect();
    assert_eq!(sections.len(), Lint::ALL.len());
    for lint in Lint::ALL {
        let section = sections.get(lint.id()).unwrap_or_else(|| panic!("{lint:?} has no section"));
        let said = match lint.severity() {
            Severity::Note => "*Note.*",
            _ => "*Warning.*",
        };
        assert!(section.contains(said), "{lint:?} is a {said}");
        let examples: Vec<&str> = section
            .split("```json\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
            .collect();
        let [wrong, right] = examples.as_slice() else { panic!("{lint:?}: {examples:?}") };
        let mut found = of_example(wrong);
        found.dedup();
        assert_eq!(found, [lint.id()], "the first example of {lint:?}");
        assert_eq!(of_example(right), [""; 0], "the second example of {lint:?}");
    }
}

/// What is found in an example: a file, a list of files, a policy, a statement, or a list of those.
fn of_example(text: &str) -> Vec<&'static str> {
    let node: serde_json::Value = serde_json::from_str(text).unwrap();
    let first = node.get(0).unwrap_or(&node);
    let files = if first.get("Effect").is_some() {
        match first.get("Principal") {
            Some(_) => vec![role_with(
                text,
                r#"{ "Statement": { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/*" } }"#,
                "",
            )],
            None => vec![role(text)],
        }
    } else if node.get("Statement").is_some() {
        vec![with_policy(text)]
    } else if let Some(files) = node.as_array() {
        files.iter().map(ToString::to_string).collect()
    } else {
        vec![text.to_owned()]
    };
    let (mut account, mut pools) = (Vec::new(), Vec::new());
    for file in &files {
        let kind = |member: &str| file.contains(&format!("\"{member}\""));
        if kind("IdentityPoolId") {
            pools.push(file.as_str());
        } else if kind("RoleName") {
            account.push((FileKind::Roles, file.as_str()));
        } else if kind("PolicyVersionList") {
            account.push((FileKind::Managed, file.as_str()));
        } else if kind("ServiceControlPolicies") {
            account.push((FileKind::Organization, file.as_str()));
        } else {
            account.push((FileKind::Resources, file.as_str()));
        }
    }
    let mut roles = HashSet::new();
    let mut found = Vec::new();
    for text in &pools {
        let pool = IdentityPool::parse(text).unwrap();
        roles.extend(pool.roles().into_iter().map(str::to_owned));
        found.extend(lint_identity_pool(0, text).iter().map(|found| found.lint.id()));
    }
    let given = Given { roles: (!pools.is_empty()).then_some(&roles), ..GIVEN };
    found.extend(found_in(&account, given).into_iter().map(|(id, _)| id));
    found
}
