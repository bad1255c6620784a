//! `poolgate explain`: one request through the gate, without forwarding it.

use std::{
    fs,
    io::{self, Read},
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use ::http::{HeaderMap, HeaderValue, header};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    BAD_CONFIGURATION, NO, USAGE,
    asked::{Asked, NotAsked, add},
    check,
    explain_text::{Statements, as_text, deciding},
    run::{print, runtime},
    statement_text,
};
use crate::{
    clock,
    control::{Builder, HttpFetch, client_tls, wait_for_keys},
    gate::{Decision, Gate, Outcome, Question, Step, Trail, Whole},
    http::{ClientCertificate, RequestError},
    token::TokenCache,
};

/// Run one request through the gate, without forwarding it, and print why it is allowed or not
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The configuration file [default: that of the poolgate running here, as its admin port says]
    #[arg(long, value_name = "FILE", env = "POOLGATE_CONFIG")]
    config: Option<PathBuf>,
    /// The admin address of the poolgate running here
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9901")]
    admin: String,
    /// The bearer token: itself, @FILE, or - for standard input
    #[arg(long, value_name = "TOKEN", hide_env_values = true, env = "POOLGATE_TOKEN")]
    token: Option<String>,
    /// A header of the request; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// A PEM file with the caller's client certificate, as if its TLS handshake had verified it
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,
    /// A file with the request's body
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Show every statement, also those about other actions
    #[arg(long)]
    all: bool,
    /// How to print the trail
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// The request's method
    method: String,
    /// The request's URL
    url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Why nothing can be explained.
enum Failure {
    Usage(String),
    Configuration,
    Refused(RequestError),
}

