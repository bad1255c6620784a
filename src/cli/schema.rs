//! `poolgate schema`.

use std::{io::Write, process::ExitCode};

use clap::Args;

use super::NO;

/// Print the configuration's JSON Schema
#[derive(Debug, Args)]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn run(self) -> ExitCode {
        let text = format!("{:#}\n", crate::config::schema());
        match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(NO),
        }
    }
}
