//! Prometheus metrics.
//!
//! Label values come from the configuration or from enums alone: never a path, a host, a subject,
//! a key id or a role, so that no request can add a series (P6).

use std::{
    cell::RefCell,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use ::http::{Method, StatusCode};
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
    core::{Collector, GenericGaugeVec},
};

use super::labelled::{Labelled, with};
use crate::http::Stripped;

/// Every metric of the process.
pub struct Metrics {
    /// Unique in this process.
    serial: u64,
    registry: Registry,
    /// `process_…`.
    process: Registry,
    /// `poolgate_decisions_total{route,effect,reason}`.
    pub decisions: IntCounterVec,
    /// `poolgate_engine_verdicts_total{route,engine,mode,verdict}`, on routes that have more than IAM.
    pub engine_verdicts: IntCounterVec,
    /// `poolgate_shadow_decisions_total{route,shadow,agrees,effect}`.
    pub shadow_decisions: IntCounterVec,
    /// `poolgate_decision_seconds{route}`: from the request's head to the decision.
    pub decision_seconds: HistogramVec,
    /// `poolgate_requests_total{route,method,status}`: answers by class of status.
    pub requests: IntCounterVec,
    /// `poolgate_request_rejects_total{reason}`: requests refused before a decision.
    pub rejects: IntCounterVec,
    /// `poolgate_asked_in_vain_total{reason}`: questions of proxies that got no decision.
    pub asked_in_vain: IntCounterVec,
    /// `poolgate_headers_removed_total{class}`: headers that hygiene removed.
    pub headers_removed: IntCounterVec,
    /// `poolgate_upstream_seconds{upstream}`: from the permit to the answer's head.
    pub upstream_seconds: HistogramVec,
    /// `poolgate_upstream_errors_total{upstream,reason}`.
    pub upstream_errors: IntCounterVec,
    /// `poolgate_upstream_in_flight{upstream}`: requests to upstreams whose number is limited.
    pub upstream_in_flight: IntGaugeVec,
    /// `poolgate_connections`: open downstream connections.
    pub connections: IntGauge,
    /// `poolgate_requests_in_flight`.
    pub in_flight: IntGauge,
    /// `poolgate_streams_ended_total{reason}`: WebSockets, gRPC calls and event streams whose right ended.
    pub streams_ended: IntCounterVec,
    /// `poolgate_generation`: of the configuration in force.
    pub generation: IntGauge,
    /// `poolgate_reloads_total{result}`: `applied` or `refused`.
    pub reloads: IntCounterVec,
    /// `poolgate_reload_failed`: 1 while the configuration on disk is refused.
    pub reload_failed: IntGauge,
    /// `poolgate_shadow_refused`: 1 while the files of `shadow_policies` are refused.
    pub shadow_refused: IntGauge,
    /// `poolgate_revocations{kind}`: entries of the list in force.
    pub revocations: IntGaugeVec,
    /// `poolgate_revocations_age_seconds`: since the file last said what the list says.
    pub revocations_age: GenericGaugeVec<prometheus::core::AtomicF64>,
    /// `poolgate_revocations_refused`: 1 while the file of revocations can't be read.
    pub revocations_refused: IntGauge,
    /// `poolgate_log_records_dropped_total{log}`.
    pub dropped: IntCounterVec,
    /// `poolgate_keys{issuer}`: verification keys held.
    pub keys: IntGaugeVec,
    /// `poolgate_keys_age_seconds{issuer}`: since the last good answer.
    pub keys_age: GenericGaugeVec<prometheus::core::AtomicF64>,
    /// `poolgate_keys_refreshes{issuer,result}`.
    pub keys_refreshes: IntGaugeVec,
    /// `poolgate_table_look_ups{upstream,result}`: descriptions of tables asked of upstreams.
    pub table_look_ups: IntGaugeVec,
    /// `poolgate_token_cache_bytes`.
    pub token_cache_bytes: IntGauge,
    /// `poolgate_session_cache_entries`.
    pub session_cache_entries: IntGauge,
    /// `poolgate_connections_shed_total`: refused at the limit of connections.
    pub connections_shed: IntCounter,
    /// `poolgate_accept_errors_total`.
    pub accept_errors: IntCounter,
}

