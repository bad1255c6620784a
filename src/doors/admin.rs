//! The admin door: `/metrics`, `/livez`, `/readyz`, `/config` and `/decisions`. It reads, and
//! changes nothing.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use ::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Phase, Shared};
use crate::{
    http::{Authority, Problem},
    telemetry::{Recent, visible},
};

/// The admin door.
pub struct Admin {
    /// What all doors share.
    pub shared: Arc<Shared>,
    /// The decision log's last records, for `/decisions`.
    pub decisions: Recent,
    /// Who may read `/config` and `/decisions`.
    pub access: Access,
    /// Brings the gauges that are read, not counted, up to date.
    pub refresh: Box<dyn Fn() + Send + Sync>,
}

/// Who may read more than `/metrics`, `/livez` and `/readyz`.
pub enum Access {
    /// Anyone who reaches the listener: it is on loopback or a unix socket.
    Local,
    /// Nobody: the listener is open to others and no token is configured.
    Closed,
    /// Whoever presents this token as a bearer.
    Token(crate::config::Secret),
}

impl Admin {
    /// Answers one request.
    ///
    /// # Errors
    /// Never.
    pub async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "read with GET",
            ));
        }
        let answer = match request.uri().path() {
            "/livez" => text("ok\n"),
            "/readyz" => self.ready(),
            "/metrics" => {
                (self.refresh)();
                let text = Bytes::from(self.shared.metrics.text());
                typed("text/plain; version=0.0.4; charset=utf-8", text)
            }
            "/config" | "/decisions" if !self.is_meant(request.headers()) => problem(
                StatusCode::MISDIRECTED_REQUEST,
                "admin_host",
                "this is read by the name localhost or by address",
            ),
            "/config" | "/decisions" if !self.allows(request.headers()) => problem(
                StatusCode::UNAUTHORIZED,
                "admin_token",
                "off loopback this wants the configured admin.token as a bearer",
            ),
            "/config" => self.config(),
            "/decisions" => self.recent(),
            _ => problem(
                StatusCode::NOT_FOUND,
                "not_found",
                "there are /metrics, /livez, /readyz, /config and /decisions",
            ),
        };
        Ok(answer)
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let detail = match *self.shared.phase.borrow() {
            Phase::Serving => return text("ready\n"),
            Phase::Starting => "verification keys have not been loaded yet",
            Phase::Leaving | Phase::Draining => "shutting down",
        };
        problem(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail)
    }

    /// Whether a request without a token means this listener: a page that rebound its own name to
    /// loopback would send that name (DNS rebinding).
    fn is_meant(&self, headers: &HeaderMap) -> bool {
        if !matches!(self.access, Access::Local) {
            return true;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.and_then(|host| Authority::parse(host).ok());
        host.is_some_and(|authority| {
            let host = authority.host();
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            host == "localhost" || bare.parse::<IpAddr>().is_ok()
        })
    }

    fn allows(&self, headers: &HeaderMap) -> bool {
        match &self.access {
            Access::Local => true,
            Access::Closed => false,
            Access::Token(token) => headers
                .get(header::AUTHORIZATION)
                .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
                .is_some_and(|given| token.matches(given)),
        }
    }

    fn config(&self) -> Response<Full<Bytes>> {
        let snapshot = self.shared.snapshot.load();
        let rules = &snapshot.rules;
        json_answer(&json!({
            "generation": rules.generation,
            "hash": rules.hash,
            "version": env!("CARGO_PKG_VERSION"),
            "config": snapshot.written,
        }))
    }

    /// The last decisions, the newest first, if they are logged.
    fn recent(&self) -> Response<Full<Bytes>> {
        let lines = self.decisions.newest_first();
        let records: Vec<Value> =
            lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect();
        json_answer(&json!({ "logged": self.shared.decisions.is_on(), "decisions": records }))
    }
}

fn text(body: &'static str) -> Response<Full<Bytes>> {
    typed("text/plain; charset=utf-8", Bytes::from_static(body.as_bytes()))
}

fn json_answer(value: &Value) -> Response<Full<Bytes>> {
    typed("application/json", Bytes::from(visible(format!("{value:#}\n"))))
}

fn typed(content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

fn problem(status: StatusCode, reason: &'static str, detail: &str) -> Response<Full<Bytes>> {
    Problem::new(status, reason, detail.to_owned()).into_response().map(Full::new)
}
