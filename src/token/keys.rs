//! The live keys of one source.
//!
//! Readers take a snapshot without locks. The background task of the [`KeyStore`](super::KeyStore)
//! is the only writer; it replaces the snapshot only by a good answer.
//!
//! INVARIANT: the generation changes whenever a key that verified tokens until now is gone or
//! replaced, so that nothing verified by it is believed any longer.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::key::JwkEntry;
use super::{MAX_KEYS_BYTES, VerificationKey, json};

/// The live keys of one source; the same handle across reloads.
pub struct KeySet {
    snapshot: ArcSwap<Snapshot>,
    born: Instant,
    /// Milliseconds after `born` of the last good answer, plus one; 0 while there was none.
    loaded: AtomicU64,
    max_stale_millis: AtomicU64,
    aging: Aging,
    demand: Option<mpsc::Sender<Demand>>,
    results: Mutex<BTreeMap<&'static str, u64>>,
}

/// Figures of one key set, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStats {
    /// Whether the set has ever been loaded.
    pub ready: bool,
    /// How many keys it holds.
    pub keys: usize,
    /// Time since the last good answer.
    pub age: Option<Duration>,
    /// Changes when a key is removed or replaced.
    pub generation: u64,
    /// Refreshes so far by result: `loaded`, or the reason of the failure.
    pub refreshes: Vec<(&'static str, u64)>,
}

/// Why a key document is not taken. The keys held before stay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// Over [`MAX_KEYS_BYTES`].
    #[error("the key document is larger than 150 KB")]
    TooLarge,
    /// Not a JWK Set, not JSON at all, or with duplicate members.
    #[error("the document is not a JWK Set (RFC 7517): an object with an array `keys`")]
    NotJwkSet,
    /// Over 64 keys.
    #[error("the key document has more than 64 keys")]
    TooManyKeys,
    /// No key that could verify a token.
    #[error(
        "the key document has no usable key: asymmetric, for signatures, with `kid`, RSA of at least 2048 bits"
    )]
    NoUsableKey,
    /// A key in use is broken in the new document.
    #[error("a key that is in use is broken in the new key document")]
    BrokenKey,
    /// A load balancer's key is not the PEM of a P-256 public key.
    #[error("the load balancer's key is not the PEM of a P-256 public key")]
    NotPem,
}

impl KeysError {
    /// A stable code for metrics, logs and documentation.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotJwkSet => "not_jwk_set",
            Self::TooManyKeys => "too_many_keys",
            Self::NoUsableKey => "no_usable_key",
            Self::BrokenKey => "broken_key",
            Self::NotPem => "not_pem",
        }
    }
}

/// Why [`KeySet::refresh`] brought no key. Each denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// The source answered, and the key id is not among its keys.
    #[error("the source has no such key")]
    NoSuchKey,
    /// The source was asked in vain a moment ago and is not asked again yet.
    #[error("the source was asked a moment ago; not asking again yet")]
    Cooldown,
    /// The source could not be read.
    #[error("the source could not be read: {0}")]
    Failed(&'static str),
    /// No answer within 3 s.
    #[error("the source did not answer in time")]
    TimedOut,
    /// Too many are waiting already.
    #[error("too many requests are waiting for this source")]
    Busy,
    /// The set is fixed, or its source is no longer configured.
    #[error("this key set is no longer refreshed")]
    Closed,
}

impl RefreshError {
    /// A stable code for metrics, logs and documentation.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoSuchKey => "no_such_key",
            Self::Cooldown => "cooldown",
            Self::Failed(reason) => reason,
            Self::TimedOut => "timed_out",
            Self::Busy => "busy",
            Self::Closed => "closed",
        }
    }
}

/// A key looked up, with the generation of the snapshot it came from.
pub(crate) struct Found {
    pub(crate) key: Arc<VerificationKey>,
    pub(crate) generation: u64,
}

/// Why a look-up found no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    NeverLoaded,
    Stale,
    Unknown,
}

/// Whether the set grows old as a whole or key by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aging {
    Whole,
    EachKey,
}

/// Somebody waits for a key.
pub(crate) struct Demand {
    pub(crate) kid: String,
    pub(crate) answer: oneshot::Sender<Result<(), RefreshError>>,
}

/// A good key document.
pub(crate) struct Document {
    pub(crate) keys: HashMap<String, VerificationKey>,
    pub(crate) broken: Vec<String>,
}

