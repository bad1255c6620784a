//! The policies of one layer.

use std::sync::{Arc, LazyLock};

use super::compile::Policy;

/// The policies that make up one layer, or one level of it.
///
/// Clones are cheap: they share what is compiled.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    policies: Arc<[Arc<Policy>]>,
}

impl PolicySet {
    /// No policies.
    pub fn none() -> &'static Self {
        static NONE: LazyLock<PolicySet> = LazyLock::new(PolicySet::default);
        &NONE
    }

    /// Its policies, in order.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }
}

impl From<Vec<Arc<Policy>>> for PolicySet {
    fn from(policies: Vec<Arc<Policy>>) -> Self {
        Self { policies: policies.into() }
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
