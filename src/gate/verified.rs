//! Verified Permissions, answered for whoever may ask: IAM decides on the caller, Cedar on what it asks.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Answer, Cedar, Content, Denial, Gate, Grounds, Judged, Login, Question, Refusal,
    VerifiedContent,
    authenticate::{describe, verify},
    body::Reading,
    bound::{BoundError, demand_possession_of_parameter},
    context::RequestContext,
    decide::{Progress, in_time},
    judge::{Wording, judge},
};
use crate::{
    cedar::{Around, Given, Name, Principal, TermsError, Typed, Who, Written},
    http,
    iam::{Action, Arn, Check, Resource},
    services::{
        Fault,
        verified_permissions::{
            self, Context, Entities, Identifier, MAX_BODY_BYTES, Refused, Token, VerifiedRequest,
        },
    },
    token::{ErrorSource, TokenError, TokenKind, VerifiedToken},
};

/// Whose token it is, and whose access token the context has.
struct Holder {
    principal: Arc<Principal>,
    access: Option<Arc<Principal>>,
}

impl Gate<'_> {
    /// A question, or several, to the policy store.
    pub(super) async fn verified_permissions(
        &self,
        question: &Question,
        reading: &mut Reading<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, Denial> {
        let body = reading.whole(MAX_BODY_BYTES).await?;
        let target = question.headers.get(http::TARGET).and_then(|target| target.to_str().ok());
        let path = question.target.path();
        let request = VerifiedRequest::parse(&question.method, path, target, &body)?;
        let grounds = self.may_use_store(&request, question, progress)?;
        let cedar = self.store(&request.store)?;
        let holder = match request.operation.has_token() {
            true => Some(self.holder(cedar, &request, question, progress).await?),
            false => None,
        };
        let given = given(cedar, &request)?;
        let mut results = Vec::new();
        for asked in &request.questions {
            let judged = judged(cedar, asked, holder.as_ref(), &given, progress)?;
            results.push((asked.written.clone(), judged));
        }
        let content = VerifiedContent {
            batch: request.operation.is_batch(),
            principal: holder.map(|holder| holder.principal.kind_and_id()),
            results,
        };
        Ok(Answer { grounds, content: Content::VerifiedPermissions(content) })
    }

    /// Who asks needs to be allowed by the policies in force, whether or not there is such a store.
    fn may_use_store(
        &self,
        request: &VerifiedRequest,
        question: &Question,
        progress: &mut Progress,
    ) -> Result<Grounds, Denial> {
        let Login::Credentials(presented) = &progress.login else {
            return Err(Denial::new(
                "missing_credentials",
                Refusal::MissingCredential,
                "Request is missing Authentication Token",
            ));
        };
        let presented = Arc::clone(presented);
        let arn = format!(
            "arn:{}:verifiedpermissions::{}:policy-store/{}",
            self.rules.partition(),
            self.rules.account_id.as_deref().unwrap_or_default(),
            request.store,
        );
        let arn = Arn::parse(&arn).map_err(|_| no_store(&request.store))?;
        let action = Action::fixed(request.operation.action());
        let check = Check::new(action, Resource::Arn(arn));
        progress.note_checks(std::iter::once(&check));
        let context = RequestContext::of(self.rules, question);
        let mut matched = Vec::new();
        let who = (&self.rules.account, &presented.assumed.session);
        let trail = &mut progress.trail;
        judge(who, &check, &context, trail, Wording::Plain, &mut matched)
            .map_err(|(denial, _)| denial)?;
        Ok(Grounds::Statements(matched))
    }

    /// The policies, if the store is theirs.
    fn store(&self, store: &str) -> Result<&Cedar, Denial> {
        let known = self.rules.policy_store.as_deref() == Some(store);
        self.rules.cedar.as_ref().filter(|_| known).ok_or_else(|| no_store(store))
    }

    async fn holder(
        &self,
        cedar: &Cedar,
        request: &VerifiedRequest,
        question: &Question,
        progress: &mut Progress,
    ) -> Result<Holder, Denial> {
        let (mut identity, mut access) = (None, None);
        if let Some(token) = &request.identity_token {
            let kinds = [TokenKind::Id, TokenKind::Oidc];
            identity =
                Some(self.token_of(("identityToken", token), kinds, question, progress).await?);
        }
        if let Some(token) = &request.access_token {
            let kinds = [TokenKind::Access, TokenKind::ClientCredentials];
            access = Some(self.token_of(("accessToken", token), kinds, question, progress).await?);
        }
        if let (Some(one), Some(other)) = (&identity, &access)
            && (one.issuer.name != other.issuer.name
                || one.claims.subject() != other.claims.subject())
        {
            return Err(invalid("accessToken", "must be of the same user as identityToken"));
        }
        let principal = |token: &Arc<VerifiedToken>| {
            cedar.principal(self.rules, &Login::Token(Arc::clone(token)), None, None)
        };
        let access = access.as_ref().map(principal);
        let principal = identity.as_ref().map(principal).or_else(|| access.clone());
        let principal = principal.ok_or_else(|| invalid("identityToken", "must not be null"))?;
        Ok(Holder { principal, access })
    }

    async fn token_of(
        &self,
        (at, Token(token)): (&str, &Token),
        kinds: [TokenKind; 2],
        question: &Question,
        progress: &mut Progress,
    ) -> Result<Arc<VerifiedToken>, Denial> {
        let now = question.now;
        let verified = in_time(async { Ok(verify(self.rules, self.tokens, token, now).await) });
        let token = verified.await?.map_err(|error| unusable(at, &error))?;
        progress.trail.note("authenticate", || (format!("{at} verified"), describe(&token)));
        if !kinds.contains(&token.kind) {
            // An access token in the place of an ID token has neither its claims nor its purpose.
            return Err(invalid(at, "is a token of another kind; see its token_use"));
        }
        // Whoever has caught a bound token would be taken for its holder by whoever asks here.
        demand_possession_of_parameter(&token, question.certificate.as_deref())
            .map_err(|error| unproven(at, error))?;
        Ok(token)
    }
}

