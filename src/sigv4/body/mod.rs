//! Bodies as callers of S3 send them: what was said of them, and how they are proven as they stream.
//!
//! A [`Proof`] says what a body has to be; a [`Reader`] takes the body in pieces of any size, gives
//! out what is inside, and says at the end, or as soon as it is known, whether it was that. Nothing
//! here waits or keeps more than a line. The rules are those of the S3 API Reference, "Signature
//! Calculations for the Authorization Header: Transferring Payload in Multiple Chunks (Chunked
//! Upload)" and "Working with trailing checksums".

mod checksum;
mod chunks;
mod digests;
mod error;
mod framing;
mod signatures;

pub use checksum::{Algorithm, Hasher};
pub use chunks::{ChunkForm, Chunks};
pub use digests::Digest;
pub use error::BodyError;
pub(super) use signatures::Seed;

use bytes::Bytes;

use digests::Digests;

/// What a body has to be.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// How it is wrapped in chunks, if it is; what goes on is what is inside.
    chunks: Option<Chunks>,
    /// What was said of what is inside.
    digests: Vec<Digest>,
}

impl Proof {
    /// Nothing was said.
    pub const NONE: Self = Self { chunks: None, digests: Vec::new() };

    /// Of this SHA-256, by `x-amz-content-sha256`.
    pub fn sha256(hash: [u8; 32]) -> Self {
        Self { chunks: None, digests: vec![Digest::content_sha256(hash)] }
    }

    /// In chunks.
    pub fn chunked(chunks: Chunks) -> Self {
        Self { chunks: Some(chunks), digests: Vec::new() }
    }

    /// The same, and what is inside has to have this digest.
    #[must_use]
    pub fn and(mut self, digest: Digest) -> Self {
        self.digests.push(digest);
        self
    }

    /// Whether there is nothing to prove, and nothing to take off.
    pub fn is_none(&self) -> bool {
        self.chunks.is_none() && self.digests.is_empty()
    }

    /// The chunks it is wrapped in.
    pub fn chunks(&self) -> Option<&Chunks> {
        self.chunks.as_ref()
    }

    /// The SHA-256 that `x-amz-content-sha256` says it has.
    pub fn content_sha256(&self) -> Option<[u8; 32]> {
        self.digests.iter().find_map(Digest::as_content_sha256)
    }

    /// A reader of the body that has to be this.
    pub fn reader(&self) -> Reader {
        Reader {
            chunks: self.chunks.as_ref().map(Chunks::reader),
            digests: Digests::of(&self.digests),
        }
    }

    /// What is inside of `whole`, which is all of the body.
    ///
    /// # Errors
    /// [`BodyError`], if it isn't what it has to be.
    pub fn unwrap(&self, mut whole: Bytes) -> Result<Bytes, BodyError> {
        let mut reader = self.reader();
        if self.chunks.is_none() {
            // Nothing is taken off, so nothing is copied.
            reader.read(&mut whole.clone())?;
            return reader.finish().map(|()| whole);
        }
        let mut inside = Vec::new();
        while !whole.is_empty() {
            if let Some(piece) = reader.read(&mut whole)? {
                inside.extend_from_slice(&piece);
            }
        }
        reader.finish().map(|()| inside.into())
    }
}

/// Reads a body piece by piece.
#[derive(Debug)]
pub struct Reader {
    chunks: Option<chunks::Reader>,
    digests: Digests,
}

impl Reader {
    /// Takes bytes off `input`, all of them or as far as the next piece of what is inside ends, and
    /// gives out that piece. Each piece is counted and hashed, and proven only with the last one.
    ///
    /// # Errors
    /// [`BodyError`], as soon as it is known that it isn't what it has to be.
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, BodyError> {
        let piece = match &mut self.chunks {
            Some(chunks) => chunks.read(input)?,
            None => Some(std::mem::take(input)),
        };
        let piece = piece.filter(|piece| !piece.is_empty());
        if let Some(piece) = &piece {
            self.digests.update(piece);
        }
        Ok(piece)
    }

    /// Whether it was what it had to be, now that there is no more of it.
    ///
    /// # Errors
    /// [`BodyError`]
    pub fn finish(&self) -> Result<(), BodyError> {
        if let Some(chunks) = &self.chunks {
            chunks.finish()?;
        }
        self.digests.finish()
    }
}

#[cfg(test)]
mod tests;
