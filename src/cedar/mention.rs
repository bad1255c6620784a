//! What policies look at, so that nothing else is computed for them.

use std::collections::BTreeSet;

use cedar_policy::{Effect, Policy, PolicySet, PrincipalConstraint, ResourceConstraint};
use serde_json::Value;

use super::types::Types;

/// What the policies of a set look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mentioned {
    /// Attributes of the context.
    context: BTreeSet<String>,
    /// The context as a whole, or what can't be told.
    whole_context: bool,
    /// Attributes or parents of the resource.
    resource: bool,
    /// The first that forbids by the principal's groups or attributes.
    forbids_by_principal: Option<String>,
    /// Those that permit by them.
    permits_by_principal: BTreeSet<String>,
}

impl Mentioned {
    /// What `policies` look at.
    pub(super) fn by(policies: &PolicySet, types: &Types) -> Self {
        let mut found = Self::default();
        let mut sorted: Vec<&Policy> = policies.policies().collect();
        sorted.sort_by(|a, b| AsRef::<str>::as_ref(a.id()).cmp(b.id().as_ref()));
        for policy in sorted {
            found.add(policy, types);
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

    /// The first policy that forbids by the principal's groups or attributes.
    pub(super) fn forbids_by_principal(&self) -> Option<&str> {
        self.forbids_by_principal.as_deref()
    }

    /// Whether the policy `id` permits by them.
    pub(super) fn permits_by_principal(&self, id: &str) -> bool {
        self.permits_by_principal.contains(id)
    }

    fn add(&mut self, policy: &Policy, types: &Types) {
        let constraint = policy.resource_constraint();
        self.resource |=
            matches!(constraint, ResourceConstraint::In(_) | ResourceConstraint::IsIn(..));
        let json = policy.to_json().ok();
        let conditions = json.as_ref().map(|json| json.get("conditions").unwrap_or(&Value::Null));
        match conditions {
            Some(conditions) => self.walk(conditions),
            // What can't be told may be anything.
            None => (self.whole_context, self.resource) = (true, true),
        }
        let by_group = match policy.principal_constraint() {
            PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => {
                ![&types.role, &types.principal, &types.guest].contains(&uid.type_name())
            }
            PrincipalConstraint::Any | PrincipalConstraint::Eq(_) | PrincipalConstraint::Is(_) => {
                false
            }
        };
        let role = types.role.to_string();
        if by_group || conditions.is_none_or(|conditions| looks_at_principal(conditions, &role)) {
            let id: &str = policy.id().as_ref();
            match policy.effect() {
                Effect::Forbid => {
                    self.forbids_by_principal.get_or_insert_with(|| id.to_owned());
                }
                Effect::Permit => {
                    self.permits_by_principal.insert(id.to_owned());
                }
            }
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

/// Whether conditions use `principal` for more than to compare it, to tell its type, and to ask for
/// its role.
fn looks_at_principal(value: &Value, role: &str) -> bool {
    let is_principal = |value: Option<&Value>| {
        value.and_then(|value| value.get("Var")).and_then(Value::as_str) == Some("principal")
    };
    match value {
        Value::Array(items) => items.iter().any(|item| looks_at_principal(item, role)),
        Value::Object(members) => members.iter().any(|(name, inner)| {
            let (left, right) = (inner.get("left"), inner.get("right"));
            match name.as_str() {
                "Var" => inner.as_str() == Some("principal"),
                "==" | "!=" => [left, right]
                    .into_iter()
                    .flatten()
                    .any(|side| !is_principal(Some(side)) && looks_at_principal(side, role)),
                "is" if is_principal(left) && inner.get("in").is_none() => false,
                "in" if is_principal(left) => {
                    let named = right.and_then(|right| right.pointer("/Value/__entity/type"));
                    named.and_then(Value::as_str) != Some(role)
                }
                _ => looks_at_principal(inner, role),
            }
        }),
        _ => false,
    }
}
