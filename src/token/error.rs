//! Why a token is refused.

use std::sync::Arc;

use super::Issuer;

/// Why a token is refused. Messages name the check and never quote the token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN_BYTES`](super::MAX_TOKEN_BYTES), or its header is longer than allowed.
    #[error("the token is too large: at most 8 KiB, with a header of at most 1 KiB")]
    TooLarge,
    /// Not a JWS in compact form (RFC 7515 §7.1) with JSON objects in it.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// `alg` is not an accepted asymmetric algorithm, or not one of this key or issuer.
    #[error(
        "the token's `alg` is not accepted for this issuer and key; sign with the key's own algorithm (user pools: RS256)"
    )]
    UnsupportedAlgorithm,
    /// A claim is missing or has the wrong type or range.
    #[error("the claim `{0}` is missing or is not of its registered type")]
    InvalidClaim(&'static str),
    /// `iss` is not one of the configured issuers.
    #[error("the token's issuer is not configured; add it to `user_pools` or `oidc_providers`")]
    UnknownIssuer,
    /// The issuer has no such key now. Refresh its keys once and verify again.
    #[error("the issuer `{}` has no key with the token's `kid`", issuer.name)]
    UnknownKey {
        /// Whose keys were looked at.
        issuer: Arc<Issuer>,
        /// The key id that the token names.
        kid: String,
    },
    /// The issuer's keys could not be loaded yet.
    #[error("the keys of `{}` have not been loaded yet; check that its key document can be reached", issuer.name)]
    KeysUnavailable {
        /// Whose keys are missing.
        issuer: Arc<Issuer>,
        /// The key id that the token names.
        kid: String,
    },
    /// The issuer's keys could not be refreshed for longer than `max_stale`.
    #[error("the keys of `{}` have not been refreshed for longer than `token.max_stale`; check that its key document can be reached", issuer.name)]
    KeysStale {
        /// Whose keys are too old.
        issuer: Arc<Issuer>,
        /// The key id that the token names.
        kid: String,
    },
    /// The signature does not match.
    #[error("the token's signature does not match the issuer's key")]
    BadSignature,
    /// `exp` has passed, or the token is older than the issuer's maximum age.
    #[error("the token has expired; get a new one")]
    Expired,
    /// It was revoked: it, its sign-in, or all of its user's of before some moment.
    #[error("the token has been revoked; sign in again")]
    Revoked,
    /// `nbf` or `iat` is in the future.
    #[error("the token is not valid yet; compare this machine's clock with the issuer's")]
    NotYetValid,
    /// `aud` (or `azp`) is not accepted here.
    #[error("the token is meant for another audience")]
    WrongAudience,
    /// `client_id` of an access token (or `client` of a load balancer's token) is not accepted.
    #[error(
        "the token was issued to another app client; add it to `clients` if it should be accepted"
    )]
    WrongClient,
    /// `token_use` is neither `id` nor `access`.
    #[error("the token's `token_use` is neither `id` nor `access`")]
    WrongTokenUse,
}

/// Who has to act on a [`TokenError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorSource {
    /// The caller sent a token that is no good.
    Client,
    /// The identity provider's keys are missing or too old.
    Idp,
}

impl TokenError {
    /// A stable code for metrics, logs and documentation.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Malformed(_) => "malformed",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::InvalidClaim(_) => "invalid_claim",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnknownKey { .. } => "unknown_key",
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::KeysStale { .. } => "keys_stale",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::Revoked => "token_revoked",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongAudience => "wrong_audience",
            Self::WrongClient => "wrong_client",
            Self::WrongTokenUse => "wrong_token_use",
        }
    }

    /// A sentence for whoever sent the token; `Display` is for the operator. It tells of the token,
    /// and nothing of the configuration that it met.
    pub fn told_to_caller(&self) -> String {
        match self {
            Self::UnknownIssuer => "the token's issuer is not accepted here".to_owned(),
            Self::UnknownKey { .. } => "the token's key is not known".to_owned(),
            Self::KeysUnavailable { .. } | Self::KeysStale { .. } => {
                "the token can't be checked at the moment; try again".to_owned()
            }
            Self::WrongClient => "the token was issued to another app client".to_owned(),
            of_the_token => of_the_token.to_string(),
        }
    }

    /// Who has to act.
    pub fn source_of_error(&self) -> ErrorSource {
        match self {
            Self::KeysUnavailable { .. } | Self::KeysStale { .. } => ErrorSource::Idp,
            _ => ErrorSource::Client,
        }
    }

    /// The issuer and key id to hand to [`KeySet::refresh`](super::KeySet::refresh), where
    /// fresh keys could change the answer; verify again once after it, and only once.
    pub fn refreshable(&self) -> Option<(&Arc<Issuer>, &str)> {
        match self {
            Self::UnknownKey { issuer, kid }
            | Self::KeysUnavailable { issuer, kid }
            | Self::KeysStale { issuer, kid } => Some((issuer, kid)),
            _ => None,
        }
    }
}
