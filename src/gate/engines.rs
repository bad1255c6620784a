//! The last stage where there is more than IAM: what each engine says becomes one answer.
//!
//! An engine denies, allows, has no opinion or fails. Whoever denies denies, and who fails does too;
//! of the rest the route's [`Compose`] makes an answer. Shadows are asked after the answer stands:
//! nothing they say, and no panic of theirs, can reach it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use super::{
    Cedar, Compose, Denial, Engine, EngineVerdict, Grounds, Heard, Login, Refusal, Route, Rules,
    ShadowVerdict, Trail,
    context::RequestContext,
    decide::misconfigured,
    demands::missing_token,
    judge::{Explicit, Wording, judge},
    stored::refuse_elsewhere,
};
use crate::{
    cedar::{Question, Verdict},
    iam::{Account, Check, Principal, Session, StatementRef},
    identity::Assumed,
    services::Request,
};

/// A request to an API, as Cedar is asked about it.
pub(super) struct Asked {
    method: String,
    path: String,
}

/// What the engines of a route judge by.
#[derive(Clone, Copy)]
pub(super) struct Engines<'a> {
    pub(super) rules: &'a Rules,
    /// Whose resources and organization IAM asks.
    pub(super) account: &'a Account,
    pub(super) route: &'a Route,
    pub(super) login: &'a Login,
    pub(super) assumed: Option<&'a Assumed>,
    /// Whose policies IAM asks.
    pub(super) session: Option<&'a Session>,
    pub(super) context: &'a RequestContext<'a>,
    /// The request, if it is one to an API.
    pub(super) asked: Option<&'a Asked>,
    pub(super) wording: Wording,
}

/// What one engine says.
#[derive(Clone, Debug)]
pub(super) enum Opinion {
    /// These statements of IAM's, or policies of Cedar's, allow it.
    Allow(Vec<StatementRef>, Vec<String>),
    /// One denies it.
    Deny(Denial),
    /// None allows it.
    None(Denial),
    /// It can't be decided.
    Error(Denial),
}

impl Asked {
    /// What is asked of Cedar on this route, if it is asked anything.
    pub(super) fn of(route: &Route, request: &Request) -> Option<Self> {
        (route.cedar != Engine::Off).then(|| Self {
            method: request.method.as_str().to_owned(),
            path: request.target.canonical_path().to_owned(),
        })
    }
}

impl Opinion {
    fn name(&self) -> &'static str {
        match self {
            Self::Allow(..) => "allow",
            Self::Deny(_) => "deny",
            Self::None(_) => "no_opinion",
            Self::Error(_) => "error",
        }
    }

    /// The answer, where nobody else is asked.
    fn alone(self) -> Result<Grounds, Denial> {
        match self {
            Self::Allow(statements, _) => Ok(Grounds::Statements(statements)),
            Self::Deny(denial) | Self::None(denial) | Self::Error(denial) => Err(denial),
        }
    }

    fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Allow(..) => None,
            Self::Deny(denial) | Self::None(denial) | Self::Error(denial) => Some(denial),
        }
    }
}

/// One answer of what the engines say; an engine that wasn't asked says nothing.
pub(super) fn compose(
    how: Compose,
    iam: Option<&Opinion>,
    cedar: Option<&Opinion>,
) -> Result<Grounds, Denial> {
    let said = || [iam, cedar].into_iter().flatten();
    let denies = said().find(|opinion| matches!(opinion, Opinion::Deny(_)));
    let fails = said().find(|opinion| matches!(opinion, Opinion::Error(_)));
    if let Some(denial) = denies.or(fails).and_then(Opinion::denial) {
        return Err(denial.clone());
    }
    let allows = |opinion: Option<&Opinion>| matches!(opinion, Some(Opinion::Allow(..)));
    let allowed = match how {
        Compose::All => said().count() > 0 && said().all(|opinion| allows(Some(opinion))),
        Compose::Any => allows(iam) || allows(cedar),
        Compose::Guardrail => allows(iam),
    };
    if !allowed {
        let silent = said().find_map(Opinion::denial).cloned();
        return Err(silent.unwrap_or_else(|| misconfigured("no engine was asked")));
    }
    match (iam, cedar) {
        (Some(Opinion::Allow(statements, _)), Some(Opinion::Allow(_, policies))) => {
            Ok(Grounds::Both(statements.clone(), policies.clone()))
        }
        (Some(Opinion::Allow(statements, _)), _) => Ok(Grounds::Statements(statements.clone())),
        (_, Some(Opinion::Allow(_, policies))) => Ok(Grounds::Permit(policies.clone())),
        _ => Err(misconfigured("an allow without grounds")),
    }
}

