//! HTTP/1.1 to an upstream, spoken by whoever waits for the answer.
//!
//! A connection has no task of its own. What is asked is written, and the answer read, where it is waited for: between
//! the two there are no queues, and nobody to wake.

mod connection;
mod framing;
mod head;
mod outbound;

pub(super) use connection::Connection;

/// Why an upstream's answer can't be used, or there is none.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The connection ended before the answer did.
    #[error("it closed the connection")]
    Closed,
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The answer is no HTTP.
    #[error("its answer is not HTTP/1.1: {0}")]
    Head(#[from] httparse::Error),
    /// The answer can't be told from what follows it, or has what can't stand there.
    #[error("its answer can't be read: {0}")]
    Framing(&'static str),
    /// The answer's head or trailers are larger than anybody's should be.
    #[error("its answer's head or trailers are too large")]
    TooLarge,
    /// The rest of the request can't be sent.
    #[error(transparent)]
    Request(crate::upstream::upload::UploadError),
    /// The same, where hyper speaks: in HTTP/2, and in what the gate itself asks.
    #[error(transparent)]
    Hyper(#[from] hyper::Error),
}

#[cfg(any(test, fuzzing))]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a law that is broken is told by a panic, to the fuzzer too"
)]
pub(super) mod laws;
#[cfg(test)]
mod tests;
