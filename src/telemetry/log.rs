//! The program's own log, by `tracing`, to standard error.
//!
//! Standard error may be a pipe that nobody reads, and no request may wait for that: a thread of its
//! own writes the lines, and what doesn't fit into its queue is dropped and counted.

use std::{
    io::{self, Write},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, filter_fn},
    fmt::{self, MakeWriter},
    prelude::*,
};

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
    let spoken = filter_fn(|metadata| !SILENT.iter().any(|s| metadata.target().starts_with(s)));
    let registry = tracing_subscriber::registry().with(filter).with(spoken);
    let lines = fmt::layer()
        .with_writer(Lines)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    // Fails only where logging has started already.
    let _ = match format {
        Format::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        Format::Text => registry.with(lines.with_target(false)).try_init(),
    };
    Ok(())
}

/// Waits until what was logged has been written, for at most a second.
pub fn finish() {
    let Some(queue) = QUEUE.get() else { return };
    let (done, written) = sync_channel(1);
    let end = Instant::now() + FINISH;
    let mut entry = Entry::End(done);
    while let Err(full) = queue.try_send(entry) {
        let (std::sync::mpsc::TrySendError::Full(back)
        | std::sync::mpsc::TrySendError::Disconnected(back)) = full;
        entry = back;
        if Instant::now() >= end {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = written.recv_timeout(end.saturating_duration_since(Instant::now()));
}

/// What the writing thread is told.
enum Entry {
    Line(Vec<u8>),
    /// Say when everything before this is written.
    End(SyncSender<()>),
}

/// Queues every line that is formatted.
#[derive(Clone, Copy)]
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for Lines {
    /// A line comes in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let queue = QUEUE.get_or_init(|| {
            let (sender, receiver) = sync_channel(LINES);
            // Without the thread every line is dropped, for there is nowhere to say so.
            let _ = thread::Builder::new().name("log".to_owned()).spawn(move || write(receiver));
            sender
        });
        if queue.try_send(Entry::Line(line.to_vec())).is_err() {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(entries: Receiver<Entry>) {
    for entry in entries {
        match entry {
            Entry::Line(line) => {
                // Whether anyone reads it is not for this program to mend.
                let _ = io::stderr().write_all(&line);
            }
            Entry::End(done) => {
                let _ = done.send(());
            }
        }
        let dropped = DROPPED.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let _ =
                writeln!(io::stderr(), "{{\"level\":\"WARN\",\"dropped_log_lines\":{dropped}}}");
        }
    }
}

/// Libraries that log whole requests, with what signs them, are not heard at any level.
const SILENT: [&str; 2] = ["s3s", "dynoxide"];
static QUEUE: OnceLock<SyncSender<Entry>> = OnceLock::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// Lines that may wait to be written.
const LINES: usize = 4096;
const FINISH: Duration = Duration::from_secs(1);
