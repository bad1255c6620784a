//! A request's body on its way through the stages: unread, or read whole by one of them.

use bytes::Bytes;
use serde_json::json;

use super::{Denial, Payload, PayloadError, Refusal};
use crate::{
    services::{Body, Proof},
    sigv4::{SigV4Error, sha256},
};

/// The body of the request that is being decided.
pub(super) struct Reading<'p> {
    payload: &'p mut dyn Payload,
    whole: Option<Bytes>,
}

impl<'p> Reading<'p> {
    pub(super) fn new(payload: &'p mut dyn Payload) -> Self {
        Self { payload, whole: None }
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

    /// All of it, as [`Reading::whole`], if it comes to `proof`.
    pub(super) async fn proven(&mut self, limit: usize, proof: Proof) -> Result<Bytes, Denial> {
        let body = self.whole(limit).await?;
        match proof {
            Proof::Sha256(expected) if sha256(&body) != expected => {
                Err(SigV4Error::ContentSha256Mismatch.into())
            }
            _ => Ok(body),
        }
    }

    /// What goes upstream: what was read, or the caller's stream, which has to come to `proof`.
    pub(super) fn into_body(self, proof: Proof) -> Body {
        self.whole.map_or(Body::Streamed(proof), Body::Whole)
    }
}

impl From<PayloadError> for Denial {
    fn from(error: PayloadError) -> Self {
        let refusal = match error {
            PayloadError::TooLarge => Refusal::TooLarge,
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
