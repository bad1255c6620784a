//! The policies of one configuration generation, and their answer to one request.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, EntityTypeName, EntityUid,
    PolicySet, Request, RestrictedExpression, Schema,
};

use super::context::{Field, Surroundings};
use super::error::{CedarError, LoadError};
use super::paths::Paths;
use super::principal::{Caller, CallerKind, Principal, Shape, chain};
use super::reach::reachable;
use super::resource::ResourceShape;
use super::slices::{Act, Slice};
use super::types::{Types, uid};

/// Policies with their schema and entities, compiled and sliced. Immutable.
pub struct Policies {
    pub(super) types: Types,
    pub(super) schema: Schema,
    /// Those of the file, and the actions.
    pub(super) entities: Entities,
    /// Of those, the actions and what policies lead to by themselves.
    pub(super) named: Entities,
    /// The same of all policies, those too that no request to a route asks.
    pub(super) named_by_all: Entities,
    /// The ids of those of the file, by type.
    pub(super) stored: BTreeMap<String, Vec<String>>,
    /// The attributes that each type of entity declares.
    pub(super) kinds: HashMap<EntityTypeName, Vec<String>>,
    pub(super) user: Shape,
    pub(super) guest: Shape,
    pub(super) resources: ResourceShape,
    /// The types that actions' `token` has.
    pub(super) token_types: Vec<String>,
    pub(super) acts: Vec<Act>,
    pub(super) by_id: HashMap<String, usize>,
    pub(super) paths: Paths,
    pub(super) authorizer: Authorizer,
    pub(super) warnings: Vec<LoadError>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// A request to an API.
    Api {
        /// Its method.
        method: &'a str,
        /// Its path, decoded, without the query.
        path: &'a str,
        /// The same in segments.
        segments: &'a [&'a str],
        /// The id of the API's entity.
        application: &'a str,
    },
    /// What IAM has names for.
    Named {
        /// `s3:GetObject`.
        action: &'a str,
        /// An ARN, or `*`.
        resource: &'a str,
    },
}

/// What the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// These policies permit it, and none forbids it.
    Permit(Vec<String>),
    /// These policies forbid it.
    Forbid(Vec<String>),
    /// No policy applies.
    Nothing,
    /// It can't be decided.
    Error(CedarError),
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The schema's action, as far as there is one.
    pub action: Option<&'a str>,
    /// The verdict.
    pub verdict: Verdict,
}

impl Policies {
    /// A caller's entities. Costs tens of microseconds, and more the more entities of the file it is in:
    /// keep it as long as the session.
    pub fn principal(&self, caller: &Caller<'_>) -> Principal {
        Principal::new(self, caller)
    }

    /// What is worth a warning in the files.
    pub fn warnings(&self) -> &[LoadError] {
        &self.warnings
    }

    /// The ids of the policies, and of the links of templates, that some action asks.
    pub fn ids(&self) -> std::collections::BTreeSet<String> {
        let slices = self.acts.iter().flat_map(|act| &act.slices);
        let policies = slices.flat_map(|slice| slice.part.policies.policies());
        policies.map(|policy| AsRef::<str>::as_ref(policy.id()).to_owned()).collect()
    }

