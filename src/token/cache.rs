//! Verified tokens, remembered.
//!
//! The key is the token's whole text, compared in full under a keyed hash, since callers choose
//! it. Only verified tokens are kept, so junk takes no room. Nothing that may change is baked in:
//! times, keys and the issuer's settings are checked on every hit.

use std::fmt;
use std::sync::Arc;

use moka::sync::Cache;

use crate::clock::Time;

use super::{Issuers, Replays, TokenError, VerifiedToken};

/// Verified tokens, shared by all threads and bounded in bytes; and the proofs that came with them,
/// which are good for once.
pub struct TokenCache {
    tokens: Cache<Arc<str>, Arc<VerifiedToken>>,
    replays: Replays,
}

impl TokenCache {
    /// A cache of about `max_bytes` bytes.
    pub fn new(max_bytes: u64) -> Self {
        let tokens = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|token: &Arc<str>, _| weight(token))
            .build();
        Self { tokens, replays: Replays::new() }
    }

    /// The verified token with this text, if it is known and stands under `issuers` now. `None`:
    /// verify it.
    ///
    /// # Errors
    /// [`TokenError::Expired`], [`TokenError::NotYetValid`].
    pub fn lookup(
        &self,
        token: &str,
        issuers: &Issuers,
        now: Time,
    ) -> Result<Option<Arc<VerifiedToken>>, TokenError> {
        let Some(known) = self.tokens.get(token) else { return Ok(None) };
        if !known.still_valid_key() || !issuers.still_accepts(&known) {
            self.tokens.invalidate(token);
            return Ok(None);
        }
        if let Err(error) = known.check_times(now, issuers.leeway()) {
            self.tokens.invalidate(token);
            return Err(error);
        }
        Ok(Some(known))
    }

    /// Looks `token` up, or verifies and remembers it. Does no I/O.
    ///
    /// # Errors
    /// As [`Issuers::verify`]. Errors are not remembered.
    pub fn verify(
        &self,
        token: &str,
        issuers: &Issuers,
        now: Time,
    ) -> Result<Arc<VerifiedToken>, TokenError> {
        if let Some(known) = self.lookup(token, issuers, now)? {
            return Ok(known);
        }
        let verified = Arc::new(issuers.verify(token, now)?);
        self.tokens.insert(token.into(), Arc::clone(&verified));
        Ok(verified)
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

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

/// The text, its claims as a tree (about seven times their text), and the bookkeeping.
fn weight(token: &str) -> u32 {
    u32::try_from(token.len()).unwrap_or(u32::MAX).saturating_mul(7).saturating_add(512)
}

#[cfg(test)]
mod tests;
