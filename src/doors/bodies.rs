//! How much of callers' bodies is in memory, on all threads.
//!
//! A body that has to be read whole has a limit of its own; this is the limit of them together, so
//! that many callers can't have what one of them may (P6). Beyond it requests are turned away.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// Counts the bytes of bodies that are kept.
#[derive(Debug, Default)]
pub struct Bodies(AtomicUsize);

/// One body's bytes, which count for as long as it lives.
#[derive(Debug)]
pub(super) struct Share {
    bodies: Arc<Bodies>,
    bytes: usize,
}

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Share {
    pub(super) fn of(bodies: &Arc<Bodies>) -> Self {
        Self { bodies: Arc::clone(bodies), bytes: 0 }
    }

    /// Counts `more` bytes, if all bodies together then have at most `most`.
    pub(super) fn add(&mut self, more: usize, most: usize) -> Result<(), NoRoom> {
        let before = self.bodies.0.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
        // What was counted for nothing is given back with the rest.
        if before.saturating_add(more) > most { Err(NoRoom) } else { Ok(()) }
    }

    /// `body`, which counts until the last of its bytes is dropped.
    pub(super) fn keep(self, body: Bytes) -> Bytes {
        match body.is_empty() {
            true => body,
            false => Bytes::from_owner(Kept { body, _share: self }),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.bodies.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct Kept {
    body: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// How many bytes all bodies may have together, where one that is read whole may have `body_buffer`.
pub(super) fn most(body_buffer: usize) -> usize {
    body_buffer.saturating_mul(LARGEST).max(LEAST)
}

/// So many of the largest bodies fit.
const LARGEST: usize = 16;
/// Bytes that there is always room for: many small bodies.
const LEAST: usize = 64 << 20;

#[cfg(test)]
mod tests;
