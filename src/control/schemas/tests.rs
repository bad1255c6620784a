//! Learning of tables from a backend on a real socket.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
    time::{advance, pause, resume, sleep},
};

use super::*;
use crate::upstream::{HostHeader, Place};

/// A backend with the tables `demo` and `table-…`, whose partition key tells which.
struct Backend {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    tables: Mutex<Vec<String>>,
    /// What it answers instead.
    instead: Mutex<Option<(u16, String)>>,
    /// Answers that are let through; none is held up without.
    held: Mutex<Option<Arc<Semaphore>>>,
    /// Part of the name of the key of `demo`.
    version: AtomicUsize,
}

impl Seen {
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        assert_eq!(request.headers()["x-amz-target"], "DynamoDB_20120810.DescribeTable");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let table = body["TableName"].as_str().unwrap();
        // Read before the answer is held up, as a backend may do.
        let key = match table {
            "demo" => Some(format!("pk{}", self.version.load(Ordering::SeqCst))),
            _ => table.starts_with("table-").then(|| table.to_owned()),
        };
        self.tables.lock().unwrap().push(table.to_owned());
        let held = self.held.lock().unwrap().clone();
        if let Some(held) = held {
            held.acquire().await.unwrap().forget();
        }
        let (status, body) = match (self.instead.lock().unwrap().clone(), key) {
            (Some(instead), _) => instead,
            (None, Some(key)) => (200, described(&key)),
            (None, None) => (400, NOT_FOUND.to_owned()),
        };
        Ok(Response::builder().status(status).body(Full::from(body)).unwrap())
    }

    fn tables(&self) -> Vec<String> {
        self.tables.lock().unwrap().clone()
    }

    /// Holds answers up from now on, until the semaphore has room for them.
    fn hold(&self) -> Arc<Semaphore> {
        let held = Arc::new(Semaphore::new(0));
        *self.held.lock().unwrap() = Some(Arc::clone(&held));
        held
    }

    async fn asked(&self, times: usize) {
        while self.tables.lock().unwrap().len() < times {
            sleep(Duration::from_millis(2)).await;
        }
    }
}

fn described(key: &str) -> String {
    json!({ "Table": {
        "AttributeDefinitions": [{ "AttributeName": key, "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": key, "KeyType": "HASH" }],
    }})
    .to_string()
}

const NOT_FOUND: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}"#;

