//! Proxies that ask over HTTP: a sub-request tells of the request it is about in headers, and its
//! answer is a status, and headers that the proxy copies.
//!
//! Each dialect has paths of its own and reads exactly its own headers: a header of another dialect
//! is whatever the client sent. One that is needed and isn't there, or comes twice, refuses the
//! question (CVE-2026-40575).

mod answer;
mod dialect;
mod report;

use std::{pin::pin, sync::Arc, time::Instant};

use ::http::{Response, StatusCode, request::Parts, uri::PathAndQuery};
use bytes::Bytes;
use tokio::time::timeout_at;

use super::{
    Shared, Snapshot,
    asking::{self, PATIENCE, Told, ask, reject},
};
use crate::{config::Dialect, gate::AskedRoute};

/// A question, as its path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Check<'a> {
    dialect: Dialect,
    /// The route that the proxy is configured to ask for.
    route: AskedRoute<'a>,
    /// What stands behind: of Envoy's the path and query of the request it is about.
    rest: &'a str,
}

impl<'a> Check<'a> {
    /// `/check/DIALECT`, or `/routes/NAME/check/DIALECT`, byte for byte; none is any other path, or
    /// of a dialect that `enabled` hasn't.
    pub(super) fn of(path: &'a PathAndQuery, enabled: &[Dialect]) -> Option<Self> {
        let text = path.as_str();
        let (route, asked) = match text.strip_prefix("/routes/") {
            Some(named) => {
                let (name, asked) = named.split_once('/')?;
                (AskedRoute::Named(name), asked)
            }
            None => (AskedRoute::ByAddress, text.strip_prefix('/')?),
        };
        let asked = asked.strip_prefix("check/")?;
        let end = asked.find(['/', '?']).unwrap_or(asked.len());
        let (name, rest) = asked.split_at_checked(end)?;
        let dialect = *enabled.iter().find(|dialect| dialect.as_str() == name)?;
        let fits = match dialect {
            Dialect::Envoy => rest.starts_with('/'),
            // Caddy leaves the query there, which says nothing that its header doesn't.
            _ => rest.is_empty() || rest.starts_with('?'),
        };
        fits.then_some(Self { dialect, route, rest })
    }
}

/// Answers the question `check` with `head`, which came when `came` says.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    snapshot: &Snapshot,
    check: Check<'_>,
    head: &Parts,
    came: Instant,
) -> Response<Bytes> {
    let dialect = check.dialect;
    let told = match dialect::read(check, head) {
        Ok(report) => {
            let asked = pin!(ask(shared, snapshot, report.view(check.route), came));
            match timeout_at((came + PATIENCE).into(), asked).await {
                Ok(told) => told,
                Err(_) => {
                    shared.metrics.asked_in_vain.with_label_values(&["deadline"]).inc();
                    let detail = "it could not be decided in time; try again";
                    return undecided(check, "decision_timeout", detail);
                }
            }
        }
        Err(error) => reject(shared, snapshot, dialect.as_str(), error, came),
    };
    answer::put(dialect, told)
}

/// The answer to `check` where nothing is decided.
pub(super) fn undecided(
    check: Check<'_>,
    reason: &'static str,
    detail: &'static str,
) -> Response<Bytes> {
    let refused = asking::undecided(StatusCode::SERVICE_UNAVAILABLE, reason, detail);
    answer::put(check.dialect, Told::Undecided(Box::new(refused)))
}

#[cfg(test)]
mod tests;
