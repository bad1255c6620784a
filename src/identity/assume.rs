//! From a verified token to an IAM session.

use std::sync::Arc;

use serde_json::Value;

use crate::clock::Time;
use crate::iam::{
    Action, Both, Context, Fact, Facts, Lookup, NoObserver, Role, Session, evaluate_trust,
};
use crate::token::VerifiedToken;

use super::claims::{Claims, scalar};
use super::error::AssumeError;
use super::groups::Groups;
use super::ids::IdentityIds;
use super::mapping::{Login, RoleChoice, choose};
use super::pool::IdentityPool;
use super::tags::tags;
use super::trail::{Step, Trail};

/// The session name that Amazon Cognito uses in the enhanced flow.
pub const SESSION_NAME: &str = "CognitoIdentityCredentials";

/// What a token got.
#[derive(Clone, Debug)]
pub struct Assumed {
    /// `region:uuid`.
    pub identity_id: String,
    /// The session, with its facts.
    pub session: Session,
    /// Why it has this role.
    pub role_choice: RoleChoice,
    /// The provider, as `Logins` names it.
    pub provider: String,
}

/// What a session is made from.
#[derive(Clone, Copy)]
pub struct Assume<'a> {
    /// The identity pool.
    pub pool: &'a IdentityPool,
    /// The groups of the token's user pool, for access tokens.
    pub groups: Option<&'a Groups>,
    /// Derives the identity.
    pub ids: &'a IdentityIds,
    /// The roles, by ARN.
    pub roles: &'a dyn Fn(&str) -> Option<Arc<Role>>,
    /// `CustomRoleArn` of GetCredentialsForIdentity.
    pub custom_role: Option<&'a str>,
}

/// The session that `token` gets from `pool`. `now` is for callers that keep time-bound identities;
/// derived ones don't depend on it, and the token's own times are checked where it is verified.
///
/// # Errors
/// [`AssumeError`]: there is no session without a role whose trust policy allows it.
pub fn assume(
    pool: &IdentityPool,
    token: &VerifiedToken,
    groups: Option<&Groups>,
    ids: &IdentityIds,
    roles: &dyn Fn(&str) -> Option<Arc<Role>>,
    _now: Time,
    trail: &mut dyn Trail,
) -> Result<Assumed, AssumeError> {
    Assume { pool, groups, ids, roles, custom_role: None }.session(token, trail)
}

impl Assume<'_> {
    /// The session that `token` gets.
    ///
    /// # Errors
    /// As [`assume`].
    pub fn session(
        &self,
        token: &VerifiedToken,
        trail: &mut dyn Trail,
    ) -> Result<Assumed, AssumeError> {
        let login = Login::of(self.pool, token)?;
        trail.step(Step::Provider(login.mapping.clone()));
        let claims = Claims::of(token, self.groups)?;
        let (arn, role_choice) = choose(self.pool, &login, &claims, self.custom_role, trail)?;
        trail.step(Step::Role(arn.clone()));
        let role = (self.roles)(&arn).ok_or(AssumeError::RoleNotFound(arn))?;
        let identity_id = self.ids.id(self.pool.id(), &login.provider, login.subject);
        trail.step(Step::Identity(identity_id.clone()));
        let tags = tags(self.pool, &login, &claims, trail)?;

        let (federated, prefix) = partition(self.pool.region());
        let mut facts = Facts::new();
        facts.one(&format!("{prefix}:aud"), self.pool.id());
        facts.one(&format!("{prefix}:sub"), identity_id.as_str());
        facts.set(&format!("{prefix}:amr"), Fact::Many(amr(self.pool, &login)));
        trust(&role, federated, &facts, &tags, trail)?;

        facts.one("aws:FederatedProvider", federated);
        let issued = token.claims.issued_at().map_or(Fact::Unknown, |at| Fact::One(at.rfc3339()));
        facts.set("aws:TokenIssueTime", issued);
        for (key, fact) in tags {
            facts.set(&format!("aws:PrincipalTag/{key}"), fact);
        }
        jwt(token, &mut facts)?;
        let session = Session::for_role(role, SESSION_NAME, facts);
        Ok(Assumed { identity_id, session, role_choice, provider: login.provider })
    }
}

