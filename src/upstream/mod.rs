//! Forwarding what was permitted: upstream addresses, connections, bodies.
//!
//! INVARIANT (P1): the only way to an upstream is [`Client::forward`], and it takes a
//! [`crate::gate::Permit`].

mod body;
mod client;
mod error;
mod origin;
mod upload;

pub use body::AnswerBody;
pub use client::{Client, Timeouts};
pub use error::ForwardError;
pub use origin::{Address, HostHeader, Place, Upstream};
pub use upload::UploadBody;

#[cfg(test)]
mod tests;
