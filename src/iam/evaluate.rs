//! The evaluation: every layer of policies that is set has to allow, and none may deny
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).
//!
//! An Allow counts if its statement is *true*, a Deny if it is *true* or *unknown*. Context keys
//! are looked up when a statement whose action and resource match asks for them. An allow takes no
//! memory, but for what the context allocates.

use std::sync::Arc;

use super::arn::{Action, Resource};
use super::compile::{Policy, Statement};
use super::document::Effect;
use super::facts::{Context, Facts};
use super::observe::{Considered, Interest, Observer};
use super::scope::{Scope, Unknowns};
use super::session::{Role, Session};
use super::truth::Truth;
use super::verdict::{Denial, Grounds, Layer, StatementRef, Verdict};

/// One thing that a request would do.
#[derive(Clone, Debug)]
pub struct Check {
    /// The action.
    pub action: Action,
    /// On what.
    pub resource: Resource,
    /// Context keys of this action alone; they go before the session's and the request's.
    pub context: Facts,
}

impl Check {
    /// A check without context keys of its own.
    pub fn new(action: Action, resource: Resource) -> Self {
        Self { action, resource, context: Facts::new() }
    }
}

/// May `session` do what `check` says? Context keys are looked up in the check, then in the
/// session, then in `context`, the request's.
pub fn evaluate(
    session: &Session,
    check: &Check,
    context: &dyn Context,
    observer: &mut dyn Observer,
) -> Verdict {
    let scope = Scope { check: &check.context, session: &session.facts, request: context };
    let matcher = |statement: &Statement, unknowns: &mut Unknowns| {
        (None, statement.covers_resource(&check.resource, scope, unknowns))
    };
    let mut evaluation = Evaluation::new(&check.action, scope, &matcher, observer);
    let (identity, boundary): (&[Arc<Policy>], &[Arc<Policy>]) = match session.principal.role() {
        None => (&[], &[]),
        Some(role) => (&role.policies, role.boundary.as_slice()),
    };
    evaluation.layer(Layer::Identity, identity);
    if !boundary.is_empty() {
        evaluation.layer(Layer::Boundary, boundary);
    }
    if !session.session_policies.is_empty() {
        evaluation.layer(Layer::Session, &session.session_policies);
    }
    evaluation.verdict()
}

/// May whoever comes from the web-identity provider `federated` do `action`
/// (`sts:AssumeRoleWithWebIdentity`) on `role`? Its trust policy alone decides, since the caller
/// has no AWS identity yet.
pub fn evaluate_trust(
    role: &Role,
    action: &Action,
    federated: &str,
    context: &dyn Context,
    observer: &mut dyn Observer,
) -> Verdict {
    let none = Facts::new();
    let scope = Scope { check: &none, session: &none, request: context };
    let matcher = |statement: &Statement, _: &mut Unknowns| {
        let principals = statement.principals.as_ref();
        let named = principals.is_some_and(|principals| principals.federated(federated));
        (Some(Truth::from(named)), None)
    };
    let mut evaluation = Evaluation::new(action, scope, &matcher, observer);
    evaluation.layer(Layer::Trust, std::slice::from_ref(&role.trust));
    evaluation.verdict()
}

/// Do a statement's principal and resource match, as far as it has them?
type Matcher<'a> = dyn Fn(&Statement, &mut Unknowns) -> (Option<Truth>, Option<Truth>) + 'a;

struct Evaluation<'a> {
    action: &'a Action,
    scope: Scope<'a>,
    matcher: &'a Matcher<'a>,
    observer: &'a mut dyn Observer,
    interest: Interest,
    grounds: Grounds,
    /// The first statement that denies for sure.
    denied: Option<(Layer, StatementRef)>,
    /// The first that denies because something is unknown.
    may_be_denied: Option<(Layer, StatementRef, Unknowns)>,
    /// The first layer in which nothing allows.
    not_allowed: Option<Layer>,
    /// The first in which something allows only if something unknown is right.
    may_be_allowed: Option<(Layer, Unknowns)>,
}

impl<'a> Evaluation<'a> {
    fn new(
        action: &'a Action,
        scope: Scope<'a>,
        matcher: &'a Matcher<'a>,
        observer: &'a mut dyn Observer,
    ) -> Self {
        let interest = observer.interest();
        Self {
            action,
            scope,
            matcher,
            observer,
            interest,
            grounds: Grounds::none(),
            denied: None,
            may_be_denied: None,
            not_allowed: None,
            may_be_allowed: None,
        }
    }

