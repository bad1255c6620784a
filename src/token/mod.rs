//! Token verification: a compact JWT in, a [`VerifiedToken`] out, or a [`TokenError`].
//!
//! - [`Issuers`] holds the accepted issuers of one configuration generation and verifies without
//!   I/O: structure, issuer and times first, then the signature, then audience and use.
//! - [`KeyStore`] keeps the keys of every source fresh in the background; a [`KeySet`] is the live
//!   handle to one source and outlives reloads.
//! - [`DpopProof`] is the proof of a token's key (RFC 9449), verified for one request.
//! - [`TokenCache`] remembers verified tokens; times, keys, the issuer's settings and
//!   [`Revocations`] are checked again on every hit.
//!
//! Refused whatever the configuration: HMAC and `none`, keys or key locations named by the token
//! itself (`jwk`, `jku`, `x5u`, `x5c` are ignored), `crit`, unencoded payloads (RFC 7797), JWE,
//! duplicate members, tokens without `exp`. `docs/tokens.md` lists every check in order.

mod allowance;
mod cache;
mod claims;
mod compact;
mod confirmation;
mod doorkeeper;
mod dpop;
mod error;
mod fetch;
mod issuer;
mod json;
mod key;
mod key_file;
mod keys;
mod members;
mod memo;
mod replays;
mod revocation;
mod stated;
mod store;
mod verify;

#[cfg(test)]
pub(crate) mod testing;

pub use cache::TokenCache;
pub(crate) use claims::words;
pub use claims::{Claims, TokenUse};
pub use confirmation::Confirmation;
pub use dpop::{DpopError, DpopProof, DpopRequest, thumbprint};
pub use error::{ErrorSource, TokenError};
pub use fetch::{Fetch, FetchError, FetchFuture, KeySource};
pub use issuer::{Issuer, IssuerError, IssuerKind};
pub use key::{Algorithm, VerificationKey};
pub use key_file::{KeyFileError, check_key_file};
pub use keys::{KeySet, KeyStats, KeysError, RefreshError};
pub use members::ClaimValue;
pub(crate) use members::Members;
pub(crate) use memo::Memo;
pub(crate) use replays::Replays;
pub use revocation::{ListError, LoginFacts, RevocationList, Revocations};
pub(crate) use stated::stated;
pub use store::{KeyPlan, KeyStore};
pub use verify::{Issuers, TokenKind, VerifiedToken};

/// Longest accepted token, in bytes of its compact form. The longest token Cognito issues is far
/// below; a header of 8 KiB is what common servers accept.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Longest accepted JOSE header, in decoded bytes.
pub const MAX_HEADER_BYTES: usize = 1024;

/// Longest accepted JOSE header of a proof, in decoded bytes: an RSA key of 8192 bits is in it.
pub const MAX_PROOF_HEADER_BYTES: usize = 2 * 1024;

/// Longest accepted key id, in bytes.
pub const MAX_KID_BYTES: usize = 128;

/// Largest accepted key document, in bytes.
pub const MAX_KEYS_BYTES: usize = 150 * 1024;
