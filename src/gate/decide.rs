//! The line of stages, and the one place where a [`Permit`] is made.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Authenticate, Decision, DecisionId, Denial, Engine, Grounds, IdentityHeaders, Outcome, Permit,
    Question, Refusal, Route, RouteIndex, Rules, Service, Trail,
    authenticate::{Login, authenticate, remove_alb_headers, remove_credentials},
    context::RequestContext,
};
use crate::{
    http,
    iam::{self, Check, Verdict},
    identity::{self, Assumed},
    services::{self, Checks, Operation, cognito_idp, execute_api},
    token::{TokenCache, TokenKind, VerifiedToken},
};

/// The gate over one generation of rules.
pub struct Gate<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// Verified tokens, shared by all threads and generations.
    pub tokens: &'a TokenCache,
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
    /// Decides `question`.
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
        let outcome = match self.permit(question, &mut progress).await {
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
        } else if !is_api(route) {
            refuse_credentials(&question)?;
        }

        let Question { method, authority, target, headers, received, now } = question;
        let request = services::Request { method, target, headers };
        let mut operation = self.describe(route, request, progress)?;

        let context = RequestContext::new(self.rules, &operation.request.headers, &received, now);
        let grounds = decide(route, &operation, &context, progress)?;

        let headers = &mut operation.request.headers;
        if is_api(route) {
            remove_credentials(headers, route);
        }
        remove_alb_headers(headers);
        http::forwarded(headers, &received, &authority);
        let identity = IdentityHeaders::of(&progress.login, progress.assumed.as_deref());
        Ok(Permit { grounds, operation, upstream: route.upstream, identity })
    }

    fn route(&self, question: &Question) -> Result<(RouteIndex, &Route), Denial> {
        let routes = &self.rules.routes;
        routes
            .find(&question.authority, &question.target, &question.headers)
            .and_then(|index| Some((index, routes.route(index)?)))
            .ok_or_else(|| Denial {
                reason: "no_route",
                refusal: Refusal::NotFound,
                detail: "no route matches this host and path".to_owned(),
                found: Value::Null,
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
        let assumed = assume.session(token, &mut progress.trail).map_err(|error| Denial {
            reason: error.reason(),
            refusal: Refusal::AccessDenied,
            detail: error.to_string(),
            found: Value::Null,
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
        let operation = described.map_err(|error| Denial {
            reason: error.reason(),
            refusal: match error {
                services::DescribeError::Malformed(_) => Refusal::BadRequest,
                _ => Refusal::AccessDenied,
            },
            detail: error.to_string(),
            found: Value::Null,
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
        return Err(Denial {
            reason: denial.reason(),
            refusal: Refusal::AccessDenied,
            detail: verdict.message(&session.principal, check).unwrap_or_default(),
            found: json!({
                "layer": denial.layer.described(),
                "statement": denial.statement.as_ref().map(iam::StatementRef::label),
                "unknown_context_keys": denial.unknown_keys,
            }),
        });
    }
    match checks {
        [] => Err(misconfigured("the request has no checks")),
        _ => Ok(Grounds::Statements(matched)),
    }
}

/// What a route asks of the token itself.
fn demand_token(route: &Route, login: &Login) -> Result<(), Denial> {
    let Login::Token(token) = login else {
        return Err(missing_token());
    };
    if !route.scopes.is_empty() {
        return demand_scope(route, token);
    }
    // A client's own token says nothing of a user: scopes are all it can be judged by.
    match token.kind {
        TokenKind::ClientCredentials => Err(Denial {
            reason: "client_credentials_without_scopes",
            refusal: Refusal::AccessDenied,
            detail: "a client's own token is accepted only on routes that ask for scopes"
                .to_owned(),
            found: Value::Null,
        }),
        _ => Ok(()),
    }
}

/// Any of the route's scopes, on an access token.
fn demand_scope(route: &Route, token: &VerifiedToken) -> Result<(), Denial> {
    if matches!(token.kind, TokenKind::Id | TokenKind::Alb) {
        return Err(Denial {
            reason: "access_token_required",
            refusal: Refusal::InvalidCredential,
            detail: "this route asks for an access token".to_owned(),
            found: Value::Null,
        });
    }
    if token.claims.scopes().any(|scope| route.scopes.iter().any(|wanted| wanted == scope)) {
        return Ok(());
    }
    Err(Denial {
        reason: "insufficient_scope",
        refusal: Refusal::InsufficientScope(route.scopes.join(" ")),
        detail: format!("the token has none of the scopes {}", route.scopes.join(", ")),
        found: Value::Null,
    })
}

/// A user pool's unsigned operations carry no credential in their head; one there means that the
/// caller wants to be someone, which can't be granted here.
fn refuse_credentials(question: &Question) -> Result<(), Denial> {
    use crate::http::{Credentials, credentials};
    let found = credentials(&question.headers, question.target.query());
    match found {
        Ok(Credentials::None) => Ok(()),
        Ok(_) => Err(Denial {
            reason: "unsupported_credential",
            refusal: Refusal::InvalidCredential,
            detail: "only unsigned operations of the user pool are forwarded".to_owned(),
            found: Value::Null,
        }),
        Err(error) => Err(Denial {
            reason: error.reason(),
            refusal: Refusal::BadRequest,
            detail: error.to_string(),
            found: Value::Null,
        }),
    }
}

fn is_api(route: &Route) -> bool {
    matches!(route.service, Service::ExecuteApi(_))
}

fn missing_token() -> Denial {
    Denial {
        reason: "missing_token",
        refusal: Refusal::MissingCredential,
        detail: "a token is needed: Authorization: Bearer <token>".to_owned(),
        found: Value::Null,
    }
}

/// A denial that no request should meet, since the configuration is checked; it denies all the same.
fn misconfigured(what: &str) -> Denial {
    Denial {
        reason: "misconfigured",
        refusal: Refusal::AccessDenied,
        detail: "access denied".to_owned(),
        found: json!({ "problem": what }),
    }
}
