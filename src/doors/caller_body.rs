//! A caller's body: read whole where a stage asks for it, otherwise handed to the forwarder.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::bodies::{Bodies, Share, most};
use crate::{
    clock::timely,
    gate::{Enough, Payload, PayloadError, ReadFuture},
    upstream::Arriving,
};

/// A caller's body.
pub(super) struct CallerBody {
    inner: Option<Incoming>,
    /// What was read of it and put back.
    begun: Bytes,
    /// How long the next bytes may take.
    idle: Duration,
    room: Room,
}

/// What all bodies together may have.
struct Room {
    bodies: Arc<Bodies>,
    /// In bytes.
    most: usize,
}

impl CallerBody {
    /// A body among `bodies`, where one that is read whole may have `body_buffer` bytes.
    pub(super) fn new(
        inner: Incoming,
        idle: Duration,
        bodies: &Arc<Bodies>,
        body_buffer: usize,
    ) -> Self {
        let room = Room { bodies: Arc::clone(bodies), most: most(body_buffer) };
        Self { inner: Some(inner), begun: Bytes::new(), idle, room }
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
    pub(super) fn rest(self) -> Option<Arriving> {
        self.inner.map(|rest| Arriving { begun: self.begun, rest })
    }
}

impl Payload for CallerBody {
    fn declared(&self) -> Option<u64> {
        let begun = self.begun.len() as u64;
        self.inner.as_ref().map_or(Some(0), |inner| Some(inner.size_hint().exact()? + begun))
    }

    fn read(&mut self, limit: usize) -> ReadFuture<'_> {
        let (inner, begun, idle) = (self.inner.take(), std::mem::take(&mut self.begun), self.idle);
        Box::pin(async move {
            let Some(mut inner) = inner else { return Ok(Bytes::new()) };
            read(&mut inner, begun, Until::End(limit), idle, &self.room).await
        })
    }

    fn begin<'a>(&'a mut self, enough: &'a mut Enough<'_>) -> ReadFuture<'a> {
        let (begun, idle) = (std::mem::take(&mut self.begun), self.idle);
        Box::pin(async move {
            let Some(inner) = &mut self.inner else { return Ok(Bytes::new()) };
            self.begun = read(inner, begun, Until::Enough(enough), idle, &self.room).await?;
            Ok(self.begun.clone())
        })
    }
}

/// How far a body is read.
enum Until<'e, 'f> {
    /// To its end, which has to come within so many bytes.
    End(usize),
    /// Until what has come is enough.
    Enough(&'e mut Enough<'f>),
}

async fn read(
    inner: &mut Incoming,
    begun: Bytes,
    mut until: Until<'_, '_>,
    idle: Duration,
    room: &Room,
) -> Result<Bytes, PayloadError> {
    // What comes in one piece isn't copied.
    let (mut first, mut whole) = (begun, BytesMut::new());
    let mut share = Share::of(&room.bodies);
    share.add(first.len(), room.most).map_err(|_| PayloadError::NoRoom)?;
    let mut started = None;
    while !inner.is_end_stream() {
        // Drop by drop, a body could take as long as it likes.
        let earned = Duration::from_secs((first.len() + whole.len()) as u64 / MIN_RATE);
        let due = || {
            let now = Instant::now();
            (*started.get_or_insert(now) + idle + earned).min(now + idle)
        };
        let frame = timely(inner.frame(), due).await.ok_or(PayloadError::TooSlow)?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| PayloadError::Broken)?;
        // Trailers are dropped, as those of streamed bodies are.
        let Ok(data) = frame.into_data() else { continue };
        let read = first.len() + whole.len() + data.len();
        if matches!(until, Until::End(limit) if read > limit) {
            return Err(PayloadError::TooLarge);
        }
        share.add(data.len(), room.most).map_err(|_| PayloadError::NoRoom)?;
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
        if let Until::Enough(enough) = &mut until
            && enough(if whole.is_empty() { &first } else { &whole })
        {
            break;
        }
    }
    Ok(share.keep(if whole.is_empty() { first } else { whole.freeze() }))
}

/// What is read rather than ending the connection, in bytes.
const SMALL: usize = 64 << 10;
/// Bytes a second that a body has to bring in the end.
const MIN_RATE: u64 = 4096;
