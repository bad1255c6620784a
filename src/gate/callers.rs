//! Callers as Cedar sees them: made from a login, once a session.

use std::sync::Arc;

use moka::sync::Cache;
use serde_json::Value;

use super::{Login, Rules};
use crate::{
    cedar::{Caller, CallerKind, Policies, Principal},
    identity::Assumed,
    token::{Claims, Issuer, IssuerKind, TokenKind, VerifiedToken},
};

/// Cedar's policies of one generation, and the callers met so far.
pub struct Cedar {
    /// The policies.
    pub policies: Policies,
    /// Valid for these policies alone, and ending with them.
    principals: Cache<Session, Arc<Principal>>,
}

/// What a caller's entities are kept under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Session {
    /// A verified token, and the identity pool that gave its role.
    Token(u64, Option<usize>),
    /// An access key id, which belongs to one set of credentials.
    Credentials(String),
    /// A route's guest.
    Guest(Option<usize>),
    Anonymous,
}

impl Cedar {
    /// Policies that nobody has asked yet.
    pub fn new(policies: Policies) -> Self {
        let principals = Cache::builder()
            .max_capacity(MAX_BYTES)
            .weigher(|_, principal: &Arc<Principal>| principal.weight())
            // A caller is looked up through a valid login only; this just frees the memory.
            .time_to_idle(std::time::Duration::from_secs(3600))
            .build();
        Self { policies, principals }
    }

    /// The caller's entities.
    pub(super) fn principal(
        &self,
        rules: &Rules,
        login: &Login,
        assumed: Option<&Assumed>,
        pool: Option<usize>,
    ) -> Arc<Principal> {
        let session = match (login, assumed) {
            // Without a role the pool gave none.
            (Login::Token(token), None) => Session::Token(token.serial, None),
            (Login::Token(token), Some(_)) => Session::Token(token.serial, pool),
            (Login::Credentials(presented), _) => {
                Session::Credentials(presented.access_key_id.clone())
            }
            (Login::Anonymous, Some(_)) => Session::Guest(pool),
            (Login::Anonymous, None) => Session::Anonymous,
        };
        let make = || Arc::new(self.policies.principal(&caller(rules, login, assumed, pool)));
        self.principals.get_with(session, make)
    }
}

/// What is known of whoever logged in.
fn caller<'a>(
    rules: &'a Rules,
    login: &'a Login,
    assumed: Option<&'a Assumed>,
    pool: Option<usize>,
) -> Caller<'a> {
    let role = assumed.and_then(|assumed| assumed.session.principal.role());
    let role = role.map(|role| role.arn.as_str());
    let guest = |id: String| Caller {
        kind: CallerKind::Guest,
        id,
        groups: Vec::new(),
        role,
        attributes: Vec::new(),
        token: None,
        known: true,
    };
    match login {
        Login::Token(token) => Caller { role, ..of_token(token) },
        Login::Credentials(presented) => {
            let grant = &presented.grant;
            match (&grant.token.subject, &grant.token.issuer) {
                (Some(subject), Some(issuer)) => {
                    let known = rules.issuers.all();
                    // A load balancer passes on what another issuer said.
                    let known = known.iter().find(|known| {
                        !matches!(known.kind, IssuerKind::Alb { .. })
                            && known.issuers.contains(issuer)
                    });
                    let bare = issuer.split_once("://").map_or(issuer.as_str(), |(_, rest)| rest);
                    let provider = known.map_or(bare, |issuer| provider(issuer));
                    let user = guest(format!("{provider}|{subject}"));
                    // Neither are sealed in credentials.
                    Caller { kind: CallerKind::User, known: false, ..user }
                }
                _ => guest(grant.identity.clone().unwrap_or_else(|| ANONYMOUS.to_owned())),
            }
        }
        Login::Anonymous => {
            let pool = pool.filter(|_| assumed.is_some()).and_then(|at| rules.pools.get(at));
            guest(pool.map_or(ANONYMOUS, |pool| pool.id()).to_owned())
        }
    }
}

fn of_token(token: &VerifiedToken) -> Caller<'_> {
    let provider = provider(&token.issuer);
    let subject = token.claims.subject().unwrap_or_default();
    // Groups are Cognito's own; another issuer's claim of that name is a claim like others.
    let groups = match &token.issuer.kind {
        IssuerKind::UserPool { .. } => token.claims.groups().unwrap_or_default(),
        _ => Vec::new(),
    };
    let (attributes, of_access) = match token.kind {
        TokenKind::Access | TokenKind::ClientCredentials => (Vec::new(), Some(all(&token.claims))),
        TokenKind::Id | TokenKind::Oidc | TokenKind::Alb => (all(&token.claims), None),
    };
    Caller {
        kind: CallerKind::User,
        id: format!("{provider}|{subject}"),
        groups: groups.into_iter().map(|group| format!("{provider}|{group}")).collect(),
        role: None,
        attributes,
        token: of_access,
        known: true,
    }
}

fn all(claims: &Claims) -> Vec<(&str, Value)> {
    claims.iter().map(|(name, value)| (name, value.to_value())).collect()
}

/// What principals' ids begin with: the user pool's id, or the issuer's name.
fn provider(issuer: &Issuer) -> &str {
    match &issuer.kind {
        IssuerKind::UserPool { id, .. } => id,
        IssuerKind::Oidc | IssuerKind::Alb { .. } => &issuer.name,
    }
}

const ANONYMOUS: &str = "anonymous";
/// Bytes of callers that are kept.
const MAX_BYTES: u64 = 64 << 20;
