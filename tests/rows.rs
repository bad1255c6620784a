//! Rows of tables behind the gate: over generated requests no caller reads or changes one that is
//! not theirs, and large requests don't delay others.
//!
//! `POOLGATE_ROWS` is the number of requests, 2,000 by default; `POOLGATE_ROWS_SEED` gives the same ones
//! again, `POOLGATE_ROWS_FIRST` those from this number on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a failure here fails the test"
)]

mod rows {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    mod caller;
    mod cases;
    mod delays;
    mod expressions;
    mod json;
    mod law;
    mod mutations;
    mod random;
    mod relay;
    mod requests;
    mod setup;
    mod statements;
    mod store;
    mod world;

    /// Makes tests run one after another: one of them measures time.
    fn alone() -> MutexGuard<'static, ()> {
        static ALONE: Mutex<()> = Mutex::new(());
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
mod support;
