//! The evaluation: no layer of policies may deny, and those that are set have to allow, but for what
//! the resource's own policy grants
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).
//!
//! An Allow counts if its statement is *true*, a Deny if it is *true* or *unknown*. Context keys
//! are looked up when a statement whose action and resource match asks for them. Unless somebody
//! watches, only statements are considered that the index of their layer finds, and an allow takes no
//! memory but for what the context allocates.

use std::sync::Arc;

use super::arn::{Action, Resource};
use super::document::Effect;
use super::facts::{Context, Facts};
use super::layers::Layers;
use super::observe::{Considered, Interest, Observer};
use super::organization::resource_controlled;
use super::principal::{Caller, Reach};
use super::scope::{Scope, Unknowns};
use super::session::Role;
use super::set::{Placed, PolicySet};
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

/// May the principal of `layers` do what `check` says? Context keys are looked up in the check, then
/// in the principal's session, then in `context`, the request's.
pub fn evaluate(
    layers: &Layers<'_>,
    check: &Check,
    context: &dyn Context,
    observer: &mut dyn Observer,
) -> Verdict {
    let mut evaluation = Evaluation {
        action: &check.action,
        resource: &check.resource,
        caller: layers.caller(),
        bounded: layers.boundary.is_some(),
        scope: Scope { check: &check.context, session: layers.facts, request: context },
        interest: observer.interest(),
        observer,
        findings: Findings::default(),
    };
    evaluation.work_through(layers);
    evaluation.findings.verdict()
}

/// May whoever comes from the web-identity provider `federated` do `action`
/// (`sts:AssumeRoleWithWebIdentity`) on `role`? Its trust policy has to allow, and the resource
/// control policies over it must not deny; the caller has no AWS identity yet, and so no policies.
pub fn evaluate_trust(
    role: &Role,
    action: &Action,
    federated: &str,
    context: &dyn Context,
    observer: &mut dyn Observer,
) -> Verdict {
    let none = Facts::new();
    let mut evaluation = Evaluation {
        action,
        resource: &Resource::Arn(role.arn.clone()),
        caller: Caller::WebIdentity(federated),
        bounded: false,
        scope: Scope { check: &none, session: &none, request: context },
        interest: observer.interest(),
        observer,
        findings: Findings::default(),
    };
    evaluation.resource_control(&role.organization.resource_control);
    let trusted = evaluation.layer(Layer::Trust.into(), &role.trust, Truth::False);
    evaluation.findings.demand(Layer::Trust.into(), trusted.any);
    evaluation.findings.verdict()
}

/// A layer, or a level of it.
#[derive(Clone, Copy, Debug)]
struct Place {
    layer: Layer,
    /// Of control policies, from 0, root first.
    level: Option<usize>,
}

impl From<Layer> for Place {
    fn from(layer: Layer) -> Self {
        Self { layer, level: None }
    }
}

/// What the allows of a layer come to.
#[derive(Clone, Debug)]
struct Answer {
    truth: Truth,
    /// The first statement that makes it true.
    by: Option<StatementRef>,
    /// The unknown keys that it hangs on.
    unless: Unknowns,
}

/// The allows of a layer, by how directly they name the caller; of layers without principals, all.
struct Allows {
    any: Answer,
    role: Answer,
    session: Answer,
}

struct Evaluation<'a> {
    action: &'a Action,
    resource: &'a Resource,
    caller: Caller<'a>,
    /// The caller has a permissions boundary.
    bounded: bool,
    scope: Scope<'a>,
    observer: &'a mut dyn Observer,
    interest: Interest,
    findings: Findings,
}

