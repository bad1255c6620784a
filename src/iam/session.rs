//! Who acts: roles, the principals of their sessions, and what is known of them.

use std::sync::Arc;

use super::arn::{Arn, ArnError};
use super::facts::Facts;
use super::organization::Organization;
use super::principal::{Caller, Identity, RoleName, is_account};
use super::set::PolicySet;

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
    pub trust: PolicySet,
    /// Its inline and managed policies.
    pub policies: PolicySet,
    /// What it may do at most.
    pub boundary: Option<PolicySet>,
    /// What the organization that its account is in lets it do, and lets others do with it.
    pub organization: Arc<Organization>,
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
    /// An identity of which no more is known than its ARN: a user, a session of a role, a role, a
    /// session of a user, an account's root user.
    Named(Arn),
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
            Self::Named(arn) => Some(arn.as_str().to_owned()),
        }
    }

    /// The principal of that ARN: `arn:aws:iam::…:user/Name`, `arn:aws:sts::…:assumed-role/Role/session`,
    /// `arn:aws:iam::…:role/Name`, `arn:aws:sts::…:federated-user/name`, `arn:aws:iam::…:root`.
    ///
    /// # Errors
    /// If it isn't the ARN of a principal.
    pub fn named(arn: &str) -> Result<Self, ArnError> {
        let arn = Arn::parse(arn)?;
        match identity(&arn) {
            Some(_) => Ok(Self::Named(arn)),
            None => Err(ArnError::NoPrincipal),
        }
    }

    /// As policies of resources see it.
    pub(super) fn caller(&self) -> Caller<'_> {
        let (arn, identity) = match self {
            Self::Anonymous => return Caller::Anonymous,
            Self::AssumedRole { role, session_name } => {
                let with_path = role.arn.resource().strip_prefix("role/");
                let role_name = RoleName { name: &role.name, with_path, id: Some(&role.id) };
                (&role.arn, Identity::Session { role: role_name, session: session_name })
            }
            Self::Named(arn) => match identity(arn) {
                Some(identity) => (arn, identity),
                None => return Caller::Anonymous,
            },
        };
        Caller::Aws { partition: arn.partition(), account: arn.account(), identity }
    }

    /// The value of `aws:PrincipalType`.
    pub fn principal_type(&self) -> &'static str {
        match self {
            Self::Anonymous => "Anonymous",
            Self::AssumedRole { .. } => "AssumedRole",
            Self::Named(arn) => match identity(arn) {
                Some(Identity::Root) => "Account",
                Some(Identity::User(_)) => "User",
                Some(Identity::FederatedUser(_)) => "FederatedUser",
                _ => "AssumedRole",
            },
        }
    }

    /// The value of `aws:userid`: `AROA…:session`, or `anonymous`. Of a named identity, whose unique
    /// id isn't known, its ARN.
    pub fn user_id(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::AssumedRole { role, session_name } => format!("{}:{session_name}", role.id),
            Self::Named(arn) => arn.as_str().to_owned(),
        }
    }

    /// The account id.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::AssumedRole { role, .. } => Some(role.arn.account()),
            Self::Named(arn) => Some(arn.account()),
        }
    }

    /// The role.
    pub fn role(&self) -> Option<&Arc<Role>> {
        match self {
            Self::Anonymous | Self::Named(_) => None,
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
    pub session_policies: PolicySet,
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
            facts.one(format!("aws:principaltag/{tag}"), value);
        }
        facts.extend(extra);
        facts.one("aws:principalarn", role.arn.as_str());
        facts.one("aws:principalaccount", role.arn.account());
        let principal = Principal::AssumedRole { role, session_name: session_name.into() };
        Self {
            facts: with_principal(facts, &principal),
            principal,
            session_policies: PolicySet::default(),
        }
    }

    /// The session of a request without credentials.
    pub fn anonymous() -> Self {
        let principal = Principal::Anonymous;
        let facts = with_principal(Facts::new(), &principal);
        Self { principal, session_policies: PolicySet::default(), facts }
    }
}

fn with_principal(mut facts: Facts, principal: &Principal) -> Facts {
    facts.one("aws:principaltype", principal.principal_type());
    facts.one("aws:userid", principal.user_id());
    facts.one("aws:principalisawsservice", "false");
    // Sessions are kept by the ten thousand.
    facts.shrink();
    facts
}

/// What the ARN of a principal is of.
fn identity(arn: &Arn) -> Option<Identity<'_>> {
    if !is_account(arn.account()) || !arn.region().is_empty() {
        return None;
    }
    if (arn.service(), arn.resource()) == ("iam", "root") {
        return Some(Identity::Root);
    }
    let (kind, name) = arn.resource().split_once('/').filter(|(_, name)| !name.is_empty())?;
    match (arn.service(), kind) {
        ("iam", "user") => Some(Identity::User(name)),
        ("iam", "role") => {
            let short = name.rsplit('/').next().unwrap_or(name);
            let role = RoleName { name: short, with_path: Some(name), id: None };
            Some(Identity::Session { role, session: "" })
        }
        ("sts", "assumed-role") => {
            let (role, session) = name.split_once('/')?;
            let role = RoleName { name: role, with_path: None, id: None };
            Some(Identity::Session { role, session })
        }
        ("sts", "federated-user") => Some(Identity::FederatedUser(name)),
        _ => None,
    }
}
