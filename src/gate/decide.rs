//! The line of stages, and the one place where a [`Permit`] is made.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Authenticate, Decision, DecisionId, Denial, Engine, Grounds, IdentityHeaders, Outcome,
    Question, Refusal, Route, RouteIndex, Rules, Service, Trail,
    authenticate::{Login, authenticate, remove_credentials},
    context::RequestContext,
    demands::{demand_token, missing_token, refuse_credentials, refuse_signed_query},
};
use crate::{
    http,
    iam::{self, Check, Verdict},
    identity::{self, Assumed},
    services::{self, Body, Checks, Operation, Proof, cognito_idp, execute_api},
    token::{TokenCache, VerifiedToken},
};

/// The gate over one generation of rules.
pub struct Gate<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// Verified tokens, shared by all threads and generations.
    pub tokens: &'a TokenCache,
}

/// Leave to forward exactly one operation. The forwarder serialises the upstream request from it
/// and has no other input.
///
/// INVARIANT: made in this file alone, from [`Grounds`]; its fields are private, so that nothing
/// else can make or change one.
///
/// ```compile_fail,E0451
/// use poolgate::gate::{Grounds, Permit};
/// fn forge(permit: Permit) -> Permit {
///     Permit { grounds: Grounds::PublicRoute, ..permit }
/// }
/// ```
#[derive(Debug)]
pub struct Permit {
    grounds: Grounds,
    operation: Operation,
    upstream: usize,
    identity: IdentityHeaders,
}

impl Permit {
    /// Why it is allowed.
    pub fn grounds(&self) -> &Grounds {
        &self.grounds
    }

    /// The place of the upstream it is for, among the snapshot's.
    pub fn upstream(&self) -> usize {
        self.upstream
    }

    /// Takes the permit apart to serialise the upstream request.
    pub fn into_parts(self) -> (Operation, IdentityHeaders) {
        (self.operation, self.identity)
    }
}

/// What is known of a request as the stages go on; what a denial can tell.
struct Progress {
    route: Option<RouteIndex>,
    login: Login,
    assumed: Option<Arc<Assumed>>,
    checks: Vec<(String, String)>,
    trail: Trail,
}

impl Gate<'_> {
    /// Decides `question`, within [`DECISION_DEADLINE`].
    ///
    /// A dropped future decides nothing, and so permits nothing.
    pub async fn decide(&self, question: Question, trail: Trail) -> Decision {
        let id = DecisionId::fresh();
        let mut progress = Progress {
            route: None,
            login: Login::Anonymous,
            assumed: None,
            checks: Vec::new(),
            trail,
        };
        let outcome = match in_time(self.permit(question, &mut progress)).await {
            Ok(permit) => Outcome::Allow(Box::new(permit)),
            Err(denial) => Outcome::Deny(denial),
        };
        let Progress { route, login, assumed, checks, trail } = progress;
        Decision { id, route, login, assumed, checks, outcome, trail }
    }

    /// The stages in their order. The only way to a [`Permit`].
    async fn permit(&self, question: Question, progress: &mut Progress) -> Result<Permit, Denial> {
        let (index, route) = self.route(&question)?;
        progress.route = Some(index);
        progress.trail.note("route", || (format!("route {}", route.name), Value::Null));

        if route.authenticate == Authenticate::Token && is_api(route) {
            progress.login =
                authenticate(self.rules, self.tokens, route, &question, &mut progress.trail)
                    .await?;
            demand_token(route, &progress.login)?;
            if route.iam == Engine::Enforce {
                progress.assumed = Some(self.assume(route, progress)?);
            }
        } else if is_api(route) {
            refuse_signed_query(&question)?;
        } else {
            refuse_credentials(&question)?;
        }

        let Question { method, authority, target, headers, received, now } = question;
        let request =
            services::Request { method, target, headers, body: Body::Streamed(Proof::None) };
        let mut operation = self.describe(route, request, progress)?;

        let context = RequestContext::new(self.rules, &operation.forward.headers, &received, now);
        let grounds = decide(route, &operation, &context, progress)?;

        let headers = &mut operation.forward.headers;
        remove_credentials(headers, route);
        http::forwarded(headers, &received, &authority);
        let identity = IdentityHeaders::of(&progress.login, progress.assumed.as_deref());
        Ok(Permit { grounds, operation, upstream: route.upstream, identity })
    }

    fn route(&self, question: &Question) -> Result<(RouteIndex, &Route), Denial> {
        let routes = &self.rules.routes;
        routes
            .find(&question.authority, &question.target, &question.headers)
            .and_then(|index| Some((index, routes.route(index)?)))
            .ok_or_else(|| {
                let detail = "no route matches this host and path";
                Denial::new("no_route", Refusal::NotFound, detail)
            })
    }

    /// The session in which a token acts here: cached per token and pool, for this generation.
    fn assume(&self, route: &Route, progress: &mut Progress) -> Result<Arc<Assumed>, Denial> {
        let (Login::Token(token), Some(pool_index)) = (&progress.login, route.pool) else {
            return Err(misconfigured("the route has no identity pool"));
        };
        let token = token.as_ref();
        let Some(pool) = self.rules.pools.get(pool_index) else {
            return Err(misconfigured("the route's identity pool is not loaded"));
        };
        let key = (pool_index, token.serial);
        // Someone who listens wants to see the steps, so the cache is left aside.
        if !progress.trail.is_on()
            && let Some(hit) = self.rules.sessions.get(&key)
        {
            return Ok(hit);
        }
        let assume = identity::Assume {
            pool,
            groups: self.groups(token),
            ids: &self.rules.identities,
            roles: &|arn| self.rules.account.role(arn).cloned(),
            custom_role: None,
        };
        let assumed = assume.session(token, &mut progress.trail).map_err(|error| {
            Denial::new(error.reason(), Refusal::AccessDenied, error.told_to_caller())
                .with(json!({ "error": error.to_string() }))
        })?;
        let assumed = Arc::new(assumed);
        self.rules.sessions.insert(key, Arc::clone(&assumed));
        Ok(assumed)
    }

    fn groups(&self, token: &VerifiedToken) -> Option<&identity::Groups> {
        match &token.issuer.kind {
            crate::token::IssuerKind::UserPool { id, .. } => self.rules.groups_of(id),
            _ => None,
        }
    }

    fn describe(
        &self,
        route: &Route,
        request: services::Request,
        progress: &mut Progress,
    ) -> Result<Operation, Denial> {
        let described = match &route.service {
            Service::ExecuteApi(api) => execute_api::describe(api, request),
            Service::CognitoIdp => cognito_idp::describe(request, self.rules.routes.user_pools()),
        };
        let operation = described.map_err(|error| {
            let refusal = match error {
                services::DescribeError::Malformed(_) => Refusal::BadRequest,
                _ => Refusal::AccessDenied,
            };
            Denial::new(error.reason(), refusal, error.to_string())
        })?;
        if let Checks::All(checks) = &operation.checks {
            progress.checks = checks
                .iter()
                .map(|check| (check.action.as_str().to_owned(), check.resource.as_str().to_owned()))
                .collect();
        }
        let checks = &progress.checks;
        progress.trail.note("describe", || {
            let found = checks
                .iter()
                .map(|(action, resource)| json!({ "action": action, "resource": resource }))
                .collect();
            ("checks to make".to_owned(), Value::Array(found))
        });
        Ok(operation)
    }
}

