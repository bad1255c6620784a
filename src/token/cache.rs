//! Verified tokens, remembered.
//!
//! The key is the token's whole text, compared in full. Only verified tokens are kept, so junk takes
//! no room. Nothing that may change is baked in:
//! times, keys and the issuer's settings are checked on every hit.

use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use moka::sync::Cache;

use crate::clock::Time;

use super::doorkeeper::Doorkeeper;
use super::{Issuers, Replays, TokenError, VerifiedToken};
use crate::near::{Near, cache_name};

/// Verified tokens, shared by all threads and bounded in bytes; and the proofs that came with them,
/// which are good for once.
pub struct TokenCache {
    tokens: Cache<Arc<str>, Arc<VerifiedToken>, TailState>,
    /// Hashes for a thread's own way to them, and for the door.
    near: TailState,
    name: u64,
    door: Doorkeeper,
    replays: Replays,
}

impl TokenCache {
    /// A cache of about `max_bytes` bytes.
    pub fn new(max_bytes: u64) -> Self {
        let tokens = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, token: &Arc<VerifiedToken>| weight(token))
            .build_with_hasher(TailState::default());
        let (near, name) = (TailState::default(), cache_name());
        Self { tokens, near, name, door: Doorkeeper::default(), replays: Replays::new() }
    }

    /// The verified token with this text, if it is known and stands under `issuers` now. `None`:
    /// [verify it](Self::verify).
    ///
    /// # Errors
    /// [`TokenError::Expired`], [`TokenError::NotYetValid`], [`TokenError::Revoked`].
    pub fn lookup(
        &self,
        token: &str,
        issuers: &Issuers,
        now: Time,
    ) -> Result<Option<Arc<VerifiedToken>>, TokenError> {
        let Some(known) = self.find(token) else { return Ok(None) };
        if !known.still_valid_key() || !issuers.still_accepts(&known) {
            self.tokens.invalidate(token);
            return Ok(None);
        }
        if let Err(error) = known.check_times(now, issuers.leeway()) {
            self.tokens.invalidate(token);
            return Err(error);
        }
        issuers.check_revoked(&known)?;
        Ok(Some(known))
    }

    /// Verifies a token that isn't known, and remembers it: where no room is left, only if it was verified before,
    /// not long ago. Does no I/O.
    ///
    /// # Errors
    /// As [`Issuers::verify`]. Errors are not remembered.
    pub fn verify(
        &self,
        token: &str,
        issuers: &Issuers,
        now: Time,
    ) -> Result<Arc<VerifiedToken>, TokenError> {
        let verified = Arc::new(issuers.verify(token, now)?);
        if self.has_room_for(&verified) || self.door.saw(self.near.hash_one(token)) {
            self.tokens.insert(Arc::clone(verified.text()), Arc::clone(&verified));
        }
        issuers.check_revoked(&verified)?;
        Ok(verified)
    }

    fn find(&self, token: &str) -> Option<Arc<VerifiedToken>> {
        let hash = self.near.hash_one(token);
        let key = (self.name, hash);
        let is_it = |known: &VerifiedToken| **known.text() == *token;
        NEAR.with_borrow_mut(|near| near.get(hash, key, is_it)).or_else(|| {
            let known = self.tokens.get(token)?;
            NEAR.with_borrow_mut(|near| near.put(hash, key, &known));
            Some(known)
        })
    }

    fn has_room_for(&self, token: &VerifiedToken) -> bool {
        let room = self.tokens.policy().max_capacity().unwrap_or(u64::MAX);
        self.tokens.weighted_size() + u64::from(weight(token)) <= room
    }

    /// Lets tokens forget what is older than whose name is `owner`.
    pub(crate) fn forget_before(&self, owner: u64) {
        for (_, token) in &self.tokens {
            token.memo.forget_before(owner);
        }
    }

    /// The proofs that were shown.
    pub(crate) fn replays(&self) -> &Replays {
        &self.replays
    }

    /// Bytes in use, about.
    pub fn bytes(&self) -> u64 {
        self.tokens.run_pending_tasks();
        self.tokens.weighted_size()
    }
}

impl Default for TokenCache {
    /// The cache of a process: of 128 MiB.
    fn default() -> Self {
        Self::new(128 << 20)
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

fn weight(token: &VerifiedToken) -> u32 {
    u32::try_from(token.bytes()).unwrap_or(u32::MAX)
}

thread_local! {
    static NEAR: RefCell<Near<(u64, u64), VerifiedToken>> = const { RefCell::new(Near::new()) };
}

/// Hashes the end of a text under a random key: the last bytes of a token are its issuer's signature,
/// which differs as the tokens do, and which whoever sends one that is kept can't choose.
#[derive(Clone, Default)]
struct TailState(RandomState);

impl BuildHasher for TailState {
    type Hasher = TailHasher<<RandomState as BuildHasher>::Hasher>;

    fn build_hasher(&self) -> Self::Hasher {
        TailHasher(self.0.build_hasher())
    }
}

struct TailHasher<H>(H);

impl<H: Hasher> Hasher for TailHasher<H> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes.last_chunk::<TAIL>().map_or(bytes, <[u8; TAIL]>::as_slice));
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// 24 bytes in base64url.
const TAIL: usize = 32;

#[cfg(test)]
mod tests;
