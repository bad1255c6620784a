//! Connections that many requests share: HTTP/2 to upstreams that are said to speak it.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt,
    future::poll_fn,
    pin::pin,
    rc::Rc,
};

use ::http::{HeaderValue, Request, Uri, header, uri};
use hyper::{
    client::conn::http2::{self, SendRequest},
    rt::Executor,
};
use hyper_util::rt::TokioIo;
use tokio::{
    sync::Mutex,
    task::spawn_local,
    time::{Duration, Instant, timeout},
};

use super::{
    Broken, ForwardError, Timeouts, UploadBody, Upstream,
    dial::{MAX_TRIES, Speaking, Wire, dial},
    origin::Address,
};

/// The connections of one data thread.
#[derive(Default)]
pub(super) struct Multiplexed {
    /// By the upstream's serial: one place an address.
    places: RefCell<HashMap<u64, Vec<Rc<Place>>>>,
}

/// The connections to one address.
struct Place {
    address: Address,
    connections: RefCell<Vec<Rc<Connection>>>,
    /// Held by whoever connects, so that those who come meanwhile share what comes of it.
    connecting: Mutex<()>,
}

struct Connection {
    sender: SendRequest<UploadBody>,
    /// Requests that are under way on it.
    streams: Cell<usize>,
    /// How many the upstream takes at a time.
    most: Rc<Cell<usize>>,
    since: Cell<Instant>,
    /// Something on it had no answer in time: who is behind it may be gone, and nobody would say so.
    retired: Cell<bool>,
}

/// A place for one request, until the end of its answer.
pub struct Stream(Rc<Connection>);

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

impl Stream {
    /// Sends requests on its connection.
    pub(super) fn sender(&self) -> SendRequest<UploadBody> {
        self.0.sender.clone()
    }

    /// Lets its connection have no further requests.
    pub(super) fn retire(&self) {
        self.0.retired.set(true);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get().saturating_sub(1));
        self.0.since.set(Instant::now());
    }
}

impl Multiplexed {
    /// A place on a connection to one of the addresses of `upstream`, which take turns; on a new one where
    /// those that there are are full.
    pub(super) async fn stream(
        &self,
        upstream: &Upstream,
        timeouts: Timeouts,
    ) -> Result<Stream, ForwardError> {
        let mut last = ForwardError::NoAddress;
        for address in upstream.addresses().into_iter().take(MAX_TRIES) {
            let place = self.place(upstream.serial, address);
            if let Some(stream) = place.free() {
                return Ok(stream);
            }
            match timeout(timeouts.connect, place.connected(upstream)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = ForwardError::ConnectTimeout,
            }
        }
        Err(last)
    }

    /// Drops connections that have had no request for `idle`.
    pub(super) fn sweep(&self, idle: Duration) {
        let mut places = self.places.borrow_mut();
        for of_upstream in places.values_mut() {
            for place in of_upstream.iter() {
                place.connections.borrow_mut().retain(|connection| {
                    let used = connection.streams.get() > 0;
                    used || (!connection.is_gone() && connection.since.get().elapsed() < idle)
                });
            }
            of_upstream.retain(|place| {
                Rc::strong_count(place) > 1 || !place.connections.borrow().is_empty()
            });
        }
        places.retain(|_, of_upstream| !of_upstream.is_empty());
    }

    fn place(&self, serial: u64, address: Address) -> Rc<Place> {
        let mut places = self.places.borrow_mut();
        let of_upstream = places.entry(serial).or_default();
        if let Some(place) = of_upstream.iter().find(|place| place.address == address) {
            return Rc::clone(place);
        }
        let (connections, connecting) = (RefCell::default(), Mutex::default());
        let place = Rc::new(Place { address, connections, connecting });
        of_upstream.push(Rc::clone(&place));
        place
    }
}

impl Place {
    /// A place on the connection that has the most of them.
    fn free(&self) -> Option<Stream> {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|connection| connection.streams.get() > 0 || !connection.is_gone());
        let usable = connections.iter().filter(|c| !c.is_gone() && c.streams.get() < c.most.get());
        let connection = usable.min_by_key(|connection| connection.streams.get())?;
        Some(connection.stream())
    }

    /// A place on a connection that somebody else has made meanwhile, or on a new one.
    async fn connected(&self, upstream: &Upstream) -> Result<Stream, ForwardError> {
        let _turn = self.connecting.lock().await;
        if let Some(stream) = self.free() {
            return Ok(stream);
        }
        let wire = dial(upstream, &self.address, Speaking::Http2).await?;
        let connection = Rc::new(handshake(TokioIo::new(wire)).await?);
        self.connections.borrow_mut().push(Rc::clone(&connection));
        Ok(connection.stream())
    }
}

impl Connection {
    fn is_gone(&self) -> bool {
        self.retired.get() || self.sender.is_closed()
    }

    fn stream(self: &Rc<Self>) -> Stream {
        self.streams.set(self.streams.get() + 1);
        Stream(Rc::clone(self))
    }
}

async fn handshake(io: TokioIo<Wire>) -> Result<Connection, ForwardError> {
    let (sender, connection) = http2::Builder::new(Local)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW * MAX_STREAMS)
        .max_header_list_size(MAX_HEADERS)
        .handshake(io)
        .await
        .map_err(Broken::from)?;
    let most = Rc::new(Cell::new(MAX_STREAMS as usize));
    let told = Rc::clone(&most);
    spawn_local(async move {
        let mut connection = pin!(connection);
        let ended = poll_fn(|cx| {
            let ended = connection.as_mut().poll(cx);
            if ended.is_pending() {
                let taken = connection.current_max_send_streams();
                told.set(taken.clamp(1, MAX_STREAMS as usize));
            }
            ended
        });
        if let Err(error) = ended.await {
            tracing::debug!(%error, "upstream connection ended");
        }
    });
    let (streams, since, retired) = (Cell::new(0), Cell::new(Instant::now()), Cell::new(false));
    Ok(Connection { sender, streams, most, since, retired })
}

/// Makes a request of HTTP/1 one of HTTP/2: the host is `:authority`, and there is nothing of the connection.
pub(super) fn translate(
    request: &mut Request<UploadBody>,
    upstream: &Upstream,
) -> Result<(), ForwardError> {
    let headers = request.headers_mut();
    let host = headers.remove(header::HOST).ok_or(ForwardError::Unsendable)?;
    headers.remove(header::TRANSFER_ENCODING);
    // Trailers are read here, whether the caller waits for them or not.
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(match upstream.tls {
        Some(_) => uri::Scheme::HTTPS,
        None => uri::Scheme::HTTP,
    });
    let host = uri::Authority::try_from(host.as_bytes()).map_err(|_| ForwardError::Unsendable)?;
    parts.authority = Some(host);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| ForwardError::Unsendable)?;
    Ok(())
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

/// Requests at a time on a connection.
const MAX_STREAMS: u32 = 100;
/// Bytes of an answer that may wait for its caller. All streams together fill the connection's window, so
/// that callers that don't read keep nobody else's answer.
const STREAM_WINDOW: u32 = 64 << 10;
/// Bytes of an answer's headers, and of its trailers.
const MAX_HEADERS: u32 = 64 << 10;
