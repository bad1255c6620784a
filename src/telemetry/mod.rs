//! Watching it: metrics, the decision log, the access log, and the program's own log.
//!
//! Nothing in here blocks a request or fails one. No token, credential or secret passes through:
//! records are built from an allow-list of fields.

mod labelled;
pub mod log;
mod metrics;
mod records;

pub use metrics::{Metrics, method_label};
pub use records::{Post, Recent, Recorder, Records, Sink, SinkError, visible};
