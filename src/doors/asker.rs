//! The doors of those who only ask, on one listener.

use std::{cell::Cell, net::IpAddr, rc::Rc, sync::Arc, time::Instant};

use ::http::{Request, Response, StatusCode, request::Parts};
use hyper::body::Incoming;
use tokio::{
    sync::Notify,
    task::spawn_local,
    time::{Duration, sleep_until},
};

use super::{
    Shared, Snapshot, asking,
    caller_body::CallerBody,
    ext_authz,
    forward_auth::{self, Check},
    grpc::{self, Code, Reply, Seats},
    posted, reflection,
};
use crate::{config, http::Problem};

/// Who may ask, and how.
#[derive(Clone, Debug, Default)]
pub struct AskingRules {
    /// Who may ask.
    pub from: Vec<config::Source>,
    /// The dialects of HTTP that are understood.
    pub dialects: Vec<config::Dialect>,
    /// What the certificates count for that they tell of.
    pub client_certificates: config::ClientCertificates,
    /// Of which decisions Envoy is told in its metadata too.
    pub metadata: config::Metadata,
    /// What AuthZEN's callers call this decision point.
    pub url: Option<String>,
}

impl AskingRules {
    /// Whether a peer at `address`, none on a Unix socket, may ask.
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        self.from.iter().any(|source| source.contains(address))
    }
}

/// Who asks over a connection.
pub struct Peer {
    /// None on a Unix socket.
    address: Option<IpAddr>,
    /// The last generation that admitted it.
    admitted: Cell<Option<u64>>,
    dismissed: Notify,
}

impl Peer {
    /// A peer at `address`, none on a Unix socket, that nothing has admitted yet.
    pub fn new(address: Option<IpAddr>) -> Self {
        Self { address, admitted: Cell::new(None), dismissed: Notify::new() }
    }

    /// Whether it may ask in the generation of `snapshot`, which is looked up once for each.
    fn may_ask(&self, snapshot: &Snapshot) -> bool {
        let generation = Some(snapshot.rules.generation);
        if self.admitted.get() == generation {
            return true;
        }
        let admitted = snapshot.asking.admits(self.address);
        if admitted {
            self.admitted.set(generation);
        }
        admitted
    }

    /// Waits until it has asked what it may not.
    pub async fn dismissed(&self) {
        self.dismissed.notified().await;
    }
}

/// A peer that may not ask, or may no more: nothing of what it says counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in listen.ext_authz.from")]
pub struct NotAdmitted;

/// The asking doors of one data thread.
pub struct Asker {
    shared: Arc<Shared>,
    load: Rc<Load>,
    seats: Seats,
}

impl Asker {
    /// The asking doors of a data thread.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, load: Rc::default(), seats: Seats::default() }
    }

    /// Whether `peer` may ask now.
    ///
    /// # Errors
    /// It may not, which is counted.
    pub fn admit(&self, peer: &Peer) -> Result<(), NotAdmitted> {
        self.admitted(peer, &self.shared.snapshot.load())
    }

    fn admitted(&self, peer: &Peer, snapshot: &Snapshot) -> Result<(), NotAdmitted> {
        if peer.may_ask(snapshot) {
            return Ok(());
        }
        self.shared.metrics.asked_in_vain.with_label_values(&["source"]).inc();
        tracing::debug!(address = ?peer.address, "not in listen.ext_authz.from");
        peer.dismissed.notify_one();
        Err(NotAdmitted)
    }

    /// Answers one question of `peer`.
    ///
    /// # Errors
    /// It may not ask any more, since a reload: its connection is to end.
    pub async fn answer(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Result<Response<Reply>, NotAdmitted> {
        let snapshot = self.shared.snapshot.load_full();
        self.admitted(peer, &snapshot)?;
        Ok(self.answer_to(request, snapshot).await)
    }

    async fn answer_to(
        &self,
        request: Request<Incoming>,
        snapshot: Arc<Snapshot>,
    ) -> Response<Reply> {
        let (came, waited) = self.load.came();
        let (head, body) = request.into_parts();
        let called = grpc::is_call(&head);
        let patience = grpc::patience(&head.headers).unwrap_or(asking::PATIENCE);
        let busy = Busy::with(&self.load);
        let target = head.uri.path_and_query();
        let check = target.and_then(|target| Check::of(target, &snapshot.asking.dialects));
        // Half of the time that the caller waits has to be left: an answer behind its back is work
        // that keeps others waiting.
        if busy.is_none() || waited > patience / 2 {
            self.shared.metrics.asked_in_vain.with_label_values(&["overload"]).inc();
            return refuse(&head, called, check);
        }
        if called && reflection::is_called(head.uri.path()) {
            return reflection::call(&self.shared, &self.seats, body);
        }
        let (idle, buffer) = (snapshot.connection.idle, snapshot.rules.body_buffer);
        let body = CallerBody::new(body, idle, &self.shared.bodies, buffer);
        // Whoever serves this moves it about, and what it waits for is large.
        if called {
            let now = (&self.shared, &*snapshot);
            let called = ext_authz::call(now, &self.seats, &head, body, (came, patience));
            return Box::pin(called).await;
        }
        if posted::is_for(head.uri.path()) {
            let answered = Box::pin(posted::answer(&self.shared, &head, body, came));
            return answered.await.map(Reply::whole);
        }
        if let Some(check) = check {
            let answered =
                Box::pin(forward_auth::answer(&self.shared, &snapshot, check, &head, came));
            return answered.await.map(Reply::whole);
        }
        let detail = "nobody is asked here; see docs/proxies.md for what is";
        let problem = Problem::new(StatusCode::NOT_FOUND, "no_such_door", detail);
        problem.into_response().map(Reply::whole)
    }
}