impl Metrics {
    /// Fresh metrics in a registry of their own.
    ///
    /// # Errors
    /// Two metrics of one name: a mistake in this file, which its test would show.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("poolgate".to_owned()), None)?;
        // Apart from ours: these have the names that every exporter gives them.
        let process = Registry::new();
        #[cfg(target_os = "linux")]
        process.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let r = &registry;
        let counters = |name: &str, help: &str, labels: &[&str]| {
            add(r, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            add(r, IntGaugeVec::new(Opts::new(name, help), labels)?)
        };
        let gauge = |name: &str, help: &str| add(r, IntGauge::new(name, help)?);
        let seconds = |name: &str, help: &str, label: &str, buckets: &[f64]| {
            let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            add(r, HistogramVec::new(opts, &[label])?)
        };
        Ok(Self {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            decisions: counters("decisions_total", "Decisions", &["route", "effect", "reason"])?,
            engine_verdicts: counters(
                "engine_verdicts_total",
                "What each engine said, where there is more than IAM",
                &["route", "engine", "mode", "verdict"],
            )?,
            shadow_decisions: counters(
                "shadow_decisions_total",
                "What shadows would have decided",
                &["route", "shadow", "agrees", "effect"],
            )?,
            decision_seconds: seconds(
                "decision_seconds",
                "Seconds from a request's head to its decision",
                "route",
                &DECISION_BUCKETS,
            )?,
            requests: counters("requests_total", "Answers", &["route", "method", "status"])?,
            rejects: counters("request_rejects_total", "Requests refused undecided", &["reason"])?,
            asked_in_vain: counters(
                "asked_in_vain_total",
                "Questions of proxies that got no decision",
                &["reason"],
            )?,
            headers_removed: counters("headers_removed_total", "Headers removed", &["class"])?,
            upstream_seconds: seconds(
                "upstream_seconds",
                "Seconds from a permit to the head of the upstream's answer",
                "upstream",
                &UPSTREAM_BUCKETS,
            )?,
            upstream_errors: counters(
                "upstream_errors_total",
                "Permitted requests without an answer",
                &["upstream", "reason"],
            )?,
            upstream_in_flight: gauges(
                "upstream_in_flight",
                "Requests under way to upstreams whose number is limited",
                &["upstream"],
            )?,
            connections: gauge("connections", "Open downstream connections")?,
            in_flight: gauge("requests_in_flight", "Requests being answered")?,
            streams_ended: counters(
                "streams_ended_total",
                "Streams ended because their right had",
                &["reason"],
            )?,
            generation: gauge("generation", "Generation of the configuration in force")?,
            reloads: counters("reloads_total", "Reloads", &["result"])?,
            reload_failed: gauge("reload_failed", "1 while the configuration on disk is refused")?,
            revocations: gauges("revocations", "Entries of the list of revocations", &["kind"])?,
            revocations_age: add(
                r,
                GenericGaugeVec::new(
                    Opts::new(
                        "revocations_age_seconds",
                        "Seconds since the file of revocations last said what is in force",
                    ),
                    &[],
                )?,
            )?,
            revocations_refused: gauge(
                "revocations_refused",
                "1 while the file of revocations can't be read",
            )?,
            shadow_refused: gauge(
                "shadow_refused",
                "1 while the shadow policies on disk are refused",
            )?,
            dropped: counters("log_records_dropped_total", "Log records dropped", &["log"])?,
            keys: gauges("keys", "Verification keys held", &["issuer"])?,
            keys_age: add(
                r,
                GenericGaugeVec::new(
                    Opts::new("keys_age_seconds", "Seconds since the last good key set"),
                    &["issuer"],
                )?,
            )?,
            keys_refreshes: gauges(
                "keys_refreshes",
                "Key set fetches since the start, by result",
                &["issuer", "result"],
            )?,
            table_look_ups: gauges(
                "table_look_ups",
                "Descriptions of tables asked of upstreams since the start, by result",
                &["upstream", "result"],
            )?,
            token_cache_bytes: gauge("token_cache_bytes", "Bytes of verified tokens held")?,
            session_cache_entries: gauge("session_cache_entries", "Sessions held")?,
            connections_shed: add(
                r,
                IntCounter::new("connections_shed_total", "Connections refused at the limit")?,
            )?,
            accept_errors: add(
                r,
                IntCounter::new("accept_errors_total", "Failed accepts of connections")?,
            )?,
            registry,
            process,
        })
    }

    /// The text exposition format, for `/metrics`.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Writing to memory fails only for a family without metrics, which gather() leaves out.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        let _ = TextEncoder::new().encode(&self.process.gather(), &mut text);
        text
    }

    /// Records one decision.
    pub fn decided(&self, route: &str, effect: &str, reason: &str, took: Duration) {
        let labels = [route, effect, reason];
        let find = || {
            let decisions = self.decisions.with_label_values(&labels);
            (decisions, self.decision_seconds.with_label_values(&[route]))
        };
        with(&DECISIONS, self.serial, labels, find, |(decisions, seconds)| {
            decisions.inc();
            seconds.observe(took.as_secs_f64());
        });
    }

    /// Counts an answer.
    pub fn answered(&self, route: &str, method: &'static str, status: StatusCode) {
        let labels = [route, method, status_class(status)];
        let find = || self.requests.with_label_values(&labels);
        with(&REQUESTS, self.serial, labels, find, IntCounter::inc);
    }

    /// Records how long an upstream took for the head of its answer.
    pub fn upstream_took(&self, upstream: &str, took: Duration) {
        let find = || self.upstream_seconds.with_label_values(&[upstream]);
        with(&UPSTREAMS, self.serial, [upstream], find, |seconds| {
            seconds.observe(took.as_secs_f64());
        });
    }

    /// Counts a header that hygiene removed.
    pub fn header_removed(&self, why: Stripped) {
        let labels = [why.reason()];
        let find = || self.headers_removed.with_label_values(&labels);
        with(&REMOVED, self.serial, labels, find, IntCounter::inc);
    }

    /// Forgets the key gauges of issuers that are no longer configured.
    pub fn reset_keys(&self) {
        self.keys.reset();
        self.keys_age.reset();
        self.keys_refreshes.reset();
    }
}

static SERIAL: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static DECISIONS: RefCell<Labelled<(IntCounter, Histogram), 3>> = const { Labelled::new() };
    static REQUESTS: RefCell<Labelled<IntCounter, 3>> = const { Labelled::new() };
    static UPSTREAMS: RefCell<Labelled<Histogram, 1>> = const { Labelled::new() };
    static REMOVED: RefCell<Labelled<IntCounter, 1>> = const { Labelled::new() };
}

fn add<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// A method as a label: the nine of HTTP, or `other`.
pub fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}

/// A status as a label: its class.
fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

const DECISION_BUCKETS: [f64; 10] = [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1];
const UPSTREAM_BUCKETS: [f64; 10] = [2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2, 0.25, 1.0, 5.0];

#[cfg(test)]
mod tests;
