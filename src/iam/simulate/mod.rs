//! IAM's policy simulator: what would the policies of a request say, of every action on every
//! resource?
//!
//! The request is that of SimulateCustomPolicy
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html>), with session
//! policies and control policies beside it. Nothing is known but what it says: a context key that
//! isn't given is absent.

mod cache;
mod documents;
mod error;
mod principal;
mod request;
mod result;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::{Arc, LazyLock};

pub use cache::SimulateCache;
pub use documents::{Documents, Member, Position};
pub use error::SimulateError;
pub use result::{
    EvalDecision, EvalDecisionDetails, EvaluationResult, MatchedStatement,
    OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail,
};

use watch::{Matched, Tally, Watch};

use super::arn::{Action, Arn, Resource};
use super::document::{Effect, MAX_KEY_BYTES};
use super::evaluate::{Check, evaluate};
use super::facts::{Context, Fact, Facts, Lookup};
use super::layers::Layers;
use super::principal::is_account;
use super::session::Principal;
use super::set::PolicySet;
use super::verdict::{Layer, Verdict};

/// Most results of one request: actions times resources.
pub const MAX_RESULTS: usize = 10_000;
/// Most context entries of one request.
pub const MAX_ENTRIES: usize = 1000;

/// A request, understood.
#[derive(Clone, Debug)]
pub struct Simulation {
    actions: Vec<Action>,
    resources: Vec<Resource>,
    policies: Policies,
    caller: Option<Principal>,
    owner: Option<String>,
    /// Whose resources the resource control policies are over; without one, all.
    controlled: Option<String>,
    given: Facts,
}

/// The layers that are set.
#[derive(Clone, Debug, Default)]
struct Policies {
    identity: Option<Arc<Documents>>,
    boundary: Option<Arc<Documents>>,
    session: Option<Arc<Documents>>,
    resource: Option<Arc<Documents>>,
    service_control: Option<Arc<Documents>>,
    resource_control: Option<Arc<Documents>>,
}

impl Simulation {
    /// Every one of `actions` on every one of `resources`, or on `*` if there are none.
    ///
    /// # Errors
    /// If one is no action (`service:Name`, without wildcards) or no resource (`*` or an ARN), if there
    /// are no actions, or too many of both.
    pub fn new<'a>(
        actions: impl IntoIterator<Item = &'a str>,
        resources: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, SimulateError> {
        let actions = actions.into_iter().enumerate().map(action).collect::<Result<Vec<_>, _>>()?;
        let resources = resources.into_iter().enumerate().map(resource);
        let mut resources = resources.collect::<Result<Vec<_>, _>>()?;
        if actions.is_empty() {
            return Err(SimulateError::Missing("ActionNames", "write at least one action"));
        }
        if resources.is_empty() {
            resources.push(Resource::Any);
        }
        if actions.len().saturating_mul(resources.len()) > MAX_RESULTS {
            let what = "actions times resources";
            return Err(SimulateError::Limit { what, limit: MAX_RESULTS });
        }
        Ok(Self {
            actions,
            resources,
            policies: Policies::default(),
            caller: None,
            owner: None,
            controlled: None,
            given: Facts::new(),
        })
    }

    /// Sets a layer. One without any documents, or any levels, stays unset.
    ///
    /// # Errors
    /// If there is more than one permissions boundary.
    pub fn set(&mut self, documents: Arc<Documents>) -> Result<(), SimulateError> {
        let member = documents.member();
        let policies = documents.sets().first().map_or(0, |set| set.policies().len());
        if member == Member::Boundary && policies > 1 {
            return Err(SimulateError::value(member.name(), "there can only be one boundary"));
        }
        let is_set = !documents.sets().is_empty() && (member.has_levels() || policies > 0);
        let place = match member {
            Member::Identity => &mut self.policies.identity,
            Member::Boundary => &mut self.policies.boundary,
            Member::Session => &mut self.policies.session,
            Member::Resource => &mut self.policies.resource,
            Member::ServiceControl => &mut self.policies.service_control,
            Member::ResourceControl => &mut self.policies.resource_control,
        };
        *place = is_set.then_some(documents);
        Ok(())
    }

