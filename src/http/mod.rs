//! HTTP as it arrives: one parse of the request target, header hygiene, credentials, and the
//! answers that refuse.
//!
//! What passes this room is the only thing the stages behind it see, so that what is authorized is
//! what is forwarded. It refuses whatever two HTTP implementations are known to read differently
//! and removes every header by which a client could speak for a proxy or for Poolgate. Nothing
//! here does I/O.

mod authority;
mod cookie;
mod credentials;
mod forwarded;
mod framing;
mod header_class;
mod hygiene;
mod identity_value;
mod origin;
mod problem;
mod raw_target;
mod request_error;
mod target;

pub use authority::{Authority, Scheme};
pub use cookie::{cookie, remove_cookie};
pub use credentials::{Credentials, SESSION_TOKEN, credentials, is_signed_query};
pub use forwarded::{TrustedProxies, forwarded};
pub use framing::{Framing, Upgrade};
pub use header_class::is_of_proxies;
pub use hygiene::{
    AlbHeaders, OddNames, Peer, Received, Rules, Stripped, check_method, receive, response_hygiene,
};
pub use identity_value::{identity_list, identity_value};
pub use origin::{Origin, check_origin};
pub use problem::{BearerChallenge, Problem};
pub use raw_target::RawTarget;
pub use request_error::RequestError;
pub use target::{Target, TargetError, TargetMode, query_names};
