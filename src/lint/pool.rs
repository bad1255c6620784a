//! Lints of identity pools: rules and principal tags on what users write themselves.

use super::{Finding, Lint, claim::is_user_writable};
use crate::iam::{JsonPath, Node};

/// Lints an identity pool, as its file has it; `file` is the number for its findings.
pub fn lint_identity_pool(file: usize, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Ok(node) = serde_json::from_str::<Node>(text) else { return findings };
    let root = JsonPath::root();
    let mut add = |path, message| {
        findings.push(Finding { lint: Lint::UserWritableClaim, file, path, message });
    };
    let at = root.key("RoleMappings");
    for (key, mapping) in members(node.member("RoleMappings")) {
        let provider = mapping.member("IdentityProvider").and_then(Node::text).unwrap_or(key);
        let configuration = mapping.member("RulesConfiguration");
        let Some(Node::List(rules)) = configuration.and_then(|node| node.member("Rules")) else {
            continue;
        };
        let at = at.key(key).key("RulesConfiguration").key("Rules");
        for (index, rule) in rules.iter().enumerate() {
            let claim = rule.member("Claim").and_then(Node::text).unwrap_or_default();
            if is_user_pool(provider) && is_user_writable(claim) {
                let message = format!(
                    "rule {} gives a role by {claim}, which users may write of themselves: use groups, or a claim that only administrators write",
                    index + 1
                );
                add(at.index(index).key("Claim"), message);
            }
        }
    }
    let at = root.key("PrincipalTags");
    for (provider, map) in members(node.member("PrincipalTags")) {
        // `client` and `username` then, of what Amazon Cognito writes.
        if map.member("UseDefaults") == Some(&Node::Bool(true)) || !is_user_pool(provider) {
            continue;
        }
        let at = at.key(provider).key("PrincipalTags");
        for (tag, claim) in members(map.member("PrincipalTags")) {
            let claim = claim.text().unwrap_or_default();
            if is_user_writable(claim) {
                let message = format!(
                    "the principal tag {tag} is {claim}, which users may write of themselves: take it from a claim that only administrators write"
                );
                add(at.key(tag), message);
            }
        }
    }
    findings
}

/// What other providers let their users write, nobody knows here.
fn is_user_pool(provider: &str) -> bool {
    provider.starts_with("cognito-idp.")
}

fn members(node: Option<&Node>) -> impl Iterator<Item = (&str, &Node)> {
    let members = match node {
        Some(Node::Object(members)) => members.as_slice(),
        _ => &[],
    };
    members.iter().map(|(name, value)| (name.as_str(), value))
}
