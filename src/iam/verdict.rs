//! What an evaluation comes to, and how AWS words it.

use std::sync::Arc;

use super::arn::{Action, Resource};
use super::compile::{Policy, Statement};
use super::document::PolicyKind;
use super::evaluate::Check;
use super::session::Principal;

/// The layers of policies that each have their say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The role's inline and managed policies.
    Identity,
    /// Its permissions boundary.
    Boundary,
    /// The session policies.
    Session,
    /// The trust policy, which alone decides who may assume a role with a web identity.
    Trust,
    /// The resource's own policy.
    Resource,
    /// The service control policies of the principal's account, at every level one.
    ServiceControl,
    /// The resource control policies of the resource's account.
    ResourceControl,
}

impl PolicyKind {
    /// The layer that policies of this kind make up.
    pub const fn layer(self) -> Layer {
        match self {
            Self::Inline | Self::Managed => Layer::Identity,
            Self::Boundary => Layer::Boundary,
            Self::Session => Layer::Session,
            Self::Trust => Layer::Trust,
            Self::Resource => Layer::Resource,
            Self::ServiceControl => Layer::ServiceControl,
            Self::ResourceControl => Layer::ResourceControl,
        }
    }
}

impl Layer {
    /// As AWS's messages name its policies.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Trust => "role trust policy",
            Self::Resource => "resource-based policy",
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
        }
    }

    const fn with_article(self) -> &'static str {
        match self {
            Self::Identity => "an identity-based policy",
            Self::Boundary => "a permissions boundary",
            Self::Session => "a session policy",
            Self::Trust => "a role trust policy",
            Self::Resource => "a resource-based policy",
            Self::ServiceControl => "a service control policy",
            Self::ResourceControl => "a resource control policy",
        }
    }
}

/// A statement of a policy, by its place.
#[derive(Clone, Debug)]
pub struct StatementRef {
    /// The policy.
    pub policy: Arc<Policy>,
    /// The statement's place in it, from 0.
    pub index: usize,
}

impl StatementRef {
    /// The statement's `Sid`, if it has one.
    pub fn sid(&self) -> Option<&str> {
        self.statement()?.sid()
    }

    /// The statement.
    pub fn statement(&self) -> Option<&Statement> {
        self.policy.statements().get(self.index)
    }

    /// `policy/Sid`, or `policy[index]` without one.
    pub fn label(&self) -> String {
        match self.sid() {
            Some(sid) => format!("{}/{sid}", self.policy.name()),
            None => format!("{}[{}]", self.policy.name(), self.index),
        }
    }
}

/// Why a request is allowed: in each layer that has to allow it, the first statement that does. Of
/// service control policies, that of the last level; a resource's own policy only if it was needed.
///
/// Only an evaluation makes one.
#[derive(Clone, Debug, Default)]
pub struct Grounds {
    resource: Option<StatementRef>,
    identity: Option<StatementRef>,
    boundary: Option<StatementRef>,
    session: Option<StatementRef>,
    trust: Option<StatementRef>,
    service_control: Option<StatementRef>,
}

impl Grounds {
    /// Adds a statement, in the place of its own layer.
    pub(super) fn extend(&mut self, statement: Option<StatementRef>) {
        let Some(statement) = statement else { return };
        let place = match statement.policy.kind().layer() {
            Layer::Resource => &mut self.resource,
            Layer::Identity => &mut self.identity,
            Layer::Boundary => &mut self.boundary,
            Layer::Session => &mut self.session,
            Layer::Trust => &mut self.trust,
            Layer::ServiceControl => &mut self.service_control,
            // They only deny.
            Layer::ResourceControl => return,
        };
        *place = Some(statement);
    }

    /// The statements, by layer.
    pub fn statements(&self) -> impl Iterator<Item = &StatementRef> {
        [
            &self.resource,
            &self.identity,
            &self.boundary,
            &self.session,
            &self.trust,
            &self.service_control,
        ]
        .into_iter()
        .flatten()
    }
}

/// Why a request is denied.
#[derive(Clone, Debug)]
pub struct Denial {
    /// The layer that denies, or that doesn't allow.
    pub layer: Layer,
    /// Of control policies, the level, from 0, root first.
    pub level: Option<usize>,
    /// The statement that denies, if one does.
    pub statement: Option<StatementRef>,
    /// The unknown context keys without which the answer might have been another.
    pub unknown_keys: Vec<String>,
}

impl Denial {
    /// `unknown_context_key`, `explicit_deny` or `implicit_deny`.
    pub fn reason(&self) -> &'static str {
        match (&self.statement, self.unknown_keys.is_empty()) {
            (_, false) => "unknown_context_key",
            (Some(_), true) => "explicit_deny",
            (None, true) => "implicit_deny",
        }
    }
}

/// The answer to a check.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Allowed.
    Allow(Grounds),
    /// A statement denies it.
    ExplicitDeny(Denial),
    /// A layer doesn't allow it.
    ImplicitDeny(Denial),
}

impl Verdict {
    /// Is it an allow?
    pub const fn is_allow(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// The denial, if it is one.
    pub const fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Allow(_) => None,
            Self::ExplicitDeny(denial) | Self::ImplicitDeny(denial) => Some(denial),
        }
    }

    /// AWS's wording of the denial, none for an allow
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).
    pub fn message(&self, principal: &Principal, check: &Check) -> Option<String> {
        let user = principal.arn().unwrap_or_else(|| principal.user_id());
        self.message_for(&user, &check.action, Some(&check.resource))
    }

    /// The same for any caller, and for an action on the role itself, which AWS doesn't repeat.
    pub fn message_for(
        &self,
        user: &str,
        action: &Action,
        resource: Option<&Resource>,
    ) -> Option<String> {
        let because = match self {
            Self::Allow(_) => return None,
            Self::ExplicitDeny(denial) => {
                format!("with an explicit deny in {}", denial.layer.with_article())
            }
            Self::ImplicitDeny(denial) => {
                format!("because no {} allows the {action} action", denial.layer.described())
            }
        };
        let on = resource.map(|resource| format!(" on resource: {resource}")).unwrap_or_default();
        Some(format!("User: {user} is not authorized to perform: {action}{on} {because}"))
    }
}
