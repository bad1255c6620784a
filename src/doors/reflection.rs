//! gRPC's server reflection, so that tools can ask the other services without their files.

mod descriptors;
mod files;
mod messages;

use std::time::Duration;

use ::http::Response;
use hyper::body::Incoming;
use prost::Message;
use tokio::time::timeout;

use self::{
    descriptors::DESCRIPTORS,
    messages::{Asked, Error, Files, Request, Response as Answer, Service, Services, Told},
};
use super::{
    Shared,
    grpc::{self, Code, Ended, Messages, Reply, Say, Seats},
};

/// Whether this is the method of reflection, in either of its versions.
pub(super) fn is_called(path: &str) -> bool {
    METHODS.contains(&path)
}

/// Whether there is a service of this full name.
pub(super) fn describes(service: &str) -> bool {
    DESCRIPTORS.services().contains(service)
}

/// The file that declares a symbol.
#[cfg(test)]
pub(super) fn file_with(symbol: &str) -> Option<prost_types::FileDescriptorProto> {
    prost_types::FileDescriptorProto::decode(DESCRIPTORS.symbol(symbol)?.first()?.clone()).ok()
}

/// Answers a stream of requests, each as it comes.
pub(super) fn call(shared: &Shared, seats: &Seats, body: Incoming) -> Response<Reply> {
    let idle = shared.snapshot.load().connection.idle;
    let requests = Messages::new(body, MAX_REQUEST);
    grpc::converse(seats, &shared.phase, move |say| talk(requests, say, idle))
}

async fn talk(mut requests: Messages<Incoming>, say: Say, idle: Duration) -> Ended {
    for _ in 0..MAX_REQUESTS {
        let request = match timeout(idle, requests.next()).await {
            Ok(Ok(Some(request))) => request,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(code)) => return Err((code, "the request can't be read")),
            Err(_) => return Err((Code::DeadlineExceeded, "no request came")),
        };
        let Ok(request) = Request::decode(request) else {
            return Err((Code::InvalidArgument, "not a ServerReflectionRequest"));
        };
        say.message(&answer(request)).await;
    }
    Err((Code::ResourceExhausted, "too many requests on one stream"))
}

/// What a request is told.
fn answer(request: Request) -> Answer {
    let files = |found: Option<&[bytes::Bytes]>| match found {
        Some(files) => Told::Files(Files { encoded: files.to_vec() }),
        None => error(Code::NotFound, "it isn't described here"),
    };
    let told = match &request.asked {
        Some(Asked::File(name)) => files(DESCRIPTORS.file(name)),
        Some(Asked::Symbol(symbol)) => files(DESCRIPTORS.symbol(symbol)),
        Some(Asked::Services(_)) => {
            let service = |name: &String| Service { name: name.clone() };
            let services = DESCRIPTORS.services().iter().map(service).collect();
            Told::Services(Services { services })
        }
        Some(Asked::Extension(_) | Asked::Extensions(_)) => {
            error(Code::Unimplemented, "nothing here has extensions")
        }
        None => error(Code::InvalidArgument, "nothing is asked for"),
    };
    Answer { valid_host: request.host.clone(), original_request: Some(request), told: Some(told) }
}

fn error(code: Code, message: &str) -> Told {
    Told::Error(Error { code: i32::from(code as u16), message: message.to_owned() })
}

const METHODS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];
/// Bytes of a request: a name and a host.
const MAX_REQUEST: usize = 4096;
/// Requests on one stream: all that there is to ask, many times.
const MAX_REQUESTS: usize = 1024;

#[cfg(test)]
mod tests;