/// Asks the role's trust policy, as AWS STS would.
fn trust(
    role: &Role,
    federated: &str,
    facts: &Facts,
    tags: &[(String, Fact)],
    trail: &mut dyn Trail,
) -> Result<(), AssumeError> {
    let mut context = facts.clone();
    context.one("sts:RoleSessionName", SESSION_NAME);
    for (key, fact) in tags {
        context.set(&format!("aws:RequestTag/{key}"), fact.clone());
    }
    if !tags.is_empty() {
        let keys = tags.iter().map(|(key, _)| key.clone()).collect();
        // Whether an unknown tag is passed isn't known either.
        let unknown = tags.iter().any(|(_, fact)| *fact == Fact::Unknown);
        context.set("aws:TagKeys", if unknown { Fact::Unknown } else { Fact::Many(keys) });
    }
    let context = Both(&context, &OfTheCall);
    let tag_session = (!tags.is_empty()).then_some("sts:TagSession");
    for action in ["sts:AssumeRoleWithWebIdentity"].into_iter().chain(tag_session) {
        let verdict =
            evaluate_trust(role, &Action::new(action), federated, &context, &mut NoObserver);
        trail.step(Step::Trust { action, allowed: verdict.is_allow() });
        if let Some(denial) = verdict.denial() {
            let role = role.arn.as_str().to_owned();
            return Err(AssumeError::TrustPolicy { role, action, denial: denial.reason() });
        }
    }
    Ok(())
}

/// What AWS STS would know of the call itself: when and from where Amazon Cognito makes it. There is
/// no such call here, and the session outlives the request that it is made for; so these keys exist,
/// and their values can't be known.
struct OfTheCall;

impl Context for OfTheCall {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match key {
            "aws:currenttime"
            | "aws:epochtime"
            | "aws:sourceip"
            | "aws:securetransport"
            | "aws:useragent"
            | "aws:referer"
            | "aws:requestedregion"
            | "aws:viaawsservice"
            | "aws:calledvia"
            | "aws:calledviafirst"
            | "aws:calledvialast"
            | "aws:resourceaccount"
            | "aws:resourceorgid"
            | "aws:resourceorgpaths" => Lookup::Unknown,
            _ if key.starts_with("aws:resourcetag/") || key.starts_with("iam:resourcetag/") => {
                Lookup::Unknown
            }
            _ => Lookup::Absent,
        }
    }
}

/// Authentication methods as in the pool's own tokens.
fn amr(pool: &IdentityPool, login: &Login<'_>) -> Vec<String> {
    let (provider, subject) = (&login.provider, login.subject);
    let third = match login.user_pool {
        true => format!("{provider}:CognitoSignIn:{subject}"),
        false => format!("{provider}:{}:{subject}", pool.id()),
    };
    vec!["authenticated".to_owned(), provider.clone(), third]
}

/// The federated principal in trust policies, and the prefix of its context keys.
fn partition(region: &str) -> (&'static str, &'static str) {
    match region {
        r if r.starts_with("cn-") => {
            ("cognito-identity.cn-north-1.amazonaws.com.cn", "cognito-identity.amazonaws.com.cn")
        }
        r if r.starts_with("us-gov-") => {
            ("cognito-identity-us-gov.amazonaws.com", "cognito-identity-us-gov.amazonaws.com")
        }
        _ => ("cognito-identity.amazonaws.com", "cognito-identity.amazonaws.com"),
    }
}

/// `jwt:<claim>` for policies: scalars single-valued, arrays of scalars and the words of `scope`
/// multi-valued, what is no such thing or too long unknown.
fn jwt(token: &VerifiedToken, facts: &mut Facts) -> Result<(), AssumeError> {
    let mut seen = std::collections::HashSet::new();
    for name in token.claims.names() {
        // Context keys have no case: of two claims that differ in case only, neither can be meant.
        let new = seen.insert(name.to_ascii_lowercase());
        if !new || seen.len() > MAX_CLAIMS || name.len() > MAX_CLAIM_NAME {
            return Err(AssumeError::ClaimsOverLimit);
        }
        let fact = match token.claims.get(name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(_)) if name == "scope" => {
                Fact::Many(token.claims.scopes().map(str::to_owned).collect())
            }
            Some(Value::Array(items)) => {
                let items: Option<Vec<String>> =
                    items.iter().map(|item| scalar(item).map(|text| text.into_owned())).collect();
                items.map_or(Fact::Unknown, Fact::Many)
            }
            Some(value) => scalar(value).map_or(Fact::Unknown, |text| Fact::One(text.into_owned())),
        };
        let fits = match &fact {
            Fact::One(value) => value.len() <= MAX_VALUE,
            Fact::Many(values) => {
                values.len() <= MAX_VALUES && values.iter().all(|v| v.len() <= MAX_VALUE)
            }
            Fact::Unknown => true,
        };
        facts.set(&format!("jwt:{name}"), if fits { fact } else { Fact::Unknown });
    }
    Ok(())
}

const MAX_CLAIMS: usize = 128;
const MAX_CLAIM_NAME: usize = 256;
const MAX_VALUES: usize = 128;
const MAX_VALUE: usize = 1024;
