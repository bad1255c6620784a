//! Connections of those who only ask: HTTP/1.1 and HTTP/2 in clear on one port, from where the
//! configuration says.

use std::{future::Future, io, net::IpAddr, pin::pin, rc::Rc, sync::Arc, time::Duration};

use ::http::Request;
use hyper::{body::Incoming, rt::Executor, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    task::spawn_local,
    time::{sleep, timeout},
};

use super::{listener::Accepted, whole_writes::WholeWrites};
use crate::doors::{Asker, NotAdmitted, Peer, Phase, Shared};

/// Serves a connection to its end.
pub(super) async fn serve(accepted: Accepted, asker: Rc<Asker>, shared: Arc<Shared>) {
    let served = match accepted {
        Accepted::Tcp(stream, address) => match TcpStream::from_std(stream) {
            Ok(stream) => admitted(stream, Some(address), asker, &shared).await,
            Err(error) => Err(error),
        },
        Accepted::Unix(stream) => match UnixStream::from_std(stream) {
            Ok(stream) => admitted(stream, None, asker, &shared).await,
            Err(error) => Err(error),
        },
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection of a proxy ended");
    }
}

/// Answers a peer that may ask. Nobody else is read: what it says of a request would be believed.
async fn admitted<S>(
    stream: S,
    address: Option<IpAddr>,
    asker: Rc<Asker>,
    shared: &Arc<Shared>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let peer = Rc::new(Peer::new(address));
    match asker.admit(&peer) {
        Ok(()) => exchange(stream, peer, asker, shared).await,
        Err(NotAdmitted) => Ok(()),
    }
}

/// Answers questions until the connection ends, has lived long enough, its peer may not ask any more, or the
/// process drains.
async fn exchange<S>(
    stream: S,
    peer: Rc<Peer>,
    asker: Rc<Asker>,
    shared: &Arc<Shared>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let limits = shared.snapshot.load().connection;
    let service = service_fn(|request: Request<Incoming>| {
        let (asker, peer) = (Rc::clone(&asker), Rc::clone(&peer));
        async move { asker.answer(request, &peer).await }
    });
    let mut builder = Builder::new(Local);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_buf_size(limits.head.max(MIN_HEAD));
    // Without pings: a peer that is gone is noticed by what it is answered, or by its connection's age.
    builder
        .http2()
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX));
    let io = TokioIo::new(WholeWrites(stream));
    let connection = builder.serve_connection(io, service);
    let mut connection = pin!(connection);
    let mut phase = shared.phase.clone();
    let mut old = pin!(sleep(age()));
    // A proxy that keeps one connection for ever would never see another replica.
    let mut leave = pin!(async move {
        tokio::select! {
            () = &mut old => {}
            _ = phase.wait_for(|phase| *phase >= Phase::Draining) => {}
        }
    });
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended.map_err(io::Error::other),
        () = peer.dismissed() => return Ok(()),
        () = &mut leave => connection.as_mut().graceful_shutdown(),
    }
    match timeout(GRACE, connection).await {
        Ok(ended) => ended.map_err(io::Error::other),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// How long a connection lives: not all of a fleet's end at once.
fn age() -> Duration {
    let mut random = [0u8; 2];
    // Without randomness they end at once, which does no harm either.
    let _ = aws_lc_rs::rand::fill(&mut random);
    MAX_AGE.mul_f64(0.9 + 0.2 * f64::from(u16::from_be_bytes(random)) / f64::from(u16::MAX))
}

/// Runs what HTTP/2 spawns on the data thread.
#[derive(Clone, Copy)]
struct Local;

impl<F> Executor<F> for Local
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}

const MAX_STREAMS: u32 = 1024;
/// hyper's own lower bound.
const MIN_HEAD: usize = 8192;
const MAX_AGE: Duration = Duration::from_secs(600);
/// What is under way at the end of a connection's life may take this long.
const GRACE: Duration = Duration::from_secs(10);
