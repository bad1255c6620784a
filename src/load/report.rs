//! What a run has shown, for people and for programs.

use std::{fmt::Write, time::Duration};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{Judged, Rate, Tally, Threshold};

/// What a run has shown.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was asked.
    pub url: String,
    /// How fast it was meant to be.
    pub rate: Rate,
    /// How long was measured.
    pub measured: Duration,
    /// How long requests were sent before that.
    pub warmup: Duration,
    /// Requests under way at the same time, at most.
    pub connections: usize,
    /// How many users asked.
    pub users: usize,
    /// What they presented.
    pub caller: &'static str,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// The names of the mix's requests, as [`Tally::items`] has them.
    pub items: Vec<String>,
    /// What was measured.
    pub tally: Tally,
    /// The thresholds, see [`Report::judge`].
    pub judged: Vec<Judged>,
}

impl Report {
    /// Compares it with thresholds.
    #[must_use]
    pub fn judge(mut self, thresholds: &[Threshold]) -> Self {
        self.judged = thresholds.iter().map(|threshold| threshold.judge(&self)).collect();
        self
    }

    /// Whether every threshold holds, and there was an answer at all.
    pub fn passes(&self) -> bool {
        self.tally.answered() > 0 && !self.judged.iter().any(|judged| judged.crossed)
    }

    /// Answers a second, within what was measured.
    pub fn reached(&self) -> f64 {
        self.tally.in_time as f64 / self.measured.as_secs_f64().max(1e-3)
    }

    /// The report for a terminal.
    pub fn text(&self) -> String {
        let tally = &self.tally;
        let mut out = String::new();
        let mut line = |name: &str, text: &str| {
            let _ = writeln!(out, "{name:<10} {text}");
        };
        line("target", &self.url);
        line("load", &self.load());
        line("requests", &format!("{}, of which {} answered", tally.requests(), tally.answered()));
        line("rate", &self.rates());
        line("errors", &counts(tally.failed(), Some(tally.error_percent()), &tally.errors));
        line("statuses", &counts(tally.answered(), None, &tally.statuses));
        line("bytes", &format!("{} sent, {} received, of bodies", tally.sent, tally.received));
        let heads = COLUMNS.map(|(head, _)| format!("{head:>9}")).join(" ");
        line("", &heads);
        let mut row = |name: &str, histogram: &Histogram<u64>| {
            let cells = COLUMNS.map(|(_, percent)| match histogram.is_empty() {
                true => format!("{:>9}", "-"),
                false => format!("{:>9}", time(histogram.value_at_percentile(percent) as f64)),
            });
            line(name, &cells.join(" "));
        };
        row("latency", &tally.latency);
        row("service", &tally.service);
        if self.items.len() > 1 {
            for (name, item) in self.items.iter().zip(&tally.items) {
                let p99 = time(item.latency.value_at_percentile(99.0) as f64);
                let (requests, errors) = (item.requests, item.errors);
                let _ = writeln!(out, "  {name}: {requests} requests, {errors} errors, p99 {p99}");
            }
        }
        for Judged { text, measured, crossed } in &self.judged {
            let word = if *crossed { "CROSSED" } else { "held" };
            let measured = measured.as_deref().unwrap_or("nothing measured");
            let _ = writeln!(out, "{word:<10} {text} ({measured})");
        }
        out
    }

    /// What was sent, in a sentence.
    pub(super) fn load(&self) -> String {
        let rate = match self.rate.wanted() {
            Some(rate) => format!("{rate} requests a second (open loop)"),
            None => "as fast as answers come (closed loop: a stall of the server holds up who measures it)".into(),
        };
        let early = if self.interrupted { ", ended early" } else { "" };
        format!(
            "{rate} for {:.1} s after {:.1} s of warm-up{early}; {} with {}, {} connections at most",
            self.measured.as_secs_f64(),
            self.warmup.as_secs_f64(),
            if self.users == 1 { "1 user".to_owned() } else { format!("{} users", self.users) },
            self.caller,
            self.connections,
        )
    }

    /// The rate that was reached, in words.
    pub(super) fn rates(&self) -> String {
        let reached = self.reached();
        match self.rate.wanted() {
            Some(wanted) => {
                format!("{reached:.1}/s of {wanted}/s ({:.1} %)", 100.0 * reached / wanted)
            }
            None => format!("{reached:.1}/s"),
        }
    }

    /// The report for programs. Latencies are in milliseconds.
    pub fn json(&self) -> Value {
        let tally = &self.tally;
        let items: Vec<Value> = self
            .items
            .iter()
            .zip(&tally.items)
            .map(|(name, item)| {
                json!({
                    "name": name, "requests": item.requests, "errors": item.errors,
                    "latency_ms": percentiles(&item.latency),
                })
            })
            .collect();
        let every = tally.every.as_secs_f64();
        let points: Vec<Value> = tally
            .points
            .iter()
            .enumerate()
            .map(|(index, point)| {
                json!({
                    "second": index as f64 * every, "answered": point.answered, "errors": point.errors,
                    "p50_ms": millis(point.p50), "p99_ms": millis(point.p99), "max_ms": millis(point.max),
                })
            })
            .collect();
        let judged: Vec<Value> = self
            .judged
            .iter()
            .map(|j| json!({ "fail_if": j.text, "measured": j.measured, "crossed": j.crossed }))
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "url": self.url,
            "loop": if self.rate.wanted().is_some() { "open" } else { "closed" },
            "rate": { "wanted": self.rate.wanted(), "reached": self.reached() },
            "seconds": self.measured.as_secs_f64(),
            "warmup_seconds": self.warmup.as_secs_f64(),
            "interrupted": self.interrupted,
            "connections": self.connections,
            "users": self.users,
            "callers": self.caller,
            "requests": tally.requests(),
            "answered": tally.answered(),
            "errors": { "total": tally.failed(), "percent": tally.error_percent(), "kinds": tally.errors },
            "statuses": tally.statuses,
            "bytes": { "sent": tally.sent, "received": tally.received },
            "latency_ms": percentiles(&tally.latency),
            "service_ms": percentiles(&tally.service),
            "mix": items,
            "series": points,
            "thresholds": judged,
            "passed": self.passes(),
        })
    }
}

fn percentiles(histogram: &Histogram<u64>) -> Value {
    if histogram.is_empty() {
        return Value::Null;
    }
    let mut members = serde_json::Map::new();
    members.insert("mean".to_owned(), (histogram.mean() / 1e3).into());
    for (name, percent) in COLUMNS {
        members.insert(name.to_owned(), millis(histogram.value_at_percentile(percent)).into());
    }
    members.into()
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}

fn counts<'c, K: std::fmt::Display + 'c>(
    total: u64,
    percent: Option<f64>,
    kinds: impl IntoIterator<Item = (&'c K, &'c u64)>,
) -> String {
    let percent = percent.map(|percent| format!(" ({percent:.3} %)")).unwrap_or_default();
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, n)| format!("{kind}: {n}")).collect();
    match kinds.is_empty() {
        true => format!("{total}"),
        false => format!("{total}{percent}  {}", kinds.join(", ")),
    }
}

/// Microseconds, for people.
pub(super) fn time(micros: f64) -> String {
    match micros {
        us if us < 1e3 => format!("{us:.0} µs"),
        us if us < 1e5 => format!("{:.2} ms", us / 1e3),
        us if us < 1e6 => format!("{:.0} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

const COLUMNS: [(&str, f64); 5] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0)];
