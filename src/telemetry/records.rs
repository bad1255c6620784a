//! Logs of records, a JSON line each, that never block a request.
//!
//! A record goes into a queue bounded in records and in bytes (callers choose how long a path is),
//! or is dropped and counted. One task per log writes the
//! queue out, some milliseconds' records at once, and keeps the last ones for `/decisions`.

use std::{
    cell::RefCell,
    collections::VecDeque,
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, Write as _},
    mem,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use prometheus::IntCounter;
use serde::Serialize;
use tokio::{
    io::AsyncWriteExt,
    sync::Notify,
    task::{JoinHandle, spawn_blocking},
    time::{sleep, timeout},
};
use tracing::field::display;

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Nowhere: they aren't even made.
    None,
    /// Standard output.
    Stdout,
    /// Appended to a file, which is opened anew when it was moved away.
    File(PathBuf),
    /// Posted in batches, as `application/x-ndjson`.
    Http(String),
}

impl Sink {
    /// The file, of a log that goes to one.
    fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::None | Self::Stdout | Self::Http(_) => None,
        }
    }
}

/// Why a batch could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Posting failed.
    #[error("{0}")]
    Post(String),
}

/// How batches are posted; the control runtime has the client.
pub type Post = Arc<
    dyn Fn(String, Bytes) -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send>>
        + Send
        + Sync,
>;

/// The end that requests write to. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    queue: Option<Arc<Queue>>,
    dropped: IntCounter,
}

impl Recorder {
    /// Whether anyone listens. If not, a record need not be made.
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Queues a record, or drops and counts it if the queue is full.
    pub fn record<R: Serialize>(&self, record: &R) {
        let Some(queue) = &self.queue else { return };
        LINE.with_borrow_mut(|line| {
            line.clear();
            let written = serde_json::to_writer(&mut *line, record).is_ok();
            show(line);
            line.push(b'\n');
            if !written || !queue.add(line) {
                self.dropped.inc();
            }
        });
    }
}

/// Lines that wait to be written.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// There is a first line, or there will be no more.
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    records: usize,
    /// Bytes that were taken out and are being written.
    writing: usize,
    ended: bool,
}

impl Queue {
    /// Adds a line; whether there was room for it.
    fn add(&self, line: &[u8]) -> bool {
        let mut waiting = self.lock();
        let bytes = waiting.lines.len() + waiting.writing + line.len();
        if waiting.ended || waiting.records >= QUEUE || bytes > QUEUE_BYTES {
            return false;
        }
        let first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(line);
        waiting.records += 1;
        drop(waiting);
        // To be woken for each record would cost requests more than making it did.
        if first {
            self.changed.notify_one();
        }
        true
    }

    /// All lines that have come some time after the first of them; none if there will be no more.
    async fn take(&self) -> Option<Bytes> {
        loop {
            let (waits, ended) = {
                let waiting = self.lock();
                (!waiting.lines.is_empty(), waiting.ended)
            };
            match (waits, ended) {
                (true, true) => break,
                (true, false) => {
                    sleep(PAUSE).await;
                    break;
                }
                (false, true) => return None,
                (false, false) => self.changed.notified().await,
            }
        }
        let mut waiting = self.lock();
        let lines = mem::replace(&mut waiting.lines, Vec::with_capacity(USUAL));
        (waiting.records, waiting.writing) = (0, lines.len());
        Some(lines.into())
    }

    /// What was taken has been written, and its memory is free.
    fn written(&self) {
        self.lock().writing = 0;
    }

    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last records of a log. Cheap to clone, and no part of the log's end.
#[derive(Clone, Default)]
pub struct Recent(Arc<Mutex<VecDeque<Bytes>>>);

impl Recent {
    /// The last records, the newest first.
    pub fn newest_first(&self) -> Vec<Bytes> {
        self.lock().iter().rev().cloned().collect()
    }