    /// Who calls: the ARN of a user, a role, a session of either, or an account's root user; or
    /// `anonymous`. Without one it is somebody of the account that owns the resource.
    ///
    /// # Errors
    /// If it is none of these.
    pub fn set_caller(&mut self, caller: &str) -> Result<(), SimulateError> {
        self.caller = Some(match caller {
            "anonymous" => Principal::Anonymous,
            arn => Principal::named(arn)
                .map_err(|error| SimulateError::value("CallerArn", error.to_string()))?,
        });
        Ok(())
    }

    /// Whose the resources are that don't name an account: the ARN of its root user, or its id.
    ///
    /// # Errors
    /// If it is neither.
    pub fn set_owner(&mut self, owner: &str) -> Result<(), SimulateError> {
        let root = Arn::parse(owner).ok();
        let root = root.filter(|arn| (arn.service(), arn.resource()) == ("iam", "root"));
        let account = root.as_ref().map_or(owner, Arn::account);
        if !is_account(account) {
            let advice = "write arn:aws:iam::123456789012:root, or an account id";
            return Err(SimulateError::value("ResourceOwner", advice));
        }
        self.owner = Some(account.to_owned());
        Ok(())
    }

    /// Gives a context key. It is multi-valued if `kind` ends in `List`, and else has one value.
    ///
    /// # Errors
    /// If it is no key, is given already, or has not one value where it should.
    pub fn give<'v>(
        &mut self,
        key: &str,
        kind: Option<&str>,
        values: impl IntoIterator<Item = &'v str>,
    ) -> Result<(), SimulateError> {
        let refused = |advice: &str| SimulateError::value("ContextEntries", advice);
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(refused("ContextKeyName: write one such as aws:SourceIp"));
        }
        if self.given.lookup(&key.to_ascii_lowercase()) != Lookup::Absent {
            return Err(refused(&format!("{key} is given twice: keep one of them")));
        }
        if self.given.iter().count() >= MAX_ENTRIES {
            return Err(SimulateError::Limit { what: "context entries", limit: MAX_ENTRIES });
        }
        let mut values = values.into_iter().map(str::to_owned);
        let fact = match (kind.is_some_and(|kind| kind.ends_with("List")), values.next()) {
            (true, first) => Fact::Many(first.into_iter().chain(values).collect()),
            (false, Some(value)) if values.next().is_none() => Fact::One(value),
            (false, _) => {
                let advice = "write one value, or a ContextKeyType that ends in List";
                return Err(refused(&format!("{key}: {advice}")));
            }
        };
        self.given.set(key.to_owned(), fact);
        Ok(())
    }

    /// Whether all is there that has to be: a resource's policy needs somebody whom it can name.
    ///
    /// # Errors
    /// If `CallerArn` isn't.
    pub fn check(&self) -> Result<(), SimulateError> {
        if self.policies.resource.is_some() && self.caller.is_none() {
            let advice = "ResourcePolicy needs it; write the ARN of who calls, or anonymous";
            return Err(SimulateError::Missing("CallerArn", advice));
        }
        Ok(())
    }

    /// How many results there are.
    pub fn count(&self) -> usize {
        self.actions.len() * self.resources.len()
    }

    /// The result of that number, from 0: actions outer, resources inner. None if there is none.
    pub fn result(&self, number: usize) -> Option<EvaluationResult<'_>> {
        let action = self.actions.get(number / self.resources.len().max(1))?;
        let resource = self.resources.get(number % self.resources.len().max(1))?;
        let (check, none) = (Check::new(action.clone(), resource.clone()), Facts::new());
        let layers = self.layers(resource, &none);
        let mut watch = Watch::new(resource, &self.given);
        let verdict = evaluate(&layers, &check, &self.given, &mut watch);
        let (eval_decision, decisive) = match verdict {
            Verdict::Allow(_) => (EvalDecision::Allowed, Some(Effect::Allow)),
            Verdict::ExplicitDeny(_) => (EvalDecision::ExplicitDeny, Some(Effect::Deny)),
            Verdict::ImplicitDeny(_) => (EvalDecision::ImplicitDeny, None),
        };
        let details = || EvalDecisionDetails {
            identity: said(watch.of(Layer::Identity)),
            resource: said(watch.of(Layer::Resource)),
        };
        let allows = |tally: Tally| tally.allows && !tally.denies;
        Some(EvaluationResult {
            eval_action_name: action.as_str(),
            eval_resource_name: resource.as_str(),
            eval_decision,
            matched_statements: watch
                .matched
                .iter()
                .filter(|matched| Some(matched.effect) == decisive && is_told(matched))
                .filter_map(|matched| self.matched(matched))
                .collect(),
            organizations_decision_detail: watch.of(Layer::ServiceControl).map(|tally| {
                OrganizationsDecisionDetail { allowed_by_organizations: allows(tally) }
            }),
            permissions_boundary_decision_detail: watch.of(Layer::Boundary).map(|tally| {
                PermissionsBoundaryDecisionDetail { allowed_by_permissions_boundary: allows(tally) }
            }),
            eval_decision_details: layers.crosses_accounts().then(details),
            missing_context_values: watch.missing,
        })
    }

    fn layers<'a>(&'a self, resource: &'a Resource, none: &'a Facts) -> Layers<'a> {
        let Policies { identity, boundary, session, resource: of_resource, .. } = &self.policies;
        let Policies { service_control, resource_control, .. } = &self.policies;
        let stated = match resource {
            Resource::Any => None,
            Resource::Arn(arn) => Some(arn.account()).filter(|account| !account.is_empty()),
        };
        // Somebody who isn't named is of the resource's own account.
        let owner = match &self.caller {
            None => None,
            Some(caller) => stated.or(self.owner.as_deref()).or(caller.account()),
        };
        let controlled = self.controlled.is_none() || self.controlled.as_deref() == owner;
        Layers {
            principal: self.caller.as_ref().unwrap_or(&SOMEBODY),
            facts: none,
            identity: first(identity).unwrap_or(PolicySet::none()),
            boundary: first(boundary),
            session: first(session),
            resource: first(of_resource),
            owner,
            service_control: levels(service_control),
            resource_control: if controlled { levels(resource_control) } else { &[] },
        }
    }

    fn matched(&self, matched: &Matched) -> Option<MatchedStatement<'_>> {
        let member = Member::of(matched.layer);
        let documents = match member {
            Member::Identity => &self.policies.identity,
            Member::Boundary => &self.policies.boundary,
            Member::Session => &self.policies.session,
            Member::Resource => &self.policies.resource,
            Member::ServiceControl => &self.policies.service_control,
            Member::ResourceControl => &self.policies.resource_control,
        };
        let source = documents.as_ref()?.source(matched.level, matched.place)?;
        let place = source.places.get(matched.index);
        Some(MatchedStatement {
            source_policy_id: &source.id,
            source_policy_type: member.described(),
            start_position: place.map(|place| place.start),
            end_position: place.map(|place| place.end),
        })
    }
}

