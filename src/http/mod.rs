//! HTTP as it arrives: one parse of the request target, header hygiene, credentials, and the
//! answers that refuse.
//!
//! What passes this room is the only thing the stages behind it see, so that what is authorized is
//! what is forwarded. It refuses whatever two HTTP implementations are known to read differently
//! and removes every header by which a client could speak for a proxy or for Poolgate. Nothing
//! here does I/O.

mod authority;
mod certificate;
mod cookie;
mod cors;
mod credentials;
mod dpop_challenge;
mod forwarded;
mod framing;
mod header_class;
mod http2;
mod hygiene;
mod identity_headers;
mod multipart;
mod origin;
mod problem;
mod raw_target;
mod request_error;
mod request_uri;
mod spiffe;
mod strict_json;
mod stripped_names;
mod target;
mod trailers;
mod visible;

pub use authority::{Authority, Scheme};
pub use certificate::{CertificateError, ClientCertificate, Thumbprint};
pub use cookie::{cookie, remove_cookie};
pub use cors::{Cors, CorsError, CorsRules, is_preflight, preflight_headers};
pub use credentials::{
    Credentials, DPOP, SESSION_TOKEN, SIGNED_BY_VERSION_2, TARGET, TokenScheme, credentials,
    is_signed_query, presented, token_scheme,
};
pub use dpop_challenge::{DPOP_ALGORITHMS, DpopChallenge};
pub use forwarded::{TrustedProxies, forwarded};
pub use framing::{Framing, Upgrade};
pub use header_class::is_of_proxies;
pub use http2::from_http2;
pub use hygiene::{
    AlbHeaders, OddNames, Peer, Received, Rules, Stripped, check_method, receive, response_hygiene,
};
pub use identity_headers::IdentityHeaders;
pub(crate) use identity_headers::is_ours;
pub use multipart::{Boundary, Field, Fields, FileEnd, MultipartError, Read};
pub use origin::{Origin, check_origin};
pub use problem::{BearerChallenge, DECISION_ID, Problem};
pub use raw_target::RawTarget;
pub use request_error::RequestError;
pub use request_uri::RequestUri;
pub use spiffe::{SpiffeError, SpiffeId};
pub(crate) use strict_json::{NotStrictJson, StrictJson, strict_json, strict_object};
pub use stripped_names::{IDENTITY_NAMES, STRIPPED_NAMES, is_taken_out};
pub use target::{Target, TargetError, TargetMode, query_names};
pub use trailers::{answer_trailers, request_trailers};
pub(crate) use visible::{is_visible, visible};