fn judged(
    cedar: &Cedar,
    asked: &verified_permissions::Question,
    holder: Option<&Holder>,
    given: &Given,
    progress: &mut Progress,
) -> Result<Judged, Denial> {
    let (action, resource) = (name(&asked.action), name(&asked.resource));
    let named = asked.principal.as_ref().map(name);
    let principal = match (holder, &named) {
        (Some(Holder { principal, access: Some(access) }), _) => Who::Tokens(principal, access),
        (Some(Holder { principal, access: None }), _) => Who::Token(principal),
        (None, Some(named)) => Who::Named(named),
        (None, None) => return Err(invalid("principal", "must not be null")),
    };
    let context = match &asked.context {
        Context::None => Around::Nothing,
        Context::Map(map) => Around::Values(map),
        Context::Json(map) => Around::Json(map),
    };
    let given = &[given];
    let typed = Typed { principal, action: &action, resource: &resource, context, given };
    Ok(Judged::by(&cedar.policies, &typed, &mut progress.trail))
}

/// The entities of a request. Whoever has a token is what the token says, and nobody else says more.
fn given(cedar: &Cedar, request: &VerifiedRequest) -> Result<Given, Denial> {
    let written = match &request.entities {
        Entities::None => return Ok(Given::default()),
        Entities::List(items) => Written::List(items),
        Entities::Json(value) => Written::Json(value),
    };
    let given = cedar.policies.given(written).map_err(|TermsError { path, message }| {
        let at = if path.is_empty() { "entities".to_owned() } else { format!("entities.{path}") };
        invalid(&at, &message)
    })?;
    let (principal, group) = cedar.policies.caller_kinds();
    if request.operation.has_token() && (given.has_kind(&principal) || given.has_kind(&group)) {
        let message = "must not have entities of the types of the token's user and groups";
        return Err(invalid("entities", message));
    }
    Ok(given)
}

fn name(identifier: &Identifier) -> Name {
    Name { kind: identifier.kind.clone(), id: identifier.id.clone() }
}

/// A token that can't be used. Where that is for want of keys, it may be used later.
fn unusable(at: &str, error: &TokenError) -> Denial {
    match error.source_of_error() {
        ErrorSource::Idp => {
            Denial::new(error.reason(), Refusal::Unavailable, error.told_to_caller())
                .with(json!({ "error": error.to_string() }))
        }
        ErrorSource::Client => {
            let denial =
                invalid(at, &format!("be a token that is accepted: {}", error.told_to_caller()));
            told(denial, error.reason(), error.to_string())
        }
    }
}

/// A token that is bound to what isn't proven here.
fn unproven(at: &str, error: BoundError) -> Denial {
    let message =
        "be a token that is accepted: it is bound to a key or a certificate that isn't proven";
    told(invalid(at, message), error.reason(), error.to_string())
}

/// The same, with its own reason, and what an operator wants to know.
fn told(denial: Denial, reason: &'static str, error: String) -> Denial {
    let mut denial = Denial { reason, ..denial };
    if let Some(members) = denial.found.as_object_mut() {
        members.insert("error".to_owned(), Value::String(error));
    }
    denial
}

fn invalid(path: &str, message: &str) -> Denial {
    Refused::Invalid(vec![(path.to_owned(), message.to_owned())]).into()
}

fn no_store(store: &str) -> Denial {
    let message = format!("Policy store {store} can't be found.");
    Denial::from(Fault::new("ResourceNotFoundException", message))
        .with(json!({ "resourceId": store, "resourceType": "POLICY_STORE" }))
}

impl From<Refused> for Denial {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Fault(fault) => fault.into(),
            Refused::Invalid(wrong) => {
                let message = verified_permissions::message(&wrong);
                Self::from(Fault::new("ValidationException", message))
                    .with(verified_permissions::fields(&wrong))
            }
        }
    }
}
