//! Where keys come from, and the one way out to get them.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use bytes::Bytes;

/// Where the keys of an issuer come from. Set by configuration, never by a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// A JWK Set (RFC 7517) at this URL.
    Url(String),
    /// An OpenID Provider's issuer: its discovery document names the JWK Set (`jwks_uri`).
    Discovery(String),
    /// A JWK Set in a file, read again when it changes.
    File(PathBuf),
    /// A directory of public keys of Application Load Balancers: one PEM at `BASE/KID`.
    AlbDirectory(String),
}

/// The answer of a [`Fetch`].
pub type FetchFuture = Pin<Box<dyn Future<Output = Result<Bytes, FetchError>> + Send>>;

/// An HTTP GET of a small document. The implementor limits it to
/// [`MAX_KEYS_BYTES`](super::MAX_KEYS_BYTES) and 3 s, follows no redirect and accepts only a 200.
pub trait Fetch: Send + Sync {
    /// Gets the document at `url`.
    fn fetch(&self, url: &str) -> FetchFuture;
}

/// Why a document could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No connection, or it broke.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// No whole answer in time.
    #[error("did not answer in time")]
    TimedOut,
    /// An answer other than 200.
    #[error("answered with status {0}")]
    Status(u16),
    /// A redirect; redirects are not followed.
    #[error("answered with a redirect, which is not followed; configure the final URL")]
    Redirected,
    /// More than [`MAX_KEYS_BYTES`](super::MAX_KEYS_BYTES).
    #[error("is larger than 150 KB")]
    TooLarge,
    /// A content type that cannot be a key document.
    #[error("has the wrong content type")]
    ContentType,
}

impl FetchError {
    /// A stable code for metrics, logs and documentation.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Status(_) => "status",
            Self::Redirected => "redirected",
            Self::TooLarge => "too_large",
            Self::ContentType => "content_type",
        }
    }
}
