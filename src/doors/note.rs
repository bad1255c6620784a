//! What is written down of a decision: counted, and told to the decision log.

use std::time::Duration;

use super::{DecisionRecord, Logged, Shared, Snapshot, record::Asked};
use crate::{
    gate::{Decision, Heard, Outcome},
    telemetry::Metrics,
};

/// Counts `decision`, which was made at `door` and took as long as said, and logs it.
pub(super) fn note(
    shared: &Shared,
    snapshot: &Snapshot,
    (door, asked): (&'static str, &Asked<'_>),
    decision: &Decision,
    took: Duration,
) {
    let (effect, reason) = effect(&decision.outcome);
    let route = snapshot.rules.routes.name(decision.destination).unwrap_or_default();
    shared.metrics.decided(route, effect, reason, took);
    count_heard(&shared.metrics, route, &decision.heard);
    let log = match snapshot.logged {
        Logged::All => true,
        Logged::Denials => effect == "deny",
    };
    if log && shared.decisions.is_on() {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let record = DecisionRecord::new(door, &snapshot.rules, asked, decision, micros);
        shared.decisions.record(&record);
    }
}

/// `allow` or `deny`, and the code of the reason.
pub(super) fn effect(outcome: &Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Allow(permit) => ("allow", permit.grounds().reason()),
        Outcome::Answer(answer) => ("allow", answer.grounds.reason()),
        Outcome::Change(permit) => ("allow", permit.grounds().reason()),
        Outcome::Deny(denial) => ("deny", denial.reason),
    }
}

/// What engines and shadows said.
fn count_heard(metrics: &Metrics, route: &str, heard: &Heard) {
    for said in &heard.engines {
        let labels = [route, said.engine, said.mode, said.verdict];
        metrics.engine_verdicts.with_label_values(&labels).inc_by(said.count);
    }
    for shadow in &heard.shadows {
        let agrees = if shadow.agrees { "true" } else { "false" };
        let labels = [route, shadow.shadow, agrees, shadow.effect];
        metrics.shadow_decisions.with_label_values(&labels).inc_by(shadow.count);
    }
}
