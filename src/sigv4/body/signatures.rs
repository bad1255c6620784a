//! The signatures of chunks: each is over the one before it.

use std::sync::Arc;

use aws_lc_rs::digest;

use super::BodyError;
use crate::sigv4::{Scope, SigningKey, parse::Stamp, parse::hex};

/// What the first chunk's signature is made from: the request's own.
#[derive(Clone)]
pub(in crate::sigv4) struct Seed {
    /// The scope, and the key that signs in it.
    pub(in crate::sigv4) key: Arc<(Scope, SigningKey)>,
    /// When the request was signed.
    pub(in crate::sigv4) stamp: Stamp,
    /// The request's signature.
    pub(in crate::sigv4) signature: [u8; 32],
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seed").field("scope", &self.key.0).finish_non_exhaustive()
    }
}

/// The chain of signatures, and the chunk that is being hashed.
pub(super) struct Chain {
    seed: Seed,
    hash: digest::Context,
    /// What the chunk says its signature is.
    claimed: [u8; 32],
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").finish_non_exhaustive()
    }
}

impl Chain {
    pub(super) fn new(seed: &Seed) -> Self {
        let hash = digest::Context::new(&digest::SHA256);
        Self { seed: seed.clone(), hash, claimed: [0; 32] }
    }

    /// A chunk begins, which says that this is its signature.
    pub(super) fn begin(&mut self, claimed: [u8; 32]) {
        self.hash = digest::Context::new(&digest::SHA256);
        self.claimed = claimed;
    }

    /// More of the chunk.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// The chunk has ended.
    pub(super) fn end(&mut self) -> Result<(), BodyError> {
        let hash = hex(self.hash.clone().finish());
        let nothing = hex(digest::digest(&digest::SHA256, b""));
        self.follows(b"AWS4-HMAC-SHA256-PAYLOAD", &[&nothing, &hash], self.claimed)
    }

    /// The trailer, each line as `name:value` and a line feed.
    pub(super) fn trailer(&mut self, lines: &[u8], claimed: [u8; 32]) -> Result<(), BodyError> {
        let hash = hex(digest::digest(&digest::SHA256, lines));
        self.follows(b"AWS4-HMAC-SHA256-TRAILER", &[&hash], claimed)
    }

    fn follows(
        &mut self,
        algorithm: &[u8],
        hashes: &[&[u8; 64]],
        claimed: [u8; 32],
    ) -> Result<(), BodyError> {
        let (scope, key) = &*self.seed.key;
        let previous = hex(self.seed.signature);
        let mut text = Vec::with_capacity(320);
        for line in [algorithm, &self.seed.stamp, scope.as_str().as_bytes(), &previous] {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        for (at, hash) in hashes.iter().enumerate() {
            if at > 0 {
                text.push(b'\n');
            }
            text.extend_from_slice(*hash);
        }
        if !key.verifies(&text, &claimed) {
            return Err(BodyError::Signature);
        }
        self.seed.signature = claimed;
        Ok(())
    }
}
