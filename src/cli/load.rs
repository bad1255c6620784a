//! `poolgate load`.

use std::{
    fs,
    io::{IsTerminal, stderr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use http::Uri;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

use super::{
    BAD_CONFIGURATION, NO, USAGE,
    run::{OTHER_FILES, open_files, print},
    token::Use,
};
use crate::{
    config::{self, Problem, mix},
    load::{
        Caller, Endpoint, IdentityPool, LoadError, MAX_USERS, Plan, Progress, Rate, Report, Scope,
        Source, Threshold, callers, duration, read_keys, read_people, read_tokens, run,
    },
    standin::{CLIENT_ID, PASSWORD},
};

/// Send the requests of many signed-in users at a constant rate, and report latencies and errors
#[derive(Debug, Args)]
pub(super) struct Load {
    /// What is asked; with --requests, what goes before their paths
    #[arg(value_name = "URL")]
    url: Uri,
    /// Requests a second that arrive whatever becomes of those before, or max: as fast as answers come
    #[arg(long, value_name = "N/s", default_value = "100/s", value_parser = Rate::parse)]
    rate: Rate,
    /// How long is measured
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// How long requests are sent before that: connections are opened, caches filled
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    warmup: Duration,
    /// Connections, each with one request at a time
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    connections: u16,
    /// How long an answer may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
    /// A file with a mix of requests
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,
    /// How many users [default: all of the file; 100 with --demo]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_USERS as i64))]
    users: Option<u32>,
    /// Users of the demo that listens at the URL, or at --sign-in, with the rights of NAME
    #[arg(
        long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "alice",
        conflicts_with_all = ["token_file", "client_id", "credentials_file"]
    )]
    demo: Option<String>,
    /// A file of tokens, one a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sign_in", "credentials_file"])]
    token_file: Option<PathBuf>,
    /// The user pool at which users sign in, such as https://cognito-idp.eu-west-1.amazonaws.com
    #[arg(long, value_name = "URL")]
    sign_in: Option<Uri>,
    /// The app client for that, one without a secret that allows USER_PASSWORD_AUTH
    #[arg(long, value_name = "ID", requires = "sign_in")]
    client_id: Option<String>,
    /// A file of users for that, NAME:PASSWORD a line
    #[arg(long, value_name = "FILE", requires_all = ["sign_in", "client_id"])]
    credentials_file: Option<PathBuf>,
    /// Which token is presented after sign-in
    #[arg(long = "use", value_name = "USE", value_enum, default_value_t = Use::Id)]
    token_use: Use,
    /// Sign requests (SigV4) instead of presenting tokens; with the keys of --identity-pool,
    /// --aws-credentials-file, or AWS_ACCESS_KEY_ID and its kin
    #[arg(long, value_name = "REGION/SERVICE", value_parser = Scope::parse)]
    sigv4: Option<Scope>,
    /// The identity pool that gives each user credentials
    #[arg(long, value_name = "ID", requires = "sigv4")]
    identity_pool: Option<String>,
    /// Where the identity pool is asked [default: the URL's address]
    #[arg(long, value_name = "URL", requires = "identity_pool")]
    identity_endpoint: Option<Uri>,
    /// A file of AWS credentials: access key id, secret, and perhaps session token, a line
    #[arg(
        long, value_name = "FILE", requires = "sigv4",
        conflicts_with_all = ["identity_pool", "token_file", "sign_in", "demo"]
    )]
    aws_credentials_file: Option<PathBuf>,
    /// Say each second how far it is, though standard error is no terminal
    #[arg(long)]
    progress: bool,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as an HTML page with charts
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Exit with 1 if so, such as p99>20ms, errors>0.1% or rate<95%; may be repeated
    #[arg(long, value_name = "CONDITION", value_parser = Threshold::parse)]
    fail_if: Vec<Threshold>,
}

