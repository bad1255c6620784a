//! Forwarding what was permitted: upstream addresses, connections, bodies.
//!
//! INVARIANT (P1): the only way to an upstream is [`Client::forward`], and it takes a
//! [`crate::gate::Permit`].

mod body;
mod client;
mod error;
mod origin;

pub use body::{AnswerBody, UploadBody};
pub use client::{Client, Timeouts};
pub use error::ForwardError;
pub use origin::{Address, HostHeader, Place, Upstream};

#[cfg(test)]
mod tests;
