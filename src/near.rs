//! A thread's own way to what all threads share.
//!
//! Asking a concurrent cache costs more than most of what is kept in one saves on the hot path. A
//! [`Near`] remembers where values are and owns none of them: what the cache drops is gone here too,
//! so that it stays the one bound on memory. Nothing is decided by it: a value is found or not, and
//! whoever finds one checks it as one from the cache.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

/// Where values of a cache are, by key: at most [`SETS`] times [`WAYS`] of them.
#[derive(Debug)]
pub(crate) struct Near<K, V> {
    /// Grows to its size when the first value comes.
    sets: Vec<[Slot<K, V>; WAYS]>,
    found: u32,
}

impl<K: Copy + Eq, V> Near<K, V> {
    /// Nothing yet.
    pub(crate) const fn new() -> Self {
        Self { sets: Vec::new(), found: 0 }
    }

    /// The value of `key`, whose hash is `hash`, if it is still there and `fits`.
    ///
    /// Now and then one that is there isn't found, so that the cache learns of its use.
    pub(crate) fn get(&mut self, hash: u64, key: K, fits: impl Fn(&V) -> bool) -> Option<Arc<V>> {
        let set = place(hash).and_then(|place| self.sets.get_mut(place))?;
        let is_it = |slot: &Slot<K, V>| slot.as_ref().is_some_and(|(k, _)| *k == key);
        let way = set.iter().position(is_it)?;
        let value = set.get(way)?.as_ref()?.1.upgrade().filter(|value| fits(value))?;
        self.found = self.found.wrapping_add(1);
        if self.found.is_multiple_of(TOLD) {
            return None;
        }
        // The one that was used last stands first.
        if let Some(used) = set.get_mut(..=way) {
            used.rotate_right(1);
        }
        Some(value)
    }

    /// Remembers where `value` is, in place of the one of its set that wasn't used for longest.
    pub(crate) fn put(&mut self, hash: u64, key: K, value: &Arc<V>) {
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, || [const { None }; WAYS]);
        }
        let Some(set) = place(hash).and_then(|place| self.sets.get_mut(place)) else { return };
        let same = set.iter().position(|slot| slot.as_ref().is_some_and(|(k, _)| *k == key));
        if let Some(used) = set.get_mut(..=same.unwrap_or(WAYS - 1)) {
            used.rotate_right(1);
        }
        if let Some(first) = set.first_mut() {
            *first = Some((key, Arc::downgrade(value)));
        }
    }
}

/// A key, and where its value is.
type Slot<K, V> = Option<(K, Weak<V>)>;

fn place(hash: u64) -> Option<usize> {
    usize::try_from(hash % SETS as u64).ok()
}

/// The name of a cache among all of the process: part of a key, where several may be met. Later ones are greater.
pub(crate) fn cache_name() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// How many values a place of a [`Near`] has.
const WAYS: usize = 8;
/// Places; with keys of 16 bytes a table has 2 MiB.
const SETS: usize = 8192;
/// Of so many values found the cache is told of one.
const TOLD: u32 = 64;

#[cfg(test)]
mod tests;
