//! Who may into a cache that is full.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

/// Remembers what was seen lately, so that a full cache takes in only what is seen again (the doorkeeper of TinyLFU).
/// What comes once would be put out first, and to take it in costs more than everything else that is done for it:
/// room has to be made, out of memory that wasn't touched for long.
///
/// Now and then something passes for seen that wasn't: it has the mark of another one.
#[derive(Debug, Default)]
pub(super) struct Doorkeeper {
    /// The upper half of hashes, by the lower. There once something was seen.
    marks: OnceLock<Box<[AtomicU32]>>,
}

impl Doorkeeper {
    /// Whether what has this hash was seen lately; it is from now on.
    pub(super) fn saw(&self, hash: u64) -> bool {
        let marks = self.marks.get_or_init(|| (0..PLACES).map(|_| AtomicU32::new(0)).collect());
        let mark = (hash >> 32) as u32;
        let place = usize::try_from(hash % PLACES as u64).ok().and_then(|place| marks.get(place));
        place.is_some_and(|place| place.swap(mark, Ordering::Relaxed) == mark)
    }
}

/// What comes again is likely to be known when half as many others came between; with so many, one in three is. 256 KiB.
const PLACES: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::{Doorkeeper, PLACES};

    #[test]
    fn what_comes_again_is_known() {
        let door = Doorkeeper::default();
        let hash = |n: u64| ((n + 1) << 32) | (n % PLACES as u64);
        assert!((0..1000).all(|n| !door.saw(hash(n))));
        assert!((0..1000).all(|n| door.saw(hash(n))));
        // Where another one has come since, it is new again.
        assert!(!door.saw(hash(PLACES as u64)));
        assert!(!door.saw(hash(0)));
        assert!(door.saw(hash(0)));
    }
}
