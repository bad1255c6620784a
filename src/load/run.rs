//! The run itself: who sends when, and how long it takes.

use std::{
    future::{Future, ready},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header, uri::PathAndQuery};
use http_body_util::Full;
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore},
    task::{JoinSet, spawn_blocking},
    time::{Instant, interval, sleep, timeout},
};

use super::{
    Caller, Endpoint, LoadError, Rate, USER_AGENT,
    client::{Connection, measure},
    rate::Schedule,
    record::{Answered, Failure, Outcome, Sample, Tally},
    report::Report,
};
use crate::{
    clock,
    config::mix::MixRequest,
    sigv4::{SignedPayload, sha256},
};

/// What is to be done.
#[derive(Debug)]
pub struct Plan {
    /// Who is asked. The mix's paths are below its URL's.
    pub endpoint: Endpoint,
    /// The requests; without any, a GET of the URL.
    pub mix: Vec<MixRequest>,
    /// The users, who take turns; at least one.
    pub callers: Vec<Caller>,
    /// How fast.
    pub rate: Rate,
    /// How long is measured.
    pub duration: Duration,
    /// How long requests are sent before that.
    pub warmup: Duration,
    /// Requests under way at the same time.
    pub connections: usize,
    /// How long an answer may take, from when the request was sent.
    pub timeout: Duration,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Since the beginning of what is measured; nothing while it warms up.
    pub elapsed: Option<Duration>,
    /// Answers so far.
    pub answered: u64,
    /// Errors so far.
    pub failed: u64,
    /// Requests that are due and wait for a connection.
    pub waiting: u64,
    /// The median latency so far, in microseconds.
    pub p50: u64,
    /// The latency that 99 of 100 don't exceed, in microseconds.
    pub p99: u64,
}

/// Does it. `interrupt` ends it early: once to send nothing more, twice not to wait for answers either.
/// `progress` is told about it each second.
///
/// # Errors
/// [`LoadError::Connect`] if nobody listens, [`LoadError::Path`] for a path that can't be sent,
/// [`LoadError::Histogram`].
pub async fn run(
    plan: Plan,
    interrupt: &Notify,
    mut progress: impl FnMut(&Progress),
) -> Result<Report, LoadError> {
    let requests = Requests::new(&plan)?;
    let probed = timeout(plan.timeout, Connection::new(&plan.endpoint).open()).await;
    probed
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        .map_err(|source| LoadError::Connect { url: plan.endpoint.url().clone(), source })?;
    let tally = Tally::new(plan.duration, requests.items.len())?;
    let pace = Pace::new(plan.rate, plan.warmup, plan.duration);
    let shared = Arc::new(Shared { requests, pace, tally: Mutex::new(tally), plan });
    if shared.pace.schedule.is_some() {
        let shared = Arc::clone(&shared);
        // tokio's timers have whole milliseconds, which is more than many an answer takes.
        let precisely = |until: Instant| {
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
            ready(())
        };
        spawn_blocking(move || Handle::current().block_on(release(&shared.pace, precisely)));
    }
    let mut workers = JoinSet::new();
    for _ in 0..shared.plan.connections {
        let shared = Arc::clone(&shared);
        workers.spawn(async move {
            let connection = Connection::new(&shared.plan.endpoint);
            let client = Client { shared: &shared, connection };
            work(&shared.pace, &shared.tally, client).await;
        });
    }
    let mut tick = interval(Duration::from_secs(1));
    tick.tick().await;
    let mut stopped = None;
    loop {
        tokio::select! {
            ended = workers.join_next() => if ended.is_none() { break },
            _ = tick.tick() => progress(&shared.progress()),
            () = interrupt.notified() => match stopped {
                None => {
                    stopped = Some(Instant::now());
                    shared.pace.permits.close();
                }
                Some(_) => workers.abort_all(),
            },
        }
    }
    let Shared { pace, plan, requests, .. } = &*shared;
    let mut tally = lock(&shared.tally);
    pace.add_unsent(&mut tally, stopped, |number| requests.pick(number));
    tally.finish_point();
    let end = stopped.unwrap_or(pace.end);
    Ok(Report {
        url: plan.endpoint.url().to_string(),
        rate: plan.rate,
        measured: end.saturating_duration_since(pace.measured),
        warmup: plan.warmup,
        connections: plan.connections,
        users: plan.callers.len(),
        caller: match plan.callers.first() {
            Some(Caller::Bearer(_)) => "bearer tokens",
            Some(Caller::Signed(_)) => "signatures",
            _ => "no credentials",
        },
        interrupted: stopped.is_some(),
        items: requests.items.iter().map(|item| item.name.clone()).collect(),
        tally: tally.clone(),
        judged: Vec::new(),
    })
}

