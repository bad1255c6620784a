//! A data thread's connections to upstreams, and forwarding over them.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    ops::{Deref, DerefMut},
    rc::{Rc, Weak},
    time::Duration,
};

use ::http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use tokio::time::{Instant, timeout};

use super::{
    AnswerBody, Arriving, Course, ForwardError, HostHeader, Side, Upgrade, UploadBody, Upstream,
    UpstreamSide,
    body::Trailers,
    dial::{MAX_TRIES, Speaking, dial},
    http1,
    multiplexed::{Multiplexed, translate},
    origin::Address,
    trailer::Trailed,
    upload::UploadError,
};
use crate::{
    clock,
    gate::{DecisionId, Permit},
    http::{self, IdentityHeaders},
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
    /// The same for a gRPC call, which has its answer's head when there is something to say.
    pub stream: Duration,
}

/// The upstream connections of one data thread.
#[derive(Default)]
pub struct Client {
    /// By the upstream's serial; the one used last is last.
    idle: RefCell<BTreeMap<u64, VecDeque<Box<Kept>>>>,
    multiplexed: Multiplexed,
}

/// What is sent, and how.
#[derive(Debug)]
pub struct Sending<'a> {
    /// What is permitted.
    pub permit: Box<Permit>,
    /// The decision's name.
    pub id: &'a DecisionId,
    /// The caller's body.
    pub body: Option<Arriving>,
    /// Marked as the exchange moves; if it is ended, so is the request.
    pub course: &'a Course,
}

/// What a permitted request came to.
#[derive(Debug)]
pub enum Forwarded {
    /// An answer.
    Answer(Response<AnswerBody>),
    /// A WebSocket: the answer's head, and the upstream's side.
    Switched(Response<()>, UpstreamSide),
}

/// A permitted request, as it goes to the upstream.
pub(super) struct Outgoing {
    pub(super) request: Request<UploadBody>,
    /// Who is calling, and by which decision: what only the gate says.
    pub(super) identity: IdentityHeaders,
    pub(super) id: DecisionId,
}

/// A connection, where it goes, and since when it has been idle.
#[derive(Debug)]
struct Kept {
    connection: http1::Connection,
    address: Address,
    since: Instant,
}

/// A connection in use. Dropped before the end of its answer, it is closed.
#[derive(Debug)]
pub struct Lease {
    kept: Box<Kept>,
    /// Where it goes back to; nowhere if it serves one request alone.
    client: Weak<Client>,
    serial: u64,
}

impl Deref for Lease {
    type Target = http1::Connection;

    fn deref(&self) -> &http1::Connection {
        &self.kept.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut http1::Connection {
        &mut self.kept.connection
    }
}

impl Lease {
    /// The connection alone, which serves nobody else.
    pub(super) fn into_connection(self) -> http1::Connection {
        self.kept.connection
    }

    /// Puts the connection among the idle ones, if it can be used again.
    pub(super) fn give_back(self) {
        let Some(client) = self.client.upgrade() else { return };
        let mut kept = self.kept;
        if !kept.connection.rest() {
            return;
        }
        kept.since = Instant::now();
        let mut idle = client.idle.borrow_mut();
        let queue = idle.entry(self.serial).or_default();
        if queue.len() >= MAX_IDLE {
            // The one that was idle for longest is the likeliest to be dead.
            queue.pop_front();
        }
        queue.push_back(kept);
    }
}

impl Client {
    /// No connections yet.
    pub fn new() -> Rc<Self> {
        Rc::new(Self::default())
    }

