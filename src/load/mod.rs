//! `poolgate load`: an endpoint under the requests of many signed-in users.
//!
//! At a constant rate the loop is open: each request has a moment at which it is due, whatever became
//! of those before, and its latency is measured from then. A server that stalls for a second is so
//! seen by all who would have asked in that second, and not by the one request that happened to be
//! under way ("coordinated omission"). `docs/load.md` says what is measured and how.

mod client;
mod cognito;
mod html;
mod rate;
mod record;
mod report;
mod run;
mod threshold;
mod users;

use std::path::PathBuf;

use http::Uri;

pub use client::Endpoint;
pub use cognito::{Tokens, sign_in};
pub use rate::{Rate, duration};
pub use record::{Item, Point, Tally};
pub use report::Report;
pub use run::{Plan, Progress, run};
pub use threshold::{Judged, Threshold};
pub use users::{
    Caller, IdentityPool, MAX_USERS, Scope, Source, callers, read_keys, read_people, read_tokens,
};

/// Why there is nothing to report. No message has a token or a password in it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a URL that can be asked.
    #[error("must be a URL such as http://127.0.0.1:8080/api/orders, without a user name")]
    Url,
    /// The system's certificates can't be read.
    #[error("{0}")]
    Tls(String),
    /// Nobody listens, or not in time.
    #[error("no answer from {0}")]
    Unreachable(Uri),
    /// No connection to the target can be made.
    #[error("can't connect to {url}: {source}")]
    Connect {
        /// The target.
        url: Uri,
        /// What the system said.
        source: std::io::Error,
    },
    /// The answer isn't Cognito's.
    #[error("{0} doesn't answer as Amazon Cognito does")]
    NotCognito(Uri),
    /// Cognito said no.
    #[error("refused: {0}")]
    Refused(String),
    /// Something that isn't a token.
    #[error("the token is none that can be sent")]
    Token,
    /// A user can't be signed in, or gets no credentials.
    #[error("user {number}: {source}")]
    User {
        /// The user's number, from 1.
        number: usize,
        /// Why.
        source: Box<LoadError>,
    },
    /// A file can't be read.
    #[error("{}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of a file isn't what it should be.
    #[error("{}:{line}: must be {what}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What it should be.
        what: &'static str,
    },
    /// A file has fewer users than are asked for.
    #[error("{} has {found} users, and {wanted} are asked for", file.display())]
    TooFew {
        /// The file.
        file: PathBuf,
        /// How many it has.
        found: usize,
        /// How many are asked for.
        wanted: usize,
    },
    /// A path of the mix, below that of the URL, is none.
    #[error("the path and query of {0} can't be sent")]
    Path(String),
    /// There is no room for the measurements.
    #[error("can't make room for the measurements")]
    Histogram,
}

const USER_AGENT: &str = concat!("poolgate/", env!("CARGO_PKG_VERSION"));
