//! What the stages read: one configuration generation, compiled and immutable.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::{
    clock::Time,
    http::Origin,
    iam::{self, Account},
    identity::{Assumed, Groups, IdentityIds, IdentityPool},
    token::Issuers,
};

use super::{Cedar, CredentialRules, Denial, Refusal, Routes, Sessions, StoredPolicy};

/// One generation of everything a decision is made from. It is built by the control runtime,
/// swapped whole on a reload, and taken once per request.
pub struct Rules {
    /// Counts the configurations since the start, from 1.
    pub generation: u64,
    /// A SHA-256 over the configuration and policy files, in hex: which rules decided.
    pub hash: String,
    /// The user pools and OIDC providers whose tokens are accepted.
    pub issuers: Issuers,
    /// The identity pools.
    pub pools: Vec<IdentityPool>,
    /// The groups of user pools whose access tokens have roles, by user pool id.
    pub groups: Vec<(String, Groups)>,
    /// How identity ids are derived.
    pub identities: IdentityIds,
    /// The roles.
    pub account: Account,
    /// The policies of buckets, tables and streams as they were put, by ARN; none where no route
    /// tells of them.
    pub resource_policies: HashMap<String, StoredPolicy>,
    /// Cedar's policies, if there are any.
    pub cedar: Option<Cedar>,
    /// The id by which Verified Permissions knows Cedar's policies, if it is asked about them.
    pub policy_store: Option<String>,
    /// Policies that are compared with these, and decide nothing.
    pub shadow: Option<Arc<Shadow>>,
    /// The routes.
    pub routes: Routes,
    /// The region, for `aws:RequestedRegion`; without one the key is unknown.
    pub region: Option<String>,
    /// The account id, for `aws:ResourceAccount`; without one the key is unknown.
    pub account_id: Option<String>,
    /// What temporary credentials are made and opened with, if they are configured.
    pub credentials: Option<CredentialRules>,
    /// How many bytes a body may have that is read whole.
    pub body_buffer: usize,
    /// The sessions of routes' guests, by pool.
    pub guests: Vec<OnceLock<Arc<Assumed>>>,
    /// The sessions of tokens. They are valid for this generation alone, and end with it.
    pub sessions: Sessions,
}

impl Rules {
    /// The partition that ARNs are in.
    pub fn partition(&self) -> &'static str {
        self.region.as_deref().map_or("aws", iam::partition)
    }

    /// Refuses a session that began at `issued`, if anything says when, where those of its role are revoked:
    /// as AWS does by a policy that denies what was issued before some moment (AWSRevokeOlderSessions).
    pub(super) fn check_session(
        &self,
        assumed: &Assumed,
        issued: Option<Time>,
    ) -> Result<(), Denial> {
        let Some(revocations) = self.issuers.revocations() else { return Ok(()) };
        let role = assumed.session.principal.role();
        match role.is_some_and(|role| revocations.has_session(role.arn.as_str(), issued)) {
            false => Ok(()),
            true => {
                let detail = "the sessions of the role were revoked; sign in again";
                Err(Denial::new("session_revoked", Refusal::AccessDenied, detail))
            }
        }
    }

    /// The groups of the user pool `id`, if they are configured.
    pub fn groups_of(&self, id: &str) -> Option<&Groups> {
        self.groups.iter().find(|(pool, _)| pool == id).map(|(_, groups)| groups)
    }
}

/// Whether an engine decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Its answer counts.
    Enforce,
    /// It is asked, and what it would change is counted.
    Shadow,
    /// It isn't asked.
    Off,
}

/// How the answers of several engines become one. Whatever it says, an engine that denies or fails
/// denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compose {
    /// Every engine has to allow.
    #[default]
    All,
    /// One has to allow.
    Any,
    /// IAM has to allow; Cedar may only forbid.
    Guardrail,
}

/// Policies that are asked beside those in force.
pub struct Shadow {
    /// The roles.
    pub account: Account,
    /// Cedar's.
    pub cedar: Option<Cedar>,
}

/// Where a token may come from beside `Authorization: Bearer`.
#[derive(Debug, Default)]
pub struct TokenSources {
    /// A cookie.
    pub cookie: Option<CookieSource>,
    /// An application load balancer's `x-amzn-oidc-data`.
    pub alb: Option<AlbSource>,
}

/// A cookie that carries a token.
#[derive(Debug)]
pub struct CookieSource {
    /// Its name.
    pub name: String,
    /// Origins beside the route's own from which it is accepted on unsafe methods.
    pub origins: Vec<Origin>,
}

/// A load balancer whose signed claims are accepted.
#[derive(Debug)]
pub struct AlbSource {
    /// The load balancer's ARN.
    pub arn: String,
    /// The client that its tokens must be for; any if absent.
    pub client: Option<String>,
}
