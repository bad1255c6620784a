//! What the gate answers itself, since there is nothing behind it that could.

use std::sync::Arc;

use super::Grounds;
use crate::sts::TemporaryCredentials;

/// An answer that is made here.
#[derive(Debug)]
pub struct Answer {
    /// What it stands on.
    pub grounds: Grounds,
    /// What it says.
    pub content: Content,
}

/// What an answer says. `Debug` shows no token and no secret.
#[derive(Debug)]
pub enum Content {
    /// A browser may call the service from any page (CORS).
    Preflight,
    /// Identity pools answer.
    CognitoIdentity(IdentityContent),
    /// AWS STS answers.
    Sts(StsContent),
    /// The policy of a bucket or a table.
    Policy(PolicyContent),
}

/// The policy of a bucket or a table, as it was put.
#[derive(Debug)]
pub enum PolicyContent {
    /// GetBucketPolicy.
    Bucket(Arc<str>),
    /// DynamoDB's GetResourcePolicy.
    Resource {
        /// The document.
        policy: Arc<str>,
        /// Its revision.
        revision: String,
    },
}

/// What identity pools say. `Debug` shows no token and no secret.
#[derive(Debug)]
pub enum IdentityContent {
    /// The keys of the identity pools' own tokens, as a JWK set.
    PoolKeys(String),
    /// GetId.
    Identity(String),
    /// GetCredentialsForIdentity.
    IdentityCredentials {
        /// The identity's id.
        identity: String,
        /// Its credentials.
        credentials: TemporaryCredentials,
    },
    /// GetOpenIdToken.
    OpenIdToken {
        /// The identity's id.
        identity: String,
        /// The pool's token for it.
        token: OpenIdToken,
    },
}

/// What AWS STS says. `Debug` shows no token and no secret.
#[derive(Debug)]
pub enum StsContent {
    /// AssumeRoleWithWebIdentity.
    AssumedRole(Box<AssumedRoleUser>),
    /// GetCallerIdentity.
    CallerIdentity {
        /// `aws:userid`.
        user_id: String,
        /// The account id.
        account: String,
        /// The session's ARN.
        arn: String,
    },
}

impl From<IdentityContent> for Content {
    fn from(content: IdentityContent) -> Self {
        Self::CognitoIdentity(content)
    }
}

impl From<StsContent> for Content {
    fn from(content: StsContent) -> Self {
        Self::Sts(content)
    }
}

/// A token of an identity pool. `Debug` doesn't show it.
pub struct OpenIdToken(pub String);

impl std::fmt::Debug for OpenIdToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenIdToken(…)")
    }
}

/// What AssumeRoleWithWebIdentity tells.
#[derive(Debug)]
pub struct AssumedRoleUser {
    /// The credentials.
    pub credentials: TemporaryCredentials,
    /// `SubjectFromWebIdentityToken`.
    pub subject: String,
    /// `AROA…:session`.
    pub id: String,
    /// The session's ARN.
    pub arn: String,
    /// How much of its limit the session policy takes, in percent; none without one.
    pub packed_policy_size: Option<usize>,
    /// The token's issuer.
    pub provider: String,
    /// Whom the token is for.
    pub audience: String,
}
