//! Envoy's external authorization over gRPC (`envoy.service.auth.v3.Authorization`).
//!
//! Every decision is a call that succeeded: an error of the call means that nothing was decided,
//! and the proxy does with the request what it does when nobody answers.

mod check;
mod health;
mod messages;

use std::{sync::Arc, time::Instant};

use ::http::{Response, request::Parts};

use super::{
    Shared,
    caller_body::CallerBody,
    grpc::{self, Code, Reply, Seats},
};
use crate::gate::{Payload, PayloadError};

/// Answers a call. `waited` since is when it came, as far as that is known.
pub(super) async fn call(
    shared: &Arc<Shared>,
    seats: &Seats,
    head: &Parts,
    mut body: CallerBody,
    came: Instant,
) -> Response<Reply> {
    let patience = grpc::patience(&head.headers).unwrap_or(super::asking::PATIENCE);
    let deadline = came + patience.min(super::asking::PATIENCE);
    let snapshot = shared.snapshot.load_full();
    let limit = snapshot.rules.body_buffer.saturating_add(4 * snapshot.connection.head);
    let read = tokio::time::timeout_at(deadline.into(), body.read(limit)).await;
    let message = match read {
        Ok(Ok(body)) => grpc::message(body),
        Ok(Err(PayloadError::TooLarge | PayloadError::NoRoom)) => Err(Code::ResourceExhausted),
        Ok(Err(_)) => Err(Code::InvalidArgument),
        Err(_) => Err(Code::DeadlineExceeded),
    };
    let message = match message {
        Ok(message) => message,
        Err(code) => return grpc::failed(code, "the call's message can't be read"),
    };
    match head.uri.path().strip_prefix('/').and_then(|path| path.split_once('/')) {
        Some((AUTHORIZATION, "Check")) => {
            check::check(shared, &snapshot, message, came, deadline).await
        }
        Some((HEALTH, "Check")) => health::check(message, *shared.phase.borrow()),
        Some((HEALTH, "Watch")) => health::watch(message, &shared.phase, seats),
        _ => grpc::failed(Code::Unimplemented, "there is no such method"),
    }
}

const AUTHORIZATION: &str = "envoy.service.auth.v3.Authorization";
const HEALTH: &str = "grpc.health.v1.Health";

#[cfg(test)]
mod tests;

#[cfg(test)]
#[path = "described_tests.rs"]
mod described;