impl Grounds {
    /// These grounds too: of another item of the same request.
    pub(super) fn extend(&mut self, more: Self) {
        let (mut statements, mut policies) = std::mem::replace(self, Self::Token).policies();
        let (more_statements, more_policies) = more.policies();
        statements.extend(more_statements);
        statements.dedup_by(|a, b| a.label() == b.label());
        policies.extend(more_policies);
        policies.dedup();
        *self = match (statements.is_empty(), policies.is_empty()) {
            (_, true) => Self::Statements(statements),
            (true, false) => Self::Permit(policies),
            (false, false) => Self::Both(statements, policies),
        };
    }

    fn policies(self) -> (Vec<StatementRef>, Vec<String>) {
        match self {
            Self::Statements(statements) => (statements, Vec::new()),
            Self::Permit(policies) => (Vec::new(), policies),
            Self::Both(statements, policies) => (statements, policies),
            _ => (Vec::new(), Vec::new()),
        }
    }
}

impl Engines<'_> {
    /// The answer to `checks`; shadows are heard beside it.
    pub(super) fn judge(
        &self,
        checks: &[Check],
        trail: &mut Trail,
        heard: &mut Heard,
    ) -> Result<Grounds, Denial> {
        let grounds = self.composed(checks, trail, heard)?;
        refuse_elsewhere(self.route, checks)?;
        Ok(grounds)
    }

    fn composed(
        &self,
        checks: &[Check],
        trail: &mut Trail,
        heard: &mut Heard,
    ) -> Result<Grounds, Denial> {
        let Route { iam, cedar, compose: how, .. } = *self.route;
        let of_iam = (iam == Engine::Enforce).then(|| self.iam(checks, trail));
        if cedar == Engine::Off
            && self.rules.shadow.is_none()
            && let Some(opinion) = of_iam
        {
            return opinion.alone();
        }
        let settled = settles(how, of_iam.as_ref()) && !trail.is_on();
        let asks_cedar = cedar == Engine::Enforce && !settled;
        let of_cedar = asks_cedar.then(|| self.cedar(self.rules.cedar.as_ref(), checks, trail));
        let answer = match [iam, cedar].contains(&Engine::Enforce) {
            true => compose(how, of_iam.as_ref(), of_cedar.as_ref()),
            false => match self.login {
                Login::Token(_) => Ok(Grounds::Token),
                _ => Err(missing_token()),
            },
        };
        let shadowed = [iam, cedar].contains(&Engine::Shadow);
        if cedar != Engine::Off || shadowed {
            self.note(("iam", iam), of_iam.as_ref(), trail, heard);
            self.note(("cedar", cedar), of_cedar.as_ref(), trail, heard);
        }
        if shadowed {
            let mut aside = aside(trail);
            let mut ask = |engine, said: Option<Opinion>, of: &dyn Fn(&mut Trail) -> Opinion| match (
                engine, said,
            ) {
                (Engine::Shadow, _) => guarded(|| of(&mut aside))
                    .or_else(|| Some(Opinion::Error(misconfigured("a shadow engine broke down")))),
                (_, said) => said,
            };
            let of_iam = ask(iam, of_iam, &|trail| self.iam(checks, trail));
            let asked = |trail: &mut Trail| self.cedar(self.rules.cedar.as_ref(), checks, trail);
            let of_cedar = ask(cedar, of_cedar, &asked);
            if iam == Engine::Shadow {
                self.note(("iam", iam), of_iam.as_ref(), trail, heard);
            }
            if cedar == Engine::Shadow {
                self.note(("cedar", cedar), of_cedar.as_ref(), trail, heard);
            }
            let other = compose(how, of_iam.as_ref(), of_cedar.as_ref());
            compare("engines", &answer, Some(&other), trail, heard);
        }
        if self.rules.shadow.is_some() {
            let other = guarded(|| self.with_shadow_policies(checks));
            compare("policies", &answer, other.as_ref(), trail, heard);
        }
        answer
    }

    /// What the enforced engines would say with `shadow_policies` in force.
    fn with_shadow_policies(&self, checks: &[Check]) -> Result<Grounds, Denial> {
        let Route { iam, cedar, compose: how, .. } = *self.route;
        let Some(shadow) = &self.rules.shadow else { return Err(misconfigured("no shadow")) };
        let session = self.session.map(|session| match &session.principal {
            Principal::AssumedRole { role, session_name } => {
                let role = shadow.account.role(role.arn.as_str())?.clone();
                let principal = Principal::AssumedRole { role, session_name: session_name.clone() };
                Some(Session { principal, ..session.clone() })
            }
            Principal::Anonymous | Principal::Named(_) => Some(session.clone()),
        });
        if let Some(None) = session {
            let detail = "the shadow policies have no such role";
            return Err(Denial::new("role_not_found", Refusal::AccessDenied, detail));
        }
        let session = session.flatten();
        let other = Engines { session: session.as_ref(), account: &shadow.account, ..*self };
        let mut quiet = Trail::Off;
        let of_iam = (iam == Engine::Enforce).then(|| other.iam(checks, &mut quiet));
        let of_cedar = (cedar == Engine::Enforce)
            .then(|| other.cedar(shadow.cedar.as_ref(), checks, &mut quiet));
        match (of_iam, of_cedar) {
            (None, None) => Ok(Grounds::Token),
            (of_iam, of_cedar) => compose(how, of_iam.as_ref(), of_cedar.as_ref()),
        }
    }

    /// What IAM says of all checks.
    fn iam(&self, checks: &[Check], trail: &mut Trail) -> Opinion {
        let Some(session) = self.session else {
            return Opinion::Error(misconfigured("the caller has no role"));
        };
        let (mut matched, mut silent) = (Vec::new(), None);
        for check in checks {
            let who = (self.account, session);
            match judge(who, check, self.context, trail, self.wording, &mut matched) {
                Ok(()) => {}
                Err((denial, Explicit::Yes)) => return Opinion::Deny(denial),
                Err((denial, Explicit::No)) => {
                    silent.get_or_insert(denial);
                    // Another check might be denied, which only matters if Cedar could allow.
                    if self.route.compose != Compose::Any {
                        break;
                    }
                }
            }
        }
        match (silent, checks) {
            (Some(denial), _) => Opinion::None(denial),
            (None, []) => Opinion::Error(misconfigured("the request has no checks")),
            (None, _) => Opinion::Allow(matched, Vec::new()),
        }
    }

    /// What Cedar says: of the request to an API, or of all checks.
    fn cedar(&self, cedar: Option<&Cedar>, checks: &[Check], trail: &mut Trail) -> Opinion {
        let Some(cedar) = cedar else {
            return Opinion::Error(misconfigured("there are no Cedar policies"));
        };
        let Self { rules, route, login, assumed, .. } = *self;
        let principal = cedar.principal(rules, login, assumed, route.pool);
        let around = self.context.surroundings();
        let (mut permits, mut silent) = (Vec::new(), None);
        let segments: Vec<&str>;
        let questions: Vec<Question<'_>> = match self.asked {
            Some(asked) => {
                segments = asked.path.split('/').skip(1).collect();
                let (method, path) = (asked.method.as_str(), asked.path.as_str());
                let application = route.name.as_str();
                vec![Question::Api { method, path, segments: &segments, application }]
            }
            None => checks
                .iter()
                .map(|check| Question::Named {
                    action: check.action.as_str(),
                    resource: check.resource.as_str(),
                })
                .collect(),
        };
        for question in &questions {
            let answer = cedar.policies.decide(&principal, question, &around);
            trail.note("decide", || {
                let found = json!({
                    "principal": principal.name(),
                    "action": answer.action,
                    "verdict": told(&answer.verdict),
                });
                (format!("Cedar: {}", asked_for(question)), found)
            });
            let what = || self.sentence(question);
            match answer.verdict {
                Verdict::Permit(policies) => permits.extend(policies),
                Verdict::Forbid(policies) => {
                    let detail =
                        self.worded(format!("{} with an explicit deny in a Cedar policy", what()));
                    let denial = Denial::new("cedar_forbid", Refusal::AccessDenied, detail);
                    return Opinion::Deny(denial.with(json!({ "policies": policies })));
                }
                Verdict::Nothing => {
                    silent.get_or_insert_with(|| {
                        let detail =
                            self.worded(format!("{} because no Cedar policy permits it", what()));
                        Denial::new("cedar_no_permit", Refusal::AccessDenied, detail)
                    });
                }
                Verdict::Error(error) => {
                    let detail = self.worded(format!("{} because Cedar can't decide it", what()));
                    let denial = Denial::new(error.reason(), Refusal::AccessDenied, detail);
                    return Opinion::Error(denial.with(json!({ "error": error.to_string() })));
                }
            }
        }
        match (silent, questions.is_empty()) {
            (Some(denial), _) => Opinion::None(denial),
            (None, true) => Opinion::Error(misconfigured("the request has no checks")),
            (None, false) => {
                permits.dedup();
                Opinion::Allow(Vec::new(), permits)
            }
        }
    }

    fn sentence(&self, question: &Question<'_>) -> String {
        let arn = self.session.and_then(|session| session.principal.arn());
        let who = arn.map_or_else(|| "The caller".to_owned(), |arn| format!("User: {arn}"));
        format!("{who} is not authorized to perform: {}", asked_for(question))
    }

    /// S3 tells nobody anything.
    fn worded(&self, detail: String) -> String {
        match (self.wording, self.assumed) {
            (Wording::S3, None) => "Access Denied".to_owned(),
            _ => detail,
        }
    }

    fn note(
        &self,
        (engine, mode): (&'static str, Engine),
        opinion: Option<&Opinion>,
        trail: &mut Trail,
        heard: &mut Heard,
    ) {
        let Some(opinion) = opinion else { return };
        let mode = match mode {
            Engine::Enforce => "enforce",
            Engine::Shadow => "shadow",
            Engine::Off => "off",
        };
        let policies = match opinion {
            Opinion::Allow(statements, policies) => {
                let statements = statements.iter().map(StatementRef::label);
                statements.chain(policies.iter().cloned()).collect()
            }
            Opinion::Deny(denial) => named(&denial.found),
            Opinion::None(_) | Opinion::Error(_) => Vec::new(),
        };
        let verdict = opinion.name();
        let reason = opinion.denial().map(|denial| denial.reason);
        trail.note("decide", || {
            let found = json!({ "reason": reason, "policies": policies });
            (format!("{engine} ({mode}): {verdict}"), found)
        });
        heard.engine(EngineVerdict { engine, mode, verdict, reason, policies, count: 1 });
    }
}