#[derive(Default)]
struct Snapshot {
    keys: HashMap<String, Held>,
    generation: u64,
}

#[derive(Clone)]
struct Held {
    key: Arc<VerificationKey>,
    /// As [`KeySet::loaded`], when this key was last seen.
    loaded: u64,
}

impl KeySet {
    /// A set that never changes and never grows old, from the text of a JWK Set.
    ///
    /// # Errors
    /// [`KeysError`] if the text is not a JWK Set with at least one usable key.
    pub fn fixed(jwks: &[u8]) -> Result<Arc<Self>, KeysError> {
        let set = Self::new(Aging::Whole, None);
        set.install(Document::parse(jwks)?)?;
        Ok(Arc::new(set))
    }

    pub(crate) fn new(aging: Aging, demand: Option<mpsc::Sender<Demand>>) -> Self {
        Self {
            snapshot: ArcSwap::default(),
            born: Instant::now(),
            loaded: AtomicU64::new(0),
            max_stale_millis: AtomicU64::new(u64::MAX),
            aging,
            demand,
            results: Mutex::default(),
        }
    }

    /// Changes when a key is removed or replaced, and at no other time.
    pub fn generation(&self) -> u64 {
        self.snapshot.load().generation
    }

    /// Whether the keys have ever been loaded. A latch: a later failure does not undo it. The
    /// directory of a load balancer is read on demand and is ready at once.
    pub fn ready(&self) -> bool {
        self.aging == Aging::EachKey || self.loaded.load(Ordering::Acquire) != 0
    }

    /// Whether the last good answer is older than `max_stale`.
    pub fn is_stale(&self) -> bool {
        self.aging == Aging::Whole && self.is_old(self.loaded.load(Ordering::Acquire))
    }

    /// The key with this id, if it may be used now.
    pub fn key(&self, kid: &str) -> Option<Arc<VerificationKey>> {
        self.find(kid).ok().map(|found| found.key)
    }

    /// Figures for metrics.
    pub fn stats(&self) -> KeyStats {
        let snapshot = self.snapshot.load();
        let loaded = self.loaded.load(Ordering::Acquire);
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        KeyStats {
            ready: self.ready(),
            keys: snapshot.keys.len(),
            age: (loaded != 0).then(|| Duration::from_millis(self.clock().saturating_sub(loaded))),
            generation: snapshot.generation,
            refreshes: results.iter().map(|(reason, count)| (*reason, *count)).collect(),
        }
    }

    /// Asks the source for `kid` unless it is known by now. One fetch serves everybody who waits;
    /// after one in vain the source (of a load balancer: the key id) is left alone for 10 s. Waits 3 s at most, from any runtime.
    ///
    /// # Errors
    /// [`RefreshError`]: deny.
    pub async fn refresh(&self, kid: &str) -> Result<(), RefreshError> {
        if self.find(kid).is_ok() {
            return Ok(());
        }
        let demand = self.demand.as_ref().ok_or(RefreshError::Closed)?;
        let (answer, answered) = oneshot::channel();
        demand.try_send(Demand { kid: kid.to_owned(), answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RefreshError::Busy,
            mpsc::error::TrySendError::Closed(_) => RefreshError::Closed,
        })?;
        match timeout(WAIT, answered).await {
            Ok(answer) => answer.unwrap_or(Err(RefreshError::Closed)),
            Err(_) => Err(RefreshError::TimedOut),
        }
    }

    pub(crate) fn find(&self, kid: &str) -> Result<Found, Missing> {
        if !self.ready() {
            return Err(Missing::NeverLoaded);
        }
        if self.is_stale() {
            return Err(Missing::Stale);
        }
        let snapshot = self.snapshot.load();
        let held = snapshot.keys.get(kid).ok_or(Missing::Unknown)?;
        if self.aging == Aging::EachKey && self.is_old(held.loaded) {
            return Err(Missing::Unknown);
        }
        Ok(Found { key: Arc::clone(&held.key), generation: snapshot.generation })
    }

    pub(crate) fn keep_for(&self, max_stale: Duration) {
        let millis = u64::try_from(max_stale.as_millis()).unwrap_or(u64::MAX);
        self.max_stale_millis.store(millis, Ordering::Release);
    }

