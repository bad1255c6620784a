//! Logs of records, a JSON line each, that never block a request.
//!
//! A record goes into a queue bounded in records and in bytes (callers choose how long a path is),
//! or is dropped and counted. One task per log writes the
//! queue out, and keeps the last records for `/decisions`.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use prometheus::IntCounter;
use serde::Serialize;
use tokio::{
    fs,
    io::AsyncWriteExt,
    sync::mpsc::{self, Receiver, Sender},
    task::JoinHandle,
};

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
    queue: Option<Sender<Bytes>>,
    /// Bytes queued or being written.
    waiting: Arc<AtomicUsize>,
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
        let Ok(line) = serde_json::to_string(record) else { return };
        let line = visible(line);
        let size = line.len();
        // Counted before it is queued: the writer takes off only what was put on.
        let before = self.waiting.fetch_add(size, Ordering::Relaxed);
        let fits = before.saturating_add(size) <= QUEUE_BYTES;
        if !fits || queue.try_send(line.into()).is_err() {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            self.dropped.inc();
        }
    }
}

/// A log: its recorder, its writer, and the last records.
pub struct Records {
    recorder: Recorder,
    recent: Arc<Mutex<VecDeque<Bytes>>>,
    writer: Option<JoinHandle<()>>,
}

impl Records {
    /// Starts the writer of a log on the current runtime.
    pub fn start(name: &'static str, sink: Sink, dropped: IntCounter, post: Post) -> Self {
        let recent = Arc::new(Mutex::new(VecDeque::new()));
        let waiting = Arc::new(AtomicUsize::new(0));
        if sink == Sink::None {
            let recorder = Recorder { queue: None, waiting, dropped };
            return Self { recorder, recent, writer: None };
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        let recorder = Recorder {
            queue: Some(sender),
            waiting: Arc::clone(&waiting),
            dropped: dropped.clone(),
        };
        let writer = Writer { name, sink, post, dropped, waiting, recent: Arc::clone(&recent) };
        Self { recorder, recent, writer: Some(tokio::spawn(writer.run(receiver))) }
    }

    /// The end that requests write to.
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// The last records, the newest first.
    pub fn recent(&self) -> Vec<Bytes> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().rev().cloned().collect()
    }

    /// Writes out what is queued, for at most a few seconds; every recorder but this log's own must
    /// be gone by then.
    pub async fn finish(self) {
        let Self { recorder, writer, .. } = self;
        drop(recorder);
        if let Some(writer) = writer {
            let _ = tokio::time::timeout(FINISH, writer).await;
        }
    }
}

struct Writer {
    name: &'static str,
    sink: Sink,
    post: Post,
    dropped: IntCounter,
    waiting: Arc<AtomicUsize>,
    recent: Arc<Mutex<VecDeque<Bytes>>>,
}

impl Writer {
    async fn run(self, mut queue: Receiver<Bytes>) {
        let mut lines = Vec::with_capacity(BATCH);
        let mut failing = false;
        while queue.recv_many(&mut lines, BATCH).await > 0 {
            let batch = join(&lines);
            // First, so that a slow sink doesn't hold them back.
            self.keep(&lines);
            match self.write(batch).await {
                Ok(()) => failing = false,
                Err(error) => {
                    self.dropped.inc_by(lines.len() as u64);
                    // Once per outage, not once per batch.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(log = self.name, %error, "log records are being lost");
                    }
                }
            }
            let written = lines.drain(..).map(|line| line.len()).sum();
            self.waiting.fetch_sub(written, Ordering::Relaxed);
        }
    }

    fn keep(&self, lines: &[Bytes]) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.extend(lines.iter().cloned());
        let surplus = recent.len().saturating_sub(RECENT);
        recent.drain(..surplus);
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
                // Opening per batch is cheap beside writing it, and follows log rotation.
                let mut options = fs::OpenOptions::new();
                // Who asked for what is nobody else's business on this machine.
                options.append(true).create(true).mode(0o600);
                let mut file = options.open(path).await?;
                file.write_all(&batch).await?;
                Ok(file.flush().await?)
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

fn join(lines: &[Bytes]) -> Bytes {
    let mut batch = BytesMut::with_capacity(lines.iter().map(|l| l.len() + 1).sum());
    for line in lines {
        batch.put_slice(line);
        batch.put_u8(b'\n');
    }
    batch.freeze()
}

/// Records that may wait to be written.
const QUEUE: usize = 16_384;
/// Bytes of them, those being written included: about a KiB for each.
const QUEUE_BYTES: usize = 16 << 20;
/// Records written at once.
const BATCH: usize = 512;
/// Records kept for `/decisions`.
const RECENT: usize = 256;
/// How long the end of a log may take.
const FINISH: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests;
