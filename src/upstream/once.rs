//! What the gate itself asks of an upstream, each time over a connection of its own: it is asked
//! seldom, from the control runtime, which has no pool.

use std::{convert::Infallible, future::pending, time::Duration};

use ::http::{HeaderValue, Method, Request, StatusCode, Uri, header, uri::PathAndQuery};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    ForwardError, Upstream,
    dial::{MAX_TRIES, Speaking, Wire, dial},
};
use crate::{
    clock,
    http::{self, IdentityHeaders},
    sigv4::{SignedPayload, sha256},
};

/// A call of an AWS service's JSON protocol, version 1.0.
///
/// INVARIANT (P1): which operation it is stands in the source, so that no caller can have another
/// one called without a permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `X-Amz-Target`.
    pub target: &'static str,
    /// The body.
    pub body: Bytes,
}

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// As for what is forwarded.
    #[error(transparent)]
    Failed(#[from] ForwardError),
    /// The answer has more than [`MAX_ANSWER`] bytes.
    #[error("the upstream's answer is larger than 1 MiB")]
    TooLarge,
}

/// Sends `call` to `upstream`, signed as what is forwarded there, and reads the answer whole. All of
/// it takes no longer than `limit`.
///
/// Dropped, it closes the connection.
///
/// # Errors
/// [`CallError`]
pub async fn ask(
    upstream: &Upstream,
    call: Call,
    limit: Duration,
) -> Result<(StatusCode, Bytes), CallError> {
    let end = Instant::now() + limit;
    let request = request(upstream, call)?;
    let wire = timeout_at(end, connected(upstream, limit / 3))
        .await
        .map_err(|_| ForwardError::ConnectTimeout)??;
    let exchange = exchange(TokioIo::new(wire), request);
    timeout_at(end, exchange).await.map_err(|_| ForwardError::AnswerTimeout)?
}

/// A connection to the first address that takes one, each within `limit`.
async fn connected(upstream: &Upstream, limit: Duration) -> Result<Wire, ForwardError> {
    let mut addresses = upstream.addresses();
    if addresses.is_empty() {
        // Nobody has looked its name up yet.
        upstream.resolve().await.map_err(|_| ForwardError::NoAddress)?;
        addresses = upstream.addresses();
    }
    let mut last = ForwardError::NoAddress;
    for address in addresses.into_iter().take(MAX_TRIES) {
        match timeout(limit, dial(upstream, &address, Speaking::Http1)).await {
            Ok(Ok(wire)) => return Ok(wire),
            Ok(Err(error)) => last = error,
            Err(_) => last = ForwardError::ConnectTimeout,
        }
    }
    Err(last)
}

async fn exchange(
    io: TokioIo<Wire>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), CallError> {
    let (mut sender, connection) = http1::Builder::new().handshake(io).await.map_err(broken)?;
    // Driven from here, so that the connection ends with whoever waits for it.
    let driven = async {
        let _ = connection.await;
        pending::<Infallible>().await
    };
    let answered = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        match Limited::new(answer.into_body(), MAX_ANSWER).collect().await {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(CallError::TooLarge),
            Err(error) => Err(match error.downcast::<hyper::Error>() {
                Ok(error) => broken(*error).into(),
                Err(_) => ForwardError::AnswerTimeout.into(),
            }),
        }
    };
    tokio::select! {
        answered = answered => answered,
        never = driven => match never {},
    }
}

fn broken(error: hyper::Error) -> ForwardError {
    ForwardError::Upstream(error.into())
}

/// The request of a call, as the forwarder makes its own: `Host`, signature, and who the caller is,
/// which here is nobody.
fn request(upstream: &Upstream, call: Call) -> Result<Request<Full<Bytes>>, ForwardError> {
    let unsendable = || ForwardError::Unsendable;
    let payload = SignedPayload::Sha256(sha256(&call.body));
    let mut request = Request::new(Full::new(call.body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static("/");
    let headers = request.headers_mut();
    headers.insert(header::HOST, upstream.own_host().ok_or_else(unsendable)?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    headers.insert(http::TARGET, HeaderValue::from_static(call.target));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    if let Some(signer) = &upstream.signer {
        let target = PathAndQuery::from_static("/");
        signer
            .sign(&Method::POST, &target, headers, payload, clock::now())
            .map_err(|_| unsendable())?;
    }
    for (name, value) in IdentityHeaders::default().pairs() {
        headers.insert(name, value.clone());
    }
    headers.insert(http::DECISION_ID, HeaderValue::from_static(""));
    Ok(request)
}

const USER_AGENT: &str = concat!("poolgate/", env!("CARGO_PKG_VERSION"));
/// Bytes of an answer.
const MAX_ANSWER: usize = 1 << 20;

#[cfg(test)]
mod tests;