    /// Asks the policies. `principal` must be one of these policies' own.
    pub fn decide(
        &self,
        principal: &Principal,
        question: &Question<'_>,
        around: &Surroundings<'_>,
    ) -> Answer<'_> {
        let act = match self.act(question) {
            Ok(act) => act,
            Err(error) => return Answer { action: None, verdict: Verdict::Error(error) },
        };
        let verdict = self.verdict(act, principal, question, around).unwrap_or_else(Verdict::Error);
        Answer { action: Some(&act.id), verdict }
    }

    fn act(&self, question: &Question<'_>) -> Result<&Act, CedarError> {
        let found = match question {
            Question::Api { method, segments, .. } => {
                self.paths.find(method, segments).map(|(_, index)| index)
            }
            Question::Named { action, .. } => self.by_id.get(*action).copied().or_else(|| {
                let (service, _) = action.split_once(':')?;
                self.by_id.get(&format!("{service}:*")).copied()
            }),
        };
        found.and_then(|index| self.acts.get(index)).ok_or_else(|| {
            CedarError::NoAction(match question {
                Question::Api { method, path, .. } => format!("{method} {path}"),
                Question::Named { action, .. } => (*action).to_owned(),
            })
        })
    }

    fn verdict(
        &self,
        act: &Act,
        principal: &Principal,
        question: &Question<'_>,
        around: &Surroundings<'_>,
    ) -> Result<Verdict, CedarError> {
        let resource = match question {
            Question::Api { application, .. } => uid(&self.types.application, application),
            Question::Named { resource, .. } => uid(&self.types.resource, resource),
        };
        let slice = self.slice(act, principal, &resource)?;
        if let Some(wrong) = &principal.wrong {
            return Err(CedarError::Principal(wrong.clone()));
        }
        let mentioned = &slice.part.mentioned;
        let unknown = |policy: &str| CedarError::UnknownPrincipal(policy.to_owned());
        if !principal.known
            && let Some(policy) = mentioned.signer().forbids()
        {
            return Err(unknown(policy));
        }
        let context = self.context(act, slice, principal, question, around)?;
        let entities = match question {
            Question::Named { resource: arn, .. } if mentioned.resource() => {
                Cow::Owned(self.with_resource(&principal.entities, arn)?)
            }
            _ => Cow::Borrowed(&principal.entities),
        };
        // What is in it was checked against the schema, at load and with the session.
        let request = Request::new(principal.uid.clone(), act.uid.clone(), resource, context, None);
        let request = request.map_err(|error| CedarError::Request(chain(error)))?;
        let policies = &slice.part.policies;
        let verdict = evaluate(&self.authorizer, &request, policies, &entities, |_| false)?;
        match verdict {
            // `unless` permits whoever has nothing of what isn't known.
            Verdict::Permit(policies) if !principal.known => {
                let (by, other): (Vec<String>, Vec<String>) =
                    policies.into_iter().partition(|id| mentioned.signer().permits(id));
                match (other.is_empty(), by.first()) {
                    (true, Some(policy)) => Err(unknown(policy)),
                    _ => Ok(Verdict::Permit(other)),
                }
            }
            verdict => Ok(verdict),
        }
    }

    /// The policies that could apply.
    fn slice<'a>(
        &self,
        act: &'a Act,
        principal: &Principal,
        resource: &EntityUid,
    ) -> Result<&'a Slice, CedarError> {
        let (of, on) = (principal.uid.type_name(), resource.type_name());
        let fits = |slice: &&Slice| slice.principal == *of && slice.resource == *on;
        act.slices.iter().find(fits).ok_or_else(|| {
            let kind = match principal.kind {
                CallerKind::User => "a principal",
                CallerKind::Guest => "a guest",
            };
            CedarError::NotApplicable(act.id.clone(), format!("{kind} of type {of} on a {on}"))
        })
    }

    /// The context, of which only what the policies look at is computed.
    fn context(
        &self,
        act: &Act,
        slice: &Slice,
        principal: &Principal,
        question: &Question<'_>,
        around: &Surroundings<'_>,
    ) -> Result<Context, CedarError> {
        let mentioned = &slice.part.mentioned;
        let fields = act.fields.all.iter().filter(|field| mentioned.context(field.name()));
        let mut pairs = Vec::new();
        for field in fields.clone() {
            if *field == Field::Token {
                let Some(token) = self.token(act, principal, question, around)? else { continue };
                if fields.clone().count() == 1 {
                    return Ok(token.alone.clone());
                }
                pairs.push((field.name().to_owned(), token.record.clone()));
            } else {
                let value = value(*field, act, question, around);
                pairs.extend(value.map(|value| (field.name().to_owned(), value)));
            }
        }
        if pairs.is_empty() {
            return Ok(Context::empty());
        }
        Context::from_pairs(pairs).map_err(|error| CedarError::Request(chain(error)))
    }

    /// The caller's token as the action declares it, checked against the schema the first time.
    fn token<'a>(
        &self,
        act: &Act,
        principal: &'a Principal,
        question: &Question<'_>,
        around: &Surroundings<'_>,
    ) -> Result<Option<&'a super::principal::TokenContext>, CedarError> {
        let (Some(declared), Some(at)) = (&act.fields.token, act.token_type) else {
            return Ok(None);
        };
        let check = |token: &RestrictedExpression| {
            let others = act.fields.all.iter().filter(|field| **field != Field::Token);
            let others = others.filter_map(|field| {
                Some((field.name().to_owned(), value(*field, act, question, around)?))
            });
            let token = (Field::Token.name().to_owned(), token.clone());
            let context = Context::from_pairs(others.chain([token])).map_err(chain)?;
            context.validate(&self.schema, &act.uid).map_err(chain)
        };
        let token = principal.token(at, &declared.claims, check).transpose();
        token.map_err(|wrong| CedarError::Request(wrong.clone()))
    }

    fn with_resource(&self, entities: &Entities, arn: &str) -> Result<Entities, CedarError> {
        let wrong = |what: String| CedarError::Request(what);
        let made = self.resources.entities(&self.types.resource, arn);
        let made = made.ok_or_else(|| wrong("the resource can't be made an entity".to_owned()))?;
        // Of those that the file has, the file says more.
        let seeds: Vec<EntityUid> = made.iter().map(|entity| entity.uid()).collect();
        let of_file = reachable(&self.entities, seeds);
        let made = made.into_iter().filter(|entity| self.entities.get(&entity.uid()).is_none());
        let new = of_file.into_iter().chain(made);
        let new = new.filter(|entity| entities.get(&entity.uid()).is_none());
        entities.clone().add_entities(new, None).map_err(|error| wrong(chain(error)))
    }
}

