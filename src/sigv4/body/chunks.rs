//! A body in chunks: taken apart, counted, and proven chunk by chunk.

use ::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::{
    Algorithm, BodyError, Digest, Hasher, Seed,
    framing::{Event, Framing},
    signatures::Chain,
};
use crate::sigv4::{SigV4Error, UNSIGNED_TRAILER};

/// A form of chunks, as `x-amz-content-sha256` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkForm {
    /// Whether each chunk is signed, and the trailer.
    pub signed: bool,
    /// Whether there is a trailer.
    pub trailer: bool,
}

impl ChunkForm {
    /// The form of this name; `None` if it isn't one of Signature Version 4.
    pub fn named(name: &str) -> Option<Self> {
        let (signed, trailer) = match name {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => (true, false),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => (true, true),
            UNSIGNED_TRAILER => (false, true),
            _ => return None,
        };
        Some(Self { signed, trailer })
    }
}

/// What a body in chunks has to be.
#[derive(Clone, Debug)]
pub struct Chunks {
    trailer: Option<Algorithm>,
    seed: Option<Seed>,
    length: u64,
}

impl Chunks {
    /// What the headers of a request say of chunks that nobody signed.
    ///
    /// # Errors
    /// [`SigV4Error::DecodedLength`], [`SigV4Error::Trailer`];
    /// [`SigV4Error::StreamingPayload`] for a form of signed chunks.
    pub fn unsigned(form: ChunkForm, headers: &HeaderMap) -> Result<Self, SigV4Error> {
        match form.signed {
            true => Err(SigV4Error::StreamingPayload),
            false => Self::of(form, headers, None),
        }
    }

    /// What the headers say of chunks, which `seed` is the beginning of where they are signed.
    pub(in crate::sigv4) fn of(
        form: ChunkForm,
        headers: &HeaderMap,
        seed: Option<Seed>,
    ) -> Result<Self, SigV4Error> {
        let length = only(headers, DECODED_LENGTH).map_err(|_| SigV4Error::DecodedLength)?;
        let length = length.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length = length.and_then(|text| text.parse().ok()).ok_or(SigV4Error::DecodedLength)?;
        let named = only(headers, TRAILER).map_err(|_| SigV4Error::Trailer)?;
        let trailer = match (form.trailer, named) {
            (false, None) => None,
            (true, Some(name)) => {
                let known = Algorithm::of_header(&name.trim().to_ascii_lowercase());
                Some(known.ok_or(SigV4Error::Trailer)?)
            }
            _ => return Err(SigV4Error::Trailer),
        };
        Ok(Self { trailer, seed, length })
    }

    /// How many bytes are inside.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The checksum that the trailer has.
    pub fn trailer(&self) -> Option<Algorithm> {
        self.trailer
    }

    pub(super) fn reader(&self) -> Reader {
        let form = ChunkForm { signed: self.seed.is_some(), trailer: self.trailer.is_some() };
        Reader {
            framing: Framing::new(form),
            chain: self.seed.as_ref().map(Chain::new),
            checksum: self.trailer.map(|algorithm| (algorithm, algorithm.hasher(), None)),
            left: self.length,
        }
    }
}

/// A header's one value; an error for two, and for one that isn't text.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, ()> {
    let mut values = headers.get_all(name).iter().map(|value| value.to_str().map_err(|_| ()));
    match (values.next(), values.next()) {
        (value, None) => value.transpose(),
        _ => Err(()),
    }
}

/// How many bytes are inside.
const DECODED_LENGTH: &str = "x-amz-decoded-content-length";
/// The name of the trailer.
const TRAILER: &str = "x-amz-trailer";

/// Takes a body out of its chunks.
#[derive(Debug)]
pub(super) struct Reader {
    framing: Framing,
    chain: Option<Chain>,
    /// The trailer's checksum as it is computed, and as it was said.
    checksum: Option<(Algorithm, Hasher, Option<Digest>)>,
    /// Bytes that are to come, by what was said beforehand.
    left: u64,
}

impl Reader {
    /// The next piece of what is inside, if `input` has one; all of `input` is taken otherwise.
    pub(super) fn read(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, BodyError> {
        while !input.is_empty() {
            let (taken, event) = self.framing.next(input)?;
            // It says of no more bytes than it was given that they are taken, or a chunk's.
            drop(input.split_to(taken));
            match event {
                Event::More => {}
                Event::Chunk(size, signature) => self.begin(size, signature)?,
                Event::Data(size) => {
                    let data = input.split_to(size);
                    if let Some(chain) = &mut self.chain {
                        chain.update(&data);
                    }
                    if let Some((_, hasher, _)) = &mut self.checksum {
                        hasher.update(&data);
                    }
                    return Ok(Some(data));
                }
                Event::End => self.chain.as_mut().map_or(Ok(()), Chain::end)?,
                Event::Trailer(name, value) => self.trailer(&name, &value)?,
                Event::TrailerSignature(claimed) => self.trailer_signature(claimed)?,
            }
        }
        Ok(None)
    }

    /// Whether everything has come, and was right.
    pub(super) fn finish(&self) -> Result<(), BodyError> {
        if !self.framing.is_done() {
            return Err(BodyError::Length);
        }
        match &self.checksum {
            None => Ok(()),
            Some((_, hasher, Some(said))) => said.check(&hasher.finish()),
            Some((_, _, None)) => Err(BodyError::Trailer("it isn't there")),
        }
    }

    /// The checksum of the trailer, as it was said.
    pub(super) fn said(&self) -> Option<&Digest> {
        self.checksum.as_ref()?.2.as_ref()
    }

    fn begin(&mut self, size: u64, signature: Option<[u8; 32]>) -> Result<(), BodyError> {
        self.left = self.left.checked_sub(size).ok_or(BodyError::Length)?;
        if size == 0 && self.left > 0 {
            return Err(BodyError::Length);
        }
        if let (Some(chain), Some(claimed)) = (&mut self.chain, signature) {
            chain.begin(claimed);
            if size == 0 {
                chain.end()?;
            }
        }
        Ok(())
    }

    fn trailer(&mut self, name: &str, value: &str) -> Result<(), BodyError> {
        match &mut self.checksum {
            Some((algorithm, _, said)) if algorithm.header() == name => {
                let bytes = STANDARD.decode(value).ok();
                let digest = bytes.and_then(|bytes| Digest::checksum(*algorithm, bytes));
                *said = Some(digest.ok_or(BodyError::Trailer("its checksum can't be read"))?);
                Ok(())
            }
            _ => Err(BodyError::Trailer("it has another name than was announced")),
        }
    }

    fn trailer_signature(&mut self, claimed: [u8; 32]) -> Result<(), BodyError> {
        let (Some(chain), Some((algorithm, _, Some(said)))) = (&mut self.chain, &self.checksum)
        else {
            return Err(BodyError::Trailer("its signature comes before it"));
        };
        let line = format!("{}:{}\n", algorithm.header(), said.encoded());
        chain.trailer(line.as_bytes(), claimed)
    }
}
