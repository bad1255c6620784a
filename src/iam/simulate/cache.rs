//! Documents that were compiled already, by their text.

use std::collections::HashMap;
use std::sync::Arc;

use super::documents::{Documents, Member};
use super::error::SimulateError;

/// Compiled documents by the text of their member. Whoever writes the texts chooses the keys: the
/// hash is keyed, and texts are compared in full.
#[derive(Debug, Default)]
pub struct SimulateCache {
    known: HashMap<Member, HashMap<Box<str>, Arc<Documents>>>,
    /// Of the texts.
    bytes: usize,
}

impl SimulateCache {
    /// The documents that `text` holds, compiled unless they are known.
    pub(super) fn documents(
        &mut self,
        member: Member,
        text: &str,
        compile: impl FnOnce() -> Result<Documents, SimulateError>,
    ) -> Result<Arc<Documents>, SimulateError> {
        if let Some(known) = self.known.get(&member).and_then(|texts| texts.get(text)) {
            return Ok(Arc::clone(known));
        }
        let documents = Arc::new(compile()?);
        let bytes = text.len() + OVERHEAD;
        if self.bytes + bytes > MOST_BYTES {
            // What is asked again is soon there again.
            self.known.clear();
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.known.entry(member).or_default().insert(text.into(), Arc::clone(&documents));
        Ok(documents)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Bytes of texts that are kept. Compiled, they take some ten times as much.
pub(super) const MOST_BYTES: usize = 4 << 20;
/// What an entry counts beside its text.
const OVERHEAD: usize = 1024;