/// What a set of policies says of a request. One that fails to evaluate fails all: Cedar would pass
/// it over, and a `forbid` with it. Passed over here are those of which the ids `may_fail`.
pub(super) fn evaluate(
    authorizer: &Authorizer,
    request: &Request,
    policies: &PolicySet,
    entities: &Entities,
    may_fail: impl Fn(&str) -> bool,
) -> Result<Verdict, CedarError> {
    let response = authorizer.is_authorized(request, policies, entities);
    let found = response.diagnostics();
    let counts = |error: &&AuthorizationError| {
        let AuthorizationError::PolicyEvaluationError(failed) = error;
        !may_fail(failed.policy_id().as_ref())
    };
    let errors = found.errors().filter(counts).take(MAX_ERRORS);
    let errors: Vec<String> = errors.map(ToString::to_string).collect();
    if !errors.is_empty() {
        return Err(CedarError::Evaluation(errors));
    }
    let mut policies: Vec<String> =
        found.reason().map(|id| AsRef::<str>::as_ref(id).to_owned()).collect();
    policies.sort_unstable();
    Ok(match (response.decision(), policies.is_empty()) {
        (Decision::Allow, _) => Verdict::Permit(policies),
        (Decision::Deny, false) => Verdict::Forbid(policies),
        (Decision::Deny, true) => Verdict::Nothing,
    })
}

/// The value of a field but the token, if the request has it.
fn value(
    field: Field,
    act: &Act,
    question: &Question<'_>,
    around: &Surroundings<'_>,
) -> Option<RestrictedExpression> {
    let text = |text: &str| Some(RestrictedExpression::new_string(text.to_owned()));
    match (field, question) {
        (Field::Method, Question::Api { method, .. }) => text(method),
        (Field::Path, Question::Api { path, .. }) => text(path),
        (Field::Action, Question::Named { action, .. }) => text(action),
        (Field::PathParameters, Question::Api { segments, .. }) => {
            let declared = |name: &str| act.fields.parameters.iter().any(|known| known == name);
            let values = act.path.as_ref()?.values(segments);
            let values = values
                .filter(|(name, _)| declared(name))
                .map(|(name, value)| (name.to_owned(), RestrictedExpression::new_string(value)));
            RestrictedExpression::new_record(values).ok()
        }
        _ => around.value(field),
    }
}

/// Evaluation errors that are told.
const MAX_ERRORS: usize = 8;