impl Backend {
    async fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap()).await
    }

    async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let answers = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answers = Arc::clone(&answers);
                let service = service_fn(move |request| {
                    let answers = Arc::clone(&answers);
                    async move { answers.answer(request).await }
                });
                let io = TokioIo::new(stream);
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(io, service).await;
                });
            }
        });
        Self { address, seen, task }
    }

    fn schemas(&self) -> Arc<Schemas> {
        schemas(self.address)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn schemas(address: SocketAddr) -> Arc<Schemas> {
    let place = Place::Tcp(address.ip().to_string(), address.port());
    let upstream = Arc::new(Upstream::new("u", place, None, HostHeader::Keep));
    Arc::new(Schemas::new(upstream, Handle::current()))
}

/// The partition key that is known of `table`, if there is one.
async fn key(schemas: &Schemas, table: &str) -> Result<Option<String>, SchemaError> {
    let schema = schemas.of(table).await?;
    Ok(schema.map(|schema| schema.key.partition[0].name.clone()))
}

fn asking(schemas: &Arc<Schemas>, table: &str) -> JoinHandle<Result<Option<String>, SchemaError>> {
    let (schemas, table) = (Arc::clone(schemas), table.to_owned());
    tokio::spawn(async move { key(&schemas, &table).await })
}

async fn later(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

fn counted(schemas: &Schemas, result: &str) -> u64 {
    schemas.look_ups().iter().find(|(known, _)| *known == result).map_or(0, |(_, count)| *count)
}

fn some(key: &str) -> Result<Option<String>, SchemaError> {
    Ok(Some(key.to_owned()))
}

#[tokio::test]
async fn what_is_learnt_holds_for_a_while() {
    let backend = Backend::start().await;
    let schemas = backend.schemas();
    assert_eq!(key(&schemas, "demo").await, some("pk0"));
    assert_eq!(key(&schemas, "table-1").await, some("table-1"));
    backend.seen.version.store(1, Ordering::SeqCst);
    later(FOUND - Duration::from_secs(1)).await;
    assert_eq!(key(&schemas, "demo").await, some("pk0"));
    assert_eq!(backend.seen.tables(), ["demo", "table-1"]);
    later(Duration::from_secs(2)).await;
    assert_eq!(key(&schemas, "demo").await, some("pk1"));
    assert_eq!(counted(&schemas, "found"), 3);
}

#[tokio::test]
async fn that_there_is_no_table_holds_for_a_moment() {
    let backend = Backend::start().await;
    let schemas = backend.schemas();
    for _ in 0..3 {
        assert_eq!(key(&schemas, "none").await, Ok(None));
    }
    assert_eq!(backend.seen.tables().len(), 1);
    *backend.seen.instead.lock().unwrap() = Some((200, described("id")));
    later(MISSING).await;
    assert_eq!(key(&schemas, "none").await, some("id"));
    assert_eq!((counted(&schemas, "missing"), counted(&schemas, "found")), (1, 1));
}

#[tokio::test]
async fn one_look_up_serves_all_who_wait() {
    let backend = Backend::start().await;
    let schemas = backend.schemas();
    let held = backend.seen.hold();
    let asking: Vec<_> = (0..20).map(|_| asking(&schemas, "demo")).collect();
    backend.seen.asked(1).await;
    // Who gives up, and be it the first, ends it for nobody else.
    asking[0].abort();
    asking[7].abort();
    sleep(Duration::from_millis(20)).await;
    held.add_permits(1);
    for (number, asked) in asking.into_iter().enumerate() {
        match asked.await {
            Ok(found) => assert_eq!(found, some("pk0")),
            Err(error) => assert!(error.is_cancelled() && [0, 7].contains(&number)),
        }
    }
    assert_eq!(backend.seen.tables(), ["demo"]);
    assert_eq!(counted(&schemas, "found"), 1);
}

#[tokio::test]
async fn a_backend_that_is_down_is_asked_again() {
    let backend = Backend::start().await;
    let address = backend.address;
    backend.task.abort();
    drop(backend);
    sleep(Duration::from_millis(20)).await;
    let schemas = schemas(address);
    let down = "the upstream can't be reached or gave no valid answer";
    for _ in 0..3 {
        assert_eq!(key(&schemas, "demo").await, Err(unavailable(down)));
    }
    assert_eq!(counted(&schemas, "failed"), 1);
    let _backend = Backend::at(address).await;
    assert!(key(&schemas, "demo").await.is_err(), "not before the moment is over");
    later(FAILED).await;
    assert_eq!(key(&schemas, "demo").await, some("pk0"));
}

#[tokio::test]
async fn what_is_no_description_is_an_error() {
    let backend = Backend::start().await;
    let schemas = backend.schemas();
    let missing = r#"{"__type":"ResourceNotFoundException"}"#;
    for (status, body, expected) in [
        (200, "{}", Err(unavailable("its answer is no description"))),
        (200, "<html>", Err(unavailable("its answer is no description"))),
        (200, missing, Err(unavailable("its answer is no description"))),
        (400, r#"{"__type":"x#ValidationException"}"#, Err(unavailable("it refused to"))),
        (400, "ResourceNotFoundException", Err(unavailable("it refused to"))),
        (404, missing, Err(unavailable("it refused to"))),
        (500, missing, Err(unavailable("it refused to"))),
        (400, missing, Ok(None)),
    ] {
        *backend.seen.instead.lock().unwrap() = Some((status, body.to_owned()));
        schemas.forget("demo");
        assert_eq!(key(&schemas, "demo").await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn what_can_be_no_tables_name_is_not_asked() {
    let backend = Backend::start().await;
    let schemas = backend.schemas();
    let long = "a".repeat(256);
    for name in ["", "ab", "a b c", "table/x", "arn:aws:dynamodb:::table/demo", "größe", &long] {
        assert!(matches!(schemas.of(name).await, Err(SchemaError::Unavailable(_))), "{name}");
    }
    assert!(backend.seen.tables().is_empty());
    let longest = "a".repeat(255);
    assert_eq!(key(&schemas, &longest).await, Ok(None));
    assert_eq!(key(&schemas, "A_1.b-2").await, Ok(None));
}

#[tokio::test]
async fn what_is_forgotten_is_asked_again() {
    let backend = Backend::start().await;
    let schemas = backend.schemas();
    assert_eq!(key(&schemas, "demo").await, some("pk0"));
    assert_eq!(key(&schemas, "none").await, Ok(None));
    backend.seen.version.store(1, Ordering::SeqCst);
    schemas.forget("demo");
    schemas.forget("none");
    schemas.forget("never seen");
    assert_eq!(key(&schemas, "demo").await, some("pk1"));
    assert_eq!(key(&schemas, "none").await, Ok(None));
    assert_eq!(backend.seen.tables(), ["demo", "none", "demo", "none"]);
}

#[tokio::test]
async fn what_was_asked_before_it_was_forgotten_counts_for_nothing() {
    let backend = Backend::start().await;
    let schemas = backend.schemas();
    let held = backend.seen.hold();
    let early = asking(&schemas, "demo");
    backend.seen.asked(1).await;
    backend.seen.version.store(1, Ordering::SeqCst);
    schemas.forget("demo");
    let late = asking(&schemas, "demo");
    backend.seen.asked(2).await;
    // The answer of the first look-up arrives; who waited for it waits for the second.
    held.add_permits(1);
    while counted(&schemas, "found") == 0 {
        sleep(Duration::from_millis(2)).await;
    }
    sleep(Duration::from_millis(20)).await;
    assert!(!early.is_finished() && !late.is_finished());
    held.add_permits(1);
    assert_eq!(early.await.unwrap(), some("pk1"));
    assert_eq!(late.await.unwrap(), some("pk1"));
    assert_eq!(key(&schemas, "demo").await, some("pk1"));
    assert_eq!(backend.seen.tables().len(), 2);
    assert_eq!(schemas.shared.lock().under_way, 0);
}

#[tokio::test]
async fn few_are_under_way_at_once() {
    let backend = Backend::start().await;
    let schemas = backend.schemas();
    assert_eq!(key(&schemas, "demo").await, some("pk0"));
    let held = backend.seen.hold();
    let asking: Vec<_> =
        (0..MAX_LOOK_UPS).map(|number| asking(&schemas, &format!("table-{number}"))).collect();
    backend.seen.asked(1 + MAX_LOOK_UPS).await;
    assert_eq!(key(&schemas, "another").await, Err(SchemaError::Busy));
    // What is forgotten is under way all the same.
    schemas.forget("table-0");
    assert_eq!(key(&schemas, "table-0").await, Err(SchemaError::Busy));
    // Known ones need no look-up.
    assert_eq!(key(&schemas, "demo").await, some("pk0"));
    held.add_permits(2 * MAX_LOOK_UPS);
    for (number, asked) in asking.into_iter().enumerate() {
        assert_eq!(asked.await.unwrap(), some(&format!("table-{number}")));
    }
    assert_eq!(key(&schemas, "another").await, Ok(None));
    assert_eq!(counted(&schemas, "busy"), 2);
}

#[tokio::test]
async fn a_backend_that_does_not_answer_is_not_waited_for() {
    let backend = Backend::start().await;
    let schemas = backend.schemas();
    let _held = backend.seen.hold();
    let asked = asking(&schemas, "demo");
    backend.seen.asked(1).await;
    let before = Instant::now();
    // Nothing else to do but to wait: the clock goes on by itself.
    pause();
    let told = "the upstream did not answer in time";
    assert_eq!(asked.await.unwrap(), Err(unavailable(told)));
    let waited = before.elapsed();
    assert!(waited <= LIMIT + Duration::from_millis(100), "{waited:?}");
    assert_eq!(schemas.shared.lock().under_way, 0);
}

#[tokio::test]
async fn made_up_names_take_the_place_of_no_table() {
    let mut state = State::default();
    let found = Ok(Some(Arc::<TableSchema>::default()));
    state.keep("demo", &found);
    for number in 0..3 * MAX_KEPT {
        state.keep(&format!("made-up-{number}"), &Ok(None));
        state.keep(&format!("broken-{number}"), &Err(unavailable("")));
    }
    assert_eq!((state.found.0.len(), state.in_vain.0.len()), (1, MAX_KEPT));
    assert_eq!(state.known("demo"), Some(found.clone()));
    for number in 0..2 * MAX_KEPT {
        state.keep(&format!("table-{number}"), &found);
    }
    assert_eq!(state.found.0.len(), MAX_KEPT);
    // One that is kept already needs no other's place.
    let last = format!("table-{}", 2 * MAX_KEPT - 1);
    let before: Vec<String> = state.found.0.keys().cloned().collect();
    state.keep(&last, &found);
    assert!(before.iter().all(|table| state.found.0.contains_key(table)));
    // It is one thing or the other.
    state.keep(&last, &Ok(None));
    assert_eq!(state.known(&last), Some(Ok(None)));
    state.keep(&last, &found);
    assert_eq!(state.known(&last), Some(found.clone()));
    // What is over goes first.
    later(FOUND).await;
    state.keep("demo", &found);
    assert_eq!(state.found.0.len(), 1);
}

#[tokio::test]
async fn with_nobody_to_ask_nothing_is_known() {
    assert!(Nobody.of("demo").await.is_err());
    Nobody.forget("demo");
    assert!(Nobody.look_ups().is_empty());
}

#[test]
fn a_runtime_that_has_ended_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = Place::Tcp("127.0.0.1".to_owned(), 9);
    let upstream = Arc::new(Upstream::new("u", place, None, HostHeader::Keep));
    let schemas = Schemas::new(upstream, runtime.handle().clone());
    drop(runtime);
    let own = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = own.block_on(schemas.of("demo"));
    assert_eq!(found, Err(unavailable("the look-up broke off")));
    assert_eq!(schemas.shared.lock().under_way, 0);
}
