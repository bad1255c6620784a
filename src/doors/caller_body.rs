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

    /// Whether the connection can go on behind a body that nobody wants. A small one is read to its
    /// end; one that the caller `expects` to be asked for isn't asked for.
    pub(super) async fn settle(&mut self, expects: bool) -> bool {
        match self.inner.as_ref().map(|inner| (inner.is_end_stream(), inner.size_hint().exact())) {
            None | Some((true, _)) => true,
            Some((_, Some(declared))) if !expects && declared <= SMALL as u64 => {
                self.read(SMALL).await.is_ok()
            }
            Some(_) => false,
        }
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

/// What is read rather than ending the connection, in bytes.
const SMALL: usize = 64 << 10;
