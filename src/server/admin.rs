//! The admin listener, on the control runtime.

use std::{io, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::UnixStream, sync::Semaphore, time::timeout};

use super::{Listener, listener::Accepted};
use crate::doors::admin::Admin;

/// Serves the admin door for as long as the process runs.
pub async fn serve_admin(listener: Listener, admin: Arc<Admin>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection on the admin listener");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let admin = Arc::clone(&admin);
        tokio::spawn(async move {
            let served = match accepted {
                Accepted::Tcp(stream, _) => match tokio::net::TcpStream::from_std(stream) {
                    Ok(stream) => serve(stream, &admin).await,
                    Err(error) => Err(error),
                },
                Accepted::Unix(stream) => match UnixStream::from_std(stream) {
                    Ok(stream) => serve(stream, &admin).await,
                    Err(error) => Err(error),
                },
            };
            if let Err(error) = served {
                tracing::debug!(%error, "admin connection ended");
            }
            drop(place);
        });
    }
}

async fn serve<S>(stream: S, admin: &Arc<Admin>) -> io::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let admin = Arc::clone(admin);
        async move { admin.answer(request).await }
    });
    // One request a connection, in bounded time: whoever doesn't read can't keep a place from a
    // probe.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    timeout(LIMIT, connection).await?.map_err(io::Error::other)
}

const MAX_CONNECTIONS: usize = 64;
const LIMIT: Duration = Duration::from_secs(10);