    /// Keeps the last of these lines.
    fn keep(&self, lines: &[u8]) {
        let text = lines.strip_suffix(b"\n").unwrap_or(lines);
        let mut last: Vec<Bytes> =
            text.rsplit(|byte| *byte == b'\n').take(RECENT).map(Bytes::copy_from_slice).collect();
        last.reverse();
        let mut recent = self.lock();
        recent.extend(last);
        let surplus = recent.len().saturating_sub(RECENT);
        recent.drain(..surplus);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A log: its recorder, its writer, and the last records.
pub struct Records {
    recorder: Recorder,
    recent: Recent,
    writer: Option<JoinHandle<()>>,
}

impl Records {
    /// Starts the writer of a log on the current runtime.
    pub fn start(name: &'static str, sink: Sink, dropped: IntCounter, post: Post) -> Self {
        let recent = Recent::default();
        if sink == Sink::None {
            return Self { recorder: Recorder { queue: None, dropped }, recent, writer: None };
        }
        let queue = Arc::new(Queue::default());
        let recorder = Recorder { queue: Some(Arc::clone(&queue)), dropped: dropped.clone() };
        let writer = Writer { name, sink, post, dropped, queue, recent: recent.clone() };
        Self { recorder, recent, writer: Some(tokio::spawn(writer.run())) }
    }

    /// The end that requests write to.
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// The last records.
    pub fn recent(&self) -> Recent {
        self.recent.clone()
    }

    /// Writes out what is queued, for at most a few seconds; nobody may record any more.
    pub async fn finish(self) {
        let Self { recorder, writer, .. } = self;
        if let (Some(queue), Some(writer)) = (recorder.queue, writer) {
            queue.end();
            let _ = timeout(FINISH, writer).await;
        }
    }
}

struct Writer {
    name: &'static str,
    sink: Sink,
    post: Post,
    dropped: IntCounter,
    queue: Arc<Queue>,
    recent: Recent,
}

impl Writer {
    async fn run(self) {
        let mut failing = false;
        while let Some(mut lines) = self.queue.take().await {
            // First, so that a slow sink doesn't hold them back.
            self.recent.keep(&lines);
            while !lines.is_empty() {
                let ends = memchr::memchr_iter(b'\n', &lines).take(BATCH);
                let (records, end) = ends.fold((0, 0), |(count, _), end| (count + 1, end + 1));
                let batch = lines.split_to(end);
                match self.write(batch).await {
                    Ok(()) => failing = false,
                    Err(error) => {
                        self.dropped.inc_by(records);
                        // Once per outage, not once per batch.
                        if !mem::replace(&mut failing, true) {
                            let path = self.sink.path().map(|path| display(path.display()));
                            tracing::error!(log = self.name, path, %error, "log records are being lost");
                        }
                    }
                }
            }
            drop(lines);
            self.queue.written();
        }
    }

    async fn write(&self, batch: Bytes) -> Result<(), SinkError> {
        match &self.sink {
            Sink::None => Ok(()),
            Sink::Stdout => {
                let mut out = tokio::io::stdout();
                out.write_all(&batch).await?;
                Ok(out.flush().await?)
            }
            Sink::File(path) => {
                let path = path.clone();
                // In one turn of a thread that may wait for a disk.
                let appended = spawn_blocking(move || append(&path, &batch));
                Ok(appended.await.map_err(io::Error::other)??)
            }
            Sink::Http(url) => (self.post)(url.clone(), batch).await.map_err(SinkError::Post),
        }
    }
}

/// The same JSON in visible ASCII: people read logs on terminals, and what callers say must not
/// move the cursor, reverse the text or end the line there. Other characters are in strings only,
/// where an escape means the same (RFC 8259 §7).
pub fn visible(json: String) -> String {
    let shown = |c: char| matches!(c, ' '..='~' | '\n');
    if json.chars().all(shown) {
        return json;
    }
    let mut text = String::with_capacity(json.len() * 2);
    for c in json.chars() {
        if shown(c) {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String can't fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

fn append(path: &Path, batch: &[u8]) -> io::Result<()> {
    // Opening per batch is cheap beside writing it, and follows log rotation.
    let mut options = OpenOptions::new();
    // Who asked for what is nobody else's business on this machine.
    options.append(true).create(true).mode(0o600);
    options.open(path)?.write_all(batch)
}

/// The same of a line, in place.
fn show(line: &mut Vec<u8>) {
    if !line.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        let text = String::from_utf8(mem::take(line)).unwrap_or_default();
        *line = visible(text).into_bytes();
    }
}

thread_local! {
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Records that may wait to be written.
const QUEUE: usize = 16_384;
/// Bytes of them, those being written included: about a KiB for each.
const QUEUE_BYTES: usize = 16 << 20;
/// Records written at once.
const BATCH: usize = 512;
/// Bytes of lines that there is room for at once.
const USUAL: usize = 64 << 10;
/// How long a record waits for others to be written with it.
const PAUSE: Duration = Duration::from_millis(20);
/// Records kept for `/decisions`.
const RECENT: usize = 256;
/// How long the end of a log may take.
const FINISH: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests;
