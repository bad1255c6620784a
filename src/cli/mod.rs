//! The command line: one file per command.

mod asked;
mod check;
mod demo;
mod demo_files;
mod explain;
mod explain_text;
mod load;
mod run;
mod schema;
mod serve;
mod simulate;
mod snippet;
mod statement_text;
mod test;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An authorizer sidecar for the Amazon Cognito model: tokens, identity pools, IAM policies.
#[derive(Debug, Parser)]
#[command(name = "poolgate", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything embedded, without configuration: users, roles, an S3, an API, and the gate in front
    Demo(demo::Demo),
    /// Run the sidecar with a configuration
    Serve(serve::Serve),
    /// Check a configuration and its policies; print every problem with file, line and column
    Check(check::Check),
    /// Run one request through the gate, without forwarding it, and print why it is allowed or not
    Explain(explain::Explain),
    /// Run policy tests: who, what, and what the answer should be
    Test(test::Test),
    /// Ask policies what they allow: IAM's SimulateCustomPolicy, a JSON object a line, an answer to each
    Simulate(simulate::Simulate),
    /// Sign a user of the demo in and print a token
    Token(token::Token),
    /// Send the requests of many signed-in users at a constant rate, and report latencies and errors
    Load(Box<load::Load>),
    /// Print a proxy's configuration that has it ask Poolgate: Envoy, Istio, nginx, Traefik, Caddy, HAProxy, …
    Snippet(snippet::Snippet),
    /// Print the configuration's JSON Schema
    Schema(schema::Schema),
}

impl Cli {
    /// Runs the command. 0: done; 1: the answer is no; 2: usage; 64: bad configuration at start.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Demo(command) => command.run(),
            Command::Serve(command) => command.run(),
            Command::Check(command) => command.run(),
            Command::Explain(command) => command.run(),
            Command::Test(command) => command.run(),
            Command::Simulate(command) => command.run(),
            Command::Token(command) => command.run(),
            Command::Load(command) => command.run(),
            Command::Snippet(command) => command.run(),
            Command::Schema(command) => command.run(),
        }
    }
}

/// The answer is no.
const NO: u8 = 1;
/// The command can't be understood.
const USAGE: u8 = 2;
/// The configuration can't be started with (`EX_USAGE`, as linkerd2-proxy does).
const BAD_CONFIGURATION: u8 = 64;
