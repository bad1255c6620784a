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
    Shared,
    record::{AccessRecord, Asked},
};
use crate::upstream::{AnswerBody, Occupied};

/// Counts an exchange as in flight until it is dropped, then writes its line of the access log.
pub(super) struct Exchange {
    shared: Arc<Shared>,
    started: Instant,
    line: Option<Line>,
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
            self.line = Some(Line {
                asked: asked.clone().into_owned(),
                decision_id: decision_id.to_owned(),
                route: route.to_owned(),
                status: StatusCode::INTERNAL_SERVER_ERROR,
                bytes: 0,
            });
        }
    }

    /// Ties the exchange to its answer's body.
    pub(super) fn answer(mut self, status: StatusCode, body: AnswerBody) -> ExchangeBody {
        if let Some(line) = &mut self.line {
            line.status = status;
        }
        ExchangeBody { inner: body, exchange: self }
    }
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
    exchange: Exchange,
}

impl Body for ExchangeBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let (Some(Ok(frame)), Some(line)) = (&frame, &mut self.exchange.line) {
            line.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
