//! Searches in Cedar's terms: who may do it, on what, and what may be done. Candidates are what the file of
//! entities and the schema have, each asked about as a question would.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::yield_now;

use super::{
    Content, Decision, Denial, Gate, Grounds, Judged, Outcome, Refusal, Thing, Trail,
    TypedQuestion,
    typed::{answered, in_terms, name},
};
use crate::cedar::{Name, Policies};

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searched {
    /// Who may do it? Of the subject only the type counts.
    Subject,
    /// On what? Of the resource only the type counts.
    Resource,
    /// What may be done?
    Action,
}

impl Searched {
    /// Its name, as AuthZEN has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Resource => "resource",
            Self::Action => "action",
        }
    }
}

/// A page of what was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The ids, in order.
    pub ids: Vec<String>,
    /// Behind which id the next page begins, if there may be more.
    pub next: Option<String>,
    /// How each of the first of them was judged.
    judged: Vec<Judged>,
    /// The policies that permit them.
    policies: BTreeSet<String>,
}

impl Gate<'_> {
    /// A page of at most `most` of what is searched for, behind the id `after`, and the decision that it
    /// stands for: an allow of what was found, or a denial where nothing was. It ends early before it takes
    /// too long, and lets others have their turn between two candidates.
    pub async fn search(
        &self,
        searched: Searched,
        asked: &TypedQuestion,
        after: Option<&str>,
        most: usize,
    ) -> (Found, Decision) {
        let policies = match self.policies_of_types() {
            Ok(policies) => policies,
            Err(denial) => {
                let nothing = in_terms(Vec::new(), Outcome::Deny(denial), Trail::Off);
                return (Found::default(), nothing);
            }
        };
        let mut found = page(policies, searched, asked, after, most).await;
        let told = told(policies, searched, asked, &found);
        let permits = std::mem::take(&mut found.policies).into_iter().collect();
        let outcome = match found.ids.is_empty() {
            false => answered(Grounds::Permit(permits), Content::Searched(told)),
            true => {
                let detail = "Cedar policies permit nothing of what was searched";
                let denial = Denial::new("cedar_no_permit", Refusal::AccessDenied, detail);
                Outcome::Deny(denial.with(told))
            }
        };
        let judged = std::mem::take(&mut found.judged);
        (found, in_terms(judged, outcome, Trail::Off))
    }
}

async fn page(
    policies: &Policies,
    searched: Searched,
    asked: &TypedQuestion,
    after: Option<&str>,
    most: usize,
) -> Found {
    let started = Instant::now();
    let candidates = candidates(policies, searched, asked);
    let first = candidates.partition_point(|id| after.is_some_and(|after| id.as_str() <= after));
    let mut found = Found { next: after.map(str::to_owned), ..Found::default() };
    for (done, id) in candidates.iter().skip(first).enumerate() {
        if found.ids.len() >= most || (done >= LEAST && started.elapsed() > MAX_TIME) {
            // Nothing was looked at yet: the page begins where this one did.
            found.next = Some(found.next.unwrap_or_default());
            return found;
        }
        let judged = Gate::judged(policies, &candidate(searched, asked, id), &mut Trail::Off);
        if let Some(judged) = judged.ok().filter(|judged| judged.answer.is_ok()) {
            found.ids.push(id.clone());
            found.policies.extend(judged.policies().into_iter().map(str::to_owned));
            if found.judged.len() < MAX_JUDGED {
                found.judged.push(judged);
            }
        }
        found.next = Some(id.clone());
        yield_now().await;
    }
    found.next = None;
    found
}

/// What the decision log has of a search: what for, and how much was found.
fn told(policies: &Policies, searched: Searched, asked: &TypedQuestion, found: &Found) -> Value {
    // Of what is searched for, the type; actions are all of one.
    let of = |what: Searched, thing: &Thing| {
        let Name { kind, id } = name(policies, thing);
        if what == searched { kind } else { format!("{kind}::{id:?}") }
    };
    let kind = policies.action_kind();
    let action = match searched {
        Searched::Action => kind,
        _ => format!("{kind}::{:?}", asked.action),
    };
    json!({
        "searched": searched.as_str(),
        "principal": of(Searched::Subject, &asked.subject),
        "action": action,
        "resource": of(Searched::Resource, &asked.resource),
        "results": found.ids.len(),
        "more": found.next.is_some(),
    })
}

/// The ids that may be what is searched for, in order.
fn candidates<'p>(
    policies: &'p Policies,
    searched: Searched,
    asked: &TypedQuestion,
) -> Cow<'p, [String]> {
    let of = |thing: &Thing| name(policies, thing).kind;
    match searched {
        Searched::Subject => Cow::Borrowed(policies.stored(&of(&asked.subject))),
        Searched::Resource => Cow::Borrowed(policies.stored(&of(&asked.resource))),
        Searched::Action => {
            let actions = policies.actions(&of(&asked.subject), &of(&asked.resource));
            let mut ids: Vec<String> = actions.into_iter().map(|name| name.id).collect();
            ids.sort_unstable();
            Cow::Owned(ids)
        }
    }
}

/// What is asked of one candidate.
fn candidate(searched: Searched, asked: &TypedQuestion, id: &str) -> TypedQuestion {
    let mut asked = asked.clone();
    let of = |kind: &str| Thing { kind: kind.to_owned(), id: id.to_owned(), properties: None };
    match searched {
        Searched::Subject => asked.subject = of(&asked.subject.kind),
        Searched::Resource => asked.resource = of(&asked.resource.kind),
        Searched::Action => id.clone_into(&mut asked.action),
    }
    asked
}

/// Candidates that a page tries however long it takes.
const LEAST: usize = 50;
/// How long a page of a search goes on beyond those.
const MAX_TIME: Duration = Duration::from_millis(20);
/// Results of which the decision log has each; there may be a thousand.
const MAX_JUDGED: usize = 100;
