//! Identity pools and AWS STS, which are answered here: who asks, and what is given.
//!
//! A signature that is there has to hold, also where none is needed. What is given follows from the
//! token alone, and from the role whose trust policy lets it.

use ::http::Method;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Answer, BuiltIn, Content, CredentialRules, Denial, Gate, Grounds, IdentityContent, Login,
    OpenIdToken, Question, Refusal, StsContent,
    body::Reading,
    decide::{Progress, misconfigured},
    logins::{Identified, one_login},
    signature::prove,
};
use crate::{
    clock::Time,
    http::{self, Credentials},
    iam::Fact,
    identity::{Assume, AssumeError, AssumedRole, IdentityPool, RoleChoice},
    services::{
        Fault,
        cognito_identity::{self, IdentityRequest, Logins},
        iam,
        sts::{self, StsRequest},
        verified_permissions,
    },
    sigv4::{Form, SigV4Error, Signed},
    sts::{
        Grant, GrantToken, POOL_TOKEN_SECONDS, PoolToken, PoolTokens, SessionPolicy, StsError,
        TemporaryCredentials,
    },
    token::VerifiedToken,
};

impl Gate<'_> {
    /// Answers a question that one of the built-in services is asked.
    pub(super) async fn answer(
        &self,
        service: BuiltIn,
        question: &Question,
        signed: Result<Option<Box<Signed<'_>>>, SigV4Error>,
        reading: &mut Reading<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, Denial> {
        if question.method == Method::OPTIONS {
            return Ok(Answer { grounds: Grounds::Preflight, content: Content::Preflight });
        }
        let limit = match service {
            BuiltIn::CognitoIdentity => cognito_identity::MAX_BODY_BYTES,
            BuiltIn::Sts => sts::MAX_BODY_BYTES,
            BuiltIn::Iam => iam::MAX_BODY_BYTES,
            BuiltIn::VerifiedPermissions => verified_permissions::MAX_BODY_BYTES,
        };
        self.prove_signer(question, signed?, (reading, limit), progress).await?;
        match service {
            BuiltIn::CognitoIdentity => self.identity_pools(question, reading, progress).await,
            BuiltIn::Sts => self.security_tokens(question, reading, progress).await,
            BuiltIn::Iam => self.policies(question, reading, progress).await,
            BuiltIn::VerifiedPermissions => {
                self.verified_permissions(question, reading, progress).await
            }
        }
    }

    /// A credential in the request's head has to hold, and it can only be a signature.
    async fn prove_signer(
        &self,
        question: &Question,
        signed: Option<Box<Signed<'_>>>,
        body: (&mut Reading<'_>, usize),
        progress: &mut Progress,
    ) -> Result<(), Denial> {
        let credentials = http::credentials(&question.headers, question.target.query())?;
        match (credentials, signed) {
            (Credentials::None, None) => Ok(()),
            (Credentials::SigV4, Some(signed)) => {
                let (now, trail) = (question.now, &mut progress.trail);
                let proven = prove(self.rules, &signed, Form::Other, body, now, trail).await?;
                progress.assumed = Some(proven.presented.assumed.clone());
                progress.login = Login::Credentials(proven.presented);
                Ok(())
            }
            _ => Err(Denial::new(
                "unsupported_credential",
                Refusal::InvalidCredential,
                "requests to this service are signed, or carry no Authorization",
            )),
        }
    }

    async fn identity_pools(
        &self,
        question: &Question,
        reading: &mut Reading<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, Denial> {
        let body = match question.method {
            Method::POST => reading.whole(cognito_identity::MAX_BODY_BYTES).await?,
            _ => Bytes::new(),
        };
        let target = question.headers.get(http::TARGET).and_then(|target| target.to_str().ok());
        let path = question.target.path();
        let request = IdentityRequest::parse(&question.method, path, target, &body)?;
        let now = question.now;
        let note = |progress: &mut Progress, on: &str| {
            note_asked(progress, format!("cognito-identity:{}", request.operation()), on);
        };
        match &request {
            IdentityRequest::PoolKeys => {
                let keys = self.pool_tokens().map_or(NO_KEYS, PoolTokens::jwks).to_owned();
                let content = IdentityContent::PoolKeys(keys).into();
                Ok(Answer { grounds: Grounds::PublicOperation, content })
            }
            IdentityRequest::GetId { pool, logins } => {
                note(progress, pool);
                self.get_id(pool, logins, now, progress).await
            }
            IdentityRequest::GetCredentialsForIdentity { identity, logins, custom_role } => {
                note(progress, identity);
                let custom_role = custom_role.as_deref();
                self.get_credentials(identity, logins, custom_role, now, progress).await
            }
            IdentityRequest::GetOpenIdToken { identity, logins } => {
                note(progress, identity);
                self.get_open_id_token(identity, logins, now, progress).await
            }
        }
    }

    async fn security_tokens(
        &self,
        question: &Question,
        reading: &mut Reading<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, Denial> {
        let parameters = parameters_of(question, reading, sts::MAX_BODY_BYTES).await?;
        let request = StsRequest::parse(std::str::from_utf8(&parameters).unwrap_or_default())?;
        let on = match &request {
            StsRequest::AssumeRoleWithWebIdentity(asked) => asked.role_arn.as_str(),
            StsRequest::GetCallerIdentity => "*",
        };
        note_asked(progress, format!("sts:{}", request.operation()), on);
        match request {
            StsRequest::AssumeRoleWithWebIdentity(asked) => {
                self.assume_role(&asked, question.now, progress).await
            }
            StsRequest::GetCallerIdentity => caller_identity(&progress.login),
        }
    }

    async fn get_id(
        &self,
        pool: &str,
        logins: &Logins,
        now: Time,
        progress: &mut Progress,
    ) -> Result<Answer, Denial> {
        let pool = self.rules.pools.iter().find(|known| known.id() == pool).ok_or_else(|| {
            Fault::new("ResourceNotFoundException", format!("IdentityPool '{pool}' not found."))
        })?;
        let roles = |arn: &str| self.role(arn);
        let Some((provider, token)) = one_login(logins)? else {
            self.assume_of(pool, None, &roles).guest_identity(None)?;
            let guest = self.rules.identities.guest(pool.id());
            let id = guest.ok_or_else(|| misconfigured_pool("set `identities.key` for guests"))?;
            let content = IdentityContent::Identity(id).into();
            return Ok(Answer { grounds: Grounds::PublicOperation, content });
        };
        let token = self.login([pool], provider, token, now, progress).await?;
        let assume = self.assume_of(pool, None, &roles);
        let identity = assume.identity(&token, &mut progress.trail)?;
        let id = identity.identity_id.ok_or_else(|| misconfigured("a login has no identity"))?;
        Ok(Answer { grounds: Grounds::Token, content: IdentityContent::Identity(id).into() })
    }

    async fn get_credentials(
        &self,
        identity: &str,
        logins: &Logins,
        custom_role: Option<&str>,
        now: Time,
        progress: &mut Progress,
    ) -> Result<Answer, Denial> {
        let rules = self.credential_rules()?;
        let login = one_login(logins)?;
        let identified = self.identify(identity, login, now, progress).await?;
        let roles = |arn: &str| self.role(arn);
        let assume = self.assume_of(identified.pool(), custom_role, &roles);
        let trail = &mut progress.trail;
        let (role, token) = match &identified {
            Identified::Guest { .. } => {
                (assume.guest_role(Some(identity), trail)?, GrantToken::default())
            }
            Identified::Login { token, .. } => (assume.role(token, trail)?, told(token)),
            Identified::PoolToken { identity, token, .. } => {
                (assume.role_of_identity(identity.as_ref().clone(), trail)?, token.clone())
            }
        };
        let guest = role.role_choice == RoleChoice::Guest;
        let policies = if guest { vec![SessionPolicy::GuestScopeDown] } else { Vec::new() };
        let seconds = i64::try_from(rules.duration.as_secs()).unwrap_or(i64::MAX);
        let name = crate::identity::SESSION_NAME;
        let pool = Some(identified.pool().id());
        let wanted = Wanted { pool, name, policies, token, seconds };
        let credentials = grant(rules, role, wanted, now, progress).map_err(|error| {
            Denial::from(AssumeError::TooLarge).with(json!({ "error": error.to_string() }))
        })?;
        let identity = identity.to_owned();
        let content = IdentityContent::IdentityCredentials { identity, credentials }.into();
        Ok(Answer { grounds: Grounds::TrustPolicy, content })
    }

    async fn get_open_id_token(
        &self,
        identity: &str,
        logins: &Logins,
        now: Time,
        progress: &mut Progress,
    ) -> Result<Answer, Denial> {
        let login = one_login(logins)?;
        if login.is_some_and(|(provider, _)| provider == super::logins::POOL_LOGIN) {
            return Err(super::logins::no_pool_token());
        }
        let identified = self.identify(identity, login, now, progress).await?;
        let pool = identified.pool();
        if pool.classic_flow() == Some(false) {
            let message = "Basic (classic) flow is not enabled, please use enhanced flow.";
            return Err(Fault::new("InvalidParameterException", message).into());
        }
        if pool.maps_roles() {
            return Err(AssumeError::MappedRoles.into());
        }
        let tokens = self.pool_tokens();
        let tokens = tokens.ok_or_else(|| misconfigured_pool("set `credentials.token_key`"))?;
        let roles = |arn: &str| self.role(arn);
        let assume = self.assume_of(pool, None, &roles);
        let (of, grounds) = match &identified {
            Identified::Login { token, .. } => {
                (assume.identity(token, &mut progress.trail)?, Grounds::Token)
            }
            _ => (assume.guest_identity(Some(identity))?, Grounds::PublicOperation),
        };
        let value = |fact: Fact| match fact {
            Fact::One(value) => Some(value),
            Fact::Many(_) | Fact::Unknown => None,
        };
        let issued = Time::from_secs(now.secs());
        let token = PoolToken {
            identity: identity.to_owned(),
            pool: pool.id().to_owned(),
            pool_arn: pool.arn(self.rules.account_id.as_deref().unwrap_or_default()),
            methods: of.methods,
            tags: of.tags.into_iter().map(|(key, fact)| (key, value(fact))).collect(),
            login: match &identified {
                Identified::Login { token, .. } => Some(told(token)),
                _ => None,
            },
            issued,
            expires: issued.plus_secs(POOL_TOKEN_SECONDS),
        };
        let signed = tokens.sign(&token).map_err(|_| Fault::new(INTERNAL, "Try again."))?;
        let (identity, token) = (identity.to_owned(), OpenIdToken(signed));
        Ok(Answer { grounds, content: IdentityContent::OpenIdToken { identity, token }.into() })
    }

    /// What temporary credentials are made with.
    pub(super) fn credential_rules(&self) -> Result<&CredentialRules, Denial> {
        let rules = self.rules.credentials.as_ref();
        rules.ok_or_else(|| misconfigured_pool("set `credentials.keys`"))
    }

    /// What the pools' own tokens are signed with.
    pub(super) fn pool_tokens(&self) -> Option<&PoolTokens> {
        self.rules.credentials.as_ref()?.pool_tokens.as_ref()
    }

    pub(super) fn assume_of<'s>(
        &'s self,
        pool: &'s IdentityPool,
        custom_role: Option<&'s str>,
        roles: &'s dyn Fn(&str) -> Option<std::sync::Arc<crate::iam::Role>>,
    ) -> Assume<'s> {
        // Only ID tokens come here, which carry their roles themselves.
        Assume { pool, groups: None, ids: &self.rules.identities, roles, custom_role }
    }
}

/// The parameters of the query protocol, which has one path.
pub(super) async fn parameters_of(
    question: &Question,
    reading: &mut Reading<'_>,
    most: usize,
) -> Result<Bytes, Denial> {
    let parameters = match (&question.method, question.target.query()) {
        (&Method::POST, None) => reading.whole(most).await?,
        (&Method::GET, query) => Bytes::copy_from_slice(query.unwrap_or_default().as_bytes()),
        _ => {
            let message = "The parameters are the form of a POST or the query of a GET.";
            return Err(Fault::new("MalformedQueryString", message).into());
        }
    };
    match question.target.path() {
        "/" => Ok(parameters),
        _ => Err(Fault::new("InvalidAction", "The service has one path, /.").into()),
    }
}

/// Takes note of what a service is asked.
fn note_asked(progress: &mut Progress, action: String, on: &str) {
    progress.trail.note("describe", || (format!("{action} on {on}"), Value::Null));
    progress.checks = vec![(action.into(), on.to_owned())];
}

/// What a session is wanted for.
pub(super) struct Wanted<'w> {
    pub(super) pool: Option<&'w str>,
    pub(super) name: &'w str,
    pub(super) policies: Vec<SessionPolicy>,
    pub(super) token: GrantToken,
    /// At most; the role has a limit of its own.
    pub(super) seconds: i64,
}

