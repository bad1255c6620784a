//! The acceptor of a port: it alone binds it, and hands every connection to a data thread.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{DataThreads, Listener};
use crate::doors::{Phase, Shared};

/// Accepts connections until the process drains, then what the kernel had queued by then.
pub async fn accept(
    listener: Listener,
    threads: Arc<DataThreads>,
    shared: Arc<Shared>,
    limit: usize,
    mut phase: watch::Receiver<Phase>,
) {
    loop {
        tokio::select! {
            () = accept_one(&listener, &threads, &shared, limit) => {}
            _ = phase.wait_for(|phase| *phase >= Phase::Draining) => break,
        }
    }
    // Connections that completed their handshake in the meantime are served, not reset (P5); but
    // callers that keep coming don't put off the end.
    let queued = async {
        while timeout(GAP, accept_one(&listener, &threads, &shared, limit)).await.is_ok() {}
    };
    let _ = timeout(LAST, queued).await;
}

async fn accept_one(
    listener: &Listener,
    threads: &DataThreads,
    shared: &Arc<Shared>,
    limit: usize,
) {
    // At the limit new connections wait in the kernel's queue, or are refused by it.
    while threads.open() >= limit {
        sleep(FULL).await;
    }
    match listener.accept().await {
        Ok(accepted) => threads.serve(accepted, shared),
        Err(error) => {
            // Out of descriptors, mostly; trying at once would burn a core.
            shared.metrics.accept_errors.inc();
            tracing::warn!(%error, "can't accept a connection");
            sleep(FAILED).await;
        }
    }
}

const FULL: Duration = Duration::from_millis(5);
const FAILED: Duration = Duration::from_millis(50);
const GAP: Duration = Duration::from_millis(20);
const LAST: Duration = Duration::from_millis(200);