struct Shared {
    plan: Plan,
    requests: Requests,
    pace: Pace,
    tally: Mutex<Tally>,
}

impl Shared {
    fn progress(&self) -> Progress {
        let tally = lock(&self.tally);
        let now = Instant::now();
        Progress {
            elapsed: now.checked_duration_since(self.pace.measured),
            answered: tally.answered(),
            failed: tally.failed(),
            waiting: self.pace.permits.available_permits() as u64,
            p50: tally.latency.value_at_percentile(50.0),
            p99: tally.latency.value_at_percentile(99.0),
        }
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    // Counts are right after a panic, too.
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When requests are sent.
#[derive(Debug)]
struct Pace {
    /// None in a closed loop.
    schedule: Option<Schedule>,
    start: Instant,
    measured: Instant,
    end: Instant,
    /// Requests of the schedule that aren't measured, and all of them.
    warmup: u64,
    total: u64,
    next: AtomicU64,
    /// One for each request that is due and not sent. Closed, nothing is sent any more.
    permits: Semaphore,
}

impl Pace {
    fn new(rate: Rate, warmup: Duration, duration: Duration) -> Self {
        let schedule = match rate {
            Rate::Constant(thousandths) => Some(Schedule::new(thousandths)),
            Rate::Max => None,
        };
        let start = Instant::now();
        let before = |elapsed| schedule.map_or(0, |schedule| schedule.before(elapsed));
        Self {
            schedule,
            start,
            measured: start + warmup,
            end: start + warmup + duration,
            warmup: before(warmup),
            total: before(warmup + duration),
            next: AtomicU64::new(0),
            permits: Semaphore::new(0),
        }
    }

    /// Waits for the next request: its number, and when it was due.
    async fn next(&self) -> Option<(u64, Instant)> {
        let Some(schedule) = self.schedule else {
            let now = Instant::now();
            let goes_on = now < self.end && !self.permits.is_closed();
            return goes_on.then(|| (self.next.fetch_add(1, Ordering::Relaxed), now));
        };
        loop {
            self.permits.acquire().await.ok()?.forget();
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number + 1 >= self.total {
                self.permits.close();
            }
            // What the warm-up leaves behind would be in the way of all that is measured.
            if number >= self.warmup || Instant::now() < self.measured {
                return Some((number, self.start + schedule.due(number)));
            }
        }
    }

    fn is_measured(&self, number: u64, due: Instant) -> bool {
        match self.schedule {
            Some(_) => number >= self.warmup,
            None => due >= self.measured,
        }
    }

    /// Counts what was due and never sent, with the time that it waited: else the requests that
    /// suffered most would be missing.
    fn add_unsent(&self, tally: &mut Tally, stopped: Option<Instant>, pick: impl Fn(u64) -> usize) {
        let Some(schedule) = self.schedule else { return };
        // All had a second to be sent, also where it was stopped early.
        let (end, closed) = match stopped {
            None => (self.end, self.end + GRACE),
            Some(stopped) => (stopped.checked_sub(GRACE).unwrap_or(self.start), stopped),
        };
        let due = schedule.before(end.saturating_duration_since(self.start)).min(self.total);
        let mut number = self.next.load(Ordering::Relaxed).max(self.warmup);
        // In steps: there may be millions, which waited a little less each.
        let step = (due.saturating_sub(number) / UNSENT_STEPS).max(1);
        while number < due {
            let count = step.min(due - number);
            let waited = closed.saturating_duration_since(self.start + schedule.due(number));
            tally.add(&Sample {
                item: pick(number),
                at: closed.saturating_duration_since(self.measured),
                latency: waited,
                service: None,
                sent: 0,
                outcome: Err(Failure::NotSent),
                count,
            });
            number += count;
        }
    }
}

/// Lets requests go when they are due, by `sleep`. What is still waiting at the end of the run has a
/// little longer.
async fn release<S: Future<Output = ()>>(pace: &Pace, sleep: impl Fn(Instant) -> S) {
    let Some(schedule) = pace.schedule else { return };
    let mut released = 0;
    loop {
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(pace.start);
        let due = schedule.before(elapsed + Duration::from_nanos(1)).min(pace.total);
        pace.permits.add_permits(usize::try_from(due - released).unwrap_or_default());
        released = due;
        let until = match released < pace.total {
            true => pace.start + schedule.due(released),
            false => pace.end + GRACE,
        };
        if pace.permits.is_closed() || (released == pace.total && now >= until) {
            return pace.permits.close();
        }
        // While requests wait for a connection, none waits for the moment at which it is due.
        let behind = pace.permits.available_permits() > 0;
        let until = if behind { until.max(now + BEHIND) } else { until };
        sleep(until.min(now + SLICE)).await;
    }
}

/// Somebody who can send one request at a time.
trait Ask: Send {
    fn ask(&mut self, number: u64) -> impl Future<Output = Asked> + Send;
}

struct Asked {
    item: usize,
    sent: u64,
    outcome: Outcome,
}

/// Sends request after request, and writes down how long each took from when it was due.
async fn work(pace: &Pace, tally: &Mutex<Tally>, mut client: impl Ask) {
    while let Some((number, due)) = pace.next().await {
        let sent = Instant::now();
        let asked = client.ask(number).await;
        let done = Instant::now();
        if pace.is_measured(number, due) {
            lock(tally).add(&Sample {
                item: asked.item,
                at: done.saturating_duration_since(pace.measured),
                latency: done.saturating_duration_since(due),
                service: Some(done.saturating_duration_since(sent)),
                sent: asked.sent,
                outcome: asked.outcome,
                count: 1,
            });
        }
        if asked.outcome == Err(Failure::Connect) && pace.schedule.is_none() {
            // Nothing else would hold it up.
            sleep(PAUSE).await;
        }
    }
}

struct Client<'s> {
    shared: &'s Shared,
    connection: Connection<'s>,
}

impl Ask for Client<'_> {
    async fn ask(&mut self, number: u64) -> Asked {
        let Shared { requests, plan, .. } = self.shared;
        let item = requests.pick(number);
        let (request, sent) = match requests.build(item, number, plan) {
            Some(built) => built,
            None => return Asked { item, sent: 0, outcome: Err(Failure::Unsendable) },
        };
        let exchange = self.connection.exchange(request, async |answer| {
            let status = answer.status().as_u16();
            Ok((status, measure(answer).await?))
        });
        let exchanged = timeout(plan.timeout, exchange).await.unwrap_or(Err(Failure::Timeout));
        let outcome = exchanged.map(|(status, bytes)| {
            let expected = requests.items.get(item).is_some_and(|item| item.expects(status));
            Answered { status, expected, bytes }
        });
        Asked { item, sent, outcome }
    }
}

