//! IAM's policy language and its evaluation: pure, without I/O.

mod facts;

pub use facts::{Both, Context, Fact, Facts, Lookup};
