//! `Logins`: which identity a caller is, by the one token it sends or by none.
//!
//! Identities are derived, not stored: the id of a login follows from pool, provider and subject, and
//! is compared with the one asked for. So a call carries one login at most.

use std::sync::Arc;

use serde_json::json;

use super::{
    Denial, Gate, Login, Refusal,
    authenticate::verify,
    bound::{BoundError, demand_possession_of_parameter},
    decide::{Progress, in_time},
    vend::misconfigured_pool,
};
use crate::{
    clock::Time,
    iam::Fact,
    identity::{IdentityPool, WebIdentity, provider_name},
    services::{Fault, cognito_identity::Logins},
    sts::{GrantToken, POOL_TOKEN_ISSUER, PoolToken, PoolTokenError},
    token::{TokenError, TokenKind, VerifiedToken, stated},
};

/// Whose identity it is, and of which pool.
pub(super) enum Identified<'r> {
    /// A guest, who needs no login.
    Guest {
        /// The pool.
        pool: &'r IdentityPool,
    },
    /// A user of one of the pool's providers.
    Login {
        /// The pool.
        pool: &'r IdentityPool,
        /// The ID token.
        token: Arc<VerifiedToken>,
    },
    /// Whom the pool's own token names.
    PoolToken {
        /// The pool.
        pool: &'r IdentityPool,
        /// The identity, as the token tells it.
        identity: Box<WebIdentity>,
        /// What will be told of the token.
        token: GrantToken,
    },
}

impl<'r> Identified<'r> {
    pub(super) fn pool(&self) -> &'r IdentityPool {
        match self {
            Self::Guest { pool } | Self::Login { pool, .. } | Self::PoolToken { pool, .. } => pool,
        }
    }
}

impl Gate<'_> {
    /// Whose identity `identity` is, if `login` may speak for it.
    pub(super) async fn identify(
        &self,
        identity: &str,
        login: Option<(&str, &str)>,
        now: Time,
        progress: &mut Progress,
    ) -> Result<Identified<'_>, Denial> {
        let pools = &self.rules.pools;
        let Some((provider, token)) = login else {
            let ids = &self.rules.identities;
            let pool = pools.iter().find(|pool| ids.is_guest(pool.id(), identity));
            return pool.map(|pool| Identified::Guest { pool }).ok_or_else(|| {
                refused(
                    "identity_forbidden",
                    format!("Access to Identity '{identity}' is forbidden."),
                )
            });
        };
        if provider == POOL_LOGIN {
            return self.pool_token(identity, token, now);
        }
        let token = self.login(pools, provider, token, now, progress).await?;
        let roles = |arn: &str| self.role(arn);
        // The id doesn't tell its pool: it is the one under which this login has it.
        let mut error = None;
        for pool in pools.iter().filter(|pool| pool.has_provider(provider)) {
            let assume = self.assume_of(pool, None, &roles);
            match assume.identity(&token, &mut progress.trail) {
                Ok(found) if found.identity_id.as_deref() == Some(identity) => {
                    return Ok(Identified::Login { pool, token });
                }
                Ok(_) => error = Some(no_match()),
                Err(refusal) => error = error.or(Some(refusal.into())),
            }
        }
        Err(error.unwrap_or_else(no_match))
    }

    /// The verified ID token of a login with `provider`, which is one of some pool of `pools`.
    pub(super) async fn login<'p>(
        &self,
        pools: impl IntoIterator<Item = &'p IdentityPool>,
        provider: &str,
        token: &str,
        now: Time,
        progress: &mut Progress,
    ) -> Result<Arc<VerifiedToken>, Denial> {
        if provider == POOL_LOGIN {
            return Err(no_pool_token());
        }
        if !pools.into_iter().any(|pool| pool.has_provider(provider)) {
            return Err(no_match());
        }
        let text = token;
        let verified = in_time(async { Ok(verify(self.rules, self.tokens, text, now).await) });
        let token = verified.await?.map_err(|error| token_refused(&error, text, now))?;
        progress.login = Login::Token(Arc::clone(&token));
        if matches!(token.kind, TokenKind::Access | TokenKind::ClientCredentials) {
            let message = "Invalid login token. Missing a required claim: aud";
            return Err(refused("not_an_id_token", message));
        }
        if provider_name(&token).as_deref() != Some(provider) {
            return Err(wrong_issuer());
        }
        demand_possession_of_parameter(&token, progress.certificate.as_deref())
            .map_err(unproven)?;
        Ok(token)
    }

    /// The identity that a pool's own token speaks for.
    fn pool_token(&self, identity: &str, token: &str, now: Time) -> Result<Identified<'_>, Denial> {
        let tokens = self.pool_tokens();
        let tokens = tokens.ok_or_else(|| misconfigured_pool("set `credentials.token_key`"))?;
        let token = tokens.verify(token, now).map_err(|error| {
            let message = match error {
                PoolTokenError::NotOurs => "Invalid login token. Not a Cognito token.".to_owned(),
                PoolTokenError::BadSignature => UNVERIFIED.to_owned(),
                PoolTokenError::Expired(at) => expired(at, now),
            };
            refused(error.reason(), message)
        })?;
        let pool = self.rules.pools.iter().find(|pool| pool.id() == token.pool);
        match pool.filter(|_| token.identity == identity) {
            None => Err(no_match()),
            Some(pool) => {
                let told = told_by_pool(&token);
                if self.rules.has_revoked(&told) {
                    return Err(refused("token_revoked", REVOKED));
                }
                let identity = Box::new(identity_of(pool, token));
                Ok(Identified::PoolToken { pool, identity, token: told })
            }
        }
    }
}