/// Whether IAM tells of a statement that decides: of those that allow, only where an allow gives
/// something, and doesn't merely leave it.
fn is_told(matched: &Matched) -> bool {
    matched.effect == Effect::Deny || matches!(matched.layer, Layer::Identity | Layer::Resource)
}

fn said(tally: Option<Tally>) -> EvalDecision {
    match tally {
        Some(Tally { denies: true, .. }) => EvalDecision::ExplicitDeny,
        Some(Tally { allows: true, .. }) => EvalDecision::Allowed,
        _ => EvalDecision::ImplicitDeny,
    }
}

fn levels(documents: &Option<Arc<Documents>>) -> &[PolicySet] {
    documents.as_ref().map_or(&[], |documents| documents.sets())
}

fn first(documents: &Option<Arc<Documents>>) -> Option<&PolicySet> {
    levels(documents).first()
}

fn action((place, text): (usize, &str)) -> Result<Action, SimulateError> {
    let well_formed = text.split_once(':').is_some_and(|(service, name)| {
        !service.is_empty() && !name.is_empty() && !text.contains(['*', '?'])
    });
    if !well_formed || text.len() > MAX_ACTION_BYTES {
        let at = format!("ActionNames.{}", place + 1);
        return Err(SimulateError::value(at, "write service:Name, without wildcards"));
    }
    Ok(Action::new(text))
}

fn resource((place, text): (usize, &str)) -> Result<Resource, SimulateError> {
    if text == "*" {
        return Ok(Resource::Any);
    }
    let at = || format!("ResourceArns.{}", place + 1);
    let arn = Arn::parse(text).map_err(|error| SimulateError::value(at(), error.to_string()))?;
    Ok(Resource::Arn(arn))
}

/// Who calls where nobody is named.
static SOMEBODY: LazyLock<Principal> = LazyLock::new(|| {
    Principal::named("arn:aws:iam::000000000000:user/somebody").unwrap_or(Principal::Anonymous)
});

/// The longest name of an action that IAM takes.
const MAX_ACTION_BYTES: usize = 128;
