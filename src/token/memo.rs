//! What follows from a token, remembered beside it.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// What was found out about a token, by whoever wants to know it again: it is forgotten with the token, and where
/// there is more than there is room for, what was found out first.
#[derive(Default)]
pub(crate) struct Memo(Mutex<[Option<Note>; ROOM]>);

/// Under which name something is remembered: whose it is, and which of those.
pub(crate) type Name = (u64, usize);

type Note = (Name, Arc<dyn Any + Send + Sync>);

impl Memo {
    /// What is remembered under `name`.
    pub(crate) fn get<T: Send + Sync + 'static>(&self, name: Name) -> Option<Arc<T>> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, found) = notes.iter().flatten().find(|(known, _)| *known == name)?;
        Arc::clone(found).downcast().ok()
    }

    /// Forgets what is older than whose name is `owner`: names grow.
    pub(crate) fn forget_before(&self, owner: u64) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for note in notes.iter_mut().filter(|n| n.as_ref().is_some_and(|(n, _)| n.0 < owner)) {
            *note = None;
        }
    }

    /// Remembers something.
    pub(crate) fn put<T: Send + Sync + 'static>(&self, name: Name, what: Arc<T>) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same =
            notes.iter().position(|note| note.as_ref().is_some_and(|(known, _)| *known == name));
        if let Some(aside) = notes.get_mut(..=same.unwrap_or(ROOM - 1)) {
            aside.rotate_right(1);
        }
        if let Some(first) = notes.first_mut() {
            *first = Some((name, what));
        }
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").finish_non_exhaustive()
    }
}

/// Notes for each token: most have a session in one identity pool.
const ROOM: usize = 3;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Memo, ROOM};

    #[test]
    fn what_was_found_out_last_is_there_under_its_name_and_kind() {
        let memo = Memo::default();
        assert_eq!(memo.get::<u8>((1, 0)), None);
        memo.put((1, 0), Arc::new(7_u8));
        memo.put((1, 1), Arc::new("other"));
        assert_eq!(memo.get((1, 0)), Some(Arc::new(7_u8)));
        assert_eq!(memo.get((1, 1)), Some(Arc::new("other")));
        assert_eq!(memo.get::<u8>((1, 1)), None, "of another kind");
        assert_eq!(memo.get::<u8>((2, 0)), None, "somebody else's");
        memo.put((1, 0), Arc::new(8_u8));
        assert_eq!(
            (memo.get((1, 0)), memo.get((1, 1))),
            (Some(Arc::new(8_u8)), Some(Arc::new("other")))
        );
    }

    #[test]
    fn there_is_room_for_few() {
        let memo = Memo::default();
        for which in 0..=ROOM {
            memo.put((1, which), Arc::new(which));
        }
        assert_eq!(memo.get::<usize>((1, 0)), None);
        assert!((1..=ROOM).all(|which| memo.get((1, which)) == Some(Arc::new(which))));
        memo.forget_before(1);
        assert!(memo.get::<usize>((1, 1)).is_some());
        memo.forget_before(2);
        assert!(memo.get::<usize>((1, 1)).is_none());
    }
}
