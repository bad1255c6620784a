//! gRPC's health check (`grpc.health.v1`), as Envoy and Kubernetes ask for it.

use ::http::Response;
use bytes::Bytes;
use prost::Message;

use super::{
    super::{
        Phase,
        grpc::{Code, Reply, answer, failed},
    },
    messages::{HealthRequest, HealthResponse},
};

/// Whether `phase` is one in which it answers, of a service that there is.
pub(super) fn check(message: Bytes, phase: Phase) -> Response<Reply> {
    let Ok(asked) = HealthRequest::decode(message) else {
        return failed(Code::InvalidArgument, "not a HealthCheckRequest");
    };
    if !["", super::AUTHORIZATION, super::HEALTH].contains(&asked.service.as_str()) {
        return failed(Code::NotFound, "there is no such service");
    }
    let status = if phase == Phase::Serving { SERVING } else { NOT_SERVING };
    answer(&HealthResponse { status })
}

const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;
