//! The program's own log, by `tracing`, to standard error.

use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt, prelude::*};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Starts logging; `level` is a directive such as `info` or `poolgate=debug`. `POOLGATE_LOG`
/// overrides it. Logging starts once; a second call changes nothing.
///
/// # Errors
/// A level that can't be understood.
pub fn start(level: &str, format: Format) -> Result<(), String> {
    let filter = match std::env::var("POOLGATE_LOG") {
        Ok(directives) if !directives.is_empty() => directives,
        _ => level.to_owned(),
    };
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .parse(&filter)
        .map_err(|error| format!("log level {filter:?}: {error}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    // Fails only where logging has started already.
    let _ = match format {
        Format::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        Format::Text => registry.with(lines.with_target(false)).try_init(),
    };
    Ok(())
}