impl Evaluation<'_> {
    fn work_through(&mut self, layers: &Layers<'_>) {
        let identified = self.caller.is_aws();
        if layers.controlled() {
            if identified {
                for (level, policies) in layers.service_control.iter().enumerate() {
                    let place = Place { layer: Layer::ServiceControl, level: Some(level) };
                    let allows = self.layer(place, policies, Truth::False);
                    self.findings.demand(place, allows.any);
                }
            }
            self.resource_control(layers.resource_control);
        }
        let granted = match layers.resource {
            Some(policy) => self.layer(Layer::Resource.into(), policy, Truth::False),
            None => Allows::none(),
        };
        if !identified {
            return self.findings.demand(Layer::Resource.into(), granted.any);
        }
        // What the resource's policy grants stands in for what other layers merely don't allow, but
        // not in another account: there its owner has no say.
        let crosses = layers.crosses_accounts();
        let nothing = Allows::none();
        let in_place = if crosses { &nothing } else { &granted };
        let identity = self.layer(Layer::Identity.into(), layers.identity, in_place.role.truth);
        self.findings.demand(Layer::Identity.into(), identity.any.or(&in_place.role));
        for (layer, set) in [(Layer::Boundary, layers.boundary), (Layer::Session, layers.session)] {
            let Some(set) = set else { continue };
            let allows = self.layer(layer.into(), set, in_place.session.truth);
            self.findings.demand(layer.into(), allows.any.or(&in_place.session));
        }
        if crosses || (layers.resource.is_some() && trusts_explicitly(self.action, self.resource)) {
            self.findings.demand(Layer::Resource.into(), granted.any);
        }
    }

    /// Everything is allowed that no resource control policy denies.
    fn resource_control(&mut self, levels: &[PolicySet]) {
        if !levels.is_empty() && resource_controlled(self.action) {
            for (level, policies) in levels.iter().enumerate() {
                let place = Place { layer: Layer::ResourceControl, level: Some(level) };
                self.layer(place, policies, Truth::True);
            }
        }
    }

    /// Works through the policies of one layer, or one level of it, that is set. `already` is whether
    /// something else allows in its place: then only its denies matter.
    fn layer(&mut self, place: Place, set: &PolicySet, already: Truth) -> Allows {
        let mut allows = Allows::none();
        if self.interest != Interest::Nothing {
            self.observer.layer(place.layer);
        }
        if self.interest == Interest::Everything {
            for placed in set.statements() {
                self.consider(place, placed, already, &mut allows);
            }
        } else {
            for placed in set.candidates(self.action, self.resource) {
                if self.interest == Interest::Nothing && self.findings.is_settled() {
                    break;
                }
                self.consider(place, placed, already, &mut allows);
            }
        }
        allows
    }

    fn consider(&mut self, at: Place, placed: Placed<'_>, already: Truth, allows: &mut Allows) {
        let effect = placed.statement.effect();
        let counts = match effect {
            Effect::Deny => true,
            Effect::Allow => already != Truth::True && !allows.settled(at.layer),
        };
        if self.interest == Interest::Nothing && !counts {
            return;
        }
        let mut unknowns = Unknowns::default();
        let (reach, rest) = self.statement(at, placed, &mut unknowns);
        let truth = reach.any.and(rest);
        if truth == Truth::False || !counts {
            return;
        }
        let found = || StatementRef { policy: Arc::clone(placed.policy), index: placed.index };
        match effect {
            Effect::Deny => self.findings.deny(at, truth, unknowns, found),
            Effect::Allow => allows.add(at.layer, reach, rest, &unknowns, found),
        }
    }

    /// Does the statement match, but for its principals; and how far do those reach the caller?
    fn statement(
        &mut self,
        at: Place,
        Placed { place, policy, index, statement }: Placed<'_>,
        unknowns: &mut Unknowns,
    ) -> (Reach, Truth) {
        let action = statement.covers_action(self.action);
        let mut truth = action;
        let (mut principal, mut resource) = (None, None);
        let mut reach = Reach::ALL;
        let mut seen = Vec::new();
        if truth != Truth::False {
            if let Some(principals) = &statement.principals {
                reach = principals.reach(self.caller, self.bounded);
                principal = Some(reach.any);
            }
            resource = statement.covers_resource(self.resource, self.scope, unknowns);
            truth = truth.and(resource.unwrap_or(Truth::True));
        }
        if truth.and(reach.any) != Truth::False {
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
        if self.interest != Interest::Nothing {
            self.observer.statement(&Considered {
                policy,
                level: at.level,
                place,
                index,
                sid: statement.sid(),
                effect: statement.effect(),
                principal,
                means: principal.and_then(|_| reach.means()),
                action,
                resource,
                substituted: match action {
                    Truth::False => Vec::new(),
                    _ => statement.substituted_resources(self.scope),
                },
                conditions: seen,
                truth: truth.and(reach.any),
            });
        }
        (reach, truth)
    }
}

/// Whether the resource's policy has to allow, whatever others do: that of a key, or of a role that
/// is to be assumed.
fn trusts_explicitly(action: &Action, resource: &Resource) -> bool {
    let Resource::Arn(arn) = resource else { return false };
    let assumes = action.service().eq_ignore_ascii_case("sts");
    match arn.service() {
        "kms" => arn.resource().starts_with("key/"),
        "iam" => assumes && arn.resource().starts_with("role/"),
        _ => false,
    }
}

