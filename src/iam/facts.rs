//! What is known when a condition is evaluated: the three states of a context key.

use std::borrow::Cow;

/// The state of one context key, as a condition sees it.
///
/// *Unknown* means that the key exists but can't be observed here. It never satisfies an Allow and
/// always satisfies a Deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// The request has no such key.
    Absent,
    /// The key exists, its value can't be observed here.
    Unknown,
    /// A single-valued key.
    One(Cow<'a, str>),
    /// A multi-valued key (IAM's `ArrayOf…` types), possibly with no or one value.
    Many(Cow<'a, [String]>),
}

/// Where conditions and policy variables find context keys.
pub trait Context {
    /// Looks up `key`, which is in ASCII lower case (`aws:principaltag/team`), since IAM compares
    /// the names of keys without regard to case.
    fn lookup(&self, key: &str) -> Lookup<'_>;
}

/// One fact about a session or a request, under the name of a context key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The value of a single-valued key.
    One(String),
    /// The values of a multi-valued key.
    Many(Vec<String>),
    /// The key exists, its value can't be observed here.
    Unknown,
}

/// A small set of facts, by lower-case key. A key that isn't in it is absent, unless all the keys
/// that begin like it are unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    known: Vec<(String, Fact)>,
    unknown_below: Vec<&'static str>,
}

impl Facts {
    /// No facts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` (any case), replacing what it was.
    pub fn set(&mut self, key: &str, fact: Fact) {
        self.put(key.to_ascii_lowercase(), fact);
    }

    /// Sets all that `others` say, over what is there.
    pub fn extend(&mut self, others: Self) {
        if self.known.is_empty() {
            self.known = others.known;
        } else {
            for (key, fact) in others.known {
                self.put(key, fact);
            }
        }
        self.unknown_below.extend(others.unknown_below);
    }

    fn put(&mut self, key: String, fact: Fact) {
        match self.known.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = fact,
            None => self.known.push((key, fact)),
        }
    }

    /// Sets the single-valued `key`.
    pub fn one(&mut self, key: &str, value: impl Into<String>) {
        self.set(key, Fact::One(value.into()));
    }

    /// Every key that begins with `prefix` (in lower case: `s3:existingobjecttag/`) and isn't set
    /// is unknown: what is kept under it is a backend's.
    pub fn unknown_below(&mut self, prefix: &'static str) {
        debug_assert!(!prefix.bytes().any(|b| b.is_ascii_uppercase()), "{prefix}");
        self.unknown_below.push(prefix);
    }

    /// The facts, in the order they were set, keys in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.known.iter().map(|(key, fact)| (key.as_str(), fact))
    }
}

impl Context for Facts {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match self.known.iter().find(|(known, _)| known == key) {
            None if self.unknown_below.iter().any(|prefix| key.starts_with(prefix)) => {
                Lookup::Unknown
            }
            None => Lookup::Absent,
            Some((_, Fact::Unknown)) => Lookup::Unknown,
            Some((_, Fact::One(value))) => Lookup::One(Cow::Borrowed(value)),
            Some((_, Fact::Many(values))) => Lookup::Many(Cow::Borrowed(values)),
        }
    }
}

/// Two contexts as one: what the first doesn't have is looked up in the second.
pub struct Both<'a>(
    /// Asked first.
    pub &'a dyn Context,
    /// Asked for what the first doesn't have.
    pub &'a dyn Context,
);

impl Context for Both<'_> {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match self.0.lookup(key) {
            Lookup::Absent => self.1.lookup(key),
            found => found,
        }
    }
}
