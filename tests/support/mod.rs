//! What the tests on real sockets share: an issuer, a backend that records the bytes it receives,
//! and the program itself as a child process.
#![expect(dead_code, reason = "each test binary uses a part of it")]

mod backend;
mod gate;
mod issuer;
mod wire;

pub use backend::{Backend, Seen};
pub use gate::{Gate, ROLE, policies};
pub use issuer::{CLIENT, Issuer, POOL};
pub use wire::{Answer, Wire};
