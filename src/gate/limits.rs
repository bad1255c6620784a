//! How many requests a route takes, of all callers and of each.
//!
//! Each count is one number, the moment until which what was taken lasts (the generic cell rate
//! algorithm): so callers' counts are a table of a fixed size, whoever comes.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Denial, Login, Refusal, Route, decide::Progress};

/// So many requests in such a time, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds from one request to the next, where they come evenly.
    interval: u64,
    /// Nanoseconds that requests may be ahead of that.
    room: u64,
}

impl Rate {
    /// `requests` in the time `per`, and after a time without any up to `burst` at once; none of them 0.
    pub fn new(requests: u32, per: Duration, burst: u32) -> Self {
        let per = u64::try_from(per.as_nanos()).unwrap_or(u64::MAX);
        let interval = (per / u64::from(requests.max(1))).max(1);
        Self { interval, room: interval.saturating_mul(u64::from(burst.max(1))) }
    }

    /// Takes one at `now`, where what was taken lasts until `lasts`: until when it does then, or how long to
    /// wait for it. All in nanoseconds.
    fn take(self, lasts: u64, now: u64) -> Result<u64, u64> {
        let after = lasts.max(now).saturating_add(self.interval);
        match after.saturating_sub(now).saturating_sub(self.room) {
            0 => Ok(after),
            wait => Err(wait),
        }
    }
}

/// The counts of a route. They outlast reloads that leave its limits as they are.
pub struct Limits {
    started: Instant,
    route: Option<(Rate, AtomicU64)>,
    principals: Option<(Rate, Principals)>,
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}

/// Whose limit was reached, and how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limited {
    Route(u64),
    Principal(u64),
}

impl Limits {
    /// Counts of nothing yet: `route` limits all callers together, `principal` each of them.
    pub fn new(route: Option<Rate>, principal: Option<Rate>) -> Self {
        Self {
            started: Instant::now(),
            route: route.map(|rate| (rate, AtomicU64::new(0))),
            principals: principal.map(|rate| (rate, Principals::new(SETS))),
        }
    }

    /// Counts a request of `login`, which came from `client`.
    fn count(&self, login: &Login, client: IpAddr) -> Result<(), Limited> {
        self.count_at(&Principal::of(login, client), self.now())
    }

    fn count_at(&self, principal: &Principal<'_>, now: u64) -> Result<(), Limited> {
        // Who is over its own limit takes nothing of the others'.
        if let Some((rate, principals)) = &self.principals {
            principals.take(principal, *rate, now).map_err(Limited::Principal)?;
        }
        let Some((rate, lasts)) = &self.route else { return Ok(()) };
        let mut known = lasts.load(Ordering::Relaxed);
        loop {
            let after = rate.take(known, now).map_err(Limited::Route)?;
            match lasts.compare_exchange_weak(known, after, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(changed) => known = changed,
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Who a request counts for.
#[derive(Debug, Hash)]
enum Principal<'a> {
    /// Whom an issuer's tokens are about, and credentials that were given for one.
    Subject(Option<&'a str>, &'a str),
    /// An identity without a login.
    Identity(&'a str),
    /// What tells nothing else.
    Credential(&'a str),
    /// The same of a token.
    Token(u64),
    /// Who is nobody, by address; of IPv6 a network of 64 bits, since a host has as many addresses.
    Address(u64),
}

impl<'a> Principal<'a> {
    fn of(login: &'a Login, client: IpAddr) -> Self {
        match login {
            Login::Anonymous => Self::Address(match client.to_canonical() {
                IpAddr::V4(address) => u64::from(address.to_bits()),
                IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
            }),
            Login::Token(token) => match token.claims.subject() {
                Some(subject) => Self::Subject(Some(token.claims.issuer()), subject),
                None => Self::Token(token.serial),
            },
            Login::Credentials(presented) => {
                let grant = &presented.grant;
                match (&grant.token.subject, &grant.identity) {
                    (Some(subject), _) => Self::Subject(grant.token.issuer.as_deref(), subject),
                    (None, Some(identity)) => Self::Identity(identity),
                    (None, None) => Self::Credential(&presented.access_key_id),
                }
            }
        }
    }
}

/// The counts of callers: those that took the least are forgotten where others come.
struct Principals {
    /// Callers are chosen by whoever comes: a keyed hash. Two of one hash, of 64 bits, count together.
    hasher: RandomState,
    sets: Box<[Mutex<[Count; WAYS]>]>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    /// The caller's hash.
    of: u64,
    /// Until when what it took lasts.
    lasts: u64,
}

impl Principals {
    fn new(sets: usize) -> Self {
        let sets = (0..sets).map(|_| Mutex::new([Count::default(); WAYS])).collect();
        Self { hasher: RandomState::new(), sets }
    }

    /// Takes one for `principal`.
    fn take(&self, principal: &impl Hash, rate: Rate, now: u64) -> Result<(), u64> {
        let of = self.hasher.hash_one(principal);
        let at = usize::try_from(of).unwrap_or_default() % self.sets.len().max(1);
        let Some(set) = self.sets.get(at) else { return Ok(()) };
        // Numbers are whole whatever happened to whoever wrote them.
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let known = set.iter().position(|count| count.of == of);
        let least = set.iter().enumerate().min_by_key(|(_, count)| count.lasts).map(|(at, _)| at);
        let Some(count) = known.or(least).and_then(|at| set.get_mut(at)) else { return Ok(()) };
        let lasts = if count.of == of { count.lasts } else { 0 };
        *count = Count { of, lasts: rate.take(lasts, now)? };
        Ok(())
    }
}

/// Counts a request of whom `progress` knows, if the route has limits.
pub(super) fn count(route: &Route, client: IpAddr, progress: &mut Progress) -> Result<(), Denial> {
    let Some(limits) = &route.limits else { return Ok(()) };
    if progress.trail.is_on() {
        // Who wants to know how something is decided makes no request.
        progress.trail.note("limit", || ("not counted".to_owned(), Value::Null));
        return Ok(());
    }
    limits.count(&progress.login, client).map_err(|limited| {
        let (reason, detail, wait) = match limited {
            Limited::Route(wait) => {
                ("route_rate_exceeded", "too many requests; try again later", wait)
            }
            Limited::Principal(wait) => {
                ("principal_rate_exceeded", "too many requests of yours; try again later", wait)
            }
        };
        let seconds = u32::try_from(wait.div_ceil(1_000_000_000)).unwrap_or(u32::MAX);
        Denial::new(reason, Refusal::Throttled(seconds), detail)
    })
}

/// Sets of callers' counts: with eight each, 65,536 callers in about 1 MiB a route.
const SETS: usize = 8192;
const WAYS: usize = 8;

#[cfg(test)]
mod tests;