    /// Forwards what `sending` permits to `upstream`.
    ///
    /// A request whose connection had been used before and broke goes out once more, on a fresh one, if nothing of it was
    /// sent, or if it is idempotent and nothing was heard (RFC 9110 §9.2.2); and only if its body is in memory or there
    /// is none.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn forward<'a>(
        self: &'a Rc<Self>,
        upstream: &'a Upstream,
        sending: Sending<'a>,
        timeouts: Timeouts,
    ) -> impl Future<Output = Result<Forwarded, ForwardError>> + 'a {
        let course = sending.course;
        let upgrade = sending.permit.upgrade();
        let request = serialise(sending, upstream);
        async move { self.send(upstream, upgrade, request?, course, timeouts).await }
    }

    async fn send(
        self: &Rc<Self>,
        upstream: &Upstream,
        upgrade: Option<http::Upgrade>,
        mut outgoing: Box<Outgoing>,
        course: &Course,
        timeouts: Timeouts,
    ) -> Result<Forwarded, ForwardError> {
        tokio::select! {
            biased;
            settled = outgoing.request.body_mut().settle() => settled?,
            () = course.stalled(timeouts.header) => return Err(ForwardError::CallerBody),
        }
        match (upgrade, &upstream.http2) {
            (Some(http::Upgrade::WebSocket), _) => {
                let upgraded = Box::pin(self.upgrade(upstream, *outgoing, timeouts)).await?;
                Ok(match upgraded {
                    Upgrade::Switched(head, side) => Forwarded::Switched(head, side),
                    Upgrade::Answer(answer) => Forwarded::Answer(answer),
                })
            }
            (None, Some(_)) => {
                let shared = self.forward_shared(upstream, *outgoing, course, timeouts);
                Ok(Forwarded::Answer(Box::pin(shared).await?))
            }
            (None, None) => self
                .forward_alone(upstream, outgoing, course, timeouts)
                .await
                .map(Forwarded::Answer),
        }
    }

    /// On a connection of its own.
    async fn forward_alone(
        self: &Rc<Self>,
        upstream: &Upstream,
        mut outgoing: Box<Outgoing>,
        course: &Course,
        timeouts: Timeouts,
    ) -> Result<Response<AnswerBody>, ForwardError> {
        let repeatable = is_idempotent(outgoing.request.method());
        let mut wanted = Wanted::Any;
        loop {
            let (mut lease, reused) = self.connection(upstream, wanted, course, timeouts).await?;
            let again = if reused { outgoing.request.body().again() } else { None };
            let answered = tokio::select! {
                biased;
                answered = lease.exchange(&mut outgoing) => answered,
                () = course.stalled(timeouts.header) => return Err(ForwardError::AnswerTimeout),
            };
            let failed = match answered {
                // Nobody asked for it: what follows on that connection is no answer (CVE-2026-73548).
                Ok(head) if head.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    return Err(ForwardError::Switched);
                }
                Ok(head) => return Ok(head.map(|()| AnswerBody::alone(lease))),
                Err(failed) => failed,
            };
            let by_upstream = matches!(failed.error, ForwardError::Upstream(_));
            match again {
                Some(body) if by_upstream && (failed.unsent || (failed.unheard && repeatable)) => {
                    *outgoing.request.body_mut() = body;
                    wanted = Wanted::Fresh;
                }
                _ => return Err(failed.error),
            }
        }
    }

    /// On a connection that others share.
    async fn forward_shared(
        &self,
        upstream: &Upstream,
        outgoing: Outgoing,
        course: &Course,
        timeouts: Timeouts,
    ) -> Result<Response<AnswerBody>, ForwardError> {
        let Outgoing { mut request, identity, id } = outgoing;
        for (name, value) in identity.pairs() {
            request.headers_mut().insert(name, value.clone());
        }
        request.headers_mut().insert(http::DECISION_ID, id.to_value());
        translate(&mut request, upstream)?;
        let mut repeatable = is_idempotent(request.method());
        for left in (0..MAX_TRIES).rev() {
            let stream = self.multiplexed.stream(upstream, timeouts).await?;
            let again = if repeatable { copy(&request) } else { None };
            let mut sender = stream.sender();
            let sent = tokio::select! {
                biased;
                why = course.ended(Side::Down) => return Err(ForwardError::Ended(why)),
                sent = sender.try_send_request(request) => sent,
                () = course.stalled(timeouts.header) => {
                    stream.retire();
                    return Err(ForwardError::AnswerTimeout);
                }
            };
            let mut failed = match sent {
                Ok(answer) => return Ok(answer.map(|body| AnswerBody::Shared(body, stream))),
                Err(failed) => failed,
            };
            request = match (failed.take_message(), again) {
                (Some(unsent), _) if left > 0 => unsent,
                (None, Some(again)) if left > 0 && !failed.error().is_user() => {
                    repeatable = false;
                    again
                }
                _ => return Err(broken(failed.into_error())),
            };
        }
        Err(ForwardError::NoAddress)
    }

    /// Drops connections that have been idle for long.
    pub fn sweep(&self) {
        let mut idle = self.idle.borrow_mut();
        for queue in idle.values_mut() {
            queue.retain_mut(|kept| {
                kept.since.elapsed() < MAX_IDLE_TIME && kept.connection.is_ready()
            });
        }
        idle.retain(|_, queue| !queue.is_empty());
        self.multiplexed.sweep(MAX_IDLE_TIME);
    }

    /// An idle connection, if one will do (the one used last, which is the likeliest to live), or a
    /// new one.
    async fn connection(
        self: &Rc<Self>,
        upstream: &Upstream,
        wanted: Wanted,
        course: &Course,
        timeouts: Timeouts,
    ) -> Result<(Lease, Reused), ForwardError> {
        let serial = upstream.serial;
        if wanted == Wanted::Any
            && let Some(kept) = self.take_idle(upstream, course.last())
        {
            return Ok((Lease { kept, client: Rc::downgrade(self), serial }, true));
        }
        // Apart, so that requests on connections that are there have no room for making one.
        let fresh = Box::pin(fresh(upstream, timeouts)).await?;
        Ok((Lease { client: Rc::downgrade(self), ..fresh }, false))
    }

    fn take_idle(&self, upstream: &Upstream, now: Instant) -> Option<Box<Kept>> {
        let mut idle = self.idle.borrow_mut();
        let queue = idle.get_mut(&upstream.serial)?;
        // The one used last is the likeliest to live. What isn't used again is dropped.
        while let Some(mut kept) = queue.pop_back() {
            if now.saturating_duration_since(kept.since) < MAX_IDLE_TIME
                && upstream.has(&kept.address)
                && kept.connection.is_ready()
            {
                return Some(kept);
            }
        }
        None
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

/// A new connection to the first of the upstream's addresses that takes one; it goes back to nobody.
pub(super) async fn fresh(upstream: &Upstream, timeouts: Timeouts) -> Result<Lease, ForwardError> {
    let mut last = ForwardError::NoAddress;
    for address in upstream.addresses().into_iter().take(MAX_TRIES) {
        match timeout(timeouts.connect, dial(upstream, &address, Speaking::Http1)).await {
            Ok(Ok(wire)) => {
                let connection = http1::Connection::new(wire);
                let kept = Box::new(Kept { connection, address, since: Instant::now() });
                return Ok(Lease { kept, client: Weak::new(), serial: upstream.serial });
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = ForwardError::ConnectTimeout,
        }
    }
    Err(last)
}

/// Why a request that was being sent has no answer.
fn broken(error: hyper::Error) -> ForwardError {
    if !error.is_user() {
        return ForwardError::Upstream(error.into());
    }
    let source = std::error::Error::source(&error);
    match source.and_then(|source| source.downcast_ref::<UploadError>()) {
        Some(UploadError::Body(error)) => ForwardError::Body(*error),
        Some(UploadError::Ended(why)) => ForwardError::Ended(*why),
        _ => ForwardError::CallerBody,
    }
}

/// The upstream request: the permitted one, with what the upstream is told of the caller, signed
/// where the upstream wants that.
fn serialise(
    Sending { permit, id, body, course }: Sending<'_>,
    upstream: &Upstream,
) -> Result<Box<Outgoing>, ForwardError> {
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
        (Body::Whole { bytes, .. }, _) => UploadBody::whole(bytes, course),
        (Body::Streamed(proof), Some(body)) => {
            let trailers = upstream.http2.as_ref().map_or(Trailers::Drop, |_| Trailers::Keep);
            UploadBody::streamed(body, &proof, trailed, course).with_trailers(trailers)
        }
        (Body::Streamed(_), None) => return Err(ForwardError::CallerBody),
    };
    let uri = Uri::from(permitted.target);
    let mut request = Request::new(body);
    *request.method_mut() = permitted.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = permitted.headers;
    let headers = request.headers_mut();
    // Trailers are dropped with the body they follow.
    headers.remove(header::TRAILER);
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
    Ok(Box::new(Outgoing { request, identity, id: id.clone() }))
}

/// The same request, if its body can be sent once more.
fn copy(request: &Request<UploadBody>) -> Option<Request<UploadBody>> {
    let mut copy = Request::new(request.body().again()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// Idle connections kept per upstream and data thread.
const MAX_IDLE: usize = 512;
/// Idle connections are dropped after this long; most servers wait longer.
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);
