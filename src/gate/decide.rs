//! The line of stages, and the one place where a [`Permit`] is made.

use std::{borrow::Cow, sync::Arc, time::Duration};

use ::http::HeaderName;
use serde_json::{Value, json};

use super::{
    AnswerRule, Authenticate, Decision, DecisionId, Denial, Destination, Engine, Grounds, Heard,
    Outcome, Payload, Question, Refusal, Route, Rules, Service, Tables, Trail,
    authenticate::{Login, authenticate, remove_credentials},
    body::Reading,
    context::RequestContext,
    decision::identity_headers,
    demands::{demand_token, refuse_credentials, refuse_signed_query},
    engines::{Asked, Engines},
    form::form_action,
    judge::Wording,
    limits,
    named::Named,
    objects,
    post::{self, Posted},
    preflight,
    routes::Addressed,
    rows,
};
use crate::{
    clock::timely,
    http::{self, ClientCertificate, IdentityHeaders, Target},
    iam::{Check, Fact},
    identity::Assumed,
    services::{self, Checks, Operation, Proof, cognito_idp, execute_api},
    sigv4::{self, Kind, SigV4Error, Signed},
    token::TokenCache,
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
    forward: services::Forward,
    upstream: Option<usize>,
    identity: IdentityHeaders,
    withheld: Vec<HeaderName>,
    answer: AnswerRule,
    upgrade: Option<http::Upgrade>,
}

impl Permit {
    /// Why it is allowed.
    pub fn grounds(&self) -> &Grounds {
        &self.grounds
    }

    /// The place of the upstream it is for, among the snapshot's; none where it was only asked.
    pub fn upstream(&self) -> Option<usize> {
        self.upstream
    }

    /// The headers that carried the caller's credentials to an API, and don't go on.
    pub fn withheld(&self) -> &[HeaderName] {
        &self.withheld
    }

    /// What is to be done with the upstream's answer.
    pub fn answer(&self) -> &AnswerRule {
        &self.answer
    }

    /// What the connection may become.
    pub fn upgrade(&self) -> Option<http::Upgrade> {
        self.upgrade
    }

    /// Takes the permit apart to serialise the upstream request.
    pub fn into_parts(self: Box<Self>) -> (services::Forward, IdentityHeaders) {
        (self.forward, self.identity)
    }
}

/// Who sends a request upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SentBy {
    /// The gate itself.
    Gate,
    /// Whoever asks, who says itself how it was forwarded.
    Asker,
}

/// What was decided of an operation on objects or rows.
pub(super) enum Decided {
    /// It goes upstream.
    Forwarded(Box<Forwarded>),
    /// It is about a policy that is kept here.
    Here(Outcome),
}

/// What goes upstream of it.
pub(super) struct Forwarded {
    pub(super) grounds: Grounds,
    pub(super) forward: services::Forward,
    pub(super) answer: AnswerRule,
}

/// What is known of a request as the stages go on; what a denial can tell.
pub(super) struct Progress {
    pub(super) destination: Option<Destination>,
    pub(super) login: Login,
    pub(super) verified_anew: bool,
    pub(super) assumed: Option<Arc<Assumed>>,
    pub(super) checks: Vec<(Cow<'static, str>, String)>,
    pub(super) heard: Heard,
    pub(super) certificate: Option<Arc<ClientCertificate>>,
    pub(super) trail: Trail,
}

/// A question, its target as an API may have it, and what its signature claims if it has one.
pub(super) type AsSigned<'q> = (&'q Question, Target, Result<Option<Box<Signed<'q>>>, SigV4Error>);

impl Gate<'_> {
    /// Decides `question`, whose body is read as far as the decision needs it. No look-up is waited
    /// for longer than [`DECISION_DEADLINE`].
    ///
    /// A dropped future decides nothing, and so permits nothing.
    pub fn decide(
        &self,
        // In a box, since every stage that waits would have room for it, and be moved with it.
        question: impl Into<Box<Question>>,
        payload: &mut dyn Payload,
        trail: Trail,
    ) -> impl Future<Output = Decision> {
        let question = question.into();
        async move {
            let mut progress = Progress::new(question.certificate.clone(), trail);
            let outcome = self.outcome(question, Reading::new(payload), &mut progress).await;
            decided(progress, outcome)
        }
    }

