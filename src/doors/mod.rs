//! Doors: each translates one protocol into a question and a decision back into that protocol.

pub mod admin;
mod answers;
mod asker;
mod asking;
mod authorizer;
pub mod authzen;
mod bodies;
mod caller_body;
mod calls;
mod cognito_identity;
mod dynamodb;
mod exchange;
mod ext_authz;
mod forward_auth;
mod grpc;
mod iam;
mod note;
mod policies;
mod posted;
mod proxy;
mod query;
mod record;
mod reflection;
mod s3;
mod standing;
mod sts;
mod tunnel;
mod verified_permissions;

use std::{net::IpAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio_rustls::rustls::ServerConfig;

use crate::{
    clock,
    gate::{Decision, DecisionId, Rules},
    http::TrustedProxies,
    telemetry::{Metrics, Recorder},
    token::TokenCache,
    upstream::{Timeouts, Upstream},
};

pub use asker::{Asker, AskingRules, NotAdmitted, Peer};
pub use bodies::Bodies;
pub use exchange::{AnswerError, ExchangeBody, Pace};
pub use grpc::Reply;
pub use policies::{ChangeError, Changed, PolicyOrder, PolicyQueue};
pub use proxy::{Answered, Proxy, ProxyPeer};
use record::Asked;
pub use record::DecisionRecord;
pub use standing::REVIEW;
pub use tunnel::Tunnel;

/// Everything a request needs of one configuration generation. Taken once per request.
pub struct Snapshot {
    /// What decisions are made from.
    pub rules: Rules,
    /// The upstreams, as routes name them.
    pub upstreams: Vec<Option<Arc<Upstream>>>,
    /// Peers whose `X-Forwarded-*` are believed.
    pub trusted_proxies: TrustedProxies,
    /// How long upstreams may take.
    pub timeouts: Timeouts,
    /// The limits of downstream connections.
    pub connection: ConnectionLimits,
    /// How long a stream goes on when the right to it has ended.
    pub stream_grace: Duration,
    /// The proxy listener's certificate, if it has one.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who may ask, and how.
    pub asking: AskingRules,
    /// Which decisions the decision log has.
    pub logged: Logged,
    /// The configuration as written, for `/config`.
    pub written: serde_json::Value,
}

impl Snapshot {
    /// The upstream at `index`.
    pub fn upstream(&self, index: usize) -> Option<&Arc<Upstream>> {
        self.upstreams.get(index)?.as_ref()
    }
}

/// The limits of a downstream connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How long a request's head may take, or a TLS handshake.
    pub header: Duration,
    /// How long a connection may wait for a request, or an answer's body stand still.
    pub idle: Duration,
    /// The same for a WebSocket, a gRPC call, and events of a server.
    pub stream: Duration,
    /// How large a request's head may be, in bytes.
    pub head: usize,
}

/// Which decisions are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logged {
    /// All of them.
    All,
    /// Denials.
    Denials,
}

/// What all doors share, for as long as the process runs.
pub struct Shared {
    /// The generation in force.
    pub snapshot: ArcSwap<Snapshot>,
    /// Verified tokens.
    pub tokens: TokenCache,
    /// Callers' bodies that are in memory.
    pub bodies: Arc<Bodies>,
    /// Where changes of resources' policies go.
    pub policies: PolicyQueue,
    /// Metrics.
    pub metrics: Metrics,
    /// The decision log.
    pub decisions: Recorder,
    /// The access log.
    pub access: Recorder,
    /// Where the process is in its life.
    pub phase: tokio::sync::watch::Receiver<Phase>,
    /// Requests of HTTP/2 at a time, of all connections together: each may have an upstream connection,
    /// and there is room for no more of those than for connections of callers.
    pub streams: usize,
}

impl Shared {
    /// Takes note of a head that never became a request, and names its answer.
    pub fn refused_unread(&self, peer: IpAddr, reason: &'static str, detail: &str) -> DecisionId {
        self.metrics.rejects.with_label_values(&[reason]).inc();
        let decision = Decision::unread(reason, detail);
        if self.decisions.is_on() {
            let snapshot = self.snapshot.load();
            let asked = Asked::nothing(peer, clock::now());
            let record = DecisionRecord::new("proxy", &snapshot.rules, &asked, &decision, 0);
            self.decisions.record(&record);
        }
        decision.id
    }
}

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Keys have not been loaded yet.
    Starting,
    /// Ready.
    Serving,
    /// Told to stop: not ready, still accepting; answers ask callers to leave.
    Leaving,
    /// Not accepting any more; what is under way is finished.
    Draining,
}

/// Holds what is read and answered of Envoy's question in `message` to its laws.
///
/// # Panics
/// One is broken.
#[cfg(fuzzing)]
pub fn hold_check_to_its_laws(message: &[u8]) {
    ext_authz::laws::hold(message);
}
