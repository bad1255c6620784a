//! Background work between reloads.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, interval, sleep, timeout};

use crate::{clock, doors::Shared, gate::Service, upstream::Upstream};

/// Looks the upstreams' names up again and again; the last good answer stays.
pub async fn resolve_upstreams(shared: Arc<Shared>) {
    let mut ticks = interval(RESOLVE);
    loop {
        ticks.tick().await;
        let upstreams = shared.snapshot.load().upstreams.clone();
        resolve(&upstreams).await;
    }
}

/// Looks the names of `upstreams` up once.
pub(super) async fn resolve(upstreams: &[Option<Arc<Upstream>>]) {
    for upstream in upstreams.iter().flatten() {
        let failed = match timeout(RESOLVE_LIMIT, upstream.resolve()).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(upstream = upstream.label(), error = failed, "the name did not resolve");
    }
}

/// Waits until every key set has been loaded once, for at most `limit`. Says whether they have.
pub async fn wait_for_keys(ready: impl Fn() -> bool, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    while !ready() {
        if Instant::now() >= end {
            return false;
        }
        sleep(POLL).await;
    }
    true
}

/// Brings the gauges that are read, not counted, up to date.
pub fn refresh_gauges(shared: &Shared) {
    let metrics = &shared.metrics;
    let snapshot = shared.snapshot.load();
    metrics.reset_keys();
    for issuer in snapshot.rules.issuers.all() {
        let stats = issuer.keys.stats();
        let name = issuer.name.as_str();
        let keys = i64::try_from(stats.keys).unwrap_or(i64::MAX);
        metrics.keys.with_label_values(&[name]).set(keys);
        if let Some(age) = stats.age {
            metrics.keys_age.with_label_values(&[name]).set(age.as_secs_f64());
        }
        for (result, count) in stats.refreshes {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            metrics.keys_refreshes.with_label_values(&[name, result]).set(count);
        }
    }
    metrics.revocations.reset();
    metrics.revocations_age.reset();
    let revocations = snapshot.rules.issuers.revocations();
    metrics.revocations_refused.set(revocations.is_some_and(|list| list.is_refused()).into());
    if let Some(revocations) = revocations {
        for (kind, count) in revocations.list().counts() {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            metrics.revocations.with_label_values(&[kind]).set(count);
        }
        let age = clock::now().millis().saturating_sub(revocations.confirmed().millis());
        // Seconds are few, and exact as they are.
        metrics.revocations_age.with_label_values::<&str>(&[]).set(age as f64 / 1000.0);
    }
    metrics.upstream_in_flight.reset();
    for upstream in snapshot.upstreams.iter().flatten() {
        if let Some(room) = upstream.room() {
            let taken = i64::try_from(room.taken()).unwrap_or(i64::MAX);
            metrics.upstream_in_flight.with_label_values(&[upstream.label()]).set(taken);
        }
    }
    metrics.table_look_ups.reset();
    for route in snapshot.rules.routes.iter() {
        let upstream = route.upstream.and_then(|index| snapshot.upstream(index));
        let (Service::DynamoDb(tables), Some(upstream)) = (&route.service, upstream) else {
            continue;
        };
        for (result, count) in tables.learnt().look_ups() {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            metrics.table_look_ups.with_label_values(&[upstream.label(), result]).set(count);
        }
    }
    let bytes = i64::try_from(shared.tokens.bytes()).unwrap_or(i64::MAX);
    metrics.token_cache_bytes.set(bytes);
    metrics.session_cache_entries.set(snapshot.rules.sessions.count());
}

const RESOLVE: Duration = Duration::from_secs(5);
const RESOLVE_LIMIT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(10);
