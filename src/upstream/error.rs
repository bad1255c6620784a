//! Why a permitted request got no answer.

use ::http::StatusCode;

use super::{Broken, Ended};
use crate::sigv4::BodyError;

/// Why a permitted request got no answer from its upstream.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The upstream's name has no address at present.
    #[error("the upstream's name does not resolve")]
    NoAddress,
    /// No address took the connection.
    #[error("the upstream can't be reached: {0}")]
    Connect(std::io::Error),
    /// No address took the connection in time.
    #[error("the upstream did not take the connection in time")]
    ConnectTimeout,
    /// The TLS handshake failed.
    #[error("the TLS handshake with the upstream failed: {0}")]
    Tls(std::io::Error),
    /// The upstream closed or broke the connection, or answered with something else than HTTP.
    #[error("the upstream gave no valid answer: {0}")]
    Upstream(#[from] Broken),
    /// It has as many requests as it may be sent at a time.
    #[error("the upstream has as many requests as `upstream.concurrency` allows")]
    Busy,
    /// The upstream switched to another protocol without being asked.
    #[error("the upstream switched protocols without being asked")]
    Switched,
    /// The upstream took too long to answer.
    #[error("the upstream did not answer in time")]
    AnswerTimeout,
    /// The caller's body broke off.
    #[error("the request's body broke off")]
    CallerBody,
    /// The caller's body isn't what was said of it.
    #[error("the request's body is not what was said of it: {0}")]
    Body(BodyError),
    /// The right to it has ended before there was an answer.
    #[error("the request may not go on: {}", .0.reason())]
    Ended(Ended),
    /// The permitted request can't be serialised.
    #[error("the request can't be sent on")]
    Unsendable,
}

impl ForwardError {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoAddress => "upstream_no_address",
            Self::Connect(_) => "upstream_unreachable",
            Self::ConnectTimeout => "upstream_connect_timeout",
            Self::Tls(_) => "upstream_tls",
            Self::Upstream(_) | Self::Switched => "upstream_broken",
            Self::AnswerTimeout => "upstream_timeout",
            Self::Busy => "upstream_busy",
            Self::CallerBody => "request_body_broken",
            Self::Body(error) => error.reason(),
            Self::Ended(_) => "upstream_right_ended",
            Self::Unsendable => "request_unsendable",
        }
    }

    /// The status that says so: RFC 9110 §15.6.3 and §15.6.5.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::ConnectTimeout | Self::AnswerTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Ended(Ended::Expired | Ended::Revoked) => StatusCode::UNAUTHORIZED,
            Self::Ended(Ended::Withdrawn) => StatusCode::FORBIDDEN,
            Self::CallerBody | Self::Body(_) | Self::Unsendable => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// What a caller is told: not which address, nor which error.
    pub fn detail(&self) -> &'static str {
        match self {
            Self::ConnectTimeout | Self::AnswerTimeout => "the upstream did not answer in time",
            Self::Busy => "too many requests are under way; try again",
            Self::CallerBody => "the request's body broke off",
            Self::Body(_) => "the request's body is not what was said of it",
            Self::Ended(why) => why.detail(),
            Self::Unsendable => "the request can't be sent on",
            _ => "the upstream can't be reached or gave no valid answer",
        }
    }
}
