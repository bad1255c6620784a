//! Why a request is refused before anyone asks who sent it.

use ::http::StatusCode;

use super::TargetError;

/// A request that Poolgate refuses as a matter of HTTP. Its sentences name headers only by words
/// of this program, never by the client's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The request target; see [`TargetError`].
    #[error(transparent)]
    Target(#[from] TargetError),
    /// `TRACE`, `CONNECT`, or a method that is not of upper-case letters.
    #[error("this method is not served; use a method such as GET or POST, in upper case")]
    Method,
    /// No `Host` in HTTP/1.1, and none in the target.
    #[error("the request names no host; send exactly one Host header")]
    HostMissing,
    /// A host that is not a name or address with an optional port.
    #[error("the host is not a plain name or address with an optional port")]
    HostInvalid,
    /// The target's authority and `Host` differ (RFC 9112 §3.2.2).
    #[error("the host in the request target differs from the Host header")]
    HostDisagrees,
    /// More than 100 headers.
    #[error("the request's headers are too large or too many")]
    Headers,
    /// A header that has one value was sent more than once (CVE-2026-26308).
    #[error("the {0} header was sent more than once; send it once")]
    Repeated(&'static str),
    /// A header that Poolgate reads has bytes outside visible ASCII (CVE-2026-73552).
    #[error("the {0} header has characters outside visible ASCII")]
    NotAscii(&'static str),
    /// A header name with `_`, `.` or another separator that some stacks read as `-`
    /// (CVE-2025-64484, CVE-2026-39858, CVE-2026-88011).
    #[error(
        "a header name has a character other than letters, digits and -, or is one that only proxies set; rename the header"
    )]
    HeaderName,
    /// `Connection` is malformed, names a header that must not be removed (CVE-2024-45410), or more
    /// than 32.
    #[error(
        "the Connection header names a header that is not the connection's to remove, or too many"
    )]
    ConnectionToken,
    /// Connection-specific headers in HTTP/2 (RFC 9113 §8.2.2).
    #[error("HTTP/2 requests must not have connection-specific headers")]
    ConnectionSpecific,
    /// `Content-Length` beside `Transfer-Encoding` (RFC 9112 §6.1, CVE-2026-73051).
    #[error("the request has both Content-Length and Transfer-Encoding; send one")]
    LengthAndEncoding,
    /// `Content-Length` is not one decimal number.
    #[error("the Content-Length header is not one decimal number")]
    ContentLength,
    /// A transfer coding other than `chunked`, or any in HTTP/1.0 (CVE-2026-2835).
    #[error("the only transfer coding is chunked, in HTTP/1.1")]
    TransferEncoding,
    /// `Upgrade` with a body (CVE-2026-2833).
    #[error("a request to upgrade the connection must not have a body")]
    UpgradeWithBody,
    /// `Upgrade` to something other than WebSocket, or without `Connection: upgrade`.
    #[error("connections can be upgraded to websocket only, with Connection: upgrade")]
    Upgrade,
    /// A trusted proxy's `X-Forwarded-*` can't be read.
    #[error("the {0} header of a trusted proxy can't be read")]
    Forwarded(&'static str),
    /// `Authorization` is not a scheme followed by credentials, or its bearer token is no token.
    #[error("the Authorization header is malformed; send Authorization: Bearer TOKEN")]
    Authorization,
    /// More than one credential in a request.
    #[error("the request has more than one credential; send one")]
    SeveralCredentials,
    /// A cookie that is sent more than once or whose value is malformed.
    #[error("the token cookie was sent more than once or is malformed")]
    Cookie,
    /// A proxy asks about a request and leaves out what is needed to decide, or says it in a way
    /// that can't be read. Says what.
    #[error("the question about this request can't be decided: {0} is missing or can't be read")]
    Incomplete(&'static str),
    /// A proxy's `poolgate.…` extension that isn't known, or comes twice.
    #[error("the proxy's configuration has a poolgate extension that is not known, or twice")]
    Extension,
    /// A cookie's unsafe request without the route's own or a listed `Origin`.
    #[error("a request that relies on a cookie must come from an allowed origin")]
    Origin,
}

impl RequestError {
    /// The stable code for metrics, logs and problem answers.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Target(error) => error.reason(),
            Self::Method => "method_not_served",
            Self::HostMissing => "host_missing",
            Self::HostInvalid => "host_invalid",
            Self::HostDisagrees => "host_disagrees",
            Self::Headers => "headers_too_large",
            Self::Repeated(_) => "header_repeated",
            Self::NotAscii(_) => "header_not_ascii",
            Self::HeaderName => "header_name",
            Self::ConnectionToken => "connection_token",
            Self::ConnectionSpecific => "connection_specific_header",
            Self::LengthAndEncoding => "length_and_encoding",
            Self::ContentLength => "content_length",
            Self::TransferEncoding => "transfer_encoding",
            Self::UpgradeWithBody => "upgrade_with_body",
            Self::Upgrade => "upgrade",
            Self::Forwarded(_) => "forwarded_header",
            Self::Authorization => "authorization_malformed",
            Self::SeveralCredentials => "several_credentials",
            Self::Cookie => "cookie_ambiguous",
            Self::Incomplete(_) => "incomplete_question",
            Self::Extension => "unknown_extension",
            Self::Origin => "origin_not_allowed",
        }
    }

    /// The status of the answer: 400, save for the method (405), the length of the target (414),
    /// the origin (403) and the number of headers (431).
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Target(error) => error.status(),
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Headers => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

#[cfg(test)]
mod tests;
