//! What the tests on real sockets share: an issuer, a backend that records the bytes it receives,
//! and the program itself as a child process.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "test support: each test binary uses a part of it, and a failure here fails the test"
)]

mod backend;
mod gate;
mod issuer;
mod proof;
mod wire;

pub use backend::{Backend, Seen};
pub use gate::{Gate, ROLE, configuration, free_port, policies};
pub use issuer::{CLIENT, Issuer, POOL};
pub use proof::Prover;
pub use wire::{Answer, Wire};
