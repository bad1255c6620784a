//! What the stages read: one configuration generation, compiled and immutable.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use moka::sync::Cache;

use crate::{
    http::Origin,
    iam::{self, Account, Fact},
    identity::{Assumed, Groups, IdentityIds, IdentityPool},
    token::Issuers,
};

use super::{Cedar, CredentialRules, Routes, StoredPolicy};

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
    /// Sessions by pool and verified token. They are valid for this generation alone, and end with it.
    pub sessions: Cache<(usize, u64), Arc<Assumed>>,
}

impl Rules {
    /// An empty table of sessions, bounded in bytes: a session has the claims of its token.
    pub fn session_cache() -> Cache<(usize, u64), Arc<Assumed>> {
        Cache::builder()
            .max_capacity(MAX_SESSIONS)
            .weigher(|_, assumed: &Arc<Assumed>| weight(assumed))
            // A session is looked up through a valid token only; this just frees the memory.
            .time_to_idle(std::time::Duration::from_secs(3600))
            .build()
    }

    /// The partition that ARNs are in.
    pub fn partition(&self) -> &'static str {
        self.region.as_deref().map_or("aws", iam::partition)
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

/// About how many bytes a session takes.
fn weight(assumed: &Assumed) -> u32 {
    let text = |text: &String| text.len() + 32;
    let facts = assumed.session.facts.iter().map(|(key, fact)| {
        let values = match fact {
            Fact::One(value) => text(value),
            Fact::Many(values) => values.iter().map(text).sum(),
            Fact::Unknown => 0,
        };
        key.len() + 64 + values
    });
    u32::try_from(512 + facts.sum::<usize>()).unwrap_or(u32::MAX)
}

/// Bytes of sessions that are kept. A usual one has 2 to 4 KiB.
const MAX_SESSIONS: u64 = 128 << 20;

#[cfg(test)]
mod tests;