/// Credentials of `role`, which its trust policy lets the caller have.
pub(super) fn grant(
    rules: &CredentialRules,
    role: AssumedRole,
    wanted: Wanted<'_>,
    now: Time,
    progress: &mut Progress,
) -> Result<TemporaryCredentials, StsError> {
    let issued = Time::from_secs(now.secs());
    let seconds = wanted.seconds.min(i64::from(role.role.max_session_duration));
    let AssumedRole { identity_id, role, role_choice, provider, facts } = role;
    let grant = Grant {
        pool: wanted.pool.map(str::to_owned),
        identity: identity_id.clone(),
        role_arn: role.arn.as_str().to_owned(),
        role_id: role.id.clone(),
        session_name: wanted.name.to_owned(),
        facts,
        session_policies: wanted.policies,
        token: wanted.token,
        issued,
        expires: issued.plus_secs(seconds),
    };
    let session = grant.session(&role)?;
    let credentials = rules.sealer.seal(&grant)?;
    let assumed = crate::identity::Assumed::new(identity_id, session, role_choice, provider);
    progress.assumed = Some(std::sync::Arc::new(assumed));
    progress.trail.note("assume", || {
        let found = json!({
            "access_key_id": credentials.access_key_id,
            "expires": credentials.expires.rfc3339(),
        });
        ("credentials given".to_owned(), found)
    });
    Ok(credentials)
}

