//! All the policies that have a say in one check.

use super::facts::Facts;
use super::principal::Caller;
use super::session::{Principal, Session};
use super::set::PolicySet;

/// The layers of policies, each set or not, and whose they are.
///
/// [`Account::layers`](super::Account::layers) has those of a configuration; they may come from
/// anywhere. A layer that isn't set doesn't count, but for the identity policies: without any,
/// nothing is allowed that no resource grants.
#[derive(Clone, Copy, Debug)]
pub struct Layers<'a> {
    /// Who calls.
    pub principal: &'a Principal,
    /// The context keys of its session.
    pub facts: &'a Facts,
    /// The identity-based policies of the role or user.
    pub identity: &'a PolicySet,
    /// Its permissions boundary.
    pub boundary: Option<&'a PolicySet>,
    /// The policies passed when the session was made, of which one has to allow.
    pub session: Option<&'a PolicySet>,
    /// The policy of the resource.
    pub resource: Option<&'a PolicySet>,
    /// The account id of the resource's owner; without one it is the principal's own.
    pub owner: Option<&'a str>,
    /// Service control policies of the principal's account, level by level.
    pub service_control: &'a [PolicySet],
    /// Resource control policies of the resource's account, level by level.
    pub resource_control: &'a [PolicySet],
}

impl<'a> Layers<'a> {
    /// The layers that come with a session; the resource is the principal's own and has no policy.
    pub fn of(session: &'a Session) -> Self {
        let role = session.principal.role();
        let narrowed = !session.session_policies.is_empty();
        Self {
            principal: &session.principal,
            facts: &session.facts,
            identity: role.map_or(PolicySet::none(), |role| &role.policies),
            boundary: role.and_then(|role| role.boundary.as_ref()),
            session: narrowed.then_some(&session.session_policies),
            resource: None,
            owner: None,
            service_control: role.map_or(&[], |role| &role.organization.service_control),
            resource_control: &[],
        }
    }

    /// Whether the resource is of another account than the principal.
    pub(super) fn crosses_accounts(&self) -> bool {
        match (self.principal.account(), self.owner) {
            (Some(of_principal), Some(owner)) => of_principal != owner,
            _ => false,
        }
    }

    /// Whether control policies apply to the principal at all: not to roles that AWS services have
    /// for themselves.
    pub(crate) fn controlled(&self) -> bool {
        let role = match self.principal {
            Principal::AssumedRole { role, .. } => &role.arn,
            Principal::Named(arn) => arn,
            Principal::Anonymous => return true,
        };
        !role.resource().starts_with("role/aws-service-role/")
    }

    pub(super) fn caller(&self) -> Caller<'a> {
        self.principal.caller()
    }
}
