//! One downstream connection: TLS, which HTTP it speaks, and for HTTP/1.1 its time limits, its part in a drain.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    net::IpAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use ::http::Request;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    server::conn::http1::{self, Connection, Parts},
    service::{HttpService, service_fn},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::{Instant, sleep_until, timeout_at},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    begun::Begun,
    gathered::Gathered,
    http2,
    listener::Accepted,
    refusal::Refusals,
    watched::{Moment, Speaking, Stage, Watched, expired},
};
use crate::{
    doors::{AnswerError, ConnectionLimits, ExchangeBody, Pace, Phase, Proxy, ProxyPeer, Shared},
    http::{ClientCertificate, Scheme},
};

/// Serves a connection to its end.
pub(super) async fn serve(accepted: Accepted, proxy: Rc<Proxy>, shared: Arc<Shared>) {
    let served = match accepted {
        Accepted::Tcp(stream, address) => match TcpStream::from_std(stream) {
            Ok(stream) => secured(stream, Some(address), proxy, &shared).await,
            Err(error) => Err(error),
        },
        Accepted::Unix(stream) => match UnixStream::from_std(stream) {
            Ok(stream) => Box::pin(secured(stream, None, proxy, &shared)).await,
            Err(error) => Err(error),
        },
    };
    if let Err(error) = served {
        // A caller that goes away or talks nonsense: nothing an operator can mend.
        tracing::debug!(%error, "connection ended");
    }
}

/// Does the TLS handshake, where the listener has a certificate.
async fn secured<S>(
    stream: S,
    address: Option<IpAddr>,
    proxy: Rc<Proxy>,
    shared: &Arc<Shared>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    // A connection must not keep the whole generation that it began under.
    let (limits, tls) = {
        let snapshot = shared.snapshot.load();
        (snapshot.connection, snapshot.tls.clone())
    };
    // Unix sockets are local: TLS is for the network.
    match (tls, address) {
        (Some(config), Some(_)) => {
            // Apart, so that connections in clear don't have room for what only TLS needs.
            Box::pin(async move {
                let handshake = TlsAcceptor::from(config).accept(stream);
                let stream = timeout_at(Instant::now() + limits.header, handshake).await??;
                let certificate = client_certificate(&stream)?;
                let peer = ProxyPeer { address, scheme: Scheme::Https, certificate };
                match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => {
                        Box::pin(http2::exchange(stream, peer, limits, proxy, shared)).await
                    }
                    _ => exchange(stream, peer, limits, proxy, shared).await,
                }
            })
            .await
        }
        _ => {
            let peer = ProxyPeer { address, scheme: Scheme::Http, certificate: None };
            exchange(stream, peer, limits, proxy, shared).await
        }
    }
}

/// The certificate that the handshake has verified, if the caller has one.
fn client_certificate<S>(stream: &TlsStream<S>) -> io::Result<Option<Arc<ClientCertificate>>> {
    let (_, session) = stream.get_ref();
    let Some(leaf) = session.peer_certificates().and_then(<[_]>::first) else { return Ok(None) };
    // Whose identity can't be told isn't served as nobody.
    let certificate = ClientCertificate::of(leaf).map_err(io::Error::other)?;
    Ok(Some(Arc::new(certificate)))
}

/// Answers requests until the connection ends, idles too long, or the process drains.
async fn exchange<S>(
    stream: S,
    peer: ProxyPeer,
    limits: ConnectionLimits,
    proxy: Rc<Proxy>,
    shared: &Arc<Shared>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let moment = Moment::new();
    let io = TokioIo::new(Watched::new(
        Gathered(stream),
        moment.clone(),
        limits.head,
        Refusals { shared: Arc::clone(shared), peer: peer.ip() },
    ));
    let tunnel = RefCell::new(None);
    let service = service_fn(|request: Request<Incoming>| {
        let (proxy, moment, peer) = (Rc::clone(&proxy), moment.clone(), peer.clone());
        let tunnel = &tunnel;
        async move {
            moment.enter(Stage::Deciding);
            // It is large, and hyper would keep room for it on every idle connection.
            let answered = Box::pin(proxy.answer(request, peer)).await;
            if answered.tunnel.is_some() {
                // What came before the answer is nobody's to read (CVE-2026-2833).
                if moment.is_ahead() {
                    return Err(io::Error::other("bytes behind a request for a websocket"));
                }
                *tunnel.borrow_mut() = answered.tunnel;
                moment.speak(Speaking::Other);
            }
            moment.enter(match answered.response.body().pace() {
                Pace::Steady => Stage::Answering,
                Pace::Events | Pace::Call => Stage::Streaming,
            });
            Ok::<_, io::Error>(answered.response.map(|body| TimedBody { body, moment }))
        }
    });
    let mut connection =
        http1::Builder::new().max_buf_size(limits.head.max(MIN_HEAD)).serve_connection(io, service);
    let ended = served(Pin::new(&mut connection), &moment, limits, shared).await;
    match moment.speaking() {
        Speaking::Http1 => ended,
        Speaking::Http2 => {
            let Parts { io, read_buf, .. } = connection.into_parts();
            let stream = Begun { read: read_buf, stream: io.into_inner().into_inner() };
            Box::pin(http2::exchange(stream, peer, limits, proxy, shared)).await
        }
        Speaking::Other => {
            ended?;
            let Parts { io, read_buf, .. } = connection.into_parts();
            let stream = Begun { read: read_buf, stream: io.into_inner().into_inner() };
            if let Some(tunnel) = tunnel.take() {
                Box::pin(tunnel.carry(stream)).await;
            }
            Ok(())
        }
    }
}

/// Drives the connection until HTTP/1 has nothing more to say on it.
async fn served<S, V>(
    mut connection: Pin<&mut Connection<TokioIo<Watched<S>>, V>>,
    moment: &Moment,
    mut limits: ConnectionLimits,
    shared: &Arc<Shared>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    V: HttpService<Incoming, ResBody = TimedBody, Error = io::Error>,
{
    let mut phase = shared.phase.clone();
    let mut draining = false;
    let mut patience = pin!(sleep_until(moment.end(limits)));
    loop {
        let ended = poll_fn(|cx| match connection.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready(ended.map_err(io::Error::other)),
            Poll::Pending => expired(patience.as_mut(), || moment.end(limits), cx),
        });
        tokio::select! {
            // The connection first: a request that has arrived is seen before the drain is.
            biased;
            ended = ended => return ended,
            changed = phase.wait_for(|phase| *phase >= Phase::Draining), if !draining => {
                draining = true;
                match moment.stage() {
                    // hyper would drop what it has of a head. The answer will say `close`.
                    Stage::Head => limits.header = limits.header.min(LAST_HEAD),
                    _ if changed.is_ok() => connection.as_mut().graceful_shutdown(),
                    _ => {}
                }
            }
        }
    }
}

/// A body that tells the connection when it is done.
struct TimedBody {
    body: ExchangeBody,
    moment: Moment,
}

impl Drop for TimedBody {
    fn drop(&mut self) {
        self.moment.enter(Stage::Idle);
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How long a head may take once the process drains.
const LAST_HEAD: Duration = Duration::from_secs(1);
/// hyper's own lower bound.
const MIN_HEAD: usize = 8192;
