//! A data thread's connections to upstreams, and forwarding over them.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    fmt,
    rc::{Rc, Weak},
    time::Duration,
};

use ::http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body as _;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    AnswerBody, Arriving, ForwardError, HostHeader, UploadBody, Upstream,
    body::Progress,
    dial::{MAX_TRIES, Wire, dial},
    origin::Address,
    trailer::Trailed,
    upload::UploadError,
};
use crate::{
    clock,
    gate::{DecisionId, Permit},
    services::Body,
    sigv4::{SignedPayload, UNSIGNED_TRAILER, sha256},
};

/// How long an upstream may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To take a connection, with TLS.
    pub connect: Duration,
    /// To answer with a head, from the last byte of the request it was sent.
    pub header: Duration,
}

/// The upstream connections of one data thread.
#[derive(Debug, Default)]
pub struct Client {
    /// By the upstream's serial; the one used last is last.
    idle: RefCell<HashMap<u64, VecDeque<Idle>>>,
}

type Sender = SendRequest<UploadBody>;

struct Idle {
    sender: Sender,
    address: Address,
    since: Instant,
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A connection in use. Dropped before the end of its answer, it is closed.
pub struct Lease {
    client: Weak<Client>,
    serial: u64,
    sender: Sender,
    address: Address,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Lease {
    /// Puts the connection among the idle ones.
    pub(super) fn give_back(self) {
        let Some(client) = self.client.upgrade() else { return };
        if self.sender.is_closed() {
            return;
        }
        let mut idle = client.idle.borrow_mut();
        let queue = idle.entry(self.serial).or_default();
        if queue.len() < MAX_IDLE {
            let (sender, address) = (self.sender, self.address);
            queue.push_back(Idle { sender, address, since: Instant::now() });
        }
    }
}

impl Client {
    /// No connections yet.
    pub fn new() -> Rc<Self> {
        Rc::new(Self::default())
    }

    /// Forwards what `permit` permits to `upstream`, with the caller's `body`.
    ///
    /// A request that found its connection closed before it was sent goes out again on another. One
    /// that may have been sent does so once, on a fresh one, and only if it is idempotent and its body
    /// is in memory or there is none (RFC 9110 §9.2.2).
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn forward(
        self: &Rc<Self>,
        upstream: &Upstream,
        permit: Box<Permit>,
        id: &DecisionId,
        body: Option<Arriving>,
        timeouts: Timeouts,
    ) -> Result<Response<AnswerBody>, ForwardError> {
        let progress = Progress::new();
        let mut request = serialise(permit, id, upstream, body, &progress)?;
        tokio::select! {
            biased;
            settled = request.body_mut().settle() => settled?,
            () = stalled(&progress, timeouts.header) => return Err(ForwardError::CallerBody),
        }
        let repeatable = is_idempotent(request.method());
        let mut wanted = Wanted::Any;
        loop {
            let (mut lease, reused) = self.connection(upstream, wanted, timeouts).await?;
            let again = if reused && repeatable { copy(&request) } else { None };
            let sent = tokio::select! {
                sent = lease.sender.try_send_request(request) => sent,
                () = stalled(&progress, timeouts.header) => return Err(ForwardError::AnswerTimeout),
            };
            let mut failed = match sent {
                // Nobody asked for it: what follows on that connection is no answer (CVE-2026-73548).
                Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    return Err(ForwardError::Switched);
                }
                Ok(answer) => return Ok(answer.map(|body| AnswerBody::upstream(body, lease))),
                Err(failed) => failed,
            };
            request = match (failed.take_message(), again) {
                (Some(unsent), _) => unsent,
                (None, Some(again)) if !failed.error().is_user() => {
                    wanted = Wanted::Fresh;
                    again
                }
                _ => return Err(broken(failed.into_error())),
            };
            if !reused {
                // A fresh connection that takes no request won't on the next try either.
                return Err(ForwardError::Upstream(failed.into_error()));
            }
        }
    }

    /// Drops connections that have been idle for long.
    pub fn sweep(&self) {
        let mut idle = self.idle.borrow_mut();
        for queue in idle.values_mut() {
            queue.retain(|c| !c.sender.is_closed() && c.since.elapsed() < MAX_IDLE_TIME);
        }
        idle.retain(|_, queue| !queue.is_empty());
    }

    /// An idle connection, if one will do (the one used last, which is the likeliest to live), or a
    /// new one.
    async fn connection(
        self: &Rc<Self>,
        upstream: &Upstream,
        wanted: Wanted,
        timeouts: Timeouts,
    ) -> Result<(Lease, Reused), ForwardError> {
        if wanted == Wanted::Any
            && let Some(found) = self.take_idle(upstream)
        {
            return Ok((self.lease(upstream, found.sender, found.address), true));
        }
        let mut last = ForwardError::NoAddress;
        for address in upstream.addresses().into_iter().take(MAX_TRIES) {
            match timeout(timeouts.connect, connect(upstream, &address)).await {
                Ok(Ok(sender)) => return Ok((self.lease(upstream, sender, address), false)),
                Ok(Err(error)) => last = error,
                Err(_) => last = ForwardError::ConnectTimeout,
            }
        }
        Err(last)
    }

    fn lease(self: &Rc<Self>, upstream: &Upstream, sender: Sender, address: Address) -> Lease {
        Lease { client: Rc::downgrade(self), serial: upstream.serial, sender, address }
    }

