//! The traps between two HTTP programs, on real sockets: what no backend may see, what breaks on
//! either side of the gate, and what takes too long.

#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of tests fail as tests do"
)]

#[path = "traps/answers.rs"]
mod answers;
#[path = "traps/bodies.rs"]
mod bodies;
#[path = "traps/limits.rs"]
mod limits;
#[path = "traps/listeners.rs"]
mod listeners;
#[path = "traps/pipelines.rs"]
mod pipelines;
#[path = "traps/refused.rs"]
mod refused;
#[path = "traps/rig.rs"]
mod rig;
#[path = "traps/stripped.rs"]
mod stripped;
mod support;
#[path = "traps/upstreams.rs"]
mod upstreams;
