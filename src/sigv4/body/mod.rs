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
mod file;
mod framing;
mod signatures;

pub use checksum::{Algorithm, Hasher};
pub use chunks::{ChunkForm, Chunks};
pub use digests::Digest;
pub use error::BodyError;
pub use file::FormFile;
pub(super) use signatures::Seed;

use bytes::Bytes;

use digests::Digests;

/// What a body has to be.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// How it is wrapped; what goes on is what is inside.
    wrapping: Wrapping,
    /// What was said of what is inside.
    digests: Vec<Digest>,
}

/// What a body is wrapped in.
#[derive(Clone, Debug, Default)]
enum Wrapping {
    #[default]
    None,
    Chunks(Chunks),
    Form(FormFile),
}

impl Proof {
    /// Nothing was said.
    pub const NONE: Self = Self { wrapping: Wrapping::None, digests: Vec::new() };

    /// Of this SHA-256, by `x-amz-content-sha256`.
    pub fn sha256(hash: [u8; 32]) -> Self {
        Self { digests: vec![Digest::content_sha256(hash)], ..Self::NONE }
    }

    /// In chunks.
    pub fn chunked(chunks: Chunks) -> Self {
        Self { wrapping: Wrapping::Chunks(chunks), ..Self::NONE }
    }

    /// The file in a form.
    pub fn file(file: FormFile) -> Self {
        Self { wrapping: Wrapping::Form(file), ..Self::NONE }
    }

    /// The same, and what is inside has to have this digest.
    #[must_use]
    pub fn and(mut self, digest: Digest) -> Self {
        self.digests.push(digest);
        self
    }

    /// Whether there is nothing to prove, and nothing to take off.
    pub fn is_none(&self) -> bool {
        matches!(self.wrapping, Wrapping::None) && self.digests.is_empty()
    }

    /// The chunks it is wrapped in.
    pub fn chunks(&self) -> Option<&Chunks> {
        match &self.wrapping {
            Wrapping::Chunks(chunks) => Some(chunks),
            _ => None,
        }
    }

    /// How many bytes are inside, where it is wrapped and that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.wrapping {
            Wrapping::None => None,
            Wrapping::Chunks(chunks) => Some(chunks.length()),
            Wrapping::Form(file) => file.length(),
        }
    }

    /// Whether something is taken off.
    pub fn is_wrapped(&self) -> bool {
        !matches!(self.wrapping, Wrapping::None)
    }

    /// The SHA-256 that `x-amz-content-sha256` says it has.
    pub fn content_sha256(&self) -> Option<[u8; 32]> {
        self.digests.iter().find_map(Digest::as_content_sha256)
    }

    /// A reader of the body that has to be this.
    pub fn reader(&self) -> Reader {
        let unwrap = match &self.wrapping {
            Wrapping::None => Unwrap::Nothing,
            Wrapping::Chunks(chunks) => Unwrap::Chunks(Box::new(chunks.reader())),
            Wrapping::Form(file) => Unwrap::Form(file.reader()),
        };
        Reader { unwrap, digests: Digests::of(&self.digests) }
    }

    /// What is inside of `whole`, which is all of the body.
    ///
    /// # Errors
    /// [`BodyError`], if it isn't what it has to be.
    pub fn unwrap(&self, mut whole: Bytes) -> Result<Bytes, BodyError> {
        let mut reader = self.reader();
        if !self.is_wrapped() {
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
    unwrap: Unwrap,
    digests: Digests,
}

#[derive(Debug)]
enum Unwrap {
    Nothing,
    Chunks(Box<chunks::Reader>),
    Form(file::Reader),
}

impl Reader {
    /// Takes bytes off `input`, all of them or as far as the next piece of what is inside ends, and
    /// gives out that piece. Each piece is counted and hashed, and proven only with the last one.
    ///
    /// # Errors
    /// [`BodyError`], as soon as it is known that it isn't what it has to be.
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, BodyError> {
        let piece = match &mut self.unwrap {
            Unwrap::Nothing => Some(std::mem::take(input)),
            Unwrap::Chunks(chunks) => chunks.read(input)?,
            Unwrap::Form(file) => file.read(input)?,
        };
        let piece = piece.filter(|piece| !piece.is_empty());
        if let Some(piece) = &piece {
            self.digests.update(piece);
        }
        Ok(piece)
    }

    /// The checksum that the trailer has, in Base64, once that has come.
    pub fn trailer(&self) -> Option<String> {
        match &self.unwrap {
            Unwrap::Chunks(chunks) => chunks.said().map(Digest::encoded),
            _ => None,
        }
    }

    /// Whether it was what it had to be, now that there is no more of it.
    ///
    /// # Errors
    /// [`BodyError`]
    pub fn finish(&self) -> Result<(), BodyError> {
        match &self.unwrap {
            Unwrap::Nothing => {}
            Unwrap::Chunks(chunks) => chunks.finish()?,
            Unwrap::Form(file) => file.finish()?,
        }
        self.digests.finish()
    }
}

#[cfg(test)]
mod tests;
