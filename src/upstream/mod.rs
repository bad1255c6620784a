//! Forwarding what was permitted: upstream addresses, connections, bodies.
//!
//! INVARIANT (P1): the only way of a request to an upstream is [`Client::forward`], and it takes a
//! [`crate::gate::Permit`]. [`ask`] calls what the source names, for the gate's own knowledge.

mod body;
mod client;
mod course;
mod dial;
mod error;
mod http1;
mod multiplexed;
mod once;
mod origin;
mod room;
mod trailer;
mod upgrade;
mod upload;

pub use body::AnswerBody;
pub use client::{Client, Forwarded, Sending, Timeouts};
pub use course::{Course, Ended, Side, WeakCourse};
pub use error::ForwardError;
pub use http1::Broken;
pub use once::{Call, CallError, ask};
pub use origin::{Address, HostHeader, Place, Upstream};
pub use room::{Occupied, Room};
pub use upgrade::{Closed, Upgrade, UpstreamSide};
pub use upload::{Arriving, UploadBody};

/// Holds an upstream's `answer` to its laws, in pieces of `size` bytes.
///
/// # Panics
/// One is broken.
#[cfg(fuzzing)]
pub fn hold_answer_to_its_laws(method: &::http::Method, answer: &[u8], size: usize) {
    let _ = http1::laws::hold(method, answer, [1, size]);
}

#[cfg(test)]
mod tests;
