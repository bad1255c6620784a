//! AssumeRoleWithWebIdentity: a role for a token, as far as the role's trust policy lets it.
//!
//! Taken are the identity pools' own tokens (the basic, or classic, flow) and the ID tokens of the
//! configured issuers. Whether the role isn't there or its trust policy refuses is not told apart.

use std::sync::Arc;

use serde_json::json;

use super::{
    Answer, AssumedRoleUser, Denial, Gate, Grounds, Login, Refusal, StsContent,
    authenticate::verify,
    bound::{BoundError, demand_possession_of_parameter},
    decide::{Progress, in_time, misconfigured},
    logins::{identity_of, told_by_pool},
    vend::{Wanted, grant, told},
};
use crate::{
    clock::Time,
    iam::{Policy, PolicyKind, Role},
    identity::{AssumeError, AssumedRole, RoleChoice, WebIdentity},
    services::{Fault, sts::AssumeRoleWithWebIdentity},
    sts::{GrantToken, POOL_TOKEN_ISSUER, PoolToken, PoolTokenError, SessionPolicy, StsError},
    token::{TokenError, TokenKind, VerifiedToken, stated},
};

/// Whose token it is.
enum Bearer {
    Pool(Box<PoolToken>),
    Provider(Arc<VerifiedToken>),
}

impl Gate<'_> {
    pub(super) async fn assume_role(
        &self,
        asked: &AssumeRoleWithWebIdentity,
        now: Time,
        progress: &mut Progress,
    ) -> Result<Answer, Denial> {
        let rules = self.credential_rules()?;
        let policies = session_policies(asked)?;
        let bearer = self.bearer(&asked.token, now, progress).await?;
        let role = self.role(&asked.role_arn).ok_or_else(|| denied("role_not_found"))?;
        let (role, pool, token) = self.role_for(&bearer, role, &asked.session_name, progress)?;
        if asked.seconds > role.role.max_session_duration {
            let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for \
                           this role.";
            return Err(Fault::new("ValidationError", message).into());
        }
        let seconds = i64::from(asked.seconds);
        let wanted = Wanted { pool, name: &asked.session_name, policies, token, seconds };
        let credentials = grant(rules, role, wanted, now, progress).map_err(given)?;
        let session = progress.assumed.as_ref().map(|assumed| &assumed.session.principal);
        let session = session.and_then(|principal| Some((principal.user_id(), principal.arn()?)));
        let (id, arn) = session.ok_or_else(|| misconfigured("a session without a role"))?;
        let (subject, provider, audience) = match bearer {
            Bearer::Pool(token) => (token.identity, POOL_TOKEN_ISSUER.to_owned(), token.pool),
            Bearer::Provider(token) => {
                let claims = &token.claims;
                let audience = token.client.as_ref().or_else(|| claims.audiences().first());
                (
                    claims.subject().unwrap_or_default().to_owned(),
                    claims.issuer().to_owned(),
                    audience.cloned().unwrap_or_default(),
                )
            }
        };
        let packed_policy_size = asked.policy.as_ref().map(|policy| policy.len() * 100 / 2048);
        let user = AssumedRoleUser {
            credentials,
            subject,
            id,
            arn,
            packed_policy_size,
            provider,
            audience,
        };
        let content = StsContent::AssumedRole(Box::new(user)).into();
        Ok(Answer { grounds: Grounds::TrustPolicy, content })
    }

    /// Whose token it is, if it holds.
    async fn bearer(
        &self,
        token: &str,
        now: Time,
        progress: &mut Progress,
    ) -> Result<Bearer, Denial> {
        let own = self.pool_tokens().map(|tokens| tokens.verify(token, now));
        match own {
            Some(Ok(token)) if self.rules.has_revoked(&told_by_pool(&token)) => {
                return Err(refused("token_revoked", INVALID, REVOKED));
            }
            Some(Ok(token)) => return Ok(Bearer::Pool(Box::new(token))),
            Some(Err(PoolTokenError::Expired(at))) => return Err(expired(at, now)),
            Some(Err(PoolTokenError::BadSignature)) => {
                return Err(refused("bad_signature", INVALID, "The token's signature is invalid."));
            }
            Some(Err(PoolTokenError::NotOurs)) | None => {}
        }
        let verified = in_time(async { Ok(verify(self.rules, self.tokens, token, now).await) });
        let verified = verified.await?.map_err(|error| token_refused(&error, token, now))?;
        progress.login = Login::Token(Arc::clone(&verified));
        if !matches!(verified.kind, TokenKind::Id | TokenKind::Oidc) {
            return Err(refused("not_an_id_token", INVALID, NO_JWT));
        }
        demand_possession_of_parameter(&verified, progress.certificate.as_deref())
            .map_err(unproven)?;
        Ok(Bearer::Provider(verified))
    }

    /// The role, the pool and what is told of the token, if the trust policy lets the bearer.
    fn role_for(
        &self,
        bearer: &Bearer,
        role: Arc<Role>,
        session_name: &str,
        progress: &mut Progress,
    ) -> Result<(AssumedRole, Option<&str>, GrantToken), Denial> {
        let (identity, pool, token) = match bearer {
            Bearer::Provider(token) => {
                let identity = WebIdentity::of_token(token, &role).map_err(claim_refused)?;
                (identity, None, told(token))
            }
            Bearer::Pool(token) => {
                // What the pool was told since the token was given counts.
                let pool = self.rules.pools.iter().find(|pool| pool.id() == token.pool);
                let pool = pool
                    .filter(|pool| pool.classic_flow() != Some(false) && !pool.maps_roles())
                    .ok_or_else(|| denied("classic_flow"))?;
                let identity = identity_of(pool, PoolToken::clone(token));
                if identity.is_guest() && !pool.allows_guests() {
                    return Err(denied("guests_not_allowed"));
                }
                (identity, Some(pool.id()), told_by_pool(token))
            }
        };
        let trail = &mut progress.trail;
        let assumed = identity
            .assume(role, RoleChoice::Custom, session_name, trail)
            .map_err(|error| denied(error.reason()).with(json!({ "error": error.to_string() })))?;
        Ok((assumed, pool, token))
    }
}

