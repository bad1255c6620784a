//! What policies look at, so that nothing else is computed for them.

use std::collections::BTreeSet;

use cedar_policy::{Policy, PolicySet, ResourceConstraint};
use serde_json::Value;

/// What the policies of a set look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mentioned {
    /// Attributes of the context.
    context: BTreeSet<String>,
    /// The context as a whole, or what can't be told.
    whole_context: bool,
    /// Attributes or parents of the resource.
    resource: bool,
}

impl Mentioned {
    /// What `policies` look at.
    pub(super) fn by(policies: &PolicySet) -> Self {
        let mut found = Self::default();
        for policy in policies.policies() {
            found.add(policy);
        }
        found
    }

    /// Whether the context's attribute `name` matters.
    pub(super) fn context(&self, name: &str) -> bool {
        self.whole_context || self.context.contains(name)
    }

    /// Whether more than the resource's own name matters.
    pub(super) fn resource(&self) -> bool {
        self.resource
    }

    fn add(&mut self, policy: &Policy) {
        let constraint = policy.resource_constraint();
        self.resource |=
            matches!(constraint, ResourceConstraint::In(_) | ResourceConstraint::IsIn(..));
        match policy.to_json() {
            Ok(json) => self.walk(json.get("conditions").unwrap_or(&Value::Null)),
            // What can't be told may be anything.
            Err(_) => (self.whole_context, self.resource) = (true, true),
        }
    }

    /// Looks for `context.x`, `context has x`, and every other use of `context` and `resource`.
    fn walk(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Object(members) => {
                match members.get("Var").and_then(Value::as_str) {
                    Some("context") => self.whole_context = true,
                    Some("resource") => self.resource = true,
                    _ => {}
                }
                for (name, inner) in members {
                    let of_context = matches!(name.as_str(), "." | "has")
                        && inner.pointer("/left/Var").and_then(Value::as_str) == Some("context");
                    match inner.get("attr").and_then(Value::as_str) {
                        Some(attribute) if of_context => {
                            self.context.insert(attribute.to_owned());
                        }
                        _ => self.walk(inner),
                    }
                }
            }
            _ => {}
        }
    }
}
