//! The proofs that were shown lately, so that each is good for once (RFC 9449 §11.1).
//!
//! Two generations of proofs, each of which is dropped whole: memory is bounded, and given back.
//! INVARIANT: a proof that might have been dropped is refused. It is told by the newest `iat` among
//! the dropped ones, so that it holds whatever clocks and slow requests do. Under a flood the
//! generations change sooner, and proofs have to be younger; none is accepted twice.
//!
//! Each process has a memory of its own: another replica, or the same one after a restart, knows
//! nothing of it.

use std::collections::HashSet;
use std::fmt;
use std::mem;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;

use super::dpop::{AHEAD, PAST};
use super::{DpopError, DpopProof};
use crate::clock::Time;

/// The proofs that were shown lately.
pub(crate) struct Replays {
    /// Callers choose what is kept: nobody can make two proofs look alike without it.
    key: hmac::Key,
    generations: Mutex<Generations>,
    /// Proofs in one generation.
    capacity: usize,
}

#[derive(Default)]
struct Generations {
    current: Generation,
    previous: Generation,
    /// When the current one began.
    since: Option<Time>,
    /// The newest `iat` of all that were dropped.
    dropped: Option<Time>,
}

#[derive(Default)]
struct Generation {
    proofs: HashSet<[u8; 16]>,
    /// The newest `iat` among them.
    newest: Option<Time>,
}

impl Replays {
    /// A memory of nothing.
    pub(crate) fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: usize) -> Self {
        let mut key = [0; 32];
        // A failing random source leaves a key that can be guessed, and then a proof of one's own
        // may be made to look like another of one's own.
        let _ = aws_lc_rs::rand::fill(&mut key);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Self { key, generations: Mutex::default(), capacity }
    }

    /// Takes note of a proof that was shown at `now`.
    ///
    /// # Errors
    /// [`DpopError::Replayed`] if it was shown before, [`DpopError::Time`] if that isn't known any
    /// more.
    pub(crate) fn admit(&self, proof: &DpopProof, now: Time) -> Result<(), DpopError> {
        let id = self.id(proof);
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.turn(now, self.capacity);
        if generations.dropped.is_some_and(|newest| proof.issued() <= newest) {
            return Err(DpopError::Time);
        }
        if generations.previous.proofs.contains(&id) || !generations.current.proofs.insert(id) {
            return Err(DpopError::Replayed);
        }
        let newest = &mut generations.current.newest;
        *newest = (*newest).max(Some(proof.issued()));
        Ok(())
    }

    /// What a proof is kept as: its `jti` among those of its key.
    fn id(&self, proof: &DpopProof) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(proof.key().as_bytes());
        context.update(proof.id().as_bytes());
        let mut id = [0; 16];
        for (slot, byte) in id.iter_mut().zip(context.sign().as_ref()) {
            *slot = *byte;
        }
        id
    }
}

impl Generations {
    /// Begins a new generation where it is time to, or no room is left.
    fn turn(&mut self, now: Time, capacity: usize) {
        let since = *self.since.get_or_insert(now);
        let full = self.current.proofs.len() >= capacity;
        if now < since.plus_secs(KEPT) && !full {
            return;
        }
        let last = mem::replace(&mut self.previous, mem::take(&mut self.current));
        self.dropped = self.dropped.max(last.newest);
        self.since = Some(now);
    }
}

impl fmt::Debug for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replays").finish_non_exhaustive()
    }
}

/// Seconds of one generation. A proof is good for less, so that none is refused for having been
/// dropped unless there is a flood.
const KEPT: i64 = PAST + AHEAD + 10;

/// Proofs in one generation: over 11,000 a second. A full set of 16 bytes takes 18 MB.
const CAPACITY: usize = (1 << 20) / 8 * 7;

#[cfg(test)]
mod tests;
