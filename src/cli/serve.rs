//! `poolgate serve`.

use std::{future::pending, path::PathBuf, process::ExitCode};

use clap::Args;

use super::run::{Bound, run, runtime};

/// Run the sidecar with a configuration
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "POOLGATE_CONFIG")]
    config: PathBuf,
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return error.exit(),
        };
        let ran = runtime.block_on(run(&self.config, Bound::default(), pending(), || {}));
        runtime.shutdown_background();
        match ran {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => error.exit(),
        }
    }
}