/// There is more to answer than can be. A proxy is told to deny: clients can bring this about, and one
/// that lets through what nobody decided would let them through.
fn refuse(head: &Parts, called: bool, check: Option<Check<'_>>) -> Response<Reply> {
    let detail = "too many questions; try again";
    if called {
        return ext_authz::undecided(head, Code::ResourceExhausted, ("overloaded", detail));
    }
    let response = match check {
        Some(check) => forward_auth::undecided(check, "overloaded", detail),
        None => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).into_response(),
    };
    response.map(Reply::whole)
}

/// How far behind a data thread is, and with how many questions.
#[derive(Default)]
struct Load {
    questions: Cell<usize>,
    /// When the thread should next look at the clock; none while nobody asks.
    due: Cell<Option<Instant>>,
    /// How late it was when it looked last.
    late: Cell<Duration>,
    /// When it was asked last.
    asked: Cell<Option<Instant>>,
}

impl Load {
    /// When a question that is seen now came, as far as can be told, and how long ago that is: what is
    /// due on a thread that is behind has waited.
    fn came(self: &Rc<Self>) -> (Instant, Duration) {
        let now = Instant::now();
        self.asked.set(Some(now));
        let behind = match self.due.get() {
            Some(due) => now.saturating_duration_since(due),
            None => {
                self.late.set(Duration::ZERO);
                self.due.set(Some(now + LOOK));
                spawn_local(Rc::clone(self).watch());
                Duration::ZERO
            }
        };
        let waited = behind.max(self.late.get());
        (now.checked_sub(waited).unwrap_or(now), waited)
    }

    /// Looks how late the thread is, for as long as it is asked anything.
    async fn watch(self: Rc<Self>) {
        loop {
            let due = Instant::now() + LOOK;
            self.due.set(Some(due));
            sleep_until(due.into()).await;
            let late = Instant::now().saturating_duration_since(due);
            // The clock of timers ticks in milliseconds.
            self.late.set(if late > TICK { late } else { Duration::ZERO });
            if self.asked.get().is_none_or(|asked| asked.elapsed() > UNASKED) {
                self.due.set(None);
                return;
            }
        }
    }
}

/// A question that is being answered.
struct Busy<'a>(&'a Load);

impl<'a> Busy<'a> {
    /// None if there are too many already.
    fn with(load: &'a Load) -> Option<Self> {
        if load.questions.get() >= MAX_QUESTIONS {
            return None;
        }
        load.questions.set(load.questions.get() + 1);
        Some(Self(load))
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.questions.set(self.0.questions.get().saturating_sub(1));
    }
}

/// Questions that a data thread answers at a time.
const MAX_QUESTIONS: usize = 4096;
/// Between two looks at the clock: what a question may have waited unseen.
const LOOK: Duration = Duration::from_millis(20);
const TICK: Duration = Duration::from_millis(2);
const UNASKED: Duration = Duration::from_secs(10);
