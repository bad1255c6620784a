//! The acceptor of a port: it alone binds it, and hands every connection to a data thread.
//!
//! At the limit of connections a new one waits a moment for a place; if none comes free, callers
//! are told so (P7) rather than left in the kernel's queue until they give up.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use ::http::{HeaderValue, StatusCode, header};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    sync::{Semaphore, watch},
    time::{Instant, sleep, timeout},
};

use super::{DataThreads, Listener, listener::Accepted, refusal::serialised};
use crate::{
    doors::{Phase, Shared},
    http::Problem,
};

/// What the connections of a port are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// Requests that are forwarded.
    Proxy,
    /// Questions.
    Asking,
}

/// Accepts connections until the process drains, then what the kernel had queued by then.
pub async fn accept(
    (listener, serves): (Listener, Serves),
    threads: Arc<DataThreads>,
    shared: Arc<Shared>,
    limit: usize,
    mut phase: watch::Receiver<Phase>,
) {
    let mut acceptor = Acceptor {
        listener,
        serves,
        threads,
        shared,
        limit,
        full_since: None,
        farewells: Arc::new(Semaphore::new(MAX_FAREWELLS)),
    };
    loop {
        tokio::select! {
            () = acceptor.accept_one() => {}
            _ = phase.wait_for(|phase| *phase >= Phase::Draining) => break,
        }
    }
    // Connections that completed their handshake in the meantime are served, not reset (P5); but
    // callers that keep coming don't put off the end.
    let queued = async { while timeout(GAP, acceptor.accept_one()).await.is_ok() {} };
    let _ = timeout(LAST, queued).await;
}

struct Acceptor {
    listener: Listener,
    serves: Serves,
    threads: Arc<DataThreads>,
    shared: Arc<Shared>,
    limit: usize,
    /// Since when there has been no place for a connection.
    full_since: Option<Instant>,
    /// Bounds those who are being told that there is no place.
    farewells: Arc<Semaphore>,
}

impl Acceptor {
    async fn accept_one(&mut self) {
        self.await_place().await;
        match self.listener.accept().await {
            Ok(accepted) if self.has_place() => {
                self.threads.serve(self.serves, accepted, &self.shared)
            }
            Ok(accepted) => self.shed(accepted),
            Err(error) => {
                // Out of descriptors, mostly; trying at once would burn a core.
                self.shared.metrics.accept_errors.inc();
                tracing::warn!(%error, "can't accept a connection");
                sleep(FAILED).await;
            }
        }
    }

    fn has_place(&self) -> bool {
        self.threads.open() < self.limit
    }

    /// Waits for a place, for as long as a caller may be expected to wait.
    async fn await_place(&mut self) {
        while !self.has_place() {
            let since = *self.full_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= PATIENCE {
                return;
            }
            sleep(FULL).await;
        }
        self.full_since = None;
    }

    /// Tells a caller that there is no place, and reads what it sends for a moment: closing over
    /// unread bytes would reset the connection and take the answer with it.
    fn shed(&self, accepted: Accepted) {
        self.shared.metrics.connections_shed.inc();
        let plain = match self.serves {
            Serves::Proxy => self.shared.snapshot.load().tls.is_none(),
            // Most of those speak HTTP/2, and take a closed connection for an answer.
            Serves::Asking => false,
        };
        let (Accepted::Tcp(mut stream, _), true) = (accepted, plain) else { return };
        let Ok(permit) = Arc::clone(&self.farewells).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let told: io::Result<()> = async {
                stream.write_all(&no_place())?;
                stream.shutdown(std::net::Shutdown::Write)?;
                let mut stream = TcpStream::from_std(stream)?;
                let mut scratch = [0; 4096];
                let rest = async {
                    while stream.read(&mut scratch).await? > 0 {}
                    io::Result::Ok(())
                };
                timeout(FAREWELL, rest).await?
            }
            .await;
            // The caller may be gone already.
            drop((told, permit));
        });
    }
}

/// 503, and when to come back.
fn no_place() -> Vec<u8> {
    let detail = "all connections are taken; try again";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_connection_free", detail);
    let mut answer = problem.into_response();
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    serialised(answer).to_vec()
}

/// How long a new connection waits for a place.
const PATIENCE: Duration = Duration::from_secs(1);
const FULL: Duration = Duration::from_millis(5);
const FAILED: Duration = Duration::from_millis(50);
const GAP: Duration = Duration::from_millis(20);
const LAST: Duration = Duration::from_millis(200);
const MAX_FAREWELLS: usize = 256;
const FAREWELL: Duration = Duration::from_millis(500);
