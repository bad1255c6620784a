//! How long things may take.

use std::time::Duration;

use super::map::Map;
use super::read::{Section, section};
use super::value::Span;

/// Bounds of how long things may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a request's head to be complete.
    pub header: Duration,
    /// Without a byte on a connection.
    pub idle: Duration,
    /// Without a byte on a stream: a WebSocket, a gRPC call, server-sent events.
    pub stream_idle: Duration,
    /// How long a stream goes on when the right to it has ended.
    pub stream_grace: Duration,
    /// To connect to an upstream.
    pub upstream_connect: Duration,
    /// For the head of an upstream's answer.
    pub upstream_header: Duration,
    /// Between not being ready and no longer accepting.
    pub shutdown_delay: Duration,
    /// For accepted requests to finish.
    pub drain: Duration,
}

impl Section for Timeouts {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let mut span = |name, default, range, doc| -> Option<Duration> {
            map.bounded(name, default, range, doc).map(|Span(duration)| duration)
        };
        let header = span("header", "10s", SOME, "For a request's head to be complete.");
        let idle = span("idle", "60s", SOME, "Without a byte on a connection.");
        let doc = "Without a byte on a WebSocket, a gRPC call or server-sent events.";
        let stream_idle = span("stream_idle", "5m", SOME, doc);
        let doc =
            "How long those go on when their token has expired or a reload takes the right away.";
        let stream_grace = span("stream_grace", "0s", ANY, doc);
        let upstream_connect = span("upstream_connect", "2s", SOME, "To connect to an upstream.");
        let upstream_header =
            span("upstream_header", "30s", SOME, "For the head of an upstream's answer.");
        let shutdown_delay = span(
            "shutdown_delay",
            "2s",
            ANY,
            "Between not being ready and no longer accepting, for load balancers to notice.",
        );
        let drain = span("drain", "30s", ANY, "For accepted requests to finish at shutdown.");
        Some(Self {
            header: header?,
            idle: idle?,
            stream_idle: stream_idle?,
            stream_grace: stream_grace?,
            upstream_connect: upstream_connect?,
            upstream_header: upstream_header?,
            shutdown_delay: shutdown_delay?,
            drain: drain?,
        })
    }
}

section!(Timeouts);

const SOME: [&str; 2] = ["1ms", "24h"];
const ANY: [&str; 2] = ["0s", "24h"];
