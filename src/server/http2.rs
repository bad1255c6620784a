//! HTTP/2 on a downstream connection. Streams are what connections are in HTTP/1: each has its own clock,
//! and one that stands still ends by itself.
//!
//! What the library bounds: the header list with its continuations, frames and settings that come faster
//! than their answers are read, resets of what was never served. What is bounded here: time, streams that
//! are opened to be cut off, and what of an answer waits for a caller who doesn't read.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use ::http::{Method, Request, header};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    rt::Executor,
    server::conn::http2::{self, Connection},
    service::{HttpService, service_fn},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::spawn_local,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    watched::{Moment, Stage, expired},
    whole_writes::WholeWrites,
};
use crate::doors::{
    AnswerError, ConnectionLimits, ExchangeBody, Pace, Phase, Proxy, ProxyPeer, Shared,
};

/// Answers requests until the connection ends, idles too long, is abused, or the process drains.
pub(super) async fn exchange<S>(
    stream: S,
    peer: ProxyPeer,
    limits: ConnectionLimits,
    proxy: Rc<Proxy>,
    shared: &Arc<Shared>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let streams = Rc::new(Streams::new(limits));
    let service = service_fn(|request: Request<Incoming>| {
        let (proxy, peer, call) = (Rc::clone(&proxy), peer.clone(), Call::begin(&streams));
        async move { Ok::<_, Infallible>(answer(request, peer, &proxy, call).await) }
    });
    let connection = http2::Builder::new(Local(Rc::clone(&streams)))
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .enable_connect_protocol()
        .serve_connection(TokioIo::new(WholeWrites(stream)), service);
    let connection = pin!(connection);
    served(connection, &streams, shared).await
}

/// One request, and what the stream becomes of it.
async fn answer(
    mut request: Request<Incoming>,
    peer: ProxyPeer,
    proxy: &Proxy,
    mut call: Call,
) -> ::http::Response<StreamBody> {
    let upgrade = hyper::upgrade::on(&mut request);
    let is_head = request.method() == Method::HEAD;
    // It is large, and whoever serves this moves it about.
    let answered = Box::pin(proxy.answer(request, peer)).await;
    call.is_answered = true;
    if let Some(tunnel) = answered.tunnel {
        // The stream is the tunnel's now, which has a clock of its own.
        spawn_local(async move {
            if let Ok(caller) = upgrade.await {
                tunnel.carry(TokioIo::new(caller)).await;
            }
            drop(call);
        });
        return answered.response.map(|body| StreamBody::new(body, None));
    }
    let mut response = answered.response;
    if is_head {
        // The library leaves it to us: a length, and no body (RFC 9110 §9.3.2).
        if let Some(length @ 1..) = response.body().size_hint().exact() {
            response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length.into());
        }
        return response.map(|body| StreamBody { is_head, ..StreamBody::new(body, Some(call)) });
    }
    response.map(|body| {
        call.moment.follow(body.course().cloned());
        call.moment.enter(match body.pace() {
            Pace::Steady => Stage::Answering,
            Pace::Events | Pace::Call => Stage::Streaming,
        });
        StreamBody::new(body, Some(call))
    })
}

/// Drives the connection.
async fn served<S, V, B>(
    mut connection: Pin<&mut Connection<TokioIo<S>, V, Local>>,
    streams: &Rc<Streams>,
    shared: &Arc<Shared>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    V: HttpService<Incoming, ResBody = B>,
    V::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    V::Future: 'static,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut phase = shared.phase.clone();
    let mut reached = *phase.borrow_and_update();
    let mut patience = pin!(sleep_until(streams.end()));
    loop {
        let ended = poll_fn(|cx| {
            loop {
                if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                    return Poll::Ready(ended.map_err(io::Error::other));
                }
                // While others still find this replica, a connection serves a request before it leaves.
                let leaves = match reached {
                    Phase::Leaving => streams.begun.get() > 0,
                    reached => reached >= Phase::Draining,
                };
                if !leaves || streams.asked.get().is_some() {
                    break;
                }
                streams.asked.set(Some(Instant::now()));
                connection.as_mut().graceful_shutdown();
            }
            if streams.is_abused() {
                let error = "too many streams were cut off by the caller that opened them";
                return Poll::Ready(Err(io::Error::other(error)));
            }
            expired(patience.as_mut(), || streams.end(), cx)
        });
        tokio::select! {
            biased;
            ended = ended => return ended,
            changed = phase.changed(), if reached < Phase::Draining => {
                reached = match changed {
                    Ok(()) => *phase.borrow_and_update(),
                    Err(_) => Phase::Draining,
                };
            }
        }
    }
}

