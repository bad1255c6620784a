//! Connections of those who only ask: HTTP/1.1 and HTTP/2 in clear on one port, from where the
//! configuration says.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io, mem,
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

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
    let begun = Begun::default();
    let mut builder = Builder::new(begun.clone());
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
        ended = begun.with(connection.as_mut()) => return ended.map_err(io::Error::other),
        () = peer.dismissed() => return Ok(()),
        () = &mut leave => connection.as_mut().graceful_shutdown(),
    }
    match timeout(GRACE, begun.with(connection)).await {
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

/// The streams of a connection of HTTP/2 that nobody has looked at yet.
///
/// Nearly every question can be answered at once, so that a task for it would be made for nothing. They wait
/// until all that has come is read, so that all their answers are written at once too.
#[derive(Clone, Default)]
struct Begun(Rc<RefCell<Vec<Stream>>>);

type Stream = Pin<Box<dyn Future<Output = ()>>>;

impl<F> Executor<F> for Begun
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, future: F) {
        self.0.borrow_mut().push(Box::pin(future));
    }
}

impl Begun {
    /// `connection`, with the streams that it begins.
    fn with<C: Future>(&self, mut connection: Pin<&mut C>) -> impl Future<Output = C::Output> {
        poll_fn(move |cx| {
            let ended = connection.as_mut().poll(cx);
            // To be written, what is answered wakes the connection.
            self.answer();
            ended
        })
    }

    /// Answers what can be answered at once; what has to wait becomes a task.
    fn answer(&self) {
        let mut streams = mem::take(&mut *self.0.borrow_mut());
        for (place, mut stream) in streams.drain(..).enumerate() {
            if place >= AT_ONCE {
                // Others are served between them.
                drop(spawn_local(stream));
                continue;
            }
            // Whoever has to be woken is asked again, as a task.
            let mut cx = Context::from_waker(Waker::noop());
            // As of a task, a panic ends one stream.
            match catch_unwind(AssertUnwindSafe(|| stream.as_mut().poll(&mut cx))) {
                Ok(Poll::Pending) => drop(spawn_local(stream)),
                Ok(Poll::Ready(())) | Err(_) => {}
            }
        }
        // Its room is used again.
        let mut begun = self.0.borrow_mut();
        if begun.is_empty() && streams.capacity() <= USUAL {
            *begun = streams;
        }
    }
}

/// So many streams are answered before anybody else has a turn.
const AT_ONCE: usize = 64;
/// Streams that a connection usually begins at a time, at most.
const USUAL: usize = 128;

const MAX_STREAMS: u32 = 1024;
/// hyper's own lower bound.
const MIN_HEAD: usize = 8192;
const MAX_AGE: Duration = Duration::from_secs(600);
/// What is under way at the end of a connection's life may take this long.
const GRACE: Duration = Duration::from_secs(10);
