//! An identity as AWS STS sees it when it is asked for a role: the federated principal, the context
//! keys of its token, and the tags it passes.

use std::sync::Arc;

use serde_json::Value;

use crate::iam::{Action, Both, Context, Fact, Facts, Lookup, NoObserver, Role, evaluate_trust};
use crate::token::{ClaimValue, TokenKind, VerifiedToken};

use super::assume::AssumedRole;
use super::error::AssumeError;
use super::mapping::{RoleChoice, provider_name};
use super::pool::IdentityPool;
use super::tags::is_value;
use super::trail::{Step, Trail};

/// Whom a token speaks for.
#[derive(Clone, Debug)]
pub struct WebIdentity {
    /// `region:uuid`; none for a route's guest, and without an identity pool.
    pub identity_id: Option<String>,
    /// The provider, as `Logins` names it; none for guests.
    pub provider: Option<String>,
    /// `amr`: how the caller was authenticated, in the words of the pool's own tokens.
    pub methods: Vec<String>,
    /// Principal tags. What is no single value is unknown.
    pub tags: Vec<(String, Fact)>,
    /// The principal in trust policies.
    federated: String,
    /// Context keys that the session will have too.
    lasting: Facts,
    /// Context keys of the trust policy alone.
    passing: Facts,
}

impl WebIdentity {
    /// An identity of `pool`, as the pool's own token tells it: `methods` is its `amr`.
    pub fn of_pool(
        pool: &IdentityPool,
        identity_id: Option<String>,
        methods: Vec<String>,
        tags: Vec<(String, Fact)>,
    ) -> Self {
        let (federated, prefix) = partition(pool.region());
        let mut lasting = Facts::new();
        lasting.one(format!("{prefix}:aud"), pool.id());
        if let Some(id) = &identity_id {
            lasting.one(format!("{prefix}:sub"), id);
        }
        lasting.set(format!("{prefix}:amr"), Fact::Many(methods.clone()));
        let provider = methods.get(1).cloned();
        let (federated, passing) = (federated.to_owned(), Facts::new());
        Self { identity_id, provider, methods, tags, federated, lasting, passing }
    }

    pub(super) fn guest(pool: &IdentityPool, identity_id: Option<&str>) -> Self {
        let methods = vec![UNAUTHENTICATED.to_owned()];
        Self::of_pool(pool, identity_id.map(str::to_owned), methods, Vec::new())
    }

    /// The caller of AssumeRoleWithWebIdentity with a token of an OpenID Connect provider, a user
    /// pool being one. In trust policies the provider is an identity provider of `role`'s account, or
    /// one of those that AWS knows by name; its context keys begin with host and path of its issuer
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif>).
    ///
    /// # Errors
    /// [`AssumeError::UnsupportedProvider`] unless it is an ID token; [`AssumeError::NoSubject`];
    /// [`AssumeError::InvalidClaim`] for tags that AWS STS wouldn't take.
    pub fn of_token(token: &VerifiedToken, role: &Role) -> Result<Self, AssumeError> {
        if !matches!(token.kind, TokenKind::Id | TokenKind::Oidc) {
            return Err(AssumeError::UnsupportedProvider);
        }
        let name = provider_name(token).ok_or(AssumeError::UnsupportedProvider)?;
        let claims = &token.claims;
        let subject = claims.subject().filter(|s| !s.is_empty()).ok_or(AssumeError::NoSubject)?;
        let federated = match BY_NAME.contains(&name.as_str()) {
            true => name.clone(),
            false => {
                let (partition, account) = (role.arn.partition(), role.arn.account());
                format!("arn:{partition}:iam::{account}:oidc-provider/{name}")
            }
        };
        let audience = token.client.as_deref().or(match claims.audiences() {
            [only] => Some(only.as_str()),
            _ => None,
        });
        let audience = audience.map_or(Fact::Unknown, |aud| Fact::One(aud.to_owned()));
        let party = claims.get("azp").and_then(ClaimValue::as_str);
        let (mut lasting, mut passing) = (Facts::new(), Facts::new());
        lasting.one(format!("{name}:sub"), subject);
        match party {
            // Google's tokens: the client is in `azp`, whom the token is for in `aud`.
            Some(party) if name == GOOGLE => {
                lasting.one(format!("{name}:aud"), party);
                passing.set(format!("{name}:oaud"), audience);
            }
            _ => {
                lasting.set(format!("{name}:aud"), audience);
                if let Some(party) = party {
                    passing.one(format!("{name}:azp"), party);
                }
            }
        }
        match claims.get("amr") {
            None | Some(ClaimValue::Null) => {}
            Some(amr) => {
                lasting.set(format!("{name}:amr"), words(amr).map_or(Fact::Unknown, Fact::Many));
            }
        }
        // A session would have to keep it, and a trust policy to allow it: sts:SetSourceIdentity.
        if claims.get(SOURCE_IDENTITY).is_some() {
            return Err(AssumeError::InvalidClaim(SOURCE_IDENTITY));
        }
        let tags = session_tags(claims.get(TAGS))?;
        let provider = Some(name);
        Ok(Self {
            identity_id: None,
            provider,
            methods: Vec::new(),
            tags,
            federated,
            lasting,
            passing,
        })
    }

    /// Is it a guest's?
    pub fn is_guest(&self) -> bool {
        self.methods.first().is_some_and(|method| method == UNAUTHENTICATED)
    }

    /// Takes on `role`, if its trust policy lets this identity.
    ///
    /// # Errors
    /// [`AssumeError::TrustPolicy`].
    pub fn assume(
        self,
        role: Arc<Role>,
        role_choice: RoleChoice,
        session_name: &str,
        trail: &mut dyn Trail,
    ) -> Result<AssumedRole, AssumeError> {
        self.trust(&role, session_name, trail)?;
        let Self { identity_id, provider, tags, federated, lasting: mut facts, .. } = self;
        facts.one("aws:federatedprovider", federated);
        for (key, fact) in tags {
            facts.set(format!("aws:principaltag/{key}"), fact);
        }
        Ok(AssumedRole { identity_id, role, role_choice, provider, facts })
    }

    /// Asks the role's trust policy, as AWS STS would.
    fn trust(
        &self,
        role: &Role,
        session_name: &str,
        trail: &mut dyn Trail,
    ) -> Result<(), AssumeError> {
        let mut context = self.passing.clone();
        context.one("sts:rolesessionname", session_name);
        for (key, fact) in &self.tags {
            context.set(format!("aws:requesttag/{key}"), fact.clone());
        }
        if !self.tags.is_empty() {
            let keys = self.tags.iter().map(|(key, _)| key.clone()).collect();
            // Whether an unknown tag is passed isn't known either.
            let unknown = self.tags.iter().any(|(_, fact)| *fact == Fact::Unknown);
            context.set("aws:tagkeys", if unknown { Fact::Unknown } else { Fact::Many(keys) });
        }
        let known = Both(&self.lasting, &context);
        let context = Both(&known, &OfTheCall);
        let tag_session = (!self.tags.is_empty()).then_some("sts:TagSession");
        for action in ["sts:AssumeRoleWithWebIdentity"].into_iter().chain(tag_session) {
            let verdict = evaluate_trust(
                role,
                &Action::new(action),
                &self.federated,
                &context,
                &mut NoObserver,
            );
            trail.step(Step::Trust { action, allowed: verdict.is_allow() });
            if let Some(denial) = verdict.denial() {
                let role = role.arn.as_str().to_owned();
                return Err(AssumeError::TrustPolicy { role, action, denial: denial.reason() });
            }
        }
        Ok(())
    }
}

