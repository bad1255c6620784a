//! Forwarding what was permitted: upstream addresses, connections, bodies.
//!
//! INVARIANT (P1): the only way of a request to an upstream is [`Client::forward`], and it takes a
//! [`crate::gate::Permit`]. [`ask`] calls what the source names, for the gate's own knowledge.

mod body;
mod client;
mod dial;
mod error;
mod once;
mod origin;
mod room;
mod trailer;
mod upload;

pub use body::AnswerBody;
pub use client::{Client, Timeouts};
pub use error::ForwardError;
pub use once::{Call, CallError, ask};
pub use origin::{Address, HostHeader, Place, Upstream};
pub use room::{Occupied, Room};
pub use upload::{Arriving, UploadBody};

#[cfg(test)]
mod tests;
