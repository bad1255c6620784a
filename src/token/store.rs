//! Background work on key sets: one task a source, so that one bad source delays no other.
//!
//! A task loads at once, then well before anybody needs it; after a failure it tries again with
//! growing, jittered pauses. It also serves those who wait for an unknown key id: one fetch for
//! all of them, then a pause, so that a flood of made-up key ids costs the issuer one request in
//! 10 s (a load balancer's directory, where every key id has its own URL: one a second). A bad answer changes nothing but a counter.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::field::display;

use super::allowance::Allowance;
use super::keys::{Aging, Demand, Document};
use super::{
    Fetch, FetchError, KeySet, KeySource, KeysError, MAX_KEYS_BYTES, RefreshError, VerificationKey,
    json, key_file,
};

/// The key sets of all sources, kept fresh in the background.
pub struct KeyStore {
    fetch: Arc<dyn Fetch>,
    sources: Mutex<HashMap<KeySource, Source>>,
}

struct Source {
    keys: Arc<KeySet>,
    task: AbortHandle,
}

/// The key sets of a configuration that may yet be refused: what is in force is as it was.
#[derive(Default)]
pub struct KeyPlan(Vec<Planned>);

struct Planned {
    source: KeySource,
    keys: Arc<KeySet>,
    /// Of a new set, for its task.
    demands: Option<mpsc::Receiver<Demand>>,
}

impl KeyStore {
    /// A store that reaches URLs through `fetch`.
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch, sources: Mutex::default() }
    }

    /// The key set of `source`: the same handle every time, so that a reload keeps the keys. A new
    /// one is noted in `plan` and asks for nothing before [`KeyStore::start`].
    pub fn plan(&self, source: &KeySource, plan: &mut KeyPlan) -> Arc<KeySet> {
        if let Some(planned) = plan.0.iter().find(|planned| planned.source == *source) {
            return Arc::clone(&planned.keys);
        }
        let held = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let (keys, demands) = match held.get(source) {
            Some(held) => (Arc::clone(&held.keys), None),
            None => {
                let (sender, demands) = mpsc::channel(MAX_WAITING);
                let aging = match source {
                    KeySource::AlbDirectory(_) => Aging::EachKey,
                    _ => Aging::Whole,
                };
                (Arc::new(KeySet::new(aging, Some(sender))), Some(demands))
            }
        };
        let planned = Planned { source: source.clone(), keys: Arc::clone(&keys), demands };
        plan.0.push(planned);
        keys
    }

    /// Keeps the sources of `plan`, from now on for `max_stale`, and drops all others. Starts the
    /// tasks of new ones on the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime, as `tokio::spawn` does.
    pub fn start(&self, plan: KeyPlan, max_stale: Duration) {
        let sources: Vec<KeySource> = plan.0.iter().map(|p| p.source.clone()).collect();
        self.retain(&sources);
        let mut held = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        for Planned { source, keys, demands } in plan.0 {
            keys.keep_for(max_stale);
            let Some(demands) = demands else { continue };
            let refresher = Refresher {
                source: source.clone(),
                fetch: Arc::clone(&self.fetch),
                keys: Arc::downgrade(&keys),
                failures: 0,
                quiet_until: None,
                allowance: Allowance::new(),
                last_read: None,
            };
            let task = tokio::spawn(refresher.run(demands)).abort_handle();
            if let Some(earlier) = held.insert(source, Source { keys, task }) {
                earlier.task.abort();
            }
        }
    }

    /// Plans and starts one source beside the others.
    #[cfg(test)]
    pub(crate) fn ensure(&self, source: &KeySource, max_stale: Duration) -> Arc<KeySet> {
        let mut plan = KeyPlan::default();
        let held: Vec<KeySource> =
            self.sources.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for source in &held {
            self.plan(source, &mut plan);
        }
        let keys = self.plan(source, &mut plan);
        self.start(plan, max_stale);
        keys
    }

    /// Drops every source that is not among `sources` and ends its task.
    pub(crate) fn retain(&self, sources: &[KeySource]) {
        let mut held = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|source, entry| {
            let keep = sources.contains(source);
            if !keep {
                entry.task.abort();
            }
            keep
        });
    }

    /// Whether every source has been loaded at least once.
    pub fn ready(&self) -> bool {
        let held = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        held.values().all(|source| source.keys.ready())
    }
}