/// `Policy`, which has to be one.
fn session_policies(asked: &AssumeRoleWithWebIdentity) -> Result<Vec<SessionPolicy>, Denial> {
    let Some(policy) = &asked.policy else { return Ok(Vec::new()) };
    Policy::parse("session policy", PolicyKind::Session, policy).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        Fault::new("MalformedPolicyDocument", format!("Syntax errors in policy: {first}"))
    })?;
    Ok(vec![SessionPolicy::Document(policy.clone())])
}

/// A token that isn't verified, in the words of AWS STS.
fn token_refused(error: &TokenError, token: &str, now: Time) -> Denial {
    let told = |code, message: &str| {
        refused(error.reason(), code, message).with(json!({ "error": error.to_string() }))
    };
    match error {
        TokenError::UnknownIssuer => {
            let issuer = stated(token).map(|stated| stated.issuer).unwrap_or_default();
            told(INVALID, &format!("No OpenIDConnect provider found in your account for {issuer}"))
        }
        TokenError::Malformed(_) | TokenError::TooLarge | TokenError::WrongTokenUse => {
            told(INVALID, NO_JWT)
        }
        TokenError::UnsupportedAlgorithm | TokenError::BadSignature => {
            told(INVALID, "The token's signature is invalid.")
        }
        TokenError::UnknownKey { .. } => told(
            INVALID,
            "Couldn't retrieve verification key from your identity provider, please reference \
             AssumeRoleWithWebIdentity documentation for requirements",
        ),
        TokenError::Expired => match stated(token).and_then(|stated| stated.expires) {
            Some(at) => expired(at, now),
            None => told(EXPIRED, "Token expired"),
        },
        TokenError::Revoked => told(INVALID, REVOKED),
        TokenError::NotYetValid => told(INVALID, "The token is not valid yet."),
        TokenError::WrongAudience | TokenError::WrongClient => {
            told(INVALID, "Incorrect token audience")
        }
        TokenError::InvalidClaim(claim) => {
            told(INVALID, &format!("Missing a required claim: {claim}"))
        }
        TokenError::KeysUnavailable { .. } | TokenError::KeysStale { .. } => told(
            "IDPCommunicationError",
            "The identity provider's keys can't be read at the moment. Try again.",
        ),
    }
}

/// A token that is bound to what isn't proven.
fn unproven(error: BoundError) -> Denial {
    let message = "The token is bound to a key or a certificate that isn't proven.";
    refused(error.reason(), INVALID, message).with(json!({ "error": error.to_string() }))
}

/// Claims that a session can't be made from.
fn claim_refused(error: AssumeError) -> Denial {
    let message = error.told_to_caller();
    refused(error.reason(), "IDPRejectedClaim", &message)
        .with(json!({ "error": error.to_string() }))
}

fn expired(at: Time, now: Time) -> Denial {
    let message = format!(
        "Token expired: current date/time {} must be before the expiration date/time {}",
        now.secs(),
        at.secs()
    );
    refused("expired", EXPIRED, &message)
}

fn given(error: StsError) -> Denial {
    match error {
        StsError::PackedPolicyTooLarge => {
            refused(error.reason(), "PackedPolicyTooLarge", &error.to_string())
        }
        _ => refused(error.reason(), "InternalFailure", "Try again."),
    }
}

fn denied(reason: &'static str) -> Denial {
    refused(reason, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
}

fn refused(reason: &'static str, code: &'static str, message: &str) -> Denial {
    Denial::new(reason, Refusal::Fault(code), message)
}

const INVALID: &str = "InvalidIdentityToken";
const EXPIRED: &str = "ExpiredTokenException";
const REVOKED: &str = "The token has been revoked.";
const NO_JWT: &str = "The ID Token provided is not a valid JWT. (You may see this error if you \
                      sent an Access Token)";