/// The session tags that a token carries itself
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>): lists of one value.
fn session_tags(claim: Option<ClaimValue<'_>>) -> Result<Vec<(String, Fact)>, AssumeError> {
    let Some(ClaimValue::Nested(claim)) = claim else { return Ok(Vec::new()) };
    let invalid = || AssumeError::InvalidClaim(TAGS);
    let listed = match claim.get("principal_tags") {
        None => return Ok(Vec::new()),
        Some(listed) => listed.as_object().ok_or_else(invalid)?,
    };
    let mut tags: Vec<(String, Fact)> = Vec::new();
    for (key, values) in listed {
        let value = match values.as_array().map(Vec::as_slice) {
            Some([Value::String(value)]) => value,
            _ => return Err(invalid()),
        };
        let twice = tags.iter().any(|(known, _)| known.eq_ignore_ascii_case(key));
        if key.is_empty() || key.chars().count() > 128 || twice || tags.len() == MAX_TAGS {
            return Err(invalid());
        }
        if !is_value(value) {
            return Err(AssumeError::InvalidTag(key.clone()));
        }
        tags.push((key.clone(), Fact::One(value.clone())));
    }
    Ok(tags)
}

fn words(value: ClaimValue<'_>) -> Option<Vec<String>> {
    match value {
        ClaimValue::Text(word) => Some(vec![word.to_owned()]),
        ClaimValue::Nested(Value::Array(words)) => {
            words.iter().map(|word| word.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    }
}

/// What AWS STS would know of the call itself: when and from where Amazon Cognito makes it. There is
/// no such call here, and the session outlives the request that it is made for; so these keys exist,
/// and their values can't be known.
struct OfTheCall;

impl Context for OfTheCall {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        if is_of_the_call(key) { Lookup::Unknown } else { Lookup::Absent }
    }
}

/// Whether the context key `key`, in lower case, is of the call to AWS STS itself, and so unknown to
/// a trust policy: a session outlives the call.
pub fn is_of_the_call(key: &str) -> bool {
    matches!(
        key,
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
            | "aws:resourceorgpaths"
            | "poolgate:spiffeid"
    ) || key.starts_with("aws:resourcetag/")
        || key.starts_with("iam:resourcetag/")
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

/// The first of a guest's authentication methods.
const UNAUTHENTICATED: &str = "unauthenticated";
/// Providers that trust policies name by host, not as an ARN.
const BY_NAME: [&str; 3] = [GOOGLE, "graph.facebook.com", "www.amazon.com"];
const GOOGLE: &str = "accounts.google.com";
/// The claim in which a token passes session tags.
const TAGS: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";
const MAX_TAGS: usize = 50;