/// The mix, ready to be sent.
struct Requests {
    /// The path that the mix's are below.
    base: String,
    items: Vec<Prepared>,
    total_weight: u64,
}

struct Prepared {
    name: String,
    request: Option<MixRequest>,
    method: Method,
    weight: u64,
    /// The body, if it is always the same, and its SHA-256.
    body: Option<(Bytes, [u8; 32])>,
}

impl Prepared {
    fn new(request: &MixRequest) -> Result<Self, LoadError> {
        let method = Method::from_bytes(request.method.as_bytes());
        let body = request.body.fixed().map(|text| Bytes::copy_from_slice(text.as_bytes()));
        Ok(Self {
            name: request.name.clone(),
            request: Some(request.clone()),
            method: method.map_err(|_| LoadError::Path(request.name.clone()))?,
            weight: u64::from(request.weight),
            body: body.map(|body| (body.clone(), sha256(&body))),
        })
    }

    /// A GET of the URL.
    fn get(url: &Uri) -> Self {
        let body = Some((Bytes::new(), sha256(b"")));
        let name = format!("GET {}", url.path());
        Self { name, request: None, method: Method::GET, weight: 1, body }
    }

    fn expects(&self, status: u16) -> bool {
        match self.request.as_ref().map(|request| request.expect.as_slice()) {
            None | Some([]) => (200..400).contains(&status),
            Some(expected) => expected.contains(&status),
        }
    }
}