/// Why there is no report.
enum Failure {
    /// The command can't be understood.
    Usage(String),
    /// The mix can't be read.
    Problems(Vec<Problem>),
    /// There is nobody to ask, or to ask as.
    Load(LoadError),
    /// It is written nowhere.
    Other(String),
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl Load {
    pub(super) fn run(self) -> ExitCode {
        let (code, message) = match self.report() {
            Ok(report) if report.passes() => return ExitCode::SUCCESS,
            Ok(_) => return ExitCode::from(NO),
            Err(Failure::Problems(problems)) => {
                for problem in problems {
                    eprintln!("{problem}");
                }
                return ExitCode::from(BAD_CONFIGURATION);
            }
            Err(Failure::Usage(message)) => (USAGE, message),
            Err(Failure::Load(error)) => match error {
                LoadError::Url | LoadError::Path(_) | LoadError::File { .. } => {
                    (USAGE, error.to_string())
                }
                LoadError::Line { .. } | LoadError::TooFew { .. } => (USAGE, error.to_string()),
                error => (NO, error.to_string()),
            },
            Err(Failure::Other(message)) => (NO, message),
        };
        eprintln!("poolgate: {message}");
        ExitCode::from(code)
    }

    /// Runs it and prints and writes the report.
    fn report(&self) -> Result<Report, Failure> {
        self.check()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Other(error.to_string()))?;
        let report = runtime.block_on(self.measure());
        runtime.shutdown_background();
        let report = report?.judge(&self.fail_if);
        let other = |error: std::io::Error| Failure::Other(error.to_string());
        print(&report.text()).map_err(other)?;
        let write = |file: &Option<PathBuf>, text: &dyn Fn() -> String| match file {
            Some(file) => fs::write(file, text())
                .map_err(|error| Failure::Other(format!("{}: {error}", file.display()))),
            None => Ok(()),
        };
        write(&self.json, &|| format!("{:#}\n", report.json()))?;
        write(&self.html, &|| report.html())?;
        Ok(report)
    }

    /// What the single options can't know of each other.
    fn check(&self) -> Result<(), Failure> {
        let usage = |message: &str| Err(Failure::Usage(message.to_owned()));
        if self.duration.is_zero() || self.timeout.is_zero() {
            return usage("--duration and --timeout must be more than nothing");
        }
        if self.rate == Rate::Max && self.fail_if.iter().any(Threshold::is_share_of_rate) {
            return usage("with --rate max there is no rate to be a share of; write rate<950/s");
        }
        if self.requests.is_some() && self.url.query().is_some() {
            return usage("with --requests the URL has no query; it goes into their paths");
        }
        if self.sign_in.is_some() && self.demo.is_none() && self.credentials_file.is_none() {
            return usage("--sign-in needs --client-id and --credentials-file, or --demo");
        }
        let signed_in = self.demo.is_some() || self.sign_in.is_some() || self.token_file.is_some();
        if self.sigv4.is_some() && signed_in != self.identity_pool.is_some() {
            return usage(
                "--sigv4 takes tokens and --identity-pool together, or neither of them: \
                 keys come from --aws-credentials-file or AWS_ACCESS_KEY_ID",
            );
        }
        if self.users.is_some() && !signed_in && self.aws_credentials_file.is_none() {
            return usage("--users needs users: --demo, --token-file, --sign-in");
        }
        let files = open_files();
        if usize::from(self.connections) + OTHER_FILES > files {
            return Err(Failure::Usage(format!(
                "{} connections are more than {files} open files allow; see ulimit -n",
                self.connections
            )));
        }
        Ok(())
    }

