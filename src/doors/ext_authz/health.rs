//! gRPC's health check (`grpc.health.v1`), as Envoy and Kubernetes ask for it.

use ::http::Response;
use bytes::Bytes;
use prost::Message;
use tokio::sync::watch::Receiver;

use super::{
    super::{
        Phase,
        grpc::{Code, Reply, Seats, answer, converse, failed},
        reflection,
    },
    messages::{HealthRequest, HealthResponse},
};

/// Whether `phase` is one in which it answers, of a service that there is.
pub(super) fn check(message: Bytes, phase: Phase) -> Response<Reply> {
    let Ok(asked) = HealthRequest::decode(message) else {
        return failed(Code::InvalidArgument, NOT_A_REQUEST);
    };
    if !is_known(&asked.service) {
        return failed(Code::NotFound, "there is no such service");
    }
    answer(|out| HealthResponse { status: status(phase) }.encode_raw(out))
}

/// The same, and every change of it until the process drains.
pub(super) fn watch(message: Bytes, phase: &Receiver<Phase>, seats: &Seats) -> Response<Reply> {
    let Ok(asked) = HealthRequest::decode(message) else {
        return failed(Code::InvalidArgument, NOT_A_REQUEST);
    };
    let known = is_known(&asked.service);
    let mut current = phase.clone();
    converse(seats, phase, |say| async move {
        let mut told = None;
        loop {
            let phase = *current.borrow_and_update();
            // One that isn't known is waited for, says the protocol.
            let status = if known { status(phase) } else { SERVICE_UNKNOWN };
            if told.replace(status) != Some(status) {
                say.message(&HealthResponse { status }).await;
            }
            if current.changed().await.is_err() {
                return Ok(());
            }
        }
    })
}

/// None in particular is all of them.
fn is_known(service: &str) -> bool {
    service.is_empty() || reflection::describes(service)
}

fn status(phase: Phase) -> i32 {
    if phase == Phase::Serving { SERVING } else { NOT_SERVING }
}

const NOT_A_REQUEST: &str = "not a HealthCheckRequest";
const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;
const SERVICE_UNKNOWN: i32 = 3;
