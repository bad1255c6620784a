//! The policies of one layer, indexed.

use std::sync::{Arc, LazyLock};

use super::arn::{Action, Resource};
use super::compile::{Policy, Statement};
use super::document::MAX_STATEMENTS;
use super::index::{Candidates, Index};

/// The policies that make up one layer, or one level of it.
///
/// Clones are cheap: they share what is compiled.
#[derive(Clone, Debug, Default)]
pub struct PolicySet(Arc<Indexed>);

#[derive(Debug, Default)]
struct Indexed {
    policies: Box<[Arc<Policy>]>,
    index: Index,
}

/// A statement and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Placed<'s> {
    /// The policy's place in the set.
    pub(super) place: usize,
    pub(super) policy: &'s Arc<Policy>,
    pub(super) index: usize,
    pub(super) statement: &'s Statement,
}

impl PolicySet {
    /// No policies.
    pub fn none() -> &'static Self {
        static NONE: LazyLock<PolicySet> = LazyLock::new(PolicySet::default);
        &NONE
    }

    /// Its policies, in order.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.0.policies
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.policies.is_empty()
    }

    /// All statements, in order.
    pub(super) fn statements(&self) -> impl Iterator<Item = Placed<'_>> {
        self.0.policies.iter().enumerate().flat_map(|(place, policy)| {
            let placed = move |(index, statement)| Placed { place, policy, index, statement };
            policy.statements().iter().enumerate().map(placed)
        })
    }

    /// Those that can match, in the same order.
    pub(super) fn candidates(
        &self,
        action: &Action,
        resource: &Resource,
    ) -> impl Iterator<Item = Placed<'_>> {
        let resource = match resource {
            Resource::Any => "",
            Resource::Arn(arn) => arn.resource(),
        };
        let found = self.0.index.candidates(action.as_str(), resource);
        let all = found.is_none().then(|| self.statements());
        let placed = |number| self.placed(number);
        found
            .into_iter()
            .flat_map(move |found: Candidates<'_>| found.filter_map(placed))
            .chain(all.into_iter().flatten())
    }

    #[cfg(test)]
    pub(super) fn index(&self) -> &Index {
        &self.0.index
    }

    fn placed(&self, number: u32) -> Option<Placed<'_>> {
        let number = usize::try_from(number).ok()?;
        let (place, index) = (number / MAX_STATEMENTS, number % MAX_STATEMENTS);
        let policy = self.0.policies.get(place)?;
        Some(Placed { place, policy, index, statement: policy.statements().get(index)? })
    }
}

impl From<Vec<Arc<Policy>>> for PolicySet {
    fn from(policies: Vec<Arc<Policy>>) -> Self {
        let numbered = policies.iter().enumerate().flat_map(|(policy, compiled)| {
            let number = move |index| u32::try_from(policy * MAX_STATEMENTS + index).ok();
            let statements = compiled.statements().iter().enumerate();
            statements.filter_map(move |(index, statement)| Some((number(index)?, statement)))
        });
        let index = Index::new(numbered);
        Self(Arc::new(Indexed { policies: policies.into(), index }))
    }
}

impl From<Arc<Policy>> for PolicySet {
    fn from(policy: Arc<Policy>) -> Self {
        vec![policy].into()
    }
}

impl FromIterator<Arc<Policy>> for PolicySet {
    fn from_iter<I: IntoIterator<Item = Arc<Policy>>>(policies: I) -> Self {
        policies.into_iter().collect::<Vec<_>>().into()
    }
}
