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
    /// By the groups or attributes of a principal whose role is known.
    signer: Hanging,
    /// By attributes or parents of a principal of whom only the name is known.
    named_principal: Hanging,
    /// By attributes or parents of a resource of which only the name is known.
    named_resource: Hanging,
}

/// The policies that hang on what may not be known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hanging {
    /// The first that forbids by it.
    forbids: Option<String>,
    /// Those that permit by it.
    permits: BTreeSet<String>,
}

impl Hanging {
    /// The first policy that forbids by it.
    pub(super) fn forbids(&self) -> Option<&str> {
        self.forbids.as_deref()
    }

    /// Whether the policy `id` permits by it.
    pub(super) fn permits(&self, id: &str) -> bool {
        self.permits.contains(id)
    }

    fn add(&mut self, policy: &Policy) {
        let id: &str = policy.id().as_ref();
        match policy.effect() {
            Effect::Forbid => {
                self.forbids.get_or_insert_with(|| id.to_owned());
            }
            Effect::Permit => {
                self.permits.insert(id.to_owned());
            }
        }
    }
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

    /// What hangs on the groups or attributes of who signs: the role is known.
    pub(super) fn signer(&self) -> &Hanging {
        &self.signer
    }

    /// What hangs on anything of the principal but its name.
    pub(super) fn named_principal(&self) -> &Hanging {
        &self.named_principal
    }

    /// What hangs on anything of the resource but its name.
    pub(super) fn named_resource(&self) -> &Hanging {
        &self.named_resource
    }

    fn add(&mut self, policy: &Policy, types: &Types) {
        let constraint = policy.resource_constraint();
        let in_resource =
            matches!(constraint, ResourceConstraint::In(_) | ResourceConstraint::IsIn(..));
        self.resource |= in_resource;
        let json = policy.to_json().ok();
        let conditions = json.as_ref().map(|json| json.get("conditions").unwrap_or(&Value::Null));
        match conditions {
            Some(conditions) => self.walk(conditions),
            // What can't be told may be anything.
            None => (self.whole_context, self.resource) = (true, true),
        }
        let group = match policy.principal_constraint() {
            PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => Some(uid),
            PrincipalConstraint::Any | PrincipalConstraint::Eq(_) | PrincipalConstraint::Is(_) => {
                None
            }
        };
        let callers = [&types.role, &types.principal, &types.guest];
        let by_group = group.as_ref().is_some_and(|uid| !callers.contains(&uid.type_name()));
        let role = types.role.to_string();
        let looks = |name: &str, role: Option<&str>| {
            conditions.is_none_or(|conditions| looks_at(conditions, name, role))
        };
        if by_group || looks("principal", Some(&role)) {
            self.signer.add(policy);
        }
        if group.is_some() || looks("principal", None) {
            self.named_principal.add(policy);
        }
        if in_resource || looks("resource", None) {
            self.named_resource.add(policy);
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

/// Whether conditions use the variable `name` for more than to compare it, to tell its type, and to ask
/// whether it is in a `role`, where roles are known.
fn looks_at(value: &Value, name: &str, role: Option<&str>) -> bool {
    let is_it = |value: Option<&Value>| {
        value.and_then(|value| value.get("Var")).and_then(Value::as_str) == Some(name)
    };
    match value {
        Value::Array(items) => items.iter().any(|item| looks_at(item, name, role)),
        Value::Object(members) => members.iter().any(|(member, inner)| {
            let (left, right) = (inner.get("left"), inner.get("right"));
            match member.as_str() {
                "Var" => inner.as_str() == Some(name),
                "==" | "!=" => [left, right]
                    .into_iter()
                    .flatten()
                    .any(|side| !is_it(Some(side)) && looks_at(side, name, role)),
                "is" if is_it(left) && inner.get("in").is_none() => false,
                "in" if is_it(left) => {
                    let named = right.and_then(|right| right.pointer("/Value/__entity/type"));
                    named.and_then(Value::as_str).is_none_or(|named| Some(named) != role)
                }
                _ => looks_at(inner, name, role),
            }
        }),
        _ => false,
    }
}
