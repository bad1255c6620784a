//! How many requests an upstream is sent at a time. What has no room is refused at once: whoever waited in a
//! line would be answered when nobody waits any more.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The room of an upstream.
#[derive(Debug)]
pub struct Room {
    most: usize,
    taken: AtomicUsize,
}

/// A place in it, until it is dropped.
#[derive(Debug)]
pub struct Occupied(Arc<Room>);

impl Room {
    /// For `most` requests.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicUsize::new(0) })
    }

    /// Takes a place; none if there is none.
    pub fn enter(self: &Arc<Self>) -> Option<Occupied> {
        let one_more = |taken: usize| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Occupied(Arc::clone(self)))
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn there_are_so_many_places_and_who_leaves_makes_one() {
        let room = Room::new(2);
        let first = room.enter().unwrap();
        let _second = room.enter().unwrap();
        assert!(room.enter().is_none());
        assert_eq!(room.taken(), 2);
        drop(first);
        assert_eq!(room.taken(), 1);
        assert!(room.enter().is_some());
        assert!(Room::new(0).enter().is_none());
    }
}
