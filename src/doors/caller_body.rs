//! A caller's body: read whole where a stage asks for it, otherwise handed to the forwarder.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::gate::{Payload, PayloadError, ReadFuture};

/// A caller's body.
pub(super) struct CallerBody {
    inner: Option<Incoming>,
    /// How long the next bytes may take.
    idle: Duration,
}

impl CallerBody {
    pub(super) fn new(inner: Incoming, idle: Duration) -> Self {
        Self { inner: Some(inner), idle }
    }

    /// Whether there is something that hasn't been read.
    pub(super) fn is_unread(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| !inner.is_end_stream())
    }

    /// What hasn't been read; none if it has.
    pub(super) fn rest(self) -> Option<Incoming> {
        self.inner
    }
}

impl Payload for CallerBody {
    fn declared(&self) -> Option<u64> {
        self.inner.as_ref().map_or(Some(0), |inner| inner.size_hint().exact())
    }

    fn read(&mut self, limit: usize) -> ReadFuture<'_> {
        let (inner, idle) = (self.inner.take(), self.idle);
        Box::pin(async move {
            match inner {
                Some(inner) => read(inner, limit, idle).await,
                None => Ok(Bytes::new()),
            }
        })
    }
}

async fn read(mut inner: Incoming, limit: usize, idle: Duration) -> Result<Bytes, PayloadError> {
    let mut whole = BytesMut::new();
    loop {
        let frame = timeout(idle, inner.frame()).await.map_err(|_| PayloadError::TooSlow)?;
        let Some(frame) = frame else { return Ok(whole.freeze()) };
        let frame = frame.map_err(|_| PayloadError::Broken)?;
        // Trailers are dropped, as those of streamed bodies are.
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > limit {
            return Err(PayloadError::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
}
