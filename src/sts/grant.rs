//! What a session token holds: everything that a session is made from, but the role's policies.

use std::sync::Arc;

use crate::clock::Time;
use crate::iam::{Facts, Policy, PolicyKind, PolicySet, Role, Session};

use super::error::StsError;
use super::guest::guest_scope_down;

/// What a caller was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The identity pool; none for a session of an OpenID Connect provider's token.
    pub pool: Option<String>,
    /// The identity id.
    pub identity: Option<String>,
    /// The role's ARN.
    pub role_arn: String,
    /// The role's `RoleId`, which another role of the same name wouldn't have.
    pub role_id: String,
    /// The session's name.
    pub session_name: String,
    /// Context keys of the principal, principal tags among them. The role's own tags, its ARN and
    /// `aws:TokenIssueTime` are not, nor is any `jwt:…`: they follow from the role and from below.
    pub facts: Facts,
    /// One of them has to allow; none is no such layer.
    pub session_policies: Vec<SessionPolicy>,
    /// The token that the credentials were given for.
    pub token: GrantToken,
    /// Since when. Kept to the second.
    pub issued: Time,
    /// Until when. Kept to the second.
    pub expires: Time,
}

/// The token that credentials were given for, as far as revocation asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantToken {
    /// `iss`.
    pub issuer: Option<String>,
    /// `sub`.
    pub subject: Option<String>,
    /// `jti`.
    pub jti: Option<String>,
    /// `origin_jti`.
    pub origin_jti: Option<String>,
    /// `iat`. Kept to the second, rounded down.
    pub issued: Option<Time>,
}

/// A policy that narrows a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionPolicy {
    /// What Amazon Cognito lets guests do at most ([`guest_scope_down`]).
    GuestScopeDown,
    /// A document, as JSON.
    Document(String),
}

impl Grant {
    /// The session of this grant under `role`, the role as it is now. Its policies and tags are
    /// those of today; what the session was given keeps.
    ///
    /// # Errors
    /// [`StsError::RoleGone`] if `role` is not the one that was granted,
    /// [`StsError::MalformedPolicy`] for a session policy that no longer compiles.
    pub fn session(&self, role: &Arc<Role>) -> Result<Session, StsError> {
        if role.arn.as_str() != self.role_arn || role.id != self.role_id {
            return Err(StsError::RoleGone);
        }
        let mut facts = self.facts.clone();
        facts.one("aws:tokenissuetime", self.issued.rfc3339());
        let mut session = Session::for_role(Arc::clone(role), self.session_name.as_str(), facts);
        session.session_policies = match self.session_policies.as_slice() {
            [SessionPolicy::GuestScopeDown] => guest_scope_down()?.clone(),
            policies => compiled(policies)?,
        };
        Ok(session)
    }
}

fn compiled(policies: &[SessionPolicy]) -> Result<PolicySet, StsError> {
    let mut compiled = Vec::with_capacity(policies.len());
    for policy in policies {
        match policy {
            SessionPolicy::GuestScopeDown => {
                compiled.extend_from_slice(guest_scope_down()?.policies());
            }
            SessionPolicy::Document(json) => {
                let policy = Policy::parse("session policy", PolicyKind::Session, json)
                    .map_err(|_| StsError::MalformedPolicy)?;
                compiled.push(Arc::new(policy));
            }
        }
    }
    Ok(compiled.into())
}

#[cfg(test)]
mod tests;
