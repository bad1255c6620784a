//! `poolgate test`: policy tests, run through the gate that decides about requests.
//!
//! Nothing is forwarded and no backend is asked. Tokens of users are made for the test and signed by
//! a key that only the test's own issuers know; a token from a file is verified with the issuer's.

mod case;
mod coverage;
mod find;
mod junit;
mod report;
mod world;

use std::{collections::HashMap, path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};

use self::{
    case::{Case, cases},
    coverage::Coverage,
    report::{Ran, Report},
    world::World,
};
use super::{
    BAD_CONFIGURATION, NO, USAGE,
    run::{StartError, print},
};
use crate::config::{Position, Problem, cases::TestFile};

/// Run policy tests: who, what, and what the answer should be
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The configuration that is tested, instead of the one that each file names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Run only cases whose name has this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Print the whole trail of every case that fails
    #[arg(long)]
    explain: bool,
    /// Print the statements that no case has matched
    #[arg(long)]
    coverage: bool,
    /// Fail if fewer percent of the statements were matched
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    coverage_min: Option<u8>,
    /// Folders with files whose names end in _test.yaml, or single files
    #[arg(value_name = "DIR", required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// JUnit's XML, which CI systems read.
    Junit,
}

/// Why nothing is run.
enum Failure {
    Usage(String),
    Problems(Vec<Problem>),
    Start(StartError),
}

impl Test {
    pub(super) fn run(self) -> ExitCode {
        match self.report() {
            Ok(report) => {
                let text = match self.output {
                    Output::Text => report.text(self.explain),
                    Output::Json => format!("{:#}\n", report.json()),
                    Output::Junit => junit::xml(&report),
                };
                match print(&text) {
                    Ok(()) if report.passes() => ExitCode::SUCCESS,
                    _ => ExitCode::from(NO),
                }
            }
            Err(Failure::Usage(message)) => {
                eprintln!("poolgate: {message}");
                ExitCode::from(USAGE)
            }
            Err(Failure::Problems(problems)) => {
                // Test files that share a configuration share its problems.
                let mut told: Vec<String> = problems.iter().map(Problem::to_string).collect();
                told.dedup();
                for problem in told {
                    eprintln!("{problem}");
                }
                ExitCode::from(BAD_CONFIGURATION)
            }
            Err(Failure::Start(error)) => error.exit(),
        }
    }

    /// Runs everything.
    fn report(&self) -> Result<Report, Failure> {
        let found = find::tests(&self.paths).map_err(Failure::Usage)?;
        let (files, problems): (Vec<_>, Vec<_>) =
            found.files.iter().map(|path| find::load(path)).partition(Result::is_ok);
        let mut problems: Vec<Problem> =
            problems.into_iter().filter_map(Result::err).flatten().collect();
        let files: Vec<TestFile> = files.into_iter().filter_map(Result::ok).collect();
        let mut worlds: HashMap<PathBuf, World> = HashMap::new();
        let mut all = Vec::new();
        for file in &files {
            match self.cases(file, &files, &mut worlds) {
                Ok((config, cases)) => all.push((file, config, cases)),
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(Failure::Problems(problems));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Start(StartError::other(error)))?;
        let mut ran = Vec::new();
        for (file, config, cases) in all {
            let Some(world) = worlds.get_mut(&config) else { continue };
            runtime.block_on(world.fetch_keys());
            for case in cases {
                if self.filter.as_ref().is_some_and(|text| !case.name.contains(text.as_str())) {
                    continue;
                }
                let outcome = runtime.block_on(case.run(world));
                ran.push(Ran::new(&file.file, &case, outcome));
            }
        }
        runtime.shutdown_background();
        if ran.is_empty() {
            let filter = self.filter.as_deref().unwrap_or_default();
            return Err(Failure::Usage(format!("no case has a name with {filter:?}")));
        }
        let wanted = self.coverage || self.coverage_min.is_some();
        let coverage = wanted.then(|| Coverage::of(worlds.values(), &ran));
        Ok(Report { ran, coverage, least: self.coverage_min, passed_over: found.passed_over })
    }

    /// The cases of a file, and the configuration that they are about, which is loaded into `worlds`.
    fn cases<'f>(
        &self,
        file: &'f TestFile,
        all: &[TestFile],
        worlds: &mut HashMap<PathBuf, World>,
    ) -> Result<(PathBuf, Vec<Case<'f>>), Vec<Problem>> {
        let config = self.config.as_ref().or(file.config.as_ref().map(|config| &config.value));
        let Some(config) = config else {
            let message = "says no `config`; name one in the file, or give --config";
            return Err(vec![Problem::error(&file.file, Position::START, message)]);
        };
        if !worlds.contains_key(config) {
            worlds.insert(config.clone(), World::build(config, all)?);
        }
        let world = worlds.get(config).ok_or_else(Vec::new)?;
        Ok((config.clone(), cases(file, world)?))
    }
}
