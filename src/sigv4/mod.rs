//! AWS Signature Version 4: requests that callers signed are verified, requests to backends signed.
//!
//! A signature is parsed first ([`Signed`]): whose access key, for which scope, when, over which
//! headers. That says nothing yet; [`Signed::verify`] proves it with the key that the secret and the
//! scope come to. The rules are those of the IAM User Guide, "Create a signed AWS API request", and
//! of the S3 API Reference, "Authenticating Requests (AWS Signature Version 4)". Nothing here does
//! I/O; `docs/signatures.md` lists what is refused.

mod body;
mod canonical;
mod error;
mod form;
mod key;
mod parse;
mod scope;
mod sign;
mod verify;

pub use body::{Algorithm, BodyError, ChunkForm, Chunks, Digest, FormFile, Hasher, Proof, Reader};
pub use canonical::Scratch;
pub use error::SigV4Error;
pub use form::SignedForm;
pub use key::SigningKey;
pub use parse::{Head, Kind, Payload, Signed, signs};
pub use scope::Scope;
pub use sign::{SignError, SignedPayload, Signer, UNSIGNED_TRAILER};
pub use verify::{Form, sha256};

#[cfg(test)]
pub(crate) mod testing;
