//! `poolgate schema`.

use std::{io::Write, process::ExitCode};

use clap::Args;

use super::NO;

/// Print the configuration's JSON Schema
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// That of files of policy tests instead
    #[arg(long)]
    tests: bool,
}

impl Schema {
    pub(super) fn run(self) -> ExitCode {
        let schema = match self.tests {
            true => crate::config::cases::schema(),
            false => crate::config::schema(),
        };
        let text = format!("{schema:#}\n");
        match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(NO),
        }
    }
}
