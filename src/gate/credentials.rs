//! Temporary credentials as they are presented: opened once, remembered while their generation lasts.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use moka::sync::Cache;

use super::{Denial, Refusal, Rules};
use crate::{
    clock::Time,
    identity::{Assumed, RoleChoice},
    sigv4::{Scope, SigningKey},
    sts::{Grant, GrantToken, PoolTokens, Sealer, SecretAccessKey, StsError},
    token::LoginFacts,
};

/// What temporary credentials are made and opened with.
pub struct CredentialRules {
    /// Seals and opens them.
    pub sealer: Sealer,
    /// How long an identity's credentials last.
    pub duration: Duration,
    /// Signs and verifies the identity pools' own tokens, if they have a key.
    pub pool_tokens: Option<PoolTokens>,
    /// Opened credentials by session token, which callers choose: keyed hash, compared in full.
    opened: Cache<Arc<str>, Arc<Presented>>,
}

/// Credentials that were opened. That the caller has their secret is for its signature to prove.
pub struct Presented {
    /// The access key id.
    pub access_key_id: String,
    /// What they stand for.
    pub grant: Grant,
    /// The session they give.
    pub assumed: Arc<Assumed>,
    secret: SecretAccessKey,
    /// The signing key used last: a client signs for one day, region and service at a time.
    signing: ArcSwapOption<(Scope, SigningKey)>,
}

/// Why credentials don't stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// No such access key is known; long-term keys never are.
    #[error("the AWS access key id is not known here; use credentials of the identity pool")]
    UnknownKey,
    /// The session token was not sealed here, or is another access key's.
    #[error("the session token is malformed or otherwise invalid")]
    InvalidToken,
    /// They have expired.
    #[error("the session token has expired; get new credentials")]
    Expired,
    /// The login that they were given for was revoked.
    #[error("the login that the credentials were given for has been revoked; sign in again")]
    Revoked,
    /// Their role, or their identity pool, isn't there any more, or is another of that name.
    #[error("the role that the credentials are for is gone; get new credentials")]
    RoleGone,
}

impl CredentialError {
    /// A stable code for metrics and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown_access_key",
            Self::InvalidToken => "invalid_session_token",
            Self::Expired => "expired_session_token",
            Self::Revoked => "credentials_revoked",
            Self::RoleGone => "role_gone",
        }
    }
}

impl From<CredentialError> for Denial {
    fn from(error: CredentialError) -> Self {
        Self::new(error.reason(), Refusal::Credentials(error), error.to_string())
    }
}

impl CredentialRules {
    /// Rules for one generation.
    pub fn new(sealer: Sealer, duration: Duration) -> Self {
        let opened = Cache::builder()
            .max_capacity(MAX_OPENED)
            .weigher(|token: &Arc<str>, _| {
                u32::try_from(token.len())
                    .unwrap_or(u32::MAX)
                    .saturating_mul(4)
                    .saturating_add(1024)
            })
            .time_to_idle(Duration::from_secs(3600))
            .build();
        Self { sealer, duration, pool_tokens: None, opened }
    }

    /// The credentials of this access key id and session token.
    ///
    /// # Errors
    /// [`CredentialError`]; expiry is read from the clock each time, and what is revoked from its list.
    pub fn present(
        &self,
        rules: &Rules,
        access_key_id: &str,
        session_token: &str,
        now: Time,
    ) -> Result<Arc<Presented>, CredentialError> {
        let presented = match self.opened.get(session_token) {
            Some(known) => known,
            None => {
                let presented = Arc::new(self.open(rules, access_key_id, session_token, now)?);
                self.opened.insert(session_token.into(), Arc::clone(&presented));
                presented
            }
        };
        if presented.access_key_id != access_key_id {
            return Err(CredentialError::InvalidToken);
        }
        presented.check(rules, now)?;
        Ok(presented)
    }

    fn open(
        &self,
        rules: &Rules,
        access_key_id: &str,
        session_token: &str,
        now: Time,
    ) -> Result<Presented, CredentialError> {
        let opened =
            self.sealer.open(access_key_id, session_token, now).map_err(|error| match error {
                StsError::Expired => CredentialError::Expired,
                _ => CredentialError::InvalidToken,
            })?;
        let grant = opened.grant;
        let pool = grant.pool.as_deref();
        let known = pool.is_none_or(|id| rules.pools.iter().any(|pool| pool.id() == id));
        let role = rules.account.role(&grant.role_arn).filter(|_| known);
        let role = role.ok_or(CredentialError::RoleGone)?;
        let session = grant.session(role).map_err(|_| CredentialError::RoleGone)?;
        let identity = grant.identity.clone();
        let assumed = Arc::new(Assumed::new(identity, session, RoleChoice::Sealed, None));
        let (access_key_id, secret) = (access_key_id.to_owned(), opened.secret);
        Ok(Presented { access_key_id, grant, assumed, secret, signing: ArcSwapOption::empty() })
    }
}

impl Presented {
    /// Whether they still stand at `now`.
    pub(super) fn check(&self, rules: &Rules, now: Time) -> Result<(), CredentialError> {
        let grant = &self.grant;
        if now >= grant.expires {
            return Err(CredentialError::Expired);
        }
        match rules.has_revoked(&grant.token) {
            true => Err(CredentialError::Revoked),
            false => Ok(()),
        }
    }

    /// The key that requests of this scope are signed with.
    pub(super) fn signing_key(&self, scope: &Scope) -> Arc<(Scope, SigningKey)> {
        if let Some(known) = self.signing.load_full()
            && known.0 == *scope
        {
            return known;
        }
        let key = SigningKey::derive(self.secret.expose().as_bytes(), scope);
        let derived = Arc::new((scope.clone(), key));
        self.signing.store(Some(Arc::clone(&derived)));
        derived
    }
}

impl Rules {
    /// Whether the login is revoked that something was given for.
    pub(super) fn has_revoked(&self, token: &GrantToken) -> bool {
        let facts = LoginFacts {
            issuer: token.issuer.as_deref(),
            subject: token.subject.as_deref(),
            jti: token.jti.as_deref(),
            origin_jti: token.origin_jti.as_deref(),
            issued: token.issued,
        };
        self.issuers.revocations().is_some_and(|list| list.has_login(&facts))
    }
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CredentialRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialRules").field("duration", &self.duration).finish_non_exhaustive()
    }
}

/// Bytes of opened credentials that are kept.
const MAX_OPENED: u64 = 128 << 20;