    async fn measure(&self) -> Result<Report, Failure> {
        let mix = self.requests.as_deref().map(read_mix).transpose()?.unwrap_or_default();
        let talks = self.progress || stderr().is_terminal();
        let plan = Plan {
            endpoint: Endpoint::new(&self.url)?,
            mix,
            callers: self.callers(talks).await?,
            rate: self.rate,
            duration: self.duration,
            warmup: self.warmup,
            connections: usize::from(self.connections),
            timeout: self.timeout,
        };
        let interrupt = Arc::new(Notify::new());
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            let mut signals = signal(kind).map_err(|error| Failure::Other(error.to_string()))?;
            let interrupt = Arc::clone(&interrupt);
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    interrupt.notify_one();
                }
            });
        }
        let mut before = 0;
        let tell = |progress: &Progress| {
            if talks {
                eprintln!("{}", line(progress, before));
            }
            before = progress.answered;
        };
        Ok(run(plan, &interrupt, tell).await?)
    }

    /// The users, signed in.
    async fn callers(&self, talks: bool) -> Result<Vec<Caller>, Failure> {
        let most = self.users.map(|users| users as usize);
        let source = match (&self.demo, &self.token_file, &self.sign_in) {
            (Some(name), ..) => {
                let alike = |number| (format!("{name}+{number}"), PASSWORD.to_owned());
                Some(Source::SignIn {
                    endpoint: Box::new(Endpoint::new(self.sign_in.as_ref().unwrap_or(&self.url))?),
                    client: CLIENT_ID.to_owned(),
                    people: (1..=most.unwrap_or(DEMO_USERS)).map(alike).collect(),
                    access: self.token_use == Use::Access,
                })
            }
            (None, Some(file), _) => Some(Source::Tokens(read_tokens(file, most)?)),
            (None, None, Some(url)) => {
                let people = self.credentials_file.as_deref();
                Some(Source::SignIn {
                    endpoint: Box::new(Endpoint::new(url)?),
                    client: self.client_id.clone().unwrap_or_default(),
                    people: read_people(people.unwrap_or(Path::new("")), most)?,
                    access: self.token_use == Use::Access,
                })
            }
            (None, None, None) => None,
        };
        let pool = match (&self.identity_pool, &self.sigv4) {
            (Some(id), Some(scope)) => {
                let url = self.identity_endpoint.as_ref().unwrap_or(&self.url);
                let endpoint = Endpoint::new(url)?;
                Some((IdentityPool { endpoint, id: id.clone() }, scope.clone()))
            }
            _ => None,
        };
        match (source, &self.sigv4, &self.aws_credentials_file) {
            (Some(source), ..) => {
                let told = |done: usize| {
                    if talks && done.is_multiple_of(100) {
                        eprintln!("{done} users are signed in");
                    }
                };
                Ok(callers(source, pool, told).await?)
            }
            (None, Some(scope), Some(file)) => Ok(read_keys(file, most, scope)?),
            (None, Some(scope), None) => {
                let variable = |name: &str| std::env::var(name).unwrap_or_default();
                let [id, secret, token] =
                    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
                        .map(variable);
                if id.is_empty() || secret.is_empty() {
                    return Err(Failure::Usage(
                        "--sigv4 needs --identity-pool, --aws-credentials-file, or \
                         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                            .to_owned(),
                    ));
                }
                Ok(vec![scope.caller([&id, &secret, &token])])
            }
            (None, None, _) => Ok(vec![Caller::Nobody]),
        }
    }
}

fn read_mix(file: &Path) -> Result<Vec<mix::MixRequest>, Failure> {
    let text = config::read_text(file).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
        Failure::Usage(told.join("; "))
    })?;
    mix::load(file, &text).map_err(Failure::Problems)
}

/// What is said each second.
fn line(progress: &Progress, before: u64) -> String {
    let Some(elapsed) = progress.elapsed else { return "warming up".to_owned() };
    let millis = |micros: u64| micros as f64 / 1e3;
    format!(
        "{:>4} s  {:>7} answers/s  {} errors  {} waiting  p50 {:.2} ms  p99 {:.2} ms",
        elapsed.as_secs(),
        progress.answered.saturating_sub(before),
        progress.failed,
        progress.waiting,
        millis(progress.p50),
        millis(progress.p99),
    )
}

/// Users of the demo, if nobody says how many.
const DEMO_USERS: usize = 100;
