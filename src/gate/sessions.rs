//! Sessions that tokens got from identity pools, remembered beside them for one generation of rules.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use crate::{
    identity::{Assumed, Counted},
    near::cache_name,
    token::{TokenCache, VerifiedToken},
};

/// The sessions of one generation. They are kept by their tokens, which are bounded, and end with them.
pub struct Sessions {
    /// Of this generation among all of the process.
    name: u64,
    count: Arc<AtomicI64>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { name: cache_name(), count: Arc::default() }
    }
}

impl Sessions {
    /// The session of `token` from the identity pool at `pool`.
    pub(super) fn get(&self, pool: usize, token: &VerifiedToken) -> Option<Arc<Assumed>> {
        token.memo.get((self.name, pool))
    }

    /// Remembers the session of `token` from the identity pool at `pool`.
    pub(super) fn keep(
        &self,
        pool: usize,
        token: &VerifiedToken,
        assumed: Assumed,
    ) -> Arc<Assumed> {
        let counted = Some(Counted::one_of(&self.count));
        let assumed = Arc::new(Assumed { counted, ..assumed });
        token.memo.put((self.name, pool), Arc::clone(&assumed));
        assumed
    }

    /// Ends the sessions of earlier generations that `tokens` keep, and the roles with them.
    pub fn end_earlier(&self, tokens: &TokenCache) {
        tokens.forget_before(self.name);
    }

    /// How many there are.
    pub fn count(&self) -> i64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}