/// The grounds on which `operation` is allowed.
fn decide(
    route: &Route,
    operation: &Operation,
    context: &RequestContext<'_>,
    progress: &mut Progress,
) -> Result<Grounds, Denial> {
    let checks = match &operation.checks {
        Checks::Public => return Ok(Grounds::PublicOperation),
        Checks::All(checks) => checks,
        Checks::Each(_) => return Err(misconfigured("items are not judged here")),
    };
    match (route.authenticate, route.iam) {
        (Authenticate::Public, _) => Ok(Grounds::PublicRoute),
        (Authenticate::Token, Engine::Off) => match &progress.login {
            Login::Token(_) => Ok(Grounds::Token),
            Login::Anonymous => Err(missing_token()),
        },
        (Authenticate::Token, Engine::Enforce) => by_policy(checks, context, progress),
    }
}

/// Every check must be allowed by IAM, and there must be one.
fn by_policy(
    checks: &[Check],
    context: &RequestContext<'_>,
    progress: &mut Progress,
) -> Result<Grounds, Denial> {
    let Some(assumed) = progress.assumed.clone() else {
        return Err(misconfigured("the caller has no role"));
    };
    let session = &assumed.session;
    let mut matched = Vec::new();
    for check in checks {
        let verdict = iam::evaluate(session, check, context, &mut progress.trail);
        let denial = match &verdict {
            Verdict::Allow(grounds) => {
                matched.extend(grounds.statements().cloned());
                continue;
            }
            Verdict::ExplicitDeny(denial) | Verdict::ImplicitDeny(denial) => denial,
        };
        let detail = verdict.message(&session.principal, check).unwrap_or_default();
        let found = json!({
            "layer": denial.layer.described(),
            "statement": denial.statement.as_ref().map(iam::StatementRef::label),
            "unknown_context_keys": denial.unknown_keys,
        });
        return Err(Denial::new(denial.reason(), Refusal::AccessDenied, detail).with(found));
    }
    match checks {
        [] => Err(misconfigured("the request has no checks")),
        _ => Ok(Grounds::Statements(matched)),
    }
}

/// What `stages` come to, unless they wait for too long.
pub(super) async fn in_time(
    stages: impl Future<Output = Result<Permit, Denial>>,
) -> Result<Permit, Denial> {
    tokio::time::timeout(DECISION_DEADLINE, stages).await.unwrap_or_else(|_| {
        let detail = "the request could not be decided in time";
        Err(Denial::new("decision_timeout", Refusal::Unavailable, detail))
    })
}

fn is_api(route: &Route) -> bool {
    matches!(route.service, Service::ExecuteApi(_))
}

/// A denial that no request should meet, since the configuration is checked; it denies all the same.
fn misconfigured(what: &str) -> Denial {
    Denial::new("misconfigured", Refusal::AccessDenied, "access denied")
        .with(json!({ "problem": what }))
}

/// A question that waits for a look-up longer than this is denied.
pub const DECISION_DEADLINE: Duration = Duration::from_secs(5);