/// Whether what IAM says stands whatever Cedar says.
fn settles(how: Compose, iam: Option<&Opinion>) -> bool {
    match iam {
        Some(Opinion::Deny(_) | Opinion::Error(_)) => true,
        Some(Opinion::None(_)) => how != Compose::Any,
        Some(Opinion::Allow(..)) | None => false,
    }
}

/// What `ask` says; nothing if it panics. A shadow's panic must not be anyone's answer.
pub(super) fn guarded<T>(ask: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(ask)).ok()
}

/// A trail for a shadow: told beside the other one if that is listened to.
fn aside(trail: &Trail) -> Trail {
    match trail.is_on() {
        true => Trail::On(Vec::new()),
        false => Trail::Off,
    }
}

/// Hears whether a shadow agrees with the answer; one that couldn't be asked doesn't.
fn compare(
    shadow: &'static str,
    answer: &Result<Grounds, Denial>,
    other: Option<&Result<Grounds, Denial>>,
    trail: &mut Trail,
    heard: &mut Heard,
) {
    let (effect, reason) = match other {
        None => ("error", "misconfigured"),
        Some(Ok(grounds)) => ("allow", grounds.reason()),
        Some(Err(denial)) if is_error(denial.reason) => ("error", denial.reason),
        Some(Err(denial)) => ("deny", denial.reason),
    };
    // What can't be decided is denied.
    let agrees = answer.is_ok() == (effect == "allow");
    trail.note("decide", || {
        let (agrees, what) = match agrees {
            true => ("the same", "were they in force"),
            false => ("otherwise", "and decides nothing"),
        };
        (format!("shadow {shadow}: {agrees}, {effect} ({reason}), {what}"), Value::Null)
    });
    heard.shadow(ShadowVerdict { shadow, agrees, effect, reason, count: 1 });
}

fn is_error(reason: &str) -> bool {
    matches!(
        reason,
        "cedar_error"
            | "cedar_unknown_principal"
            | "cedar_no_action"
            | "cedar_not_applicable"
            | "misconfigured"
    )
}

/// The policies and the statement that a denial names.
fn named(found: &Value) -> Vec<String> {
    let policies = found.get("policies").and_then(Value::as_array);
    let statement = found.get("statement");
    let all = policies.into_iter().flatten().chain(statement);
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A verdict for people.
fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Permit(policies) => format!("permitted by {}", policies.join(", ")),
        Verdict::Forbid(policies) => format!("forbidden by {}", policies.join(", ")),
        Verdict::Nothing => "no policy applies".to_owned(),
        Verdict::Error(error) => format!("not decided: {error}"),
    }
}

fn asked_for(question: &Question<'_>) -> String {
    match question {
        Question::Api { method, path, .. } => format!("{method} {path}"),
        Question::Named { action, resource } => format!("{action} on resource: {resource}"),
    }
}