    /// The stages in their order. The only way to a [`Permit`].
    async fn outcome(
        &self,
        question: Box<Question>,
        mut reading: Reading<'_>,
        progress: &mut Progress,
    ) -> Result<Outcome, Denial> {
        let signed = Signed::parse(question.head());
        let action = form_action(&question, &mut reading).await?;
        let destination = self.destination(&question, &signed, action)?;
        progress.destination = Some(destination);
        match destination {
            Destination::BuiltIn(service) => {
                progress
                    .trail
                    .note("route", || (format!("built in: {}", service.name()), Value::Null));
                let answer = self.answer(service, &question, signed, &mut reading, progress);
                Ok(Outcome::Answer(Box::new(Box::pin(answer).await?)))
            }
            Destination::Route(index) => {
                let route = self.rules.routes.route(index);
                let route = route.ok_or_else(|| misconfigured("the route is not there"))?;
                progress.trail.note("route", || (format!("route {}", route.name), Value::Null));
                if route.upstream.is_none() {
                    let detail =
                        "requests to this route are asked about, and not forwarded from here";
                    return Err(Denial::new("not_forwarded", Refusal::NotFound, detail));
                }
                if let Some(answer) = preflight::answer(route, &question, progress)? {
                    return Ok(Outcome::Answer(Box::new(answer)));
                }
                // Apart, so that requests to APIs have no room for what only others need.
                match route.service {
                    Service::S3 => {
                        let permit =
                            self.permit_objects(route, &question, signed, reading, progress);
                        Box::pin(permit).await
                    }
                    Service::DynamoDb(ref tables) => {
                        let call = (route, tables);
                        let permit = self.permit_rows(call, &question, signed, reading, progress);
                        Box::pin(permit).await
                    }
                    _ => {
                        let target = question.target.strict().map_err(http::RequestError::from)?;
                        let asked = (&*question, target, signed);
                        let target = self.admit(route, asked, &mut reading, progress).await?;
                        let asked = (question, target, SentBy::Gate);
                        let permit = self.permit(route, asked, reading, progress)?;
                        Ok(Outcome::Allow(Box::new(permit)))
                    }
                }
            }
        }
    }

    /// Who asks for an API or a user pool, and as which role, where the route wants to know; the target
    /// as it may go upstream.
    pub(super) async fn admit(
        &self,
        route: &Route,
        (question, mut target, signed): AsSigned<'_>,
        reading: &mut Reading<'_>,
        progress: &mut Progress,
    ) -> Result<Target, Denial> {
        if route.authenticate == Authenticate::Token && is_api(route) {
            let found = authenticate(self, route, question, signed, reading, progress).await?;
            if matches!(found.kind, Some(Kind::Presigned { .. })) {
                // Whoever has a presigned URL can use it again.
                target = target.without(sigv4::signs).map_err(http::RequestError::from)?;
            }
            progress.login = found.login;
            demand_token(route, &progress.login, found.challenge)?;
            limits::count(route, question.received.client_ip, progress)?;
            if route.iam == Engine::Enforce || matches!(progress.login, Login::Credentials(_)) {
                progress.assumed = self.assume(route, question.now, progress)?;
            }
        } else {
            match is_api(route) {
                true => refuse_signed_query(question)?,
                false => refuse_credentials(question)?,
            }
            limits::count(route, question.received.client_ip, progress)?;
        }
        Ok(target)
    }

