//! Revoked tokens, sign-ins, users and sessions: what was good once, and is to be refused before it
//! expires. Nothing in a token tells it, and remembered tokens don't know: the list is asked each time.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use arc_swap::ArcSwap;

use super::{TokenError, VerifiedToken};
use crate::clock::Time;

mod read;

pub use read::ListError;

/// The list in force, which is replaced whole while everyone goes on.
#[derive(Debug)]
pub struct Revocations {
    file: PathBuf,
    /// Whether there is an entry at all: without one, nobody looks any further.
    any: AtomicBool,
    list: ArcSwap<RevocationList>,
    /// When the file last said what the list says, in milliseconds since the epoch.
    confirmed: AtomicI64,
    refused: AtomicBool,
}

/// What a file lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RevocationList {
    tokens: HashMap<Box<str>, Vec<Entry>>,
    sign_ins: HashMap<Box<str>, Vec<Entry>>,
    subjects: HashMap<Box<str>, Vec<Entry>>,
    roles: HashMap<Box<str>, Vec<Entry>>,
}

/// What else an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Of this issuer's tokens alone.
    issuer: Option<Box<str>>,
    /// Of what was issued before this alone.
    before: Option<Time>,
}

/// What tells a login, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoginFacts<'a> {
    /// `iss`.
    pub issuer: Option<&'a str>,
    /// `sub`.
    pub subject: Option<&'a str>,
    /// `jti`.
    pub jti: Option<&'a str>,
    /// `origin_jti`, which all tokens of one sign-in have.
    pub origin_jti: Option<&'a str>,
    /// `iat`.
    pub issued: Option<Time>,
}

impl<'a> LoginFacts<'a> {
    /// Those of a token.
    pub fn of(token: &'a VerifiedToken) -> Self {
        let claims = &token.claims;
        let text = |name| claims.get(name).and_then(|value| value.as_str());
        Self {
            issuer: Some(claims.issuer()),
            subject: claims.subject(),
            jti: text("jti"),
            origin_jti: text("origin_jti"),
            issued: claims.issued_at(),
        }
    }
}

impl Revocations {
    /// The list that `file` had at `now`.
    pub fn new(file: PathBuf, list: RevocationList, now: Time) -> Self {
        let revocations = Self {
            file,
            any: AtomicBool::new(false),
            list: ArcSwap::default(),
            confirmed: AtomicI64::new(0),
            refused: AtomicBool::new(false),
        };
        revocations.replace(list, now);
        revocations
    }

    /// The file it is read from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Puts another list in force, for every request from now on.
    pub fn replace(&self, list: RevocationList, now: Time) {
        let any = !list.is_empty();
        self.list.store(Arc::new(list));
        // After the list: whoever sees that there is something finds it.
        self.any.store(any, Ordering::Release);
        self.confirm(now);
    }

    /// Takes note that the file still says the same.
    pub fn confirm(&self, now: Time) {
        self.confirmed.store(now.millis(), Ordering::Relaxed);
        self.refused.store(false, Ordering::Relaxed);
    }

    /// Takes note that the file can't be read: the list stays as it is.
    pub fn refuse(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    /// Whether the file can't be read at the moment.
    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// When the file last said what the list says.
    pub fn confirmed(&self) -> Time {
        Time::from_millis(self.confirmed.load(Ordering::Relaxed))
    }

    /// The list.
    pub fn list(&self) -> Arc<RevocationList> {
        self.list.load_full()
    }

    /// Whether `token` is revoked.
    pub fn has_token(&self, token: &VerifiedToken) -> bool {
        self.any() && self.list.load().has_login(&LoginFacts::of(token))
    }

    /// Whether what was given for `login` is revoked.
    pub fn has_login(&self, login: &LoginFacts<'_>) -> bool {
        self.any() && self.list.load().has_login(login)
    }

    /// Whether sessions of the role `arn` are revoked that began at `issued`, if it is known when.
    pub fn has_session(&self, arn: &str, issued: Option<Time>) -> bool {
        self.any() && self.list.load().has_session(arn, issued)
    }

    fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }
}

impl RevocationList {
    /// Reads JSON Lines: an object a line, `{"jti": …}`, `{"origin_jti": …}`, `{"sub": …, "before": …}` or
    /// `{"role": …, "before": …}`.
    ///
    /// # Errors
    /// What is wrong, with line and column: the first twenty.
    pub fn parse(text: &str) -> Result<Self, Vec<ListError>> {
        read::parse(text)
    }

    /// How many entries of each kind there are.
    pub fn counts(&self) -> [(&'static str, usize); 4] {
        let count = |map: &HashMap<Box<str>, Vec<Entry>>| map.values().map(Vec::len).sum();
        [
            ("jti", count(&self.tokens)),
            ("origin_jti", count(&self.sign_ins)),
            ("sub", count(&self.subjects)),
            ("role", count(&self.roles)),
        ]
    }

    fn is_empty(&self) -> bool {
        [&self.tokens, &self.sign_ins, &self.subjects, &self.roles].iter().all(|map| map.is_empty())
    }

    fn has_login(&self, login: &LoginFacts<'_>) -> bool {
        let LoginFacts { issuer, subject, jti, origin_jti, issued } = *login;
        [(&self.tokens, jti), (&self.sign_ins, origin_jti), (&self.subjects, subject)]
            .into_iter()
            .any(|(map, key)| has(map, key, issuer, issued))
    }

    fn has_session(&self, arn: &str, issued: Option<Time>) -> bool {
        has(&self.roles, Some(arn), None, issued)
    }
}

fn has(
    map: &HashMap<Box<str>, Vec<Entry>>,
    key: Option<&str>,
    issuer: Option<&str>,
    issued: Option<Time>,
) -> bool {
    let Some(entries) = key.and_then(|key| map.get(key)) else { return false };
    entries.iter().any(|entry| {
        let of_issuer = entry.issuer.as_deref().is_none_or(|wanted| issuer == Some(wanted));
        // What doesn't say when it was issued may be as old as anything.
        let old = entry.before.is_none_or(|before| issued.is_none_or(|issued| issued < before));
        of_issuer && old
    })
}

/// The error of a token that is revoked.
pub(super) fn check(
    list: Option<&Arc<Revocations>>,
    token: &VerifiedToken,
) -> Result<(), TokenError> {
    match list.is_some_and(|list| list.has_token(token)) {
        true => Err(TokenError::Revoked),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
