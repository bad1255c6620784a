//! `poolgate check`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde_json::json;

use super::NO;
use crate::{
    config::{Problem, Severity},
    control::{Builder, Offline, check_files, client_tls, lint_policies, read_policies},
    lint::Lint,
};

/// Check a configuration and its policies; print every problem with file, line and column
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "POOLGATE_CONFIG")]
    config: PathBuf,
    /// Fail if this lint finds something, or on a "config_warning", the configuration's own, or on any
    /// of the "warnings"; may be repeated
    #[arg(long, value_name = "LINT", value_parser = lints(&[WARNINGS, CONFIG_WARNING]), hide_possible_values = true)]
    deny: Vec<String>,
    /// Don't tell what this lint finds, or a "config_warning", the configuration's own; may be repeated
    #[arg(long, value_name = "LINT", value_parser = lints(&[CONFIG_WARNING]), hide_possible_values = true)]
    allow: Vec<String>,
    /// What to print: a line a problem, as text or as JSON
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Text,
    Json,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        let tls = match client_tls() {
            Ok(tls) => tls,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(NO);
            }
        };
        // Nothing is applied, and so no key is fetched.
        let found =
            Builder::new(Arc::new(Offline), tls).build(&self.config).and_then(|mut built| {
                check_files(&built.settings)?;
                // They refuse nothing that is in force; a check is for what could be.
                let mut problems = std::mem::take(&mut built.shadow_problems);
                let (settings, _, warnings, _) = built.into_parts();
                problems.extend(warnings);
                problems.extend(lint_policies(&settings, &read_policies(&settings)?));
                Ok(problems)
            });
        let mut problems = found.unwrap_or_else(|errors| errors);
        // No error can be named.
        problems.retain(|problem| !self.allow.iter().any(|id| id == problem.reason()));
        match self.output {
            Output::Text => print(&problems),
            Output::Json => problems.iter().for_each(|problem| println!("{}", as_json(problem))),
        }
        match problems.iter().any(|problem| self.fails(problem)) {
            true => ExitCode::from(NO),
            false => ExitCode::SUCCESS,
        }
    }

    fn fails(&self, problem: &Problem) -> bool {
        let denied = |id: &str| self.deny.iter().any(|denied| denied == id);
        match problem.severity {
            Severity::Error => true,
            Severity::Warning if denied(WARNINGS) => true,
            _ => denied(problem.reason()),
        }
    }
}

/// Prints problems, one a line.
pub(super) fn print(problems: &[Problem]) {
    for problem in problems {
        println!("{problem}");
    }
}

/// A problem as one JSON object; what a lint found with the section that is about it.
fn as_json(problem: &Problem) -> serde_json::Value {
    let Problem { file, line, column, severity, message, lint } = problem;
    let mut object = json!({
        "file": file.display().to_string(),
        "line": line,
        "column": column,
        "severity": severity.as_str(),
        "id": problem.reason(),
        "message": message,
    });
    if let (Some(id), Some(members)) = (lint, object.as_object_mut()) {
        members.insert("doc".to_owned(), format!("docs/lints.md#{id}").into());
    }
    object
}

/// The ids of lints, and these words.
fn lints(words: &'static [&'static str]) -> impl TypedValueParser<Value = String> {
    let ids = Lint::ALL.iter().map(|lint| lint.id());
    PossibleValuesParser::new(ids.chain(words.iter().copied()))
}

/// What is a warning of the configuration, and no lint's.
const CONFIG_WARNING: &str = "config_warning";
/// All that is a warning, of the configuration too.
const WARNINGS: &str = "warnings";