    /// An API or a user pool, asked for by whom `progress` says.
    pub(super) fn permit(
        &self,
        route: &Route,
        (question, target, by): (Box<Question>, Target, SentBy),
        reading: Reading<'_>,
        progress: &mut Progress,
    ) -> Result<Permit, Denial> {
        let Question { method, authority, headers, received, certificate, now, .. } = *question;
        let body = reading.into_body(Proof::NONE);
        let request = services::Request { method, target, headers, body };
        let asked = Asked::of(route, &request);
        let mut operation = self.describe(route, request, progress)?;

        let headers = &operation.forward.headers;
        let context =
            RequestContext::new(self.rules, headers, &received, certificate.as_deref(), now);
        let grounds = self.grounds(route, &operation, &context, asked.as_ref(), progress)?;

        let headers = &mut operation.forward.headers;
        let withheld = remove_credentials(headers, &received, route, &progress.login);
        if by == SentBy::Gate {
            http::forwarded(headers, &received, &authority);
        }
        let identity = identity_headers(&progress.login, progress.assumed.as_deref());
        Ok(Permit {
            grounds,
            forward: operation.forward,
            upstream: route.upstream,
            identity,
            withheld,
            answer: AnswerRule::default(),
            upgrade: received.upgrade,
        })
    }

    /// A browser's question whether it may ask an API, which was allowed and is answered elsewhere. It
    /// has no credential, and none goes on.
    pub(super) fn permit_preflight(
        &self,
        route: &Route,
        (question, target): (Question, Target),
        reading: Reading<'_>,
    ) -> Result<Permit, Denial> {
        let Question { method, headers, received, .. } = question;
        let target = target.without(sigv4::signs).map_err(http::RequestError::from)?;
        let body = reading.into_body(Proof::NONE);
        let mut forward =
            services::Forward::from(services::Request { method, target, headers, body });
        let withheld =
            remove_credentials(&mut forward.headers, &received, route, &Login::Anonymous);
        Ok(Permit {
            grounds: Grounds::Preflight,
            forward,
            upstream: route.upstream,
            identity: IdentityHeaders::default(),
            withheld,
            answer: AnswerRule::default(),
            upgrade: None,
        })
    }

    /// A bucket or an object.
    async fn permit_objects(
        &self,
        route: &Route,
        question: &Question,
        signed: Result<Option<Box<Signed<'_>>>, SigV4Error>,
        mut reading: Reading<'_>,
        progress: &mut Progress,
    ) -> Result<Outcome, Denial> {
        let posted = match post::boundary(question) {
            Some(boundary) => {
                let bucket = self.rules.routes.bucket(&question.authority).flatten();
                Some(Posted::read(boundary, question, bucket, &mut reading).await?)
            }
            None => None,
        };
        let signed_form = match &posted {
            Some(posted) => {
                let other = !matches!(signed, Ok(None));
                posted.authenticate((self.rules, route), question, other, progress)?
            }
            None => None,
        };
        let found = match signed_form {
            Some(found) => found,
            None => authenticate(self, route, question, signed, &mut reading, progress).await?,
        };
        progress.login = found.login.clone();
        limits::count(route, question.received.client_ip, progress)?;
        progress.assumed = self.assume(route, question.now, progress)?;
        let facts = objects::facts(self.rules, question, &found);
        let operation = match &posted {
            Some(posted) => {
                let file = posted.file(question, &mut reading).await?;
                objects::describe_form(&posted.form, file, &question.headers, &facts)?
            }
            None => {
                let proof = objects::proof(question, &found)?;
                objects::describe(self.rules, question, &facts, proof, reading).await?
            }
        };
        progress.note_checks(checks_of(&operation));

        let context = RequestContext::of(self.rules, question);
        let mut decided = match objects::decide((self.rules, route), operation, &context, progress)?
        {
            Decided::Forwarded(decided) => decided,
            Decided::Here(outcome) => return Ok(outcome),
        };
        decided.answer.post = posted.map(|posted| posted.form.answer(&question.base()));
        let mut forward = decided.forward;
        http::forwarded(&mut forward.headers, &question.received, &question.authority);
        // It may name a bucket, which a backend that goes by it would read a second time.
        forward.headers.remove("x-forwarded-host");
        let identity = identity_headers(&progress.login, progress.assumed.as_deref());
        Ok(Outcome::Allow(Box::new(Permit {
            grounds: decided.grounds,
            forward,
            upstream: route.upstream,
            identity,
            withheld: Vec::new(),
            answer: decided.answer,
            upgrade: None,
        })))
    }

