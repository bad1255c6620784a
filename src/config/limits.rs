//! How many requests a route takes.

use std::time::Duration;

use super::map::Map;
use super::read::{Section, section};
use super::value::Span;

/// How many requests a route takes; as many as come where nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteLimits {
    /// Of all callers together.
    pub rate: Option<Rate>,
    /// Of each caller.
    pub per_principal: Option<Rate>,
}

/// So many requests in such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least one.
    pub requests: u32,
    /// In which time.
    pub per: Duration,
    /// How many at once, after a time without any; at least one.
    pub burst: u32,
}

impl Section for RouteLimits {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let rate = map.optional("rate", "Of all callers together.");
        let doc = "Of each caller: a token's user, an identity, or the address of who is nobody.";
        let per_principal = map.optional("per_principal", doc);
        if !map.has("rate") && !map.has("per_principal") {
            map.error(None, "needs `rate`, `per_principal` or both");
            return None;
        }
        Some(Self { rate: rate?, per_principal: per_principal? })
    }
}

impl Section for Rate {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let requests = map.required::<u32>("requests", "How many. From 1 to 1000000.");
        let per = map.bounded("per", "1s", ["1s", "1h"], "In which time.");
        let doc = "How many at once, after a time without any; as many as `requests` if absent. From 1 to 1000000.";
        let burst = map.optional::<u32>("burst", doc);
        let (requests, Span(per)) = (requests?, per?);
        let burst = burst?.unwrap_or(requests);
        for (name, number) in [("requests", requests), ("burst", burst)] {
            if !(1..=MOST).contains(&number) {
                map.error(Some(name), "must be from 1 to 1000000");
                return None;
            }
        }
        Some(Self { requests, per, burst })
    }
}

section!(Rate, RouteLimits);

const MOST: u32 = 1_000_000;
