//! Questions that are posted as JSON: AuthZEN's, and API Gateway's to a Lambda authorizer.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use ::http::{Response, StatusCode, header, request::Parts};
use bytes::Bytes;

use super::{
    Shared, asking::PATIENCE, authorizer, authzen, caller_body::CallerBody, grpc, note::note,
    record::Asked,
};
use crate::{
    clock,
    gate::{Gate, Payload, PayloadError},
    http::Problem,
};

/// Whether a request for `path` is such a question.
pub(super) fn is_for(path: &str) -> bool {
    path == authorizer::PATH || authzen::is_for(path)
}

/// Answers a question that came at the time `came`, as far as that is known.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    head: &Parts,
    mut body: CallerBody,
    came: Instant,
) -> Response<Bytes> {
    // Browsers say whose page asks, and nobody else does. A page can have this machine's address for that
    // of its own site (DNS rebinding), and would read the answers.
    if head.headers.contains_key(header::ORIGIN) {
        let detail = "pages in browsers are not answered here";
        return Problem::new(StatusCode::FORBIDDEN, "asked_by_a_page", detail).into_response();
    }
    let snapshot = shared.snapshot.load_full();
    let patience = grpc::patience(&head.headers).unwrap_or(PATIENCE);
    let until = (came + patience.min(PATIENCE)).into();
    let read = tokio::time::timeout_at(until, body.read(MAX_BODY_BYTES)).await;
    let body = match read {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => return unread(error),
        Err(_) => return unread(PayloadError::TooSlow),
    };
    if head.uri.path() == authorizer::PATH {
        return authorizer::answer(shared, &snapshot, head, &body, came).await;
    }
    let gate = Gate { rules: &snapshot.rules, tokens: &shared.tokens };
    let url = snapshot.asking.url.as_deref();
    let answered = authzen::answer(&gate, url, head, &body, until).await;
    if !answered.in_time {
        shared.metrics.asked_in_vain.with_label_values(&["deadline"]).inc();
    }
    // The peer is one that may ask; whose address that is tells nothing of the question.
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let asked = Asked::of(head, nobody, clock::now());
    for decision in &answered.decisions {
        note(shared, &snapshot, ("authzen", &asked), decision, came.elapsed());
    }
    answered.response
}

fn unread(error: PayloadError) -> Response<Bytes> {
    let status = match error {
        PayloadError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        PayloadError::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, error.reason(), error.to_string()).into_response()
}

/// Largest body of a question, in bytes: an event has no body of the request, but its headers twice.
const MAX_BODY_BYTES: usize = 256 * 1024;
