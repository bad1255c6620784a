//! Questions in Cedar's terms: asked at the last stage, about a principal that is given.
//!
//! Nothing is forwarded by an answer. Cedar's policies in force are asked, and nobody else: neither IAM nor
//! shadows. As everywhere, an evaluation that fails is a denial.

use serde_json::{Map, Value, json};

use super::{
    Answer, Content, Decision, DecisionId, Denial, Gate, Grounds, Heard, Login, Outcome, Refusal,
    Trail, decide::misconfigured,
};
use crate::cedar::{
    Answer as CedarAnswer, Around, Caller, CallerKind, Given, Name, Policies, Principal,
    TermsError, Typed, Verdict, Who,
};

/// A principal or a resource, and what the caller tells of it.
#[derive(Clone, Debug, Default)]
pub struct Thing {
    /// Its type, as the caller names it.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its attributes as far as the schema declares them. None: nobody tells of it, but for the file of
    /// entities.
    pub properties: Option<Map<String, Value>>,
}

/// A question of a caller whose word counts.
#[derive(Clone, Debug, Default)]
pub struct TypedQuestion {
    /// Who would do it.
    pub subject: Thing,
    /// The id of the action.
    pub action: String,
    /// On what.
    pub resource: Thing,
    /// The context, as far as the action declares it.
    pub context: Map<String, Value>,
}

/// A subject in Cedar's terms.
enum Subject {
    Named(Name, Given),
    Told(Box<Principal>),
}

impl Subject {
    fn of(policies: &Policies, thing: &Thing) -> Result<Self, TermsError> {
        let name = name(policies, thing);
        if name.kind != policies.caller_kinds().0 {
            let given = told(policies, &name, thing)?;
            return Ok(Self::Named(name, given));
        }
        // Of whoever could have a token, the caller tells what an ID token would.
        let provider = thing.id.split_once('|').map_or("", |(provider, _)| provider);
        let members = thing.properties.as_ref();
        let groups = members.and_then(|members| members.get("cognito:groups"));
        let groups = groups.and_then(Value::as_array).into_iter().flatten();
        let groups = groups.filter_map(Value::as_str);
        let caller = Caller {
            kind: CallerKind::User,
            id: thing.id.clone(),
            groups: groups.map(|group| format!("{provider}|{group}")).collect(),
            role: None,
            attributes: members
                .into_iter()
                .flatten()
                .map(|(k, v)| (k.as_str(), v.clone()))
                .collect(),
            token: None,
            known: members.is_some(),
        };
        Ok(Self::Told(Box::new(policies.principal(&caller))))
    }

    fn who(&self) -> (Who<'_>, Option<&Given>) {
        match self {
            Self::Named(name, given) => (Who::Named(name), Some(given)),
            Self::Told(principal) => (Who::Told(principal), None),
        }
    }
}

impl Gate<'_> {
    /// The decision on a question of a caller whose word counts.
    pub fn judge(&self, asked: &TypedQuestion, mut trail: Trail) -> Decision {
        let judged = self.policies_of_types().and_then(|policies| {
            Self::judged(policies, asked, &mut trail).map_err(|error| unread(&error))
        });
        let (typed, outcome) = match judged {
            Ok(judged) => {
                let outcome = match &judged.answer {
                    Ok(grounds) => answered(grounds.clone(), Content::Typed),
                    Err(denial) => Outcome::Deny(denial.clone()),
                };
                (vec![judged], outcome)
            }
            Err(denial) => (Vec::new(), Outcome::Deny(denial)),
        };
        in_terms(typed, outcome, trail)
    }

    pub(super) fn policies_of_types(&self) -> Result<&Policies, Denial> {
        let cedar = self.rules.cedar.as_ref();
        cedar.map(|cedar| &cedar.policies).ok_or_else(|| misconfigured("no Cedar policies"))
    }

    pub(super) fn judged(
        policies: &Policies,
        asked: &TypedQuestion,
        trail: &mut Trail,
    ) -> Result<Judged, TermsError> {
        let subject = Subject::of(policies, &asked.subject)?;
        let resource = name(policies, &asked.resource);
        let of_resource = told(policies, &resource, &asked.resource)?;
        let (principal, of_subject) = subject.who();
        let given: Vec<&Given> = of_subject.into_iter().chain([&of_resource]).collect();
        let action = Name { kind: policies.action_kind(), id: asked.action.clone() };
        let typed = Typed {
            principal,
            action: &action,
            resource: &resource,
            context: Around::Declared(&asked.context),
            given: &given,
        };
        Ok(Judged::by(policies, &typed, trail))
    }
}

