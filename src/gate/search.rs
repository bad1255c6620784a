//! Searches in Cedar's terms: who may do it, on what, and what may be done. Candidates are what the file of
//! entities and the schema have, each asked about as a question would.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use tokio::task::yield_now;

use super::{Gate, Thing, Trail, TypedQuestion, typed::name};
use crate::cedar::Policies;

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

/// A page of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The ids, in order.
    pub ids: Vec<String>,
    /// Behind which id the next page begins, if there may be more.
    pub next: Option<String>,
}

impl Gate<'_> {
    /// A page of at most `most` of what is searched for, behind the id `after`. It ends early before it
    /// takes too long, and lets others have their turn between two candidates.
    pub async fn search(
        &self,
        searched: Searched,
        asked: &TypedQuestion,
        after: Option<&str>,
        most: usize,
    ) -> Found {
        let started = Instant::now();
        let Ok(policies) = self.policies_of_types() else { return Found::default() };
        let candidates = candidates(policies, searched, asked);
        let first =
            candidates.partition_point(|id| after.is_some_and(|after| id.as_str() <= after));
        let mut found = Found { ids: Vec::new(), next: after.map(str::to_owned) };
        for (done, id) in candidates.iter().skip(first).enumerate() {
            if found.ids.len() >= most || (done >= LEAST && started.elapsed() > MAX_TIME) {
                // Nothing was looked at yet: the page begins where this one did.
                found.next = Some(found.next.unwrap_or_default());
                return found;
            }
            if permits(policies, &candidate(searched, asked, id)) {
                found.ids.push(id.clone());
            }
            found.next = Some(id.clone());
            yield_now().await;
        }
        found.next = None;
        found
    }
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

fn permits(policies: &Policies, asked: &TypedQuestion) -> bool {
    let judged = Gate::judged(policies, asked, &mut Trail::Off);
    judged.is_ok_and(|judged| judged.answer.is_ok())
}

/// Candidates that a page tries however long it takes.
const LEAST: usize = 50;
/// How long a page of a search goes on beyond those.
const MAX_TIME: Duration = Duration::from_millis(20);
