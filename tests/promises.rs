//! The promises of the design, each with tests that fail if it is broken: on real sockets, with the
//! program as a child process.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a failure in a test's own functions fails the test"
)]

#[path = "promises/bound.rs"]
mod bound;
#[path = "promises/canaries.rs"]
mod canaries;
#[path = "promises/commands.rs"]
mod commands;
#[path = "promises/drain.rs"]
mod drain;
#[path = "promises/faithful.rs"]
mod faithful;
#[path = "promises/keys.rs"]
mod keys;
#[path = "promises/limited.rs"]
mod limited;
#[path = "promises/logs.rs"]
mod logs;
#[path = "promises/memory.rs"]
mod memory;
#[path = "promises/overload.rs"]
mod overload;
#[path = "promises/permits.rs"]
mod permits;
#[path = "promises/reload.rs"]
mod reload;
#[path = "promises/revoked.rs"]
mod revoked;
#[path = "promises/server.rs"]
mod server;
#[path = "promises/setup.rs"]
mod setup;
mod support;