/// The decision on what was asked in Cedar's terms.
pub(super) fn in_terms(typed: Vec<Judged>, outcome: Outcome, trail: Trail) -> Decision {
    Decision {
        id: DecisionId::fresh(),
        destination: None,
        login: Login::Anonymous,
        verified_anew: false,
        assumed: None,
        checks: Vec::new(),
        typed,
        heard: Heard::default(),
        certificate: None,
        outcome,
        trail,
    }
}

/// An allow, which is an answer: nothing is forwarded.
pub(super) fn answered(grounds: Grounds, content: Content) -> Outcome {
    Outcome::Answer(Box::new(Answer { grounds, content }))
}

/// The name in the schema's terms.
pub(super) fn name(policies: &Policies, thing: &Thing) -> Name {
    let kind = policies.kind(&thing.kind).unwrap_or_else(|| thing.kind.clone());
    Name { kind, id: thing.id.clone() }
}

fn told(policies: &Policies, name: &Name, thing: &Thing) -> Result<Given, TermsError> {
    match &thing.properties {
        Some(properties) if policies.kind(&thing.kind).is_some() => {
            policies.described(name, properties)
        }
        // A type that the schema hasn't is told with the question.
        _ => Ok(Given::default()),
    }
}

fn unread(error: &TermsError) -> Denial {
    let detail = "principal or resource is not what the schema says";
    Denial::new("cedar_error", Refusal::AccessDenied, detail)
        .with(json!({ "error": format!("{}: {}", error.path, error.message) }))
}

/// A question in Cedar's terms, and its answer.
#[derive(Debug)]
pub struct Judged {
    /// The principal, as policies name it.
    pub principal: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// The answer.
    pub answer: Result<Grounds, Denial>,
}

impl Judged {
    /// Asks `policies`.
    pub(super) fn by(policies: &Policies, asked: &Typed<'_>, trail: &mut Trail) -> Self {
        let principal = asked.principal.name();
        let name = |name: &Name| format!("{}::{:?}", name.kind, name.id);
        let (action, resource) = (name(asked.action), name(asked.resource));
        let CedarAnswer { verdict, .. } = policies.ask(asked);
        let what =
            format!("{principal} is not authorized to perform: {action} on resource: {resource}");
        let answer = match verdict {
            Verdict::Permit(policies) => Ok(Grounds::Permit(policies)),
            Verdict::Forbid(policies) => {
                let detail = format!("{what} with an explicit deny in a Cedar policy");
                let denial = Denial::new("cedar_forbid", Refusal::AccessDenied, detail);
                Err(denial.with(json!({ "policies": policies })))
            }
            Verdict::Nothing => {
                let detail = format!("{what} because no Cedar policy permits it");
                Err(Denial::new("cedar_no_permit", Refusal::AccessDenied, detail))
            }
            Verdict::Error(error) => {
                let detail = format!("{what} because Cedar can't decide it");
                let denial = Denial::new(error.reason(), Refusal::AccessDenied, detail);
                Err(denial.with(json!({ "error": error.to_string() })))
            }
        };
        let judged = Self { principal, action, resource, answer };
        trail.note("decide", || {
            let found = json!({
                "principal": judged.principal,
                "decision": judged.answer.is_ok(),
                "reason": judged.reason(),
                "policies": judged.policies(),
                "error": judged.error(),
            });
            (format!("Cedar: {} on resource: {}", judged.action, judged.resource), found)
        });
        judged
    }

    /// A stable code for logs.
    pub fn reason(&self) -> &'static str {
        match &self.answer {
            Ok(grounds) => grounds.reason(),
            Err(denial) => denial.reason,
        }
    }

    /// The policies that decided: those that permit it, or those that forbid it.
    pub fn policies(&self) -> Vec<&str> {
        match &self.answer {
            Ok(Grounds::Permit(policies)) => policies.iter().map(String::as_str).collect(),
            Ok(_) => Vec::new(),
            Err(denial) => {
                let named = denial.found.get("policies").and_then(Value::as_array);
                named.into_iter().flatten().filter_map(Value::as_str).collect()
            }
        }
    }

    /// Why it can't be decided, if it can't.
    pub fn error(&self) -> Option<&str> {
        let denial = self.answer.as_ref().err()?;
        denial.found.get("error").and_then(Value::as_str)
    }
}