    /// A table or its rows.
    async fn permit_rows(
        &self,
        (route, tables): (&Route, &Tables),
        question: &Question,
        signed: Result<Option<Box<Signed<'_>>>, SigV4Error>,
        mut reading: Reading<'_>,
        progress: &mut Progress,
    ) -> Result<Outcome, Denial> {
        let found = authenticate(self, route, question, signed, &mut reading, progress).await?;
        progress.login = found.login;
        limits::count(route, question.received.client_ip, progress)?;
        progress.assumed = self.assume(route, question.now, progress)?;
        let decided = rows::decide((self.rules, route), tables, question, reading, progress);
        let decided = match decided.await? {
            Decided::Forwarded(decided) => decided,
            Decided::Here(outcome) => return Ok(outcome),
        };
        let mut forward = decided.forward;
        http::forwarded(&mut forward.headers, &question.received, &question.authority);
        // A backend may have tables of several hosts; a schema was learnt of one.
        forward.headers.remove("x-forwarded-host");
        let identity = identity_headers(&progress.login, progress.assumed.as_deref());
        Ok(Outcome::Allow(Box::new(Permit {
            grounds: decided.grounds,
            forward,
            upstream: route.upstream,
            identity,
            withheld: Vec::new(),
            answer: decided.answer,
            upgrade: None,
        })))
    }

    pub(super) fn destination(
        &self,
        question: &Question,
        signed: &Result<Option<Box<Signed<'_>>>, SigV4Error>,
        action: Option<Named>,
    ) -> Result<Destination, Denial> {
        let Question { method, authority, target, headers, received, .. } = question;
        let scope = signed.as_ref().ok().and_then(Option::as_ref);
        let scope = scope.map(|signed| signed.scope().service());
        let named = match received.aws || scope.is_some() || action.is_some() {
            true => Named::by(scope, headers, action)?,
            false => None,
        };
        let found = self.rules.routes.find(Addressed { method, authority, target, headers, named });
        found.ok_or_else(|| match (signed, target.strict()) {
            // A signature that names no service is told first, as is a target that no API could have:
            // it may be why nothing matches.
            (Err(error), _) => (*error).into(),
            (Ok(_), Err(error)) => http::RequestError::from(error).into(),
            (Ok(_), Ok(_)) => {
                let detail = "no route matches this host and path";
                Denial::new("no_route", Refusal::NotFound, detail)
            }
        })
    }

    /// The grounds on which `operation` is allowed.
    pub(super) fn grounds(
        &self,
        route: &Route,
        operation: &Operation,
        context: &RequestContext<'_>,
        asked: Option<&Asked>,
        progress: &mut Progress,
    ) -> Result<Grounds, Denial> {
        let checks = match &operation.checks {
            Checks::Public => return Ok(Grounds::PublicOperation),
            Checks::All(checks) => checks,
            Checks::Each(_) => return Err(misconfigured("items are not judged here")),
        };
        if route.authenticate == Authenticate::Public {
            return Ok(Grounds::PublicRoute);
        }
        let shadow = self.shadow_session(route, context.now(), progress);
        let Progress { login, assumed, heard, trail, .. } = progress;
        let engines = Engines {
            rules: self.rules,
            account: &self.rules.account,
            route,
            login,
            assumed: assumed.as_deref(),
            session: assumed.as_deref().or(shadow.as_deref()).map(|assumed| &assumed.session),
            context,
            asked,
            wording: Wording::Plain,
        };
        engines.judge(checks, trail, heard)
    }

    pub(super) fn describe(
        &self,
        route: &Route,
        request: services::Request,
        progress: &mut Progress,
    ) -> Result<Operation, Denial> {
        let described = match &route.service {
            Service::ExecuteApi(api) => execute_api::describe(api, request),
            Service::CognitoIdp => cognito_idp::describe(request, self.rules.routes.user_pools()),
            Service::S3 | Service::DynamoDb(_) => {
                return Err(misconfigured("it is described elsewhere"));
            }
        };
        let operation = described.map_err(|error| {
            let refusal = match error {
                services::DescribeError::Malformed(_) => Refusal::BadRequest,
                _ => Refusal::AccessDenied,
            };
            Denial::new(error.reason(), refusal, error.to_string())
        })?;
        progress.note_checks(checks_of(&operation));
        Ok(operation)
    }
}

