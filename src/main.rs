//! The `poolgate` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    poolgate::cli::Cli::parse().run()
}
