//! The life of one exchange, from the request's head to the end of the answer's body.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use ::http::StatusCode;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{
    Shared, grpc,
    record::{AccessRecord, Asked},
};
use crate::upstream::{AnswerBody, Broken, Course, Ended, Occupied, Side};

/// Counts an exchange as in flight until it is dropped, then writes its line of the access log.
pub(super) struct Exchange {
    shared: Arc<Shared>,
    started: Instant,
    line: Option<Box<Line>>,
    /// Its place among the requests to its upstream.
    occupied: Option<Occupied>,
}

struct Line {
    asked: Asked<'static>,
    decision_id: String,
    route: String,
    status: StatusCode,
    bytes: u64,
}

impl Exchange {
    pub(super) fn start(shared: &Arc<Shared>) -> Self {
        shared.metrics.in_flight.inc();
        Self { shared: Arc::clone(shared), started: Instant::now(), line: None, occupied: None }
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Keeps its place among the requests to its upstream until its answer has ended.
    pub(super) fn occupies(&mut self, place: Option<Occupied>) {
        self.occupied = place;
    }

    /// What the access log will say, if anyone listens.
    pub(super) fn describe(&mut self, asked: &Asked<'_>, decision_id: &str, route: &str) {
        if self.shared.access.is_on() {
            self.line = Some(Box::new(Line {
                asked: asked.clone().into_owned(),
                decision_id: decision_id.to_owned(),
                route: route.to_owned(),
                status: StatusCode::INTERNAL_SERVER_ERROR,
                bytes: 0,
            }));
        }
    }

    /// What was answered.
    pub(super) fn answered(&mut self, status: StatusCode) {
        if let Some(line) = &mut self.line {
            line.status = status;
        }
    }

    /// So many bytes were sent.
    pub(super) fn sent(&mut self, bytes: u64) {
        if let Some(line) = &mut self.line {
            line.bytes += bytes;
        }
    }

    /// Ties the exchange to its answer's body, which goes on for as long as `course` does.
    pub(super) fn answer(
        self,
        body: AnswerBody,
        course: Option<Course>,
        pace: Pace,
    ) -> ExchangeBody {
        ExchangeBody { inner: body, exchange: Some(self), course, pace }
    }
}

/// How an answer's body may take its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It comes at once.
    Steady,
    /// It may stand still: events of a server.
    Events,
    /// The same: a gRPC call, which ends with its status.
    Call,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.shared.metrics.in_flight.dec();
        let Some(line) = &self.line else { return };
        self.shared.access.record(&AccessRecord {
            time: line.asked.now.rfc3339(),
            decision_id: &line.decision_id,
            client_ip: line.asked.client_ip,
            method: &line.asked.method,
            host: &line.asked.host,
            path: &line.asked.path,
            route: &line.route,
            status: line.status.as_u16(),
            bytes: line.bytes,
            millis: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
}

/// An answer's body with the exchange it belongs to.
pub struct ExchangeBody {
    inner: AnswerBody,
    /// None behind the head of a WebSocket, which has it itself.
    exchange: Option<Exchange>,
    course: Option<Course>,
    pace: Pace,
}

/// Why an answer's body breaks off.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The upstream's did.
    #[error(transparent)]
    Upstream(#[from] Broken),
    /// The right to it has ended.
    #[error("the answer may not go on: {}", .0.reason())]
    Ended(Ended),
}

impl ExchangeBody {
    /// No body, of an exchange that goes on otherwise.
    pub(super) fn none() -> Self {
        let inner = AnswerBody::own("");
        Self { inner, exchange: None, course: None, pace: Pace::Steady }
    }

    /// How it may take its time.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// The course of its exchange, if an upstream has a part in it.
    pub fn course(&self) -> Option<&Course> {
        self.course.as_ref()
    }

    /// Ends it: a call with its status, anything else by breaking off.
    fn end(&mut self, why: Ended) -> Option<Result<Frame<Bytes>, AnswerError>> {
        // Closes what it was read from.
        self.inner = AnswerBody::own("");
        self.course = None;
        Some(match self.pace {
            Pace::Call => Ok(Frame::trailers(grpc::ended(why))),
            Pace::Steady | Pace::Events => Err(AnswerError::Ended(why)),
        })
    }
}

impl Body for ExchangeBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        if let Some(course) = &self.course
            && let Poll::Ready(why) = course.poll_ended(Side::Down, cx)
        {
            return Poll::Ready(self.end(why));
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let (Some(Ok(frame)), Some(exchange)) = (&frame, &mut self.exchange) {
            exchange.sent(frame.data_ref().map_or(0, |data| data.len() as u64));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(AnswerError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