    /// Works through the policies of one layer that is set.
    fn layer(&mut self, layer: Layer, policies: &[Arc<Policy>]) {
        let mut allowed = Truth::False;
        let mut unless = Unknowns::default();
        for policy in policies {
            for (index, statement) in policy.statements().iter().enumerate() {
                if self.interest == Interest::Nothing {
                    let settled = self.denied.is_some();
                    if settled || (statement.effect() == Effect::Allow && allowed == Truth::True) {
                        continue;
                    }
                }
                let mut unknowns = Unknowns::default();
                let truth = self.statement(policy, index, statement, &mut unknowns);
                if truth == Truth::False {
                    continue;
                }
                let found = || StatementRef { policy: Arc::clone(policy), index };
                match (statement.effect(), truth) {
                    (Effect::Deny, Truth::True) => {
                        self.denied.get_or_insert_with(|| (layer, found()));
                    }
                    (Effect::Deny, _) => {
                        self.may_be_denied.get_or_insert_with(|| (layer, found(), unknowns));
                    }
                    (Effect::Allow, Truth::True) if allowed != Truth::True => {
                        allowed = Truth::True;
                        *self.ground(layer) = Some(found());
                    }
                    (Effect::Allow, _) => {
                        allowed = allowed.or(truth);
                        unless.absorb(unknowns);
                    }
                }
            }
        }
        match allowed {
            Truth::True => {}
            Truth::False => {
                self.not_allowed.get_or_insert(layer);
            }
            Truth::Unknown => {
                self.may_be_allowed.get_or_insert((layer, unless));
            }
        }
    }

    fn ground(&mut self, layer: Layer) -> &mut Option<StatementRef> {
        match layer {
            Layer::Identity => &mut self.grounds.identity,
            Layer::Boundary => &mut self.grounds.boundary,
            Layer::Session => &mut self.grounds.session,
            Layer::Trust => &mut self.grounds.trust,
        }
    }

    /// Does the statement match?
    fn statement(
        &mut self,
        policy: &Policy,
        index: usize,
        statement: &Statement,
        unknowns: &mut Unknowns,
    ) -> Truth {
        let action = statement.covers_action(self.action);
        let mut truth = action;
        let (mut principal, mut resource) = (None, None);
        let mut seen = Vec::new();
        if truth != Truth::False {
            (principal, resource) = (self.matcher)(statement, unknowns);
            truth =
                truth.and(principal.unwrap_or(Truth::True)).and(resource.unwrap_or(Truth::True));
        }
        if truth != Truth::False {
            for condition in &statement.conditions {
                let mut met = Unknowns::default();
                let holds = condition.evaluate(self.scope, &mut met);
                if holds == Truth::Unknown {
                    unknowns.absorb(met);
                }
                truth = truth.and(holds);
                if self.interest == Interest::Everything {
                    seen.push(condition.explain(self.scope, holds));
                } else if truth == Truth::False {
                    break;
                }
            }
        }
        if self.interest == Interest::Everything {
            self.observer.statement(&Considered {
                policy,
                index,
                sid: statement.sid(),
                effect: statement.effect(),
                principal,
                action,
                resource,
                conditions: seen,
                truth,
            });
        }
        truth
    }

    /// A sure denial goes before one that hangs on something unknown: there, unknown keys changed
    /// nothing.
    fn verdict(self) -> Verdict {
        if let Some((layer, statement)) = self.denied {
            let statement = Some(statement);
            return Verdict::ExplicitDeny(Denial { layer, statement, unknown_keys: Vec::new() });
        }
        if let Some(layer) = self.not_allowed {
            let denial = Denial { layer, statement: None, unknown_keys: Vec::new() };
            return Verdict::ImplicitDeny(denial);
        }
        if let Some((layer, statement, mut unknowns)) = self.may_be_denied {
            if let Some((_, more)) = self.may_be_allowed {
                unknowns.absorb(more);
            }
            let (statement, unknown_keys) = (Some(statement), unknowns.into_names());
            return Verdict::ExplicitDeny(Denial { layer, statement, unknown_keys });
        }
        if let Some((layer, unknowns)) = self.may_be_allowed {
            let unknown_keys = unknowns.into_names();
            return Verdict::ImplicitDeny(Denial { layer, statement: None, unknown_keys });
        }
        Verdict::Allow(self.grounds)
    }
}