impl Answer {
    const fn none() -> Self {
        Self { truth: Truth::False, by: None, unless: Unknowns::none() }
    }

    /// True if either is.
    fn or(mut self, other: &Self) -> Self {
        match (self.truth, other.truth) {
            (Truth::True, _) | (_, Truth::False) => self,
            (_, Truth::True) | (Truth::False, _) => other.clone(),
            (Truth::Unknown, Truth::Unknown) => {
                self.unless.absorb(other.unless.clone());
                self
            }
        }
    }

    fn add(&mut self, truth: Truth, unknowns: &Unknowns, found: impl FnOnce() -> StatementRef) {
        match (self.truth, truth) {
            (Truth::True, _) | (_, Truth::False) => {}
            (_, Truth::True) => {
                *self = Self { truth, by: Some(found()), unless: Unknowns::none() };
            }
            (_, Truth::Unknown) => {
                self.truth = truth;
                self.unless.absorb(unknowns.clone());
            }
        }
    }
}

impl Allows {
    const fn none() -> Self {
        Self { any: Answer::none(), role: Answer::none(), session: Answer::none() }
    }

    /// Whether a further allow would add nothing.
    fn settled(&self, layer: Layer) -> bool {
        match layer {
            Layer::Resource => self.session.truth == Truth::True,
            _ => self.any.truth == Truth::True,
        }
    }

    fn add(
        &mut self,
        layer: Layer,
        reach: Reach,
        rest: Truth,
        unknowns: &Unknowns,
        found: impl Fn() -> StatementRef,
    ) {
        self.any.add(reach.any.and(rest), unknowns, &found);
        if layer == Layer::Resource {
            self.role.add(reach.role.and(rest), unknowns, &found);
            self.session.add(reach.session.and(rest), unknowns, &found);
        }
    }
}

/// What was found in the layers so far.
#[derive(Default)]
struct Findings {
    grounds: Grounds,
    /// The first statement that denies for sure.
    denied: Option<(Place, StatementRef)>,
    /// The first that denies because something is unknown.
    may_be_denied: Option<(Place, StatementRef, Unknowns)>,
    /// The first layer in which nothing allows.
    not_allowed: Option<Place>,
    /// The first in which something allows only if something unknown is right.
    may_be_allowed: Option<(Place, Unknowns)>,
}

impl Findings {
    /// Nothing can change the answer any more.
    fn is_settled(&self) -> bool {
        self.denied.is_some()
    }

    /// What is at `place` has to allow.
    fn demand(&mut self, place: Place, answer: Answer) {
        match answer.truth {
            Truth::True => self.grounds.extend(answer.by),
            Truth::False => {
                self.not_allowed.get_or_insert(place);
            }
            Truth::Unknown => {
                self.may_be_allowed.get_or_insert((place, answer.unless));
            }
        }
    }

    fn deny(
        &mut self,
        place: Place,
        truth: Truth,
        unknowns: Unknowns,
        found: impl FnOnce() -> StatementRef,
    ) {
        if truth == Truth::True {
            self.denied.get_or_insert_with(|| (place, found()));
        } else {
            self.may_be_denied.get_or_insert_with(|| (place, found(), unknowns));
        }
    }

    /// A sure denial goes before one that hangs on something unknown: there, unknown keys changed
    /// nothing.
    fn verdict(self) -> Verdict {
        let denial = |Place { layer, level }, statement, unknown_keys| Denial {
            layer,
            level,
            statement,
            unknown_keys,
        };
        if let Some((place, statement)) = self.denied {
            return Verdict::ExplicitDeny(denial(place, Some(statement), Vec::new()));
        }
        if let Some(place) = self.not_allowed {
            return Verdict::ImplicitDeny(denial(place, None, Vec::new()));
        }
        if let Some((place, statement, mut unknowns)) = self.may_be_denied {
            if let Some((_, more)) = self.may_be_allowed {
                unknowns.absorb(more);
            }
            return Verdict::ExplicitDeny(denial(place, Some(statement), unknowns.into_names()));
        }
        if let Some((place, unknowns)) = self.may_be_allowed {
            return Verdict::ImplicitDeny(denial(place, None, unknowns.into_names()));
        }
        Verdict::Allow(self.grounds)
    }
}
