//! Schemas of tables that the configuration doesn't tell: asked of the upstream, and kept for a
//! while.
//!
//! Names of tables are the callers' to choose. So one look-up serves all who wait for a table, few
//! are under way at once, and what is kept is bounded, that there is no such table apart from what
//! is known of others. Look-ups run on the control runtime: who gives up waiting ends none.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::http::StatusCode;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
    time::{Instant, timeout},
};

use crate::{
    services::dynamodb::{SchemaError, SchemaFuture, TableSchema, TableSchemas, is_table_name},
    upstream::{Call, CallError, Upstream, ask},
};

type Answer = Result<Option<Arc<TableSchema>>, SchemaError>;

/// The schemas of the tables behind one upstream.
pub(super) struct Schemas {
    shared: Arc<Shared>,
    runtime: Handle,
}

struct Shared {
    upstream: Arc<Upstream>,
    state: Mutex<State>,
    /// Room for those who wait.
    room: Semaphore,
}

#[derive(Default)]
struct State {
    found: Kept,
    /// No such table, or no answer: apart, so that made-up names take nobody's place.
    in_vain: Kept,
    /// The look-up under way for a table. It is taken out when the table is forgotten, and its
    /// answer counts for nothing then.
    current: HashMap<String, Current>,
    /// All that are under way, forgotten ones too.
    under_way: usize,
    last_id: u64,
    /// Since the last answer.
    failures: u64,
    counts: BTreeMap<&'static str, u64>,
}

struct Current {
    id: u64,
    told: watch::Receiver<Option<Told>>,
}

/// What those who wait are told.
#[derive(Clone)]
struct Told {
    answer: Answer,
    /// Whether the table was forgotten since it was asked.
    forgotten: bool,
}

impl Schemas {
    /// Nothing known yet of the tables behind `upstream`; look-ups run on `runtime`.
    pub(super) fn new(upstream: Arc<Upstream>, runtime: Handle) -> Self {
        let (state, room) = (Mutex::default(), Semaphore::new(MAX_WAITING));
        Self { shared: Arc::new(Shared { upstream, state, room }), runtime }
    }

    /// Whether they are those of this very upstream.
    pub(super) fn is_of(&self, upstream: &Arc<Upstream>) -> bool {
        Arc::ptr_eq(&self.shared.upstream, upstream)
    }

    /// Waits for a look-up of `table`, and again if it is forgotten meanwhile.
    async fn wait(&self, table: &str) -> Answer {
        let Ok(_room) = self.shared.room.try_acquire() else {
            return Err(self.shared.busy());
        };
        loop {
            let mut told = match self.start(table) {
                Started::Known(answer) => return answer,
                Started::Asked(told) => told,
            };
            let told = told.wait_for(Option::is_some).await.map(|told| told.clone());
            match told {
                Ok(Some(Told { answer, forgotten: false })) => return answer,
                Ok(_) => {}
                Err(_) => return Err(unavailable("the look-up broke off")),
            }
        }
    }

    /// What is known by now, or the look-up under way, begun here if there is none.
    fn start(&self, table: &str) -> Started {
        let mut state = self.shared.lock();
        if let Some(answer) = state.known(table) {
            return Started::Known(answer);
        }
        if let Some(current) = state.current.get(table) {
            return Started::Asked(current.told.clone());
        }
        if state.under_way >= MAX_LOOK_UPS {
            state.count("busy");
            return Started::Known(Err(SchemaError::Busy));
        }
        let (teller, told) = watch::channel(None);
        state.under_way += 1;
        state.last_id += 1;
        let id = state.last_id;
        let _ = state.current.insert(table.to_owned(), Current { id, told: told.clone() });
        // Before it is spawned: a runtime that has ended drops it at once.
        drop(state);
        let shared = Arc::clone(&self.shared);
        let look_up = LookUp { shared, table: table.to_owned(), id, teller };
        self.runtime.spawn(async move {
            let answer = describe(&look_up.shared.upstream, &look_up.table).await;
            look_up.end(answer);
        });
        Started::Asked(told)
    }
}