/// What `progress` came to.
pub(super) fn decided(progress: Progress, outcome: Result<Outcome, Denial>) -> Decision {
    let Progress { destination, login, verified_anew, assumed, checks, heard, certificate, trail } =
        progress;
    let outcome = outcome.unwrap_or_else(Outcome::Deny);
    Decision {
        id: DecisionId::fresh(),
        destination,
        login,
        verified_anew,
        assumed,
        checks,
        typed: Vec::new(),
        heard,
        certificate,
        outcome,
        trail,
    }
}

impl Progress {
    /// Nothing is known yet but the certificate of the connection.
    pub(super) fn new(certificate: Option<Arc<ClientCertificate>>, trail: Trail) -> Self {
        Self {
            destination: None,
            login: Login::Anonymous,
            verified_anew: false,
            assumed: None,
            checks: Vec::new(),
            heard: Heard::default(),
            certificate,
            trail,
        }
    }

    /// Takes note of what IAM will be asked.
    pub(super) fn note_checks<'c, C>(&mut self, checks: C)
    where
        C: Iterator<Item = &'c Check> + Clone,
    {
        let noted = checks.clone().take(MAX_NOTED);
        let noted = noted.map(|check| (check.action.to_text(), check.resource.as_str().to_owned()));
        self.checks = noted.collect();
        self.trail.note("describe", || ("checks to make".to_owned(), described(checks)));
    }
}

/// All checks of an operation.
fn checks_of(operation: &Operation) -> impl Iterator<Item = &Check> + Clone {
    let (all, each) = match &operation.checks {
        Checks::Public => (Default::default(), Default::default()),
        Checks::All(checks) => (checks.as_slice(), Default::default()),
        Checks::Each(delete) => (Default::default(), delete.objects.as_slice()),
    };
    all.iter().chain(each.iter().flat_map(|object| &object.checks))
}

/// What `look_ups` come to, unless they take too long.
pub(super) async fn in_time<T>(
    look_ups: impl Future<Output = Result<T, Denial>>,
) -> Result<T, Denial> {
    let due = || tokio::time::Instant::now() + DECISION_DEADLINE;
    timely(look_ups, due).await.unwrap_or_else(|| {
        let detail = "the request could not be decided in time";
        Err(Denial::new("decision_timeout", Refusal::Unavailable, detail))
    })
}

/// What `explain` tells of checks: with the context keys of each.
fn described<'c>(checks: impl Iterator<Item = &'c Check>) -> Value {
    let fact = |fact: &Fact| match fact {
        Fact::One(value) => json!(value),
        Fact::Many(values) => json!(values),
        Fact::Unknown => json!("(unknown)"),
    };
    let of = |check: &Check| {
        let context: serde_json::Map<String, Value> =
            check.context.iter().map(|(key, known)| (key.to_owned(), fact(known))).collect();
        let mut found =
            json!({ "action": check.action.as_str(), "resource": check.resource.as_str() });
        if let (false, Some(members)) = (context.is_empty(), found.as_object_mut()) {
            members.insert("context".to_owned(), Value::Object(context));
        }
        found
    };
    Value::Array(checks.map(of).collect())
}

pub(super) fn is_api(route: &Route) -> bool {
    matches!(route.service, Service::ExecuteApi(_))
}

/// A denial that no request should meet, since the configuration is checked; it denies all the same.
pub(super) fn misconfigured(what: &str) -> Denial {
    Denial::new("misconfigured", Refusal::AccessDenied, "access denied")
        .with(json!({ "problem": what }))
}

/// A question that waits for a look-up longer than this is denied.
pub const DECISION_DEADLINE: Duration = Duration::from_secs(5);

/// Checks that the decision log has of one request; DeleteObjects may have a thousand.
const MAX_NOTED: usize = 100;
