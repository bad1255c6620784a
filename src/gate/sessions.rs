//! Sessions that tokens got from identity pools, remembered for one generation of rules.

use std::{cell::RefCell, fmt, sync::Arc, time::Duration};

use moka::sync::Cache;

use crate::{
    iam::Context,
    identity::Assumed,
    near::{Near, cache_name},
};

/// Sessions by pool and verified token, bounded in bytes: a session has the claims of its token.
pub struct Sessions {
    shared: Cache<(usize, u64), Arc<Assumed>>,
    name: u64,
}

impl Default for Sessions {
    fn default() -> Self {
        let shared = Cache::builder()
            .max_capacity(MAX_SESSIONS)
            .weigher(|_, assumed: &Arc<Assumed>| weight(assumed))
            // A session is looked up through a valid token only; this just frees the memory.
            .time_to_idle(Duration::from_secs(3600))
            .build();
        Self { shared, name: cache_name() }
    }
}

impl Sessions {
    /// The session of the token with this serial number from the identity pool at `pool`.
    pub(super) fn get(&self, pool: usize, serial: u64) -> Option<Arc<Assumed>> {
        let key = (self.name, pool, serial);
        NEAR.with_borrow_mut(|near| near.get(serial, key, |_| true)).or_else(|| {
            let assumed = self.shared.get(&(pool, serial))?;
            NEAR.with_borrow_mut(|near| near.put(serial, key, &assumed));
            Some(assumed)
        })
    }

    /// Remembers a session.
    pub(super) fn insert(&self, pool: usize, serial: u64, assumed: Arc<Assumed>) {
        self.shared.insert((pool, serial), assumed);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.shared.run_pending_tasks();
        self.shared.entry_count()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

thread_local! {
    static NEAR: RefCell<Near<(u64, usize, u64), Assumed>> = const { RefCell::new(Near::new()) };
}

/// About how many bytes a session takes, with the token that it came from: that may be kept by nothing
/// else.
fn weight(assumed: &Assumed) -> u32 {
    u32::try_from(768 + assumed.session.facts.bytes()).unwrap_or(u32::MAX)
}

/// Bytes of sessions that are kept. With its token, a usual one has about 5 KiB.
const MAX_SESSIONS: u64 = 128 << 20;

#[cfg(test)]
mod tests;