enum Started {
    Known(Answer),
    Asked(watch::Receiver<Option<Told>>),
}

impl TableSchemas for Schemas {
    fn known(&self, table: &str) -> Option<Option<Arc<TableSchema>>> {
        self.shared.lock().known(table)?.ok()
    }

    fn of<'s>(&'s self, table: &'s str) -> SchemaFuture<'s> {
        if !is_table_name(table) {
            return Box::pin(ready(Err(unavailable("no table has such a name"))));
        }
        if let Some(answer) = self.shared.lock().known(table) {
            return Box::pin(ready(answer));
        }
        Box::pin(async move {
            let answer = timeout(WAIT, self.wait(table)).await;
            answer.unwrap_or_else(|_| Err(unavailable("it did not answer in time")))
        })
    }

    fn forget(&self, table: &str) {
        let mut state = self.shared.lock();
        state.found.remove(table);
        state.in_vain.remove(table);
        let _ = state.current.remove(table);
    }

    fn look_ups(&self) -> Vec<(&'static str, u64)> {
        let state = self.shared.lock();
        state.counts.iter().map(|(result, count)| (*result, *count)).collect()
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas").field("upstream", &self.shared.upstream.label()).finish()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> SchemaError {
        self.lock().count("busy");
        SchemaError::Busy
    }
}

impl State {
    fn known(&self, table: &str) -> Option<Answer> {
        let now = Instant::now();
        self.found.get(table, now).or_else(|| self.in_vain.get(table, now))
    }

    fn keep(&mut self, table: &str, answer: &Answer) {
        let (into, other, time) = match answer {
            Ok(Some(_)) => (&mut self.found, &mut self.in_vain, FOUND),
            Ok(None) => (&mut self.in_vain, &mut self.found, MISSING),
            Err(_) => (&mut self.in_vain, &mut self.found, FAILED),
        };
        other.remove(table);
        let now = Instant::now();
        into.insert(table, answer.clone(), now, now + time);
    }

    fn count(&mut self, result: &'static str) {
        *self.counts.entry(result).or_default() += 1;
    }
}

/// A look-up under way. However it ends, it leaves room for another.
struct LookUp {
    shared: Arc<Shared>,
    table: String,
    id: u64,
    teller: watch::Sender<Option<Told>>,
}

impl LookUp {
    fn end(self, described: Result<Option<Arc<TableSchema>>, Failure>) {
        let mut state = self.shared.lock();
        let (result, failure) = match &described {
            Ok(Some(_)) => ("found", None),
            Ok(None) => ("missing", None),
            Err(failure) => ("failed", Some(failure)),
        };
        state.count(result);
        state.failures = failure.map_or(0, |_| state.failures.saturating_add(1));
        // Ever more seldom: there may be one for every request.
        if let Some(failure) = failure.filter(|_| state.failures.is_power_of_two()) {
            let (upstream, error) = (self.shared.upstream.label(), &failure.error);
            tracing::warn!(upstream, table = self.table, error, "a table was not described");
        }
        let answer = described.map_err(|failure| unavailable(failure.told));
        let forgotten = !state.is_current(&self.table, self.id);
        if !forgotten {
            state.keep(&self.table, &answer);
        }
        drop(state);
        let _ = self.teller.send_replace(Some(Told { answer, forgotten }));
    }
}

impl Drop for LookUp {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.under_way = state.under_way.saturating_sub(1);
        if state.is_current(&self.table, self.id) {
            let _ = state.current.remove(&self.table);
        }
    }
}

impl State {
    fn is_current(&self, table: &str, id: u64) -> bool {
        self.current.get(table).is_some_and(|current| current.id == id)
    }
}

