//! What a statement is evaluated against, and the unknown keys met on the way.

use super::facts::{Context, Facts, Lookup};

/// Where one evaluation finds context keys: the check's own, the session's, the request's.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) check: &'a Facts,
    pub(super) session: &'a Facts,
    pub(super) request: &'a dyn Context,
}

impl<'a> Scope<'a> {
    /// Looks up a key in lower case. The first that has it answers, also if it says unknown.
    pub(super) fn lookup(&self, key: &str) -> Lookup<'a> {
        for facts in [self.check, self.session] {
            match facts.lookup(key) {
                Lookup::Absent => {}
                found => return found,
            }
        }
        self.request.lookup(key)
    }
}

/// Names of unknown keys, each once. Takes no memory until there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Unknowns(Vec<String>);

impl Unknowns {
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, key: &str) {
        if !self.0.iter().any(|known| known.eq_ignore_ascii_case(key)) {
            self.0.push(key.to_owned());
        }
    }

    pub(super) fn absorb(&mut self, other: Self) {
        for key in other.0 {
            self.add(&key);
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.0
    }
}