impl Explain {
    pub(super) fn run(self) -> ExitCode {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return error.exit(),
        };
        let explained = runtime.block_on(self.explain());
        runtime.shutdown_background();
        match explained {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(NO),
            Err(Failure::Configuration) => ExitCode::from(BAD_CONFIGURATION),
            Err(Failure::Usage(message)) => {
                eprintln!("poolgate: {message}");
                ExitCode::from(USAGE)
            }
            Err(Failure::Refused(error)) => {
                eprintln!("refused before any decision: {error} ({})", error.reason());
                ExitCode::from(NO)
            }
        }
    }

    /// Prints the trail; says whether the request is allowed.
    async fn explain(&self) -> Result<bool, Failure> {
        let tls = client_tls().map_err(Failure::Usage)?;
        let fetch = HttpFetch::new(&tls);
        let config = match &self.config {
            Some(config) => config.clone(),
            None => running_config(&fetch, &self.admin).await?,
        };
        let mut builder = Builder::new(Arc::new(fetch), tls);
        let built = builder.build(&config).map_err(|problems| {
            check::print(&problems);
            Failure::Configuration
        })?;
        // They change no answer, so that there is one to explain.
        built.shadow_problems.iter().for_each(|problem| eprintln!("shadow policies: {problem}"));
        let (_, snapshot, _, applied) = built.into_parts();
        builder.applied(applied);
        wait_for_keys(builder.keys_ready(), KEYS).await;
        let question = self.question()?;
        let mut body = Whole(self.body()?.into());
        // Without the query, which may carry credentials.
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        let line = format!("{} {url}", question.method);
        let tokens = TokenCache::new(1 << 20);
        let gate = Gate { rules: &snapshot.rules, tokens: &tokens };
        let decision = gate.decide(question, &mut body, Trail::On(Vec::new())).await;
        let text = match self.output {
            Output::Json => format!("{:#}\n", as_json(&line, &decision)),
            Output::Text => {
                let statements =
                    if self.all { Statements::All } else { Statements::OfTheAction("--all") };
                as_text(&line, &decision, statements)
            }
        };
        print(&text).map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(!matches!(decision.outcome, Outcome::Deny(_)))
    }

    /// The question, made as a door makes it.
    fn question(&self) -> Result<Question, Failure> {
        let length = |path: &PathBuf| {
            let metadata = fs::metadata(path);
            metadata
                .map(|found| found.len())
                .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
        };
        let asked = Asked {
            method: &self.method,
            url: &self.url,
            headers: self.headers()?,
            length: self.body.as_ref().map(length).transpose()?,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            certificate: self.certificate()?.map(Arc::new),
            now: clock::now(),
        };
        asked.question().map_err(|error| match error {
            NotAsked::Usage(message) => Failure::Usage(message),
            NotAsked::Refused(error) => Failure::Refused(error),
        })
    }

    /// The caller's certificate, from its file.
    fn certificate(&self) -> Result<Option<ClientCertificate>, Failure> {
        let Some(path) = &self.client_cert else { return Ok(None) };
        let failed = |error: String| Failure::Usage(format!("{}: {error}", path.display()));
        let der = CertificateDer::from_pem_file(path).map_err(|e| failed(e.to_string()))?;
        ClientCertificate::of(&der).map(Some).map_err(|e| failed(e.to_string()))
    }

    /// The request's body, from its file.
    fn body(&self) -> Result<Vec<u8>, Failure> {
        let Some(path) = &self.body else { return Ok(Vec::new()) };
        fs::read(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
    }

    fn headers(&self) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        for (index, line) in self.headers.iter().enumerate() {
            // By its number: its text may be a credential.
            let wrong = || Failure::Usage(format!("-H number {} is not 'Name: value'", index + 1));
            let (name, value) = line.split_once(':').ok_or_else(wrong)?;
            add(&mut headers, name, value).ok_or_else(wrong)?;
        }
        if let Some(token) = &self.token {
            let token = read_token(token).map_err(|error| {
                let place = token.strip_prefix('@').unwrap_or("standard input");
                Failure::Usage(format!("--token: {place}: {error}"))
            })?;
            let value = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
            let value = value.map_err(|_| Failure::Usage("token: not one line".to_owned()))?;
            headers.append(header::AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

/// A token as the command line gives it.
fn read_token(given: &str) -> io::Result<String> {
    match given {
        "-" => {
            let mut token = String::new();
            io::stdin().take(MAX_TOKEN).read_to_string(&mut token)?;
            Ok(token)
        }
        _ => match given.strip_prefix('@') {
            Some(path) => fs::read_to_string(Path::new(path)),
            None => Ok(given.to_owned()),
        },
    }
}

/// The configuration file of the poolgate running here.
async fn running_config(fetch: &HttpFetch, admin: &str) -> Result<PathBuf, Failure> {
    use crate::token::Fetch;
    let url = format!("{}/config", admin.trim_end_matches('/'));
    let unknown = |error: &dyn std::fmt::Display| {
        Failure::Usage(format!("no --config given, and no poolgate runs here: {url} {error}"))
    };
    let text = fetch.fetch(&url).await.map_err(|error| unknown(&error))?;
    let answer: Value = serde_json::from_slice(&text).map_err(|error| unknown(&error))?;
    let file = answer.pointer("/config/file").and_then(Value::as_str);
    file.map(PathBuf::from).ok_or_else(|| unknown(&"names no file"))
}

fn as_json(line: &str, decision: &Decision) -> Value {
    let (effect, reason, detail) = match &decision.outcome {
        Outcome::Allow(permit) => ("allow", permit.grounds().reason(), None),
        Outcome::Answer(answer) => ("allow", answer.grounds.reason(), None),
        Outcome::Change(permit) => ("allow", permit.grounds().reason(), None),
        Outcome::Deny(denial) => ("deny", denial.reason, Some(denial.detail.as_str())),
    };
    let statement = |step: &&Step| {
        let written = statement_text::of_step(&step.found)?;
        let json: Value = serde_json::from_str(&written.text).ok()?;
        Some(json!({ "place": written.place, "statement": json }))
    };
    let statements: Vec<Value> = deciding(decision).iter().filter_map(statement).collect();
    json!({
        "statements": statements,
        "request": line,
        "effect": effect,
        "reason": reason,
        "detail": detail,
        "found": decision.outcome.found(),
        "trail": decision.trail.steps().iter().map(placed).collect::<Vec<_>>(),
    })
}

/// A step; of a statement about other resources, with where it is and what it says of them.
fn placed(step: &Step) -> Value {
    let mut step = json!(step);
    let resources = step.get("found").and_then(statement_text::other_resources);
    if let Some((place, element, patterns)) = resources
        && let Some(found) = step.get_mut("found").and_then(Value::as_object_mut)
    {
        found.insert("place".to_owned(), place.into());
        found.insert(element.to_owned(), patterns.into());
    }
    step
}

/// How long keys may take to load.
const KEYS: Duration = Duration::from_secs(5);
const MAX_TOKEN: u64 = 64 << 10;
