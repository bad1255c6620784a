//! The context keys of tags that a request carries.

use crate::iam::{Fact, Facts};

/// Tags, in the request's order. Their keys differ.
pub(super) type Tags = Vec<(String, String)>;

/// The context keys of tags that a request carries.
pub(super) struct TagKeys {
    /// What the key of a tag's value begins with, in lower case.
    pub(super) prefix: &'static str,
    /// The key of all their keys.
    pub(super) keys: &'static str,
}

impl TagKeys {
    /// Sets the tags' values and the list of their keys.
    pub(super) fn set(&self, tags: &Tags, facts: &mut Facts) {
        for (at, (key, value)) in tags.iter().enumerate() {
            // Context keys have no case, tags do: of two that are one key, which one it is can't
            // be said.
            let twin = |(other, (name, _)): (usize, &(String, String))| {
                other != at && name.eq_ignore_ascii_case(key)
            };
            let fact = match tags.iter().enumerate().any(twin) {
                true => Fact::Unknown,
                false => Fact::One(value.clone()),
            };
            facts.set(format!("{}{key}", self.prefix), fact);
        }
        self.set_keys(tags.iter().map(|(key, _)| key.as_str()), facts);
    }

    /// Sets the list of tags' keys alone.
    pub(super) fn set_keys<'k>(&self, keys: impl Iterator<Item = &'k str>, facts: &mut Facts) {
        facts.set(self.keys, Fact::Many(keys.map(str::to_owned).collect()));
    }
}
