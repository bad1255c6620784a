//! Temporary credentials: made, sealed into their session token, and opened again.
//!
//! Nothing is stored. A [`Sealer`] writes everything that a session is made from, a [`Grant`], into
//! the session token itself, so that every replica with the same keys can open it and a restart
//! loses nothing. [`PoolTokens`] signs and verifies the OpenID tokens of identity pools. Nothing here
//! does I/O. `docs/credentials.md` tells the formats, the rotation of keys, and what is not kept.

mod access_key;
mod encoding;
mod error;
mod grant;
mod guest;
mod pool_token;
mod sealer;

pub use access_key::{SecretAccessKey, TemporaryCredentials};
pub use error::StsError;
pub use grant::{Grant, GrantToken, SessionPolicy};
pub use guest::guest_scope_down;
pub use pool_token::{
    POOL_TOKEN_ISSUER, POOL_TOKEN_SECONDS, PoolToken, PoolTokenError, PoolTokens,
};
pub use sealer::{MAX_SESSION_TOKEN_BYTES, Opened, Sealer, SealingKey};
