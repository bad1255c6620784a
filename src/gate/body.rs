//! A request's body on its way through the stages: unread, or read whole by one of them.

use bytes::Bytes;
use serde_json::json;

use super::{Denial, Enough, Payload, PayloadError, Refusal, decide::misconfigured};
use crate::{
    services::{Body, Proof, s3::S3Error},
    sigv4::sha256,
};

/// The body of the request that is being decided.
pub(super) struct Reading<'p> {
    payload: &'p mut dyn Payload,
    whole: Option<Bytes>,
    /// Its SHA-256, once it was computed.
    sha256: Option<[u8; 32]>,
}

impl<'p> Reading<'p> {
    pub(super) fn new(payload: &'p mut dyn Payload) -> Self {
        Self { payload, whole: None, sha256: None }
    }

    /// What has come of it when it is `enough`, or all of it.
    pub(super) async fn begin(&mut self, enough: &mut Enough<'_>) -> Result<Bytes, PayloadError> {
        match &self.whole {
            Some(whole) => {
                enough(whole);
                Ok(whole.clone())
            }
            None => self.payload.begin(enough).await,
        }
    }

    /// How many bytes there are, where that is known.
    pub(super) fn declared(&self) -> Option<u64> {
        match &self.whole {
            Some(body) => Some(body.len() as u64),
            None => self.payload.declared(),
        }
    }

    /// All of it, if it has at most `limit` bytes.
    pub(super) async fn whole(&mut self, limit: usize) -> Result<Bytes, PayloadError> {
        let body = match self.whole.take() {
            Some(body) => body,
            None if self.payload.declared().is_some_and(|length| length > limit as u64) => {
                return Err(PayloadError::TooLarge);
            }
            None => self.payload.read(limit).await?,
        };
        self.whole = Some(body.clone());
        if body.len() > limit { Err(PayloadError::TooLarge) } else { Ok(body) }
    }

    /// The SHA-256 of what was read.
    pub(super) async fn hash(&mut self) -> Result<[u8; 32], Denial> {
        if let Some(known) = self.sha256 {
            return Ok(known);
        }
        let body = self.whole.clone().unwrap_or_default();
        let hash = match body.len() > LARGE {
            true => {
                let hash = tokio::task::spawn_blocking(move || sha256(&body)).await;
                hash.map_err(|_| misconfigured("the body could not be hashed"))?
            }
            false => sha256(&body),
        };
        self.sha256 = Some(hash);
        Ok(hash)
    }

    /// All of it, as [`Reading::whole`], taken out of its chunks, if it comes to `proof`.
    pub(super) async fn proven(&mut self, limit: usize, proof: &Proof) -> Result<Bytes, Denial> {
        let framing = if proof.chunks().is_some() { MAX_FRAMING } else { 0 };
        let body = self.whole(limit + framing).await?;
        let inside = match body.len() > LARGE {
            true => {
                let proof = proof.clone();
                let read = tokio::task::spawn_blocking(move || proof.unwrap(body)).await;
                read.map_err(|_| misconfigured("the body could not be hashed"))?
            }
            false => proof.unwrap(body),
        };
        let inside = inside.map_err(S3Error::from)?;
        if inside.len() > limit {
            return Err(PayloadError::TooLarge.into());
        }
        self.whole = Some(inside.clone());
        self.sha256 = proof.content_sha256();
        Ok(inside)
    }

    /// What goes upstream: what was read, or the caller's stream, which has to come to `proof`.
    pub(super) fn into_body(self, proof: Proof) -> Body {
        let sha256 = self.sha256;
        self.whole.map_or(Body::Streamed(proof), |bytes| Body::Whole { bytes, sha256 })
    }
}

/// Bytes that chunks may add to a body that is read whole.
const MAX_FRAMING: usize = 64 << 10;

/// Bodies of more bytes are hashed and parsed elsewhere than on a data thread.
pub(super) const LARGE: usize = 256 << 10;

impl From<PayloadError> for Denial {
    fn from(error: PayloadError) -> Self {
        let refusal = match error {
            PayloadError::TooLarge => Refusal::TooLarge,
            PayloadError::Withheld => Refusal::AccessDenied,
            PayloadError::Broken | PayloadError::TooSlow => Refusal::BadRequest,
            PayloadError::NoRoom => Refusal::Unavailable,
        };
        Self::new(error.reason(), refusal, error.to_string())
    }
}

impl Denial {
    /// What is larger than it may be, with the limit in bytes for the operator.
    pub(super) fn limited(self, limit: usize) -> Self {
        self.with(json!({ "limit": limit }))
    }
}
