//! What the gate answers itself, since there is nothing behind it that could.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::http::HeaderMap;
use serde_json::Value;

use super::{Grounds, Judged};
use crate::{
    iam::simulate::{EvaluationResult, Simulation},
    services::{Fault, iam::Page},
    sts::TemporaryCredentials,
};

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
    /// A browser may send what it asked a route about (CORS): the headers that say so.
    RoutePreflight(HeaderMap),
    /// Identity pools answer.
    CognitoIdentity(IdentityContent),
    /// AWS STS answers.
    Sts(StsContent),
    /// IAM answers.
    Iam(IamContent),
    /// The policy of a bucket or a table.
    Policy(PolicyContent),
    /// That it is allowed, to a question in Cedar's terms.
    Typed,
    /// To a search in Cedar's terms, that something is: what was searched for, and how much was found.
    Searched(Value),
    /// Verified Permissions answers.
    VerifiedPermissions(VerifiedContent),
}

impl Content {
    /// What an operator wants to know of it beside that.
    pub(super) fn found(&self) -> Value {
        match self {
            Self::Searched(found) => found.clone(),
            _ => Value::Null,
        }
    }
}

/// What Verified Permissions says.
#[derive(Debug)]
pub struct VerifiedContent {
    /// Whether it answers a batch.
    pub batch: bool,
    /// Type and id of the token's holder.
    pub principal: Option<(String, String)>,
    /// Each question as it was written, and the answer.
    pub results: Vec<(Value, Judged)>,
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

/// What IAM says.
#[derive(Debug)]
pub enum IamContent {
    /// SimulateCustomPolicy and SimulatePrincipalPolicy.
    Simulated(Box<Simulated>),
    /// GetContextKeysForCustomPolicy and GetContextKeysForPrincipalPolicy.
    ContextKeys {
        /// Which of them.
        operation: &'static str,
        /// The keys, as written.
        keys: Vec<String>,
    },
}

/// A page of results. They are worked out as they are read, and end before it takes too long: IAM too
/// "might return fewer than the MaxItems number of results".
#[derive(Debug)]
pub struct Simulated {
    operation: &'static str,
    simulation: Simulation,
    page: Page,
}

impl Simulated {
    /// A page of what `simulation` comes to.
    ///
    /// # Errors
    /// If it begins behind the last result.
    pub(super) fn new(
        operation: &'static str,
        simulation: Simulation,
        page: Page,
    ) -> Result<Self, Fault> {
        if page.from >= simulation.count() {
            let message = "Invalid Marker: pass the one of the last answer.";
            return Err(Fault::new("InvalidInput", message));
        }
        Ok(Self { operation, simulation, page })
    }

    /// Which operation it answers.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Puts one result after the other to `tell`, at least one. If there are more, says where they
    /// begin.
    pub fn each(&self, mut tell: impl FnMut(&EvaluationResult<'_>)) -> Option<usize> {
        let Page { from, most } = self.page;
        let end = from.saturating_add(most).min(self.simulation.count());
        let (started, mut statements, mut next) = (Instant::now(), 0, from);
        while next < end {
            let result = self.simulation.result(next)?;
            next += 1;
            tell(&result);
            statements += result.matched_statements.len();
            if statements > MAX_STATEMENTS || started.elapsed() > MAX_TIME {
                break;
            }
        }
        (next < self.simulation.count()).then_some(next)
    }
}

/// Statements that the results of a page name.
const MAX_STATEMENTS: usize = 10_000;
/// What a page may take of a data thread.
const MAX_TIME: Duration = Duration::from_millis(50);

impl From<IamContent> for Content {
    fn from(content: IamContent) -> Self {
        Self::Iam(content)
    }
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
