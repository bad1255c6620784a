//! `poolgate check`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;

use super::NO;
use crate::{
    config::Problem,
    control::{Builder, Offline, client_tls},
};

/// Check a configuration and its policies; print every problem with file, line and column
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "POOLGATE_CONFIG")]
    config: PathBuf,
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
        match Builder::new(Arc::new(Offline), tls).build(&self.config) {
            Ok(built) => {
                let (_, _, warnings, _) = built.into_parts();
                print(&warnings);
                ExitCode::SUCCESS
            }
            Err(problems) => {
                print(&problems);
                ExitCode::from(NO)
            }
        }
    }
}

/// Prints problems, one a line.
pub(super) fn print(problems: &[Problem]) {
    for problem in problems {
        println!("{problem}");
    }
}