/// Answers until their time is over; no more than [`MAX_KEPT`].
#[derive(Default)]
struct Kept(HashMap<String, (Answer, Instant)>);

impl Kept {
    fn get(&self, table: &str, now: Instant) -> Option<Answer> {
        let (answer, until) = self.0.get(table)?;
        (now < *until).then(|| answer.clone())
    }

    fn remove(&mut self, table: &str) {
        let _ = self.0.remove(table);
    }

    fn insert(&mut self, table: &str, answer: Answer, now: Instant, until: Instant) {
        if self.0.len() >= MAX_KEPT && !self.0.contains_key(table) {
            self.0.retain(|_, (_, until)| now < *until);
        }
        if self.0.len() >= MAX_KEPT && !self.0.contains_key(table) {
            let oldest = self.0.iter().min_by_key(|(_, (_, until))| *until);
            if let Some(oldest) = oldest.map(|(table, _)| table.clone()) {
                self.remove(&oldest);
            }
        }
        let _ = self.0.insert(table.to_owned(), (answer, until));
    }
}

/// Why a table wasn't described: what callers may be told, and what the log is.
struct Failure {
    told: &'static str,
    error: String,
}

/// Asks `upstream` for the schema of `table`.
async fn describe(upstream: &Upstream, table: &str) -> Result<Option<Arc<TableSchema>>, Failure> {
    let body = serde_json::json!({ "TableName": table }).to_string();
    let call = Call { target: "DynamoDB_20120810.DescribeTable", body: body.into() };
    let (status, body) = ask(upstream, call, LIMIT).await.map_err(|error| Failure {
        told: match &error {
            CallError::Failed(error) => error.detail(),
            CallError::TooLarge => "its answer is too large",
        },
        error: error.to_string(),
    })?;
    let code = || code(&body).unwrap_or_default();
    match status {
        StatusCode::OK => match TableSchema::from_description(&body) {
            Ok(schema) => Ok(Some(Arc::new(schema))),
            Err(error) => {
                Err(Failure { told: "its answer is no description", error: error.to_string() })
            }
        },
        StatusCode::BAD_REQUEST if code() == "ResourceNotFoundException" => Ok(None),
        status => {
            let error = format!("it answered with {status} {}", code());
            Err(Failure { told: "it refused to", error })
        }
    }
}

/// The name of an error, without its namespace.
fn code(body: &[u8]) -> Option<String> {
    let error: serde_json::Value = serde_json::from_slice(body).ok()?;
    let code = error.get("__type")?.as_str()?.rsplit('#').next()?;
    let is_name = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_name.then(|| code.to_owned())
}

fn unavailable(why: &str) -> SchemaError {
    SchemaError::Unavailable(why.to_owned())
}

/// Nobody to ask: `poolgate check` decides nothing and has no runtime for it.
#[derive(Debug)]
pub(super) struct Nobody;

impl TableSchemas for Nobody {
    fn of<'s>(&'s self, _: &'s str) -> SchemaFuture<'s> {
        Box::pin(ready(Err(unavailable("there is nobody to ask"))))
    }

    fn forget(&self, _: &str) {}
}

/// How long a look-up may take.
const LIMIT: Duration = Duration::from_secs(3);
/// How long one is waited for, with a second one if the table is forgotten meanwhile. Less than a
/// decision may take.
const WAIT: Duration = Duration::from_secs(4);
/// Look-ups under way.
const MAX_LOOK_UPS: usize = 64;
/// Requests that wait for them.
const MAX_WAITING: usize = 1024;
/// Tables of which something is kept; and names of which it is that there is nothing.
const MAX_KEPT: usize = 1000;
/// How long a schema holds. It changes when a table is made anew, which may pass by another way.
const FOUND: Duration = Duration::from_secs(30);
/// How long it holds that there is no such table: it may be about to be made.
const MISSING: Duration = Duration::from_secs(2);
const FAILED: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
