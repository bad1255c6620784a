//! Envoy's external authorization over gRPC (`envoy.service.auth.v3.Authorization`).
//!
//! Every decision is a call that succeeded: an error of the call means that nothing was decided,
//! and the proxy does with the request what it does when nobody answers.

mod check;
mod health;
mod messages;
mod request;
mod response;
mod wire;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::http::{Response, request::Parts};

use super::{
    Shared, Snapshot,
    caller_body::CallerBody,
    grpc::{self, Code, Reply, Seats},
};
use crate::{
    clock::timely,
    gate::{Payload, PayloadError},
};

/// Answers a call that came at `came`, for which its caller waits as long as `patience` says.
pub(super) async fn call(
    (shared, snapshot): (&Arc<Shared>, &Snapshot),
    seats: &Seats,
    head: &Parts,
    mut body: CallerBody,
    (came, patience): (Instant, Duration),
) -> Response<Reply> {
    let deadline = came + patience.min(super::asking::PATIENCE);
    let limit = snapshot.rules.body_buffer.saturating_add(4 * snapshot.connection.head);
    let read = timely(body.read(limit), || deadline.into()).await;
    let detail = "the call's message can't be read";
    let message = match read {
        Some(Ok(body)) => grpc::message(body),
        // A client's body makes it too large, and many of them that there is no room.
        Some(Err(error @ (PayloadError::TooLarge | PayloadError::NoRoom))) => {
            let told = (error.reason(), detail);
            return undecided(head, Code::ResourceExhausted, told);
        }
        Some(Err(_)) => Err(Code::InvalidArgument),
        None => Err(Code::DeadlineExceeded),
    };
    let message = match message {
        Ok(message) => message,
        Err(code) => return grpc::failed(code, detail),
    };
    match method(head) {
        Some((AUTHORIZATION, "Check")) => {
            check::check(shared, snapshot, message, came, deadline).await
        }
        Some((HEALTH, "Check")) => health::check(message, *shared.phase.borrow()),
        Some((HEALTH, "Watch")) => health::watch(message, &shared.phase, seats),
        _ => grpc::failed(Code::Unimplemented, "there is no such method"),
    }
}

/// The answer of a call that nothing is decided of: of a question a denial, so that a proxy that lets
/// through what failed doesn't let through whoever made it fail.
pub(super) fn undecided(
    head: &Parts,
    code: Code,
    (reason, detail): (&'static str, &'static str),
) -> Response<Reply> {
    match method(head) {
        Some((AUTHORIZATION, "Check")) => check::undecided(reason, detail),
        _ => grpc::failed(code, detail),
    }
}

/// The service and the method that are called.
fn method(head: &Parts) -> Option<(&str, &str)> {
    head.uri.path().strip_prefix('/')?.split_once('/')
}

const AUTHORIZATION: &str = "envoy.service.auth.v3.Authorization";
const HEALTH: &str = "grpc.health.v1.Health";

#[cfg(any(test, fuzzing))]
mod envoy;
#[cfg(any(test, fuzzing))]
pub(super) mod laws;
#[cfg(test)]
mod tests;

#[cfg(test)]
#[path = "response_tests.rs"]
mod written;

#[cfg(test)]
#[path = "described_tests.rs"]
mod described;
