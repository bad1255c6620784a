//! A WebSocket: what is left of an exchange when its connection has become something else.

use tokio::io::{AsyncRead, AsyncWrite};

use super::exchange::Exchange;
use crate::upstream::{Course, UpstreamSide};

/// A WebSocket that was permitted and accepted; the caller's side is still missing.
pub struct Tunnel {
    pub(super) upstream: UpstreamSide,
    pub(super) course: Course,
    pub(super) exchange: Exchange,
    pub(super) idle: std::time::Duration,
}

impl Tunnel {
    /// Carries bytes between `caller` and the upstream until one of them ends it, it stands still for too
    /// long, or the right to it ends.
    pub async fn carry<S>(mut self, caller: S)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (closed, bytes) = self.upstream.carry(caller, &self.course, self.idle).await;
        tracing::debug!(?closed, bytes, "a websocket ended");
        self.exchange.sent(bytes);
    }
}
