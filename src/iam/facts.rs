//! What is known when a condition is evaluated: the three states of a context key.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

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

    /// About how many bytes it keeps alive, where it is kept for long.
    fn bytes(&self) -> usize {
        0
    }
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

/// A small set of facts, by lower-case key. A key that isn't in it is looked up where more is known, if that
/// was said; else it is absent, unless all the keys that begin like it are unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    known: Vec<(Cow<'static, str>, Fact)>,
    more: Option<More>,
    unknown_below: Vec<&'static str>,
}

/// Where a key is looked up that isn't set.
#[derive(Clone)]
struct More(Arc<dyn Context + Send + Sync>);

impl fmt::Debug for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("More")
    }
}

impl PartialEq for More {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for More {}

impl Facts {
    /// No facts.
    pub fn new() -> Self {
        Self::default()
    }

    /// No facts but those of `more`, which is asked when a key is looked up that isn't set.
    pub fn of(more: Arc<dyn Context + Send + Sync>) -> Self {
        Self { more: Some(More(more)), ..Self::default() }
    }

    /// Sets `key` (any case; one in lower case that is written out costs nothing), replacing what it was.
    pub fn set(&mut self, key: impl Into<Cow<'static, str>>, fact: Fact) {
        let mut key = key.into();
        if key.bytes().any(|b| b.is_ascii_uppercase()) {
            key.to_mut().make_ascii_lowercase();
        }
        self.put(key, fact);
    }

    /// Sets all that `others` say, over what is there. Where they know more, that is asked in place of what
    /// was asked before, and after all that is set.
    pub fn extend(&mut self, others: Self) {
        if self.known.is_empty() {
            self.known = others.known;
        } else {
            for (key, fact) in others.known {
                self.put(key, fact);
            }
        }
        self.more = others.more.or(self.more.take());
        self.unknown_below.extend(others.unknown_below);
    }

    fn put(&mut self, key: Cow<'static, str>, fact: Fact) {
        match self.known.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = fact,
            None => self.known.push((key, fact)),
        }
    }

    /// Sets the single-valued `key`.
    pub fn one(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.set(key, Fact::One(value.into()));
    }

    /// Every key that begins with `prefix` (in lower case: `s3:existingobjecttag/`) and isn't set
    /// is unknown: what is kept under it is a backend's.
    pub fn unknown_below(&mut self, prefix: &'static str) {
        debug_assert!(!prefix.bytes().any(|b| b.is_ascii_uppercase()), "{prefix}");
        self.unknown_below.push(prefix);
    }

    /// Gives back the memory that is held for more of them.
    pub fn shrink(&mut self) {
        self.known.shrink_to_fit();
    }

    /// The facts that were set, in their order, keys in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.known.iter().map(|(key, fact)| (key.as_ref(), fact))
    }
}

impl Context for Facts {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match self.known.iter().find(|(known, _)| known == key) {
            None => match self.more.as_ref().map_or(Lookup::Absent, |more| more.0.lookup(key)) {
                Lookup::Absent
                    if self.unknown_below.iter().any(|prefix| key.starts_with(prefix)) =>
                {
                    Lookup::Unknown
                }
                found => found,
            },
            Some((_, Fact::Unknown)) => Lookup::Unknown,
            Some((_, Fact::One(value))) => Lookup::One(Cow::Borrowed(value)),
            Some((_, Fact::Many(values))) => Lookup::Many(Cow::Borrowed(values)),
        }
    }

    fn bytes(&self) -> usize {
        let text = |text: &String| text.len() + 32;
        let known = self.known.iter().map(|(key, fact)| {
            let values = match fact {
                Fact::One(value) => text(value),
                Fact::Many(values) => values.iter().map(text).sum(),
                Fact::Unknown => 0,
            };
            key.len() + 64 + values
        });
        known.sum::<usize>() + self.more.as_ref().map_or(0, |more| more.0.bytes())
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
