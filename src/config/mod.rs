//! The configuration: the file as written becomes the settings as checked.
//!
//! [`load_text`] reports every problem at once, each at its line and column, and refuses what it doesn't
//! know: a field that is misspelt never silently leaves a gate open. Secrets are read at load and
//! shown nowhere. Names, types, defaults and descriptions are defined once, for reading, for
//! [`schema`] and for `docs/configuration.md`.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

pub mod cases;
mod cors;
mod credentials;
mod engines;
mod ext_authz;
mod issuers;
pub mod json;
mod limits;
mod logs;
mod map;
pub mod mix;
mod problem;
mod reach;
mod read;
mod route;
mod secret;
mod settings;
pub mod suggest;
mod tables;
mod template;
mod timeouts;
mod value;
mod yaml;

pub use cors::Cors;
pub use credentials::{CredentialKey, Credentials, S3, Sign};
pub use engines::{CedarTypes, ComposeWord, EngineMode, Engines};
pub use ext_authz::{ClientCertificates, Dialect, ExtAuthz, Metadata, Source};
pub use issuers::{OidcProvider, TokenRules, UserPool};
pub use limits::{Rate, RouteLimits};
pub use logs::{AccessLog, DecisionLog, Log, LogFormat, LogLevel, Only, Sink};
pub use problem::{At, Position, Problem, Severity};
pub use reach::UpstreamUrl;
pub use route::{
    Alb, Api, Authenticate, BoundTokens, Match, ResourcePolicies, Route, Service, TokenSource,
    Upstream, UpstreamHost,
};
pub use secret::Secret;
pub use settings::{
    AdminAccess, AdminListener, Authzen, Aws, ClientAuth, Clients, Identities, IdentityStore,
    Limits, Listen, ProxyListener, Settings, Tls,
};
pub use tables::{Index, Table};
pub use template::{ActionRule, PathTemplate, Piece, ResourceTemplate, Segment};
pub use timeouts::Timeouts;
pub use value::{Address, Keys, Url, UrlScheme};

/// The text of the file at `path`, for [`load_text`].
///
/// # Errors
/// The file can't be read, or isn't UTF-8.
pub fn read_text(path: &Path) -> Result<String, Vec<Problem>> {
    read_capped(path).map_err(|message| vec![Problem::error(path, Position::START, message)])
}

/// Reads `text`, which is the file at `path`, and the secrets it names, with environment variables
/// from `environment`: the settings and what is worth a warning.
///
/// # Errors
/// Every problem, in the file's order.
pub fn load_text(
    path: &Path,
    text: &str,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(Settings, Vec<Problem>), Vec<Problem>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let (settings, found) = read::read_file::<Settings>(text, folder, environment);
    let problem = |(position, severity, message)| Problem::new(path, position, severity, message);
    let mut problems: Vec<Problem> = found.into_iter().map(problem).collect();
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        // Errors first: a warning must not take the place of the reason of a refusal.
        problems.sort_by_key(|problem| problem.severity == Severity::Warning);
        problems.truncate(MAX_PROBLEMS);
        let worst = problems.first().map_or(Severity::Error, |problem| problem.severity);
        let message = format!("and {more} more problems");
        problems.push(Problem::new(path, Position::START, worst, message));
    }
    let failed = problems.iter().any(|problem| problem.severity == Severity::Error);
    match settings {
        Some(mut settings) if !failed => {
            path.clone_into(&mut settings.file);
            Ok((settings, problems))
        }
        _ => {
            if !failed {
                // INVARIANT: who refuses a value reports why. Should one forget, the answer is
                // still a refusal, and not an empty list.
                problems.push(Problem::error(path, Position::START, "can't be read"));
            }
            Err(problems)
        }
    }
}

/// The folders of policies and of identity pools that `text`, the file at `path`, means, also where
/// other things in it are wrong: so that what is wrong in them can be told in the same run.
pub fn policy_folders(path: &Path, text: &str) -> (PathBuf, PathBuf) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let (tree, _) = yaml::parse(text);
    let named = |name: &str| {
        let yaml::Value::Mapping(entries) = &tree.as_ref()?.value else { return None };
        match &entries.iter().find(|entry| entry.key == name)?.value.value {
            yaml::Value::Scalar { text, .. } => Some(folder.join(text)),
            _ => None,
        }
    };
    let policies = named("policies").unwrap_or_else(|| folder.join("policies"));
    let pools = named("identity_pools").unwrap_or_else(|| policies.join("identity-pools"));
    (policies, pools)
}

/// The JSON Schema (2020-12) of the file.
pub fn schema() -> serde_json::Value {
    let mut schema = map::section_schema::<Settings>();
    if let serde_json::Value::Object(members) = &mut schema {
        members.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        members.insert("title".into(), "The configuration of Poolgate".into());
    }
    schema
}

fn read_capped(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("can't be read: {error}");
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    // One byte beyond what the reader takes, so that it says that it is too large.
    file.take((1 << 20) + 1).read_to_end(&mut bytes).map_err(failed)?;
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())
}

/// How many problems are told at once.
const MAX_PROBLEMS: usize = 100;

#[cfg(test)]
mod docs_tests;
#[cfg(test)]
mod tests;