    fn take_idle(&self, upstream: &Upstream) -> Option<Idle> {
        let mut idle = self.idle.borrow_mut();
        let queue = idle.get_mut(&upstream.serial)?;
        queue.retain(|c| {
            !c.sender.is_closed() && c.since.elapsed() < MAX_IDLE_TIME && upstream.has(&c.address)
        });
        // One whose last answer was just read is ready as soon as its task has run.
        let at = queue.iter().rposition(|c| c.sender.is_ready())?;
        queue.remove(at)
    }
}

type Reused = bool;

/// Which connections a request may go out on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// An idle one, where there is one.
    Any,
    /// A new one: no idle one can be trusted to live.
    Fresh,
}

async fn connect(upstream: &Upstream, address: &Address) -> Result<Sender, ForwardError> {
    match dial(upstream, address).await? {
        Wire::Tcp(stream) => handshake(TokioIo::new(stream)).await,
        Wire::Tls(stream) => handshake(TokioIo::new(*stream)).await,
        Wire::Unix(stream) => handshake(TokioIo::new(stream)).await,
    }
}

async fn handshake<T>(io: T) -> Result<Sender, ForwardError>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let (sender, connection) =
        http1::Builder::new().handshake(io).await.map_err(ForwardError::Upstream)?;
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "upstream connection ended");
        }
    });
    Ok(sender)
}

/// Why a request that was being sent has no answer.
fn broken(error: hyper::Error) -> ForwardError {
    if !error.is_user() {
        return ForwardError::Upstream(error);
    }
    let source = std::error::Error::source(&error);
    match source.and_then(|source| source.downcast_ref::<UploadError>()) {
        Some(UploadError::Body(error)) => ForwardError::Body(*error),
        _ => ForwardError::CallerBody,
    }
}

/// The upstream request: the permitted one, with what the upstream is told of the caller, signed
/// where the upstream wants that.
fn serialise(
    permit: Box<Permit>,
    id: &DecisionId,
    upstream: &Upstream,
    body: Option<Arriving>,
    progress: &Progress,
) -> Result<Request<UploadBody>, ForwardError> {
    let (permitted, identity) = permit.into_parts();
    // The checksum of a trailer goes on as one, where the upstream takes it.
    let trailed = match &permitted.body {
        Body::Streamed(proof) if upstream.takes_trailers => proof.chunks().and_then(|chunks| {
            let algorithm = chunks.trailer()?;
            Some(Trailed { algorithm, length: chunks.length() })
        }),
        _ => None,
    };
    let payload = match &permitted.body {
        Body::Streamed(_) if trailed.is_some() => SignedPayload::UnsignedTrailer,
        Body::Whole { bytes, sha256: known } => {
            SignedPayload::Sha256(known.unwrap_or_else(|| sha256(bytes)))
        }
        Body::Streamed(proof) => {
            proof.content_sha256().map_or(SignedPayload::Unsigned, SignedPayload::Sha256)
        }
    };
    let body = match (permitted.body, body) {
        (Body::Whole { bytes, .. }, _) => UploadBody::whole(bytes, progress),
        (Body::Streamed(proof), Some(body)) => {
            UploadBody::streamed(body, &proof, trailed, progress)
        }
        (Body::Streamed(_), None) => return Err(ForwardError::CallerBody),
    };
    let uri = Uri::from(permitted.target);
    let chunked = !body.is_end_stream() && body.size_hint().exact().is_none();
    let mut request = Request::new(body);
    *request.method_mut() = permitted.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = permitted.headers;
    let headers = request.headers_mut();
    // Trailers are dropped with the body they follow.
    headers.remove(header::TRAILER);
    if chunked {
        // Without it hyper takes a GET to have no body, and drops the one it has.
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if let Some(trailed) = trailed {
        trailed.announce(headers);
        let form = HeaderValue::from_static(UNSIGNED_TRAILER);
        headers.insert("x-amz-content-sha256", form);
    }
    if let HostHeader::Rewrite(host) = &upstream.host_header {
        headers.insert(header::HOST, host.clone());
    }
    if let Some(signer) = &upstream.signer {
        let target = request.uri().path_and_query().cloned();
        let target = target.ok_or(ForwardError::Unsendable)?;
        let method = request.method().clone();
        signer
            .sign(&method, &target, request.headers_mut(), payload, clock::now())
            .map_err(|_| ForwardError::Unsendable)?;
    }
    let headers = request.headers_mut();
    for (name, value) in identity.pairs() {
        headers.insert(name, value.clone());
    }
    headers.insert(DECISION_ID, id.to_value());
    Ok(request)
}

/// The same request, if its body can be sent once more.
fn copy(request: &Request<UploadBody>) -> Option<Request<UploadBody>> {
    let mut copy = Request::new(request.body().again()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Ends when nothing has moved for `limit`.
async fn stalled(progress: &Progress, limit: Duration) {
    loop {
        let end = progress.last() + limit;
        if Instant::now() >= end {
            return;
        }
        sleep_until(end).await;
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

pub(super) const DECISION_ID: &str = "x-poolgate-decision-id";
/// Idle connections kept per upstream and data thread.
const MAX_IDLE: usize = 512;
/// Idle connections are dropped after this long; most servers wait longer.
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);