/// What revocation will ask of the token that credentials were given for.
pub(super) fn told(token: &VerifiedToken) -> GrantToken {
    let text =
        |name: &str| token.claims.get(name).and_then(|value| value.as_str().map(str::to_owned));
    GrantToken {
        issuer: Some(token.claims.issuer().to_owned()),
        subject: text("sub"),
        jti: text("jti"),
        origin_jti: text("origin_jti"),
        issued: token.claims.issued_at(),
    }
}

/// Whoever has credentials may know whose they are, whatever the policies say.
fn caller_identity(login: &Login) -> Result<Answer, Denial> {
    let Login::Credentials(presented) = login else {
        return Err(Denial::new(
            "missing_credentials",
            Refusal::MissingCredential,
            "Request is missing Authentication Token",
        ));
    };
    let principal = &presented.assumed.session.principal;
    let user_id = principal.user_id();
    let (Some(account), Some(arn)) = (principal.account().map(str::to_owned), principal.arn())
    else {
        return Err(misconfigured("credentials without a role"));
    };
    let content = StsContent::CallerIdentity { user_id, account, arn }.into();
    Ok(Answer { grounds: Grounds::AlwaysAllowed, content })
}

/// What an operator has to set before an operation can be served.
pub(super) fn misconfigured_pool(what: &str) -> Denial {
    let message = format!("Invalid identity pool configuration. To serve this, {what}.");
    Denial::new("credentials_not_configured", Refusal::Fault(UNCONFIGURED), message)
}

impl From<Fault> for Denial {
    fn from(fault: Fault) -> Self {
        Self::new("service_fault", Refusal::Fault(fault.code), fault.message)
    }
}

impl From<AssumeError> for Denial {
    fn from(error: AssumeError) -> Self {
        let told = error.aws();
        Self::new(error.reason(), Refusal::Fault(told.kind), told.message)
            .with(json!({ "error": error.to_string() }))
    }
}

const UNCONFIGURED: &str = "InvalidIdentityPoolConfigurationException";
const INTERNAL: &str = "InternalErrorException";
/// The key set of no keys.
const NO_KEYS: &str = r#"{"keys":[]}"#;