    pub(crate) fn count(&self, result: &'static str) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        *results.entry(result).or_default() += 1;
    }

    /// Takes a good document in place of the keys held.
    pub(crate) fn install(&self, document: Document) -> Result<(), KeysError> {
        let old = self.snapshot.load();
        // A broken entry for a key in use is a fault of the answer, not its withdrawal.
        if document.broken.iter().any(|kid| old.keys.contains_key(kid)) {
            return Err(KeysError::BrokenKey);
        }
        let now = self.clock();
        let mut changed = false;
        let mut keys = HashMap::with_capacity(document.keys.len());
        for (kid, key) in document.keys {
            let key = match old.keys.get(&kid) {
                Some(held) if held.key.same_as(&key) => Arc::clone(&held.key),
                Some(_) => {
                    changed = true;
                    Arc::new(key)
                }
                None => Arc::new(key),
            };
            keys.insert(kid, Held { key, loaded: now });
        }
        changed |= old.keys.keys().any(|kid| !keys.contains_key(kid));
        self.swap(keys, old.generation + u64::from(changed), now);
        Ok(())
    }

    /// Takes one key of a load balancer beside those held; the oldest make room. Making room is
    /// not a withdrawal, so it leaves the generation alone.
    pub(crate) fn add(&self, kid: String, key: VerificationKey) {
        let old = self.snapshot.load();
        let now = self.clock();
        let mut keys = old.keys.clone();
        let changed = keys.get(&kid).is_some_and(|held| !held.key.same_as(&key));
        keys.remove(&kid);
        while keys.len() >= MAX_KEYS {
            let oldest =
                keys.iter().min_by_key(|(_, held)| held.loaded).map(|(kid, _)| kid.clone());
            let Some(oldest) = oldest else { break };
            keys.remove(&oldest);
        }
        keys.insert(kid, Held { key: Arc::new(key), loaded: now });
        self.swap(keys, old.generation + u64::from(changed), now);
    }

    /// The source was read again and says the same as before.
    pub(crate) fn touch(&self) {
        self.loaded.store(self.clock(), Ordering::Release);
    }

    fn swap(&self, keys: HashMap<String, Held>, generation: u64, now: u64) {
        self.snapshot.store(Arc::new(Snapshot { keys, generation }));
        self.loaded.store(now, Ordering::Release);
    }

    fn is_old(&self, loaded: u64) -> bool {
        let limit = self.max_stale_millis.load(Ordering::Acquire);
        // A fixed set has no limit and need not read the clock.
        limit != u64::MAX && self.clock().saturating_sub(loaded) > limit
    }

    /// Milliseconds since the set was made, plus one. Monotonic: a jump of the wall clock makes
    /// no key older.
    fn clock(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Document {
    /// Reads a JWK Set. Keys that are not for us are passed over; two usable keys under one id
    /// are both left out, for nothing says which one signed.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, KeysError> {
        if text.len() > MAX_KEYS_BYTES {
            return Err(KeysError::TooLarge);
        }
        let set = json::object(text).map_err(|_| KeysError::NotJwkSet)?;
        let Some(Value::Array(entries)) = set.get("keys") else {
            return Err(KeysError::NotJwkSet);
        };
        if entries.len() > MAX_KEYS {
            return Err(KeysError::TooManyKeys);
        }
        let mut keys: HashMap<String, Option<VerificationKey>> = HashMap::new();
        let mut broken = Vec::new();
        for entry in entries {
            match JwkEntry::read(entry) {
                JwkEntry::Usable(kid, key) => {
                    let only = match keys.remove(&kid) {
                        None => Some(key),
                        Some(Some(other)) if other.same_as(&key) => Some(key),
                        Some(_) => None,
                    };
                    keys.insert(kid, only);
                }
                JwkEntry::Skipped => {}
                JwkEntry::Broken(kid) => broken.extend(kid),
            }
        }
        let keys: HashMap<_, _> =
            keys.into_iter().filter_map(|(kid, key)| Some((kid, key?))).collect();
        if keys.is_empty() {
            return Err(KeysError::NoUsableKey);
        }
        Ok(Self { keys, broken })
    }
}

/// How long [`KeySet::refresh`] waits.
const WAIT: Duration = Duration::from_secs(3);

/// Keys in one document, and load balancer keys held at once.
const MAX_KEYS: usize = 64;

#[cfg(test)]
mod tests;
