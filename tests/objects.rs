//! S3 in front of a recording backend: what arrives there is what was authorized, signed anew, and
//! nothing of a body that isn't what its caller signed is ever whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a failure here fails the test"
)]

mod objects {
    mod chunked;
    pub(crate) mod chunks;
    pub(crate) mod client;
    mod deleting;
    mod forwarding;
    mod posting;
    mod refusing;
    mod targets;
}
mod support;
