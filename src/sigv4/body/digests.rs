//! What headers say of a body.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Algorithm, BodyError, Hasher};

/// What a header says of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    algorithm: Algorithm,
    place: Place,
    bytes: Box<[u8]>,
}

/// Where it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    ContentSha256,
    ContentMd5,
    Checksum,
}

impl Digest {
    /// What `x-amz-content-sha256` says.
    pub fn content_sha256(hash: [u8; 32]) -> Self {
        let bytes = Box::new(hash);
        Self { algorithm: Algorithm::Sha256, place: Place::ContentSha256, bytes }
    }

    /// What `Content-MD5` says; `None` if that is no MD5.
    pub fn content_md5(bytes: Vec<u8>) -> Option<Self> {
        Self::checksum(Algorithm::Md5, bytes)
            .map(|digest| Self { place: Place::ContentMd5, ..digest })
    }

    /// What `x-amz-checksum-*` says; `None` if the algorithm's have another length.
    pub fn checksum(algorithm: Algorithm, bytes: Vec<u8>) -> Option<Self> {
        let fits = bytes.len() == algorithm.length();
        fits.then(|| Self { algorithm, place: Place::Checksum, bytes: bytes.into() })
    }

    pub(super) fn as_content_sha256(&self) -> Option<[u8; 32]> {
        match self.place {
            Place::ContentSha256 => self.bytes.as_ref().try_into().ok(),
            _ => None,
        }
    }

    /// In Base64, as headers and trailers have it.
    pub(super) fn encoded(&self) -> String {
        STANDARD.encode(&self.bytes)
    }

    /// Whether `computed` is it.
    pub(super) fn check(&self, computed: &[u8]) -> Result<(), BodyError> {
        match (*self.bytes == *computed, self.place) {
            (true, _) => Ok(()),
            (false, Place::ContentSha256) => Err(BodyError::ContentSha256),
            (false, Place::ContentMd5) => Err(BodyError::Checksum("Content-MD5")),
            (false, Place::Checksum) => Err(BodyError::Checksum(self.algorithm.name())),
        }
    }
}

/// Digests that are being computed, with what they have to come to.
#[derive(Debug)]
pub(super) struct Digests(Vec<(Digest, Hasher)>);

impl Digests {
    pub(super) fn of(digests: &[Digest]) -> Self {
        Self(digests.iter().map(|digest| (digest.clone(), digest.algorithm.hasher())).collect())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        for (_, hasher) in &mut self.0 {
            hasher.update(bytes);
        }
    }

    pub(super) fn finish(&self) -> Result<(), BodyError> {
        self.0.iter().try_for_each(|(digest, hasher)| digest.check(&hasher.finish()))
    }
}
