//! What `serve` and `demo` share: the life of the process from its configuration to its drain.

use std::{
    future::pending, io, path::Path, process::ExitCode, sync::Arc, thread::available_parallelism,
};

use arc_swap::ArcSwap;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::{Duration, sleep},
};

use super::BAD_CONFIGURATION;
use crate::{
    config::{self, LogFormat, Settings},
    control::{
        Builder, HttpFetch, Reloader, check_files, client_tls, post_records, refresh_gauges,
        resolve_upstreams, tell_shadow, wait_for_keys, watch_revocations,
    },
    doors::{
        Phase, PolicyQueue, Shared,
        admin::{Access, Admin},
    },
    server::{DataThreads, Listener, Serves, accept, serve_admin},
    telemetry::{self, Metrics, Recent, Records, Sink},
    token::TokenCache,
};

/// Why a process doesn't start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// The configuration has errors, which were printed.
    #[error("the configuration has errors")]
    Configuration,
    /// Something else, in a sentence.
    #[error("{0}")]
    Other(String),
}

impl StartError {
    pub(super) fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }

    /// Says so and gives the exit code.
    pub(super) fn exit(&self) -> ExitCode {
        telemetry::log::finish();
        eprintln!("poolgate: {self}");
        ExitCode::from(BAD_CONFIGURATION)
    }
}

/// Listeners that are bound already.
#[derive(Debug, Default)]
pub(super) struct Bound {
    pub(super) proxy: Option<Listener>,
    pub(super) ext_authz: Option<Listener>,
    pub(super) admin: Option<Listener>,
}

/// The control runtime.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(StartError::other)
}

/// Runs with the configuration at `file` until a signal ends it, or `leave`; `ready` is called when requests
/// are served and keys are loaded.
pub(super) async fn run(
    file: &Path,
    bound: Bound,
    leave: impl Future<Output = ()>,
    ready: impl FnOnce(),
) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::other)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::other)?;
    let tls = client_tls().map_err(StartError::Other)?;
    let mut builder = Builder::new(Arc::new(HttpFetch::new(&tls)), Arc::clone(&tls));
    let built = builder.build(file);
    let built = built.and_then(|built| check_files(&built.settings).map(|()| built));
    let mut built = built.map_err(|problems| {
        for problem in &problems {
            eprintln!("{problem}");
        }
        StartError::Configuration
    })?;
    let of_shadow = std::mem::take(&mut built.shadow_problems);
    let (settings, snapshot, warnings, applied) = built.into_parts();
    start_log(&settings)?;
    for problem in &warnings {
        tracing::warn!(%problem, "configuration");
    }

    let proxy =
        listener(bound.proxy, &settings.listen.proxy.address.value, "listen.proxy.address")?;
    let asking = settings.listen.ext_authz.as_ref();
    let asking = asking
        .map(|asked| listener(bound.ext_authz, &asked.address.value, "listen.ext_authz.address"));
    let asking = asking.transpose()?;
    let admin =
        listener(bound.admin, &settings.listen.admin.address.value, "listen.admin.address")?;
    let metrics = Metrics::new().map_err(StartError::other)?;
    tell_shadow(&metrics, &of_shadow, snapshot.rules.shadow.is_some());
    metrics.generation.set(i64::try_from(snapshot.rules.generation).unwrap_or(i64::MAX));
    let records = |name, sink| {
        let dropped = metrics.dropped.with_label_values(&[name]);
        Records::start(name, sink, dropped, post_records(&tls))
    };
    let decisions = records("decisions", sink(&settings.decision_log.sink));
    let access = records("access", sink(&settings.access_log.sink));
    let (phase, phases) = watch::channel(Phase::Starting);
    let (policies, orders) = PolicyQueue::new();
    let limit =
        connection_limit(usize::try_from(settings.limits.connections).unwrap_or(usize::MAX));
    let shared = Arc::new(Shared {
        snapshot: ArcSwap::from_pointee(snapshot),
        tokens: TokenCache::default(),
        bodies: Arc::default(),
        policies,
        metrics,
        decisions: decisions.recorder(),
        access: access.recorder(),
        phase: phases.clone(),
        streams: limit,
    });
    builder.applied(applied);
    let generation = shared.snapshot.load().rules.generation;
    tracing::info!(generation, version = env!("CARGO_PKG_VERSION"), "starting");

    tokio::spawn(serve_admin(admin, Arc::new(admin_door(&shared, decisions.recent(), &settings))));
    tokio::spawn(resolve_upstreams(Arc::clone(&shared)));
    tokio::spawn(watch_revocations(Arc::clone(&shared)));
    let cores = available_parallelism().map_or(1, usize::from);
    let threads = DataThreads::start(cores, &shared, settings.timeouts.drain);
    let threads = Arc::new(threads.map_err(StartError::other)?);
    let listeners = [(Some(proxy), Serves::Proxy), (asking, Serves::Asking)];
    let listeners =
        listeners.into_iter().filter_map(|(listener, serves)| Some((listener?, serves)));
    let acceptors: Vec<_> = listeners
        .map(|listener| {
            let (threads, shared) = (Arc::clone(&threads), Arc::clone(&shared));
            tokio::spawn(accept(listener, threads, shared, limit, phases.clone()))
        })
        .collect();

    let keys = builder.keys_ready();
    let (shutdown_delay, drain) = (settings.timeouts.shutdown_delay, settings.timeouts.drain);
    tokio::spawn(Reloader::new(file, builder, Arc::clone(&shared), settings, orders).run());
    let serving = async {
        wait_for_keys(keys, FOREVER).await;
        phase.send_replace(Phase::Serving);
        tracing::info!("ready");
        ready();
        pending().await
    };
    tokio::select! {
        () = serving => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = leave => {}
    }

    tracing::info!(?shutdown_delay, "leaving: not ready any more");
    phase.send_replace(Phase::Leaving);
    tokio::select! {
        () = sleep(shutdown_delay) => {}
        // Whoever asks twice is in a hurry.
        _ = interrupt.recv() => {}
    }
    tracing::info!(?drain, "draining");
    phase.send_replace(Phase::Draining);
    for acceptor in acceptors {
        let _ = acceptor.await;
    }
    if let Some(threads) = Arc::into_inner(threads) {
        let _ = tokio::task::spawn_blocking(move || threads.join()).await;
    }
    drop(shared);
    tokio::join!(access.finish(), decisions.finish());
    tracing::info!("done");
    telemetry::log::finish();
    Ok(())
}