impl Drop for KeyStore {
    fn drop(&mut self) {
        self.retain(&[]);
    }
}

/// The task of one source.
struct Refresher {
    source: KeySource,
    fetch: Arc<dyn Fetch>,
    /// Weak, so that the task does not keep alive what nobody uses.
    keys: Weak<KeySet>,
    failures: u32,
    /// After a fetch in vain: not before this moment for an unknown key id.
    quiet_until: Option<Instant>,
    /// As `quiet_until`, of a directory.
    allowance: Allowance,
    /// What the file held when it was last read.
    last_read: Option<Bytes>,
}

impl Refresher {
    async fn run(mut self, mut demands: mpsc::Receiver<Demand>) {
        let mut next = Instant::now();
        loop {
            // A load that is due comes first, so that those who wait at the start share it.
            let demand = tokio::select! {
                biased;
                () = sleep_until(next), if !self.is_on_demand() => None,
                demand = demands.recv() => match demand {
                    Some(demand) => Some(demand),
                    None => return,
                },
            };
            let Some(keys) = self.keys.upgrade() else { return };
            match demand {
                None => {
                    let _ = self.load(&keys).await;
                    next = self.next();
                }
                // Nobody waits for it any more.
                Some(demand) if demand.answer.is_closed() => {}
                Some(demand) => {
                    let answer = self.serve(&keys, &demand.kid).await;
                    // Whoever asked may have given up waiting.
                    let _ = demand.answer.send(answer);
                }
            }
        }
    }

    fn is_on_demand(&self) -> bool {
        matches!(self.source, KeySource::AlbDirectory(_))
    }

    /// Answers one demand: from what is known by now, or by one fetch.
    async fn serve(&mut self, keys: &KeySet, kid: &str) -> Result<(), RefreshError> {
        if keys.find(kid).is_ok() {
            return Ok(());
        }
        let loaded = match &self.source {
            KeySource::AlbDirectory(base) if is_uuid(kid) => {
                if !self.allowance.take(kid) {
                    return Err(RefreshError::Cooldown);
                }
                let url = format!("{}/{kid}", base.trim_end_matches('/'));
                self.load_alb(keys, &url, kid).await
            }
            // Anything else would choose a path on the key server.
            KeySource::AlbDirectory(_) => return Err(RefreshError::NoSuchKey),
            _ if self.quiet_until.is_some_and(|until| Instant::now() < until) => {
                return Err(RefreshError::Cooldown);
            }
            _ => self.load(keys).await,
        };
        let answer = match loaded {
            Err(reason) => Err(RefreshError::Failed(reason)),
            Ok(()) if keys.find(kid).is_ok() => Ok(()),
            Ok(()) => Err(RefreshError::NoSuchKey),
        };
        if answer.is_err() {
            let until = Instant::now() + COOLDOWN;
            match self.is_on_demand() {
                true => self.allowance.in_vain(kid, until),
                false => self.quiet_until = Some(until),
            }
        }
        answer
    }

    async fn load_alb(&self, keys: &KeySet, url: &str, kid: &str) -> Result<(), &'static str> {
        let result = match get(&self.fetch, url).await {
            Ok(pem) => std::str::from_utf8(&pem)
                .ok()
                .and_then(VerificationKey::from_alb_pem)
                .map(|key| keys.add(kid.to_owned(), key))
                .ok_or(KeysError::NotPem.reason()),
            Err(error) => Err(error.reason()),
        };
        keys.count(result.err().unwrap_or(LOADED));
        result
    }

    /// Reads the whole source once.
    async fn load(&mut self, keys: &KeySet) -> Result<(), &'static str> {
        let mut system: Option<io::Error> = None;
        let result = match &self.source {
            KeySource::Url(url) => get(&self.fetch, url).await.map_err(|e| e.reason()),
            KeySource::Discovery(issuer) => discover(&self.fetch, issuer).await,
            KeySource::File(path) => {
                let read = read_file(path).await;
                if let Ok(text) = &read {
                    if self.last_read.as_ref() == Some(text) {
                        // Unchanged: good or bad, it was judged when it was read first.
                        if self.failures == 0 {
                            keys.touch();
                            return Ok(());
                        }
                        return Err(UNCHANGED);
                    }
                    self.last_read = Some(text.clone());
                } else {
                    self.last_read = None;
                }
                read.map_err(|error| {
                    system = Some(error);
                    UNREADABLE
                })
            }
            KeySource::AlbDirectory(_) => return Ok(()),
        };
        let result = result.and_then(|text| {
            let document = Document::parse(&text).map_err(|error| error.reason())?;
            keys.install(document).map_err(|error| error.reason())
        });
        self.failures = match result {
            Ok(()) => 0,
            Err(_) => self.failures.saturating_add(1),
        };
        keys.count(result.err().unwrap_or(LOADED));
        // Ever more seldom, for a file is looked at every second.
        if let Err(reason) = result
            && self.failures.is_power_of_two()
        {
            let error = system.as_ref().map(display);
            tracing::warn!(source = ?self.source, reason, error, failures = self.failures, "keys were not refreshed");
        }
        result
    }

    /// When to load again: files every second; others early while all is well, and after
    /// failures in growing pauses.
    fn next(&self) -> Instant {
        let pause = match (&self.source, self.failures) {
            (KeySource::File(_), _) => return Instant::now() + FILE_POLL,
            (_, 0) => REFRESH,
            (_, failures) => {
                FIRST_RETRY.saturating_mul(1 << (failures - 1).min(16)).min(LAST_RETRY)
            }
        };
        Instant::now() + jittered(pause)
    }
}