/// The streams of a connection.
struct Streams {
    limits: ConnectionLimits,
    /// Those that are under way.
    open: Cell<usize>,
    /// Since when there has been none.
    quiet: Cell<Instant>,
    begun: Cell<u64>,
    /// Since when the caller is asked to leave.
    asked: Cell<Option<Instant>>,
    /// Those that were cut off soon after they were opened, before they had an answer.
    cut: Cell<u64>,
    /// The clock of the stream that is about to be spawned.
    next: RefCell<Option<Moment>>,
}

impl Streams {
    fn new(limits: ConnectionLimits) -> Self {
        Self {
            limits,
            open: Cell::new(0),
            quiet: Cell::new(Instant::now()),
            begun: Cell::new(0),
            asked: Cell::new(None),
            cut: Cell::new(0),
            next: RefCell::default(),
        }
    }

    /// When the connection's patience ends.
    fn end(&self) -> Instant {
        let since = self.quiet.get();
        match (self.open.get(), self.asked.get(), self.begun.get()) {
            (1.., _, _) => Instant::now() + self.limits.idle,
            // Whoever doesn't leave when asked to is left.
            (0, Some(asked), _) => since.max(asked) + LAST,
            (0, None, 0) => since + self.limits.header,
            (0, None, _) => since + self.limits.idle,
        }
    }

    /// Whether the caller opens streams to cut them off (CVE-2023-44487).
    fn is_abused(&self) -> bool {
        let (begun, cut) = (self.begun.get(), self.cut.get());
        cut >= MAX_CUT && cut.saturating_mul(2) > begun
    }
}

/// One stream, until its answer was given out.
struct Call {
    streams: Rc<Streams>,
    moment: Moment,
    since: Instant,
    is_answered: bool,
}

impl Call {
    fn begin(streams: &Rc<Streams>) -> Self {
        streams.open.set(streams.open.get() + 1);
        streams.begun.set(streams.begun.get() + 1);
        let moment = Moment::new();
        moment.enter(Stage::Deciding);
        // hyper spawns it right after the service is called.
        *streams.next.borrow_mut() = Some(moment.clone());
        Self { streams: Rc::clone(streams), moment, since: Instant::now(), is_answered: false }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let streams = &self.streams;
        streams.open.set(streams.open.get().saturating_sub(1));
        streams.quiet.set(Instant::now());
        if !self.is_answered && self.since.elapsed() < PREMATURE {
            streams.cut.set(streams.cut.get() + 1);
        }
    }
}

/// Runs what HTTP/2 spawns on the data thread.
#[derive(Clone)]
struct Local(Rc<Streams>);

impl<F> Executor<F> for Local
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, future: F) {
        match self.0.next.take() {
            Some(moment) => spawn_local(bounded(future, moment, self.0.limits)),
            None => spawn_local(future),
        };
    }
}

/// A stream, until it stands still for too long: dropped, it is reset.
async fn bounded(stream: impl Future<Output = ()>, moment: Moment, limits: ConnectionLimits) {
    let mut stream = pin!(stream);
    // Most answers leave at once, and need no clock.
    let mut patience: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if !moment.is_answering() {
            return Poll::Pending;
        }
        let end = || moment.end(limits);
        let patience = patience.get_or_insert_with(|| Box::pin(sleep_until(end())));
        expired(patience.as_mut(), end, cx).map(drop)
    })
    .await;
}

/// An answer's body, in pieces: what waits for a caller who doesn't read is one of them.
struct StreamBody {
    body: ExchangeBody,
    /// None where the stream is a tunnel's.
    call: Option<Call>,
    rest: Bytes,
    /// It answers a `HEAD`.
    is_head: bool,
}

impl StreamBody {
    fn new(body: ExchangeBody, call: Option<Call>) -> Self {
        Self { body, call, rest: Bytes::new(), is_head: false }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return Poll::Ready(other),
            }
        }
        if let Some(call) = &self.call {
            call.moment.gave();
        }
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_head || (self.rest.is_empty() && self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        hint.set_lower(hint.lower().saturating_add(rest));
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

/// Requests at a time on a connection.
const MAX_STREAMS: u32 = 100;
/// Bytes of a request's body that may be on their way.
const STREAM_WINDOW: u32 = 256 << 10;
/// The same of all of a connection's streams together.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Bytes of an answer that the library keeps for a stream.
const SEND_BUFFER: usize = 64 << 10;
/// The largest piece that is given out: the largest frame that every caller takes.
const PIECE: usize = 16 << 10;
/// Streams that may be cut off early, unless they are less than half of all.
const MAX_CUT: u64 = 100;
/// How early that is.
const PREMATURE: Duration = Duration::from_secs(1);
/// How long a connection without streams may take to leave once the process drains.
const LAST: Duration = Duration::from_secs(1);