/// The listener that is `bound`, or else one at the address of `setting`.
fn listener(
    bound: Option<Listener>,
    address: &config::Address,
    setting: &str,
) -> Result<Listener, StartError> {
    bound.map_or_else(|| bind(address, setting), Ok)
}

/// A listener at `address`, which is changed by `setting`.
pub(super) fn bind(address: &config::Address, setting: &str) -> Result<Listener, StartError> {
    Listener::bind(address).map_err(|error| {
        StartError::Other(format!("{error}; {setting} says where, and takes another address"))
    })
}

/// The limit of connections that the limit of open files, raised as far as it goes, leaves room for:
/// each may have one upstream.
fn connection_limit(wanted: usize) -> usize {
    let files = open_files();
    let room = (files.saturating_sub(OTHER_FILES) / 2).max(1);
    if room < wanted {
        tracing::warn!(
            files,
            room,
            wanted,
            "limits.connections is lowered to the open files' limit"
        );
    }
    wanted.min(room)
}

/// The limit of open files, raised as far as it goes.
pub(super) fn open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, maximum: limits.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        Err(_) => limits.current,
    };
    files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

fn start_log(settings: &Settings) -> Result<(), StartError> {
    let format = match settings.log.format {
        LogFormat::Json => telemetry::log::Format::Json,
        LogFormat::Text => telemetry::log::Format::Text,
    };
    telemetry::log::start(settings.log.level.as_str(), format).map_err(StartError::Other)
}

fn sink(sink: &config::Sink) -> Sink {
    match sink {
        config::Sink::None => Sink::None,
        config::Sink::Stdout => Sink::Stdout,
        config::Sink::File(path) => Sink::File(path.value.clone()),
        config::Sink::Http(url) => Sink::Http(url.as_str().to_owned()),
    }
}

fn admin_door(shared: &Arc<Shared>, decisions: Recent, settings: &Settings) -> Admin {
    let access = match &settings.admin.token {
        Some(token) => Access::Token(token.clone()),
        None if settings.listen.admin.address.value.is_local() => Access::Local,
        None => Access::Closed,
    };
    let gauges = Arc::clone(shared);
    Admin {
        shared: Arc::clone(shared),
        decisions,
        access,
        refresh: Box::new(move || refresh_gauges(&gauges)),
    }
}

/// Says why standard output ended, where that is not simply a closed pipe.
pub(super) fn print(text: &str) -> io::Result<()> {
    use std::io::Write;
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Open files for everything but connections.
pub(super) const OTHER_FILES: usize = 128;
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);
