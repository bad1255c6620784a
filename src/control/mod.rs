//! The control runtime: it builds a configuration generation and swaps it in, fetches keys, looks
//! up upstreams' names, and watches files. No request waits for it but for a key never seen.

mod build;
mod cedar;
mod credentials;
mod fetch;
mod files;
mod keys;
mod lints;
mod logs;
mod policies;
mod reload;
mod revocations;
mod routes;
mod schemas;
mod shadow;
mod stamps;
mod stored;
mod tasks;

pub use build::{Applied, Builder, Built, client_tls};
pub use fetch::{HttpFetch, Offline, post_records};
pub use lints::lint_policies;
pub use policies::{PolicyFiles, read_policies};
pub use reload::Reloader;
pub use revocations::watch_revocations;
pub use shadow::tell_shadow;
pub use tasks::{refresh_gauges, resolve_upstreams, wait_for_keys};

use crate::config::{Problem, Settings};

/// Looks at the files that only a start needs to find as they should be: those of logs and of keys.
///
/// # Errors
/// All that is wrong with them.
pub fn check_files(settings: &Settings) -> Result<(), Vec<Problem>> {
    let mut problems = logs::problems(settings);
    problems.extend(keys::problems(settings));
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

#[cfg(test)]
mod tests;