impl Requests {
    fn new(plan: &Plan) -> Result<Self, LoadError> {
        let url = plan.endpoint.url();
        let mut items = plan.mix.iter().map(Prepared::new).collect::<Result<Vec<_>, _>>()?;
        let whole = url.path_and_query().map_or("/", PathAndQuery::as_str);
        let base = if items.is_empty() { whole } else { url.path().trim_end_matches('/') };
        if items.is_empty() {
            items.push(Prepared::get(url));
        }
        let total_weight = items.iter().map(|item| item.weight).sum();
        let requests = Self { base: base.to_owned(), items, total_weight };
        for (index, item) in requests.items.iter().enumerate() {
            let built = requests.build(index, 0, plan);
            built.ok_or_else(|| LoadError::Path(item.name.clone()))?;
        }
        Ok(requests)
    }

    /// Which request of the mix the request `number` is: as good as at random, and the same in each run.
    fn pick(&self, number: u64) -> usize {
        let mut at = mixed(number) % self.total_weight.max(1);
        for (index, item) in self.items.iter().enumerate() {
            if at < item.weight {
                return index;
            }
            at -= item.weight;
        }
        0
    }

    /// The request `number`, and the size of its body.
    fn build(&self, item: usize, number: u64, plan: &Plan) -> Option<(Request<Full<Bytes>>, u64)> {
        let prepared = self.items.get(item)?;
        let user = number % (plan.callers.len() as u64).max(1);
        let caller = plan.callers.get(usize::try_from(user).ok()?)?;
        let user = user + 1;
        let target: PathAndQuery = match &prepared.request {
            None => self.base.parse().ok()?,
            Some(request) => {
                format!("{}{}", self.base, request.path.fill(user, number)).parse().ok()?
            }
        };
        let (body, hash) = match (&prepared.body, &prepared.request) {
            (Some((body, hash)), _) => (body.clone(), Some(*hash)),
            (None, request) => {
                let text = request.as_ref()?.body.fill(user, number).into_owned();
                (Bytes::from(text), None)
            }
        };
        let size = body.len() as u64;
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = prepared.method.clone();
        *request.uri_mut() = Uri::from(target.clone());
        let headers = request.headers_mut();
        headers.insert(header::HOST, plan.endpoint.authority().clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        for (name, value) in prepared.request.iter().flat_map(|request| &request.headers) {
            headers.insert(name, HeaderValue::from_str(&value.fill(user, number)).ok()?);
        }
        match caller {
            Caller::Nobody => {}
            Caller::Bearer(token) => {
                headers.insert(header::AUTHORIZATION, token.clone());
            }
            Caller::Signed(signer) => {
                let payload = SignedPayload::Sha256(hash.unwrap_or_else(|| sha256(&body)));
                signer.sign(&prepared.method, &target, headers, payload, clock::now()).ok()?;
            }
        }
        Some((request, size))
    }
}

/// A number that looks random (the finaliser of SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// What is due at the end of a run may still be sent for so long.
const GRACE: Duration = Duration::from_secs(1);
/// The longest sleep of whoever lets requests go, so that it sees when the run has ended.
const SLICE: Duration = Duration::from_millis(200);
/// Its shortest sleep while every connection is busy.
const BEHIND: Duration = Duration::from_micros(500);
/// Between two attempts to connect, of each who sends as fast as it can.
const PAUSE: Duration = Duration::from_millis(20);
const UNSENT_STEPS: u64 = 100_000;

#[cfg(test)]
#[path = "run_tests.rs"]
pub(super) mod tests;