/// One GET, guarded: a fetch that hangs, panics or overruns the size is a failure like another.
async fn get(fetch: &Arc<dyn Fetch>, url: &str) -> Result<Bytes, FetchError> {
    let mut task = tokio::spawn(fetch.fetch(url));
    let answer = match timeout(FETCH_TIMEOUT, &mut task).await {
        Ok(Ok(answer)) => answer?,
        Ok(Err(_)) => return Err(FetchError::Unreachable("the fetch failed".to_owned())),
        Err(_) => {
            task.abort();
            return Err(FetchError::TimedOut);
        }
    };
    if answer.len() > MAX_KEYS_BYTES {
        return Err(FetchError::TooLarge);
    }
    Ok(answer)
}

/// The JWK Set that an OpenID Provider's discovery document names (OpenID Connect Discovery §4).
async fn discover(fetch: &Arc<dyn Fetch>, issuer: &str) -> Result<Bytes, &'static str> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let text = get(fetch, &url).await.map_err(|e| e.reason())?;
    let document = json::object(&text).map_err(|_| DISCOVERY)?;
    // §4.3: the issuer must be the very one that was asked.
    let same = document.get("issuer").and_then(Value::as_str) == Some(issuer);
    let jwks = document.get("jwks_uri").and_then(Value::as_str);
    // An https issuer must not send us to plain http; a loopback stand-in may stay on its host.
    let own_host = |uri: &str| {
        issuer.starts_with("http://") && origin(uri).is_some() && origin(uri) == origin(issuer)
    };
    match jwks.filter(|uri| same && (uri.starts_with("https://") || own_host(uri))) {
        Some(uri) => get(fetch, uri).await.map_err(|e| e.reason()),
        None => Err(DISCOVERY),
    }
}

/// `scheme://authority` of a URL, without user information.
fn origin(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    (!authority.contains('@')).then_some((scheme, authority))
}

async fn read_file(path: &Path) -> io::Result<Bytes> {
    let path = path.to_owned();
    spawn_blocking(move || key_file::read(&path)).await.map_err(io::Error::other)?
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    let right = [8, 4, 4, 4, 12].into_iter().all(|length| {
        groups.next().is_some_and(|g| g.len() == length && g.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    right && groups.next().is_none()
}

/// 50 to 100 % of `pause`, so that replicas don't move in step.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8) % 1000;
    pause / 2 + pause.mul_f64(random as f64 / 2000.0)
}

/// Result of a refresh that brought keys.
const LOADED: &str = "loaded";
const DISCOVERY: &str = "discovery";
const UNREADABLE: &str = "unreadable";
const UNCHANGED: &str = "unchanged";

/// How many may wait for one source at once.
const MAX_WAITING: usize = 1024;
/// Between two fetches for unknown key ids, if the first was in vain.
const COOLDOWN: Duration = Duration::from_secs(10);
/// Longest time between refreshes; with jitter 5 to 10 minutes.
const REFRESH: Duration = Duration::from_secs(600);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// Above the 3 s that a [`Fetch`] may take, for one that forgets.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const FILE_POLL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
