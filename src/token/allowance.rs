//! How often a load balancer's directory is asked for keys.
//!
//! Every key id has a URL of its own there, so that one in vain says nothing of the next: it is that
//! id which is left alone for a while. A flood of made-up ids is held by the number of requests, of
//! which some are earned back every moment, so that it delays the next true key and doesn't stop it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What may be asked of one directory.
pub(super) struct Allowance {
    /// Key ids asked for in vain, and until when they are left alone. No more than the requests
    /// that can be made in that time.
    vain: VecDeque<(String, Instant)>,
    left: u32,
    /// When `left` was last what it says.
    counted: Instant,
}

impl Allowance {
    /// With all requests left.
    pub(super) fn new() -> Self {
        Self { vain: VecDeque::new(), left: BURST, counted: Instant::now() }
    }

    /// Takes leave to ask for `kid` once.
    pub(super) fn take(&mut self, kid: &str) -> bool {
        let now = Instant::now();
        self.vain.retain(|(_, until)| now < *until);
        let earned = now.duration_since(self.counted).as_secs();
        self.counted += Duration::from_secs(earned);
        self.left = u32::try_from(earned).unwrap_or(BURST).saturating_add(self.left).min(BURST);
        if self.left == 0 || self.vain.iter().any(|(known, _)| known == kid) {
            return false;
        }
        self.left -= 1;
        true
    }

    /// Notes that `kid` was asked for in vain: not again before `until`.
    pub(super) fn in_vain(&mut self, kid: &str, until: Instant) {
        self.vain.push_back((kid.to_owned(), until));
    }
}

/// Requests that may be made at once; one more is earned every second.
pub(super) const BURST: u32 = 8;