/// The identity that a pool's own token names.
pub(super) fn identity_of(pool: &IdentityPool, token: PoolToken) -> WebIdentity {
    let fact = |value: Option<String>| value.map_or(Fact::Unknown, Fact::One);
    let tags = token.tags.into_iter().map(|(key, value)| (key, fact(value))).collect();
    WebIdentity::of_pool(pool, Some(token.identity), token.methods, tags)
}

/// What is told of a pool's own token: the login that it was given for, or the guest.
pub(super) fn told_by_pool(token: &PoolToken) -> GrantToken {
    token.login.clone().unwrap_or_else(|| GrantToken {
        issuer: Some(POOL_TOKEN_ISSUER.to_owned()),
        subject: Some(token.identity.clone()),
        issued: Some(token.issued),
        ..GrantToken::default()
    })
}

/// The one login, if there is any.
pub(super) fn one_login(logins: &Logins) -> Result<Option<(&str, &str)>, Denial> {
    match logins.0.as_slice() {
        [] => Ok(None),
        [(provider, token)] => Ok(Some((provider, token))),
        _ => {
            let message = "Several logins in one call link identities, which takes a store; \
                           identities.store is derived.";
            Err(Fault::new("InvalidParameterException", message).into())
        }
    }
}

/// A token that isn't verified, in Amazon Cognito's words.
fn token_refused(error: &TokenError, token: &str, now: Time) -> Denial {
    let message = match error {
        TokenError::UnknownIssuer => return wrong_issuer(),
        TokenError::Malformed(_) | TokenError::TooLarge => {
            "Invalid login token. Not a valid OpenId Connect identity token.".to_owned()
        }
        TokenError::UnsupportedAlgorithm
        | TokenError::UnknownKey { .. }
        | TokenError::BadSignature => UNVERIFIED.to_owned(),
        TokenError::Expired => {
            let at = stated(token).and_then(|stated| stated.expires);
            at.map_or_else(
                || "Invalid login token. Token expired.".to_owned(),
                |at| expired(at, now),
            )
        }
        TokenError::Revoked => REVOKED.to_owned(),
        TokenError::NotYetValid => "Invalid login token. Token is not valid yet.".to_owned(),
        TokenError::WrongAudience | TokenError::WrongClient => UNSUPPORTED.to_owned(),
        TokenError::InvalidClaim(claim) => {
            format!("Invalid login token. Missing a required claim: {claim}")
        }
        TokenError::WrongTokenUse => {
            "Invalid login token. Missing a required claim: token_use".to_owned()
        }
        TokenError::KeysUnavailable { .. } | TokenError::KeysStale { .. } => {
            let message = "The keys of the login's provider can't be read at the moment.";
            let refusal = Refusal::Fault("ExternalServiceException");
            return Denial::new(error.reason(), refusal, message)
                .with(json!({ "error": error.to_string() }));
        }
    };
    refused(error.reason(), message).with(json!({ "error": error.to_string() }))
}

/// A token that is bound to what isn't proven.
fn unproven(error: BoundError) -> Denial {
    let message = "Invalid login token. It is bound to a key or a certificate that isn't proven.";
    refused(error.reason(), message).with(json!({ "error": error.to_string() }))
}

fn expired(at: Time, now: Time) -> String {
    format!("Invalid login token. Token expired: {} >= {}", now.secs(), at.secs())
}

fn wrong_issuer() -> Denial {
    refused("issuer_mismatch", "Invalid login token. Issuer doesn't match providerName")
}

/// A pool's own token where it can't speak for anyone.
pub(super) fn no_pool_token() -> Denial {
    refused("pool_token", "Invalid login token. Can't pass in a Cognito token.")
}

fn no_match() -> Denial {
    let message = "Logins don't match. Please include at least one valid login for this identity \
                   or identity pool.";
    refused("logins_mismatch", message)
}

fn refused(reason: &'static str, message: impl Into<String>) -> Denial {
    Denial::new(reason, Refusal::Fault("NotAuthorizedException"), message)
}

/// The key in `Logins` of the pools' own tokens.
pub(super) const POOL_LOGIN: &str = "cognito-identity.amazonaws.com";
const REVOKED: &str = "Invalid login token. Token has been revoked.";
const UNVERIFIED: &str = "Invalid login token. Couldn't verify signed token.";
const UNSUPPORTED: &str = "Token is not from a supported provider of this identity pool.";
