//! Who acts: roles, the principals of their sessions, and what is known of them.

use std::sync::Arc;

use super::arn::Arn;
use super::compile::Policy;
use super::facts::Facts;

/// A role with the policies that are in force for it.
#[derive(Clone, Debug)]
pub struct Role {
    /// `arn:aws:iam::123456789012:role/path/Name`.
    pub arn: Arn,
    /// Without its path.
    pub name: String,
    /// `AROA…`, which another role of the same name wouldn't have.
    pub id: String,
    /// Who may assume it.
    pub trust: Arc<Policy>,
    /// Its inline and managed policies.
    pub policies: Vec<Arc<Policy>>,
    /// What it may do at most.
    pub boundary: Option<Arc<Policy>>,
    /// In seconds.
    pub max_session_duration: u32,
    /// Its tags, names as written.
    pub tags: Vec<(String, String)>,
}

/// On whose behalf a request is made.
#[derive(Clone, Debug)]
pub enum Principal {
    /// Nobody: no credentials.
    Anonymous,
    /// A session of a role.
    AssumedRole {
        /// The role.
        role: Arc<Role>,
        /// The session's name.
        session_name: String,
    },
}

impl Principal {
    /// `arn:aws:sts::account:assumed-role/Name/session`, without the role's path.
    pub fn arn(&self) -> Option<String> {
        match self {
            Self::Anonymous => None,
            Self::AssumedRole { role, session_name } => {
                let (partition, account) = (role.arn.partition(), role.arn.account());
                let name = &role.name;
                Some(format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session_name}"))
            }
        }
    }

    /// The value of `aws:PrincipalType`.
    pub fn principal_type(&self) -> &'static str {
        match self {
            Self::Anonymous => "Anonymous",
            Self::AssumedRole { .. } => "AssumedRole",
        }
    }

    /// The value of `aws:userid`: `AROA…:session`, or `anonymous`.
    pub fn user_id(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::AssumedRole { role, session_name } => format!("{}:{session_name}", role.id),
        }
    }

    /// The account id.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::AssumedRole { role, .. } => Some(role.arn.account()),
        }
    }

    /// The role.
    pub fn role(&self) -> Option<&Arc<Role>> {
        match self {
            Self::Anonymous => None,
            Self::AssumedRole { role, .. } => Some(role),
        }
    }
}

/// A principal with its session policies and the context keys that come with it.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who.
    pub principal: Principal,
    /// Passed when the session was made: one of them has to allow. None: no such layer.
    pub session_policies: Vec<Arc<Policy>>,
    /// Context keys of the principal.
    pub facts: Facts,
}

impl Session {
    /// A session of `role` without session policies.
    ///
    /// Sets the principal's keys, over whatever `extra` says of them: `aws:PrincipalArn` (the
    /// role's ARN), `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:userid`,
    /// `aws:PrincipalIsAWSService`. The role's tags become `aws:PrincipalTag/…`; session tags, in
    /// `extra`, go before them.
    pub fn for_role(role: Arc<Role>, session_name: impl Into<String>, extra: Facts) -> Self {
        let mut facts = Facts::new();
        for (tag, value) in &role.tags {
            facts.one(&format!("aws:PrincipalTag/{tag}"), value);
        }
        for (key, fact) in extra.iter() {
            facts.set(key, fact.clone());
        }
        facts.one("aws:PrincipalArn", role.arn.as_str());
        facts.one("aws:PrincipalAccount", role.arn.account());
        let principal = Principal::AssumedRole { role, session_name: session_name.into() };
        Self { facts: with_principal(facts, &principal), principal, session_policies: Vec::new() }
    }

    /// The session of a request without credentials.
    pub fn anonymous() -> Self {
        let principal = Principal::Anonymous;
        let facts = with_principal(Facts::new(), &principal);
        Self { principal, session_policies: Vec::new(), facts }
    }
}

fn with_principal(mut facts: Facts, principal: &Principal) -> Facts {
    facts.one("aws:PrincipalType", principal.principal_type());
    facts.one("aws:userid", principal.user_id());
    facts.one("aws:PrincipalIsAWSService", "false");
    facts
}
