//! Data threads: one single-threaded runtime a core, each with its own upstream connections.

use std::{
    io,
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::sync_channel,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Builder, LocalOptions},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn_local,
    time::{interval, sleep},
};

use super::{Serves, asking, connection, listener::Accepted};
use crate::{
    doors::{Asker, Proxy, REVIEW, Shared},
    upstream::Client,
};

/// All data threads.
pub struct DataThreads {
    threads: Vec<DataThread>,
    joins: Mutex<Vec<JoinHandle<()>>>,
}

struct DataThread {
    /// Its length is bounded by the limit on open connections.
    queue: UnboundedSender<(Serves, Accepted, Open)>,
    open: Arc<AtomicUsize>,
}

/// A connection that counts as open until this is dropped.
pub(super) struct Open {
    thread: Arc<AtomicUsize>,
    shared: Arc<Shared>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.thread.fetch_sub(1, Ordering::Relaxed);
        self.shared.metrics.connections.dec();
    }
}

impl DataThreads {
    /// Starts `count` threads. Each ends when these handles are gone and its connections are
    /// finished, or at the end of `drain`, whichever is first.
    ///
    /// # Errors
    /// The system's refusal of a thread or a runtime.
    pub fn start(count: usize, shared: &Arc<Shared>, drain: Duration) -> io::Result<Self> {
        let mut threads = Vec::with_capacity(count);
        let mut joins = Vec::with_capacity(count);
        for number in 0..count.max(1) {
            let (sender, receiver) = unbounded_channel();
            let open = Arc::new(AtomicUsize::new(0));
            let shared = Arc::clone(shared);
            let waiting = Arc::clone(&open);
            // A local runtime stays on the thread that builds it.
            let (built, begun) = sync_channel(1);
            let join =
                std::thread::Builder::new().name(format!("data-{number}")).spawn(move || {
                    let mut runtime = Builder::new_current_thread();
                    match runtime.enable_all().build_local(LocalOptions::default()) {
                        Ok(runtime) => {
                            let _ = built.send(Ok(()));
                            runtime.block_on(run(receiver, shared, waiting, drain));
                            // What is still computed for somebody who is gone keeps nobody here.
                            runtime.shutdown_background();
                        }
                        Err(error) => {
                            let _ = built.send(Err(error));
                        }
                    }
                })?;
            begun.recv().unwrap_or_else(|gone| Err(io::Error::other(gone)))?;
            threads.push(DataThread { queue: sender, open });
            joins.push(join);
        }
        Ok(Self { threads, joins: Mutex::new(joins) })
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.threads.iter().map(|thread| thread.open.load(Ordering::Relaxed)).sum()
    }

    /// Hands a connection to the least loaded thread.
    pub(super) fn serve(&self, serves: Serves, accepted: Accepted, shared: &Arc<Shared>) {
        let least = self.threads.iter().min_by_key(|thread| thread.open.load(Ordering::Relaxed));
        let Some(thread) = least else { return };
        thread.open.fetch_add(1, Ordering::Relaxed);
        shared.metrics.connections.inc();
        let open = Open { thread: Arc::clone(&thread.open), shared: Arc::clone(shared) };
        // A thread that is gone drops the connection, and with it the count.
        let _ = thread.queue.send((serves, accepted, open));
    }

    /// Waits for the end of all threads; blocks.
    pub fn join(self) {
        drop(self.threads);
        let joins = self.joins.into_inner().unwrap_or_else(PoisonError::into_inner);
        for join in joins {
            if join.join().is_err() {
                tracing::error!("a data thread panicked");
            }
        }
    }
}

async fn run(
    mut queue: UnboundedReceiver<(Serves, Accepted, Open)>,
    shared: Arc<Shared>,
    open: Arc<AtomicUsize>,
    drain: Duration,
) {
    let client = Client::new();
    let proxy = Rc::new(Proxy::new(Arc::clone(&shared), Rc::clone(&client)));
    let asker = Rc::new(Asker::new(Arc::clone(&shared)));
    let reviewed = Rc::clone(&proxy);
    spawn_local(async move {
        let mut ticks = interval(REVIEW);
        loop {
            ticks.tick().await;
            reviewed.review().await;
        }
    });
    spawn_local(async move {
        let mut ticks = interval(SWEEP);
        loop {
            ticks.tick().await;
            client.sweep();
        }
    });
    while let Some((serves, accepted, guard)) = queue.recv().await {
        let shared = Arc::clone(&shared);
        let (proxy, asker) = (Rc::clone(&proxy), Rc::clone(&asker));
        // Two tasks, so that neither has room for the other's kind of connection.
        match serves {
            Serves::Proxy => spawn_local(async move {
                connection::serve(accepted, proxy, shared).await;
                drop(guard);
            }),
            Serves::Asking => spawn_local(async move {
                asking::serve(accepted, asker, shared).await;
                drop(guard);
            }),
        };
    }
    let end = Instant::now() + drain;
    while open.load(Ordering::Relaxed) > 0 && Instant::now() < end {
        sleep(DRAINING).await;
    }
}

const SWEEP: Duration = Duration::from_secs(10);
const DRAINING: Duration = Duration::from_millis(10);
