//! Reloads: on SIGHUP, and when a file of the configuration changes.
//!
//! Files are watched by looking at them: that also sees the symlink swap of a Kubernetes mount,
//! network file systems, and files that come into being. A change is taken up when it has been
//! quiet for one look, so that half-written files are mostly not even tried. Refused files are tried
//! again every other second: they may wait for one that comes into being.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    task::block_in_place,
    time::{MissedTickBehavior, interval},
};

use super::{Builder, stamps::Stamps, tasks::resolve};
use crate::{
    config::{Problem, Settings},
    doors::Shared,
};

/// Keeps the configuration in force up to date with its files.
pub struct Reloader {
    file: PathBuf,
    builder: Builder,
    shared: Arc<Shared>,
    settings: Settings,
    /// The files that are in force, or were refused last.
    seen: Stamps,
    /// Why the files were refused last, unless they are in force.
    refused: Option<Vec<Problem>>,
}

impl Reloader {
    /// A reloader for the configuration at `file`, of which `settings` are in force.
    pub fn new(file: &Path, builder: Builder, shared: Arc<Shared>, settings: Settings) -> Self {
        let seen = builder.stamps().clone();
        Self { file: file.to_owned(), builder, shared, settings, seen, refused: None }
    }

    /// Runs until the process ends.
    pub async fn run(mut self) {
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => hangup,
            Err(error) => {
                tracing::error!(%error, "can't listen for SIGHUP; reloads are off");
                return;
            }
        };
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changed: Option<Stamps> = None;
        let mut quiet: u32 = 0;
        loop {
            tokio::select! {
                _ = looks.tick() => {
                    let now = self.look();
                    quiet = if now == self.seen { quiet + 1 } else { 0 };
                    if now == self.seen {
                        changed = None;
                        // What refused configuration wants may be a file that isn't looked at: the
                        // files are those of the configuration in force.
                        if self.refused.is_some() && quiet >= AGAIN_AFTER {
                            quiet = 0;
                            self.reload(AGAIN).await;
                        }
                    } else if changed.as_ref() == Some(&now) {
                        changed = None;
                        self.seen = now;
                        self.reload("files changed").await;
                    } else {
                        changed = Some(now);
                    }
                }
                received = hangup.recv() => {
                    if received.is_none() {
                        return;
                    }
                    changed = None;
                    // Before the files are read: what changes meanwhile is seen at the next look.
                    self.seen = self.look();
                    self.reload("SIGHUP").await;
                }
            }
        }
    }

    fn look(&self) -> Stamps {
        block_in_place(|| Stamps::of(&self.file, &self.settings))
    }

    /// Builds the next generation and swaps it in, or reports why not and changes nothing.
    async fn reload(&mut self, cause: &'static str) {
        let metrics = &self.shared.metrics;
        let built = match block_in_place(|| self.builder.build(&self.file)) {
            Ok(built) => built,
            Err(problems) => {
                metrics.reload_failed.set(1);
                // Trying again with the same outcome is nothing new.
                if cause != AGAIN || self.refused.as_ref() != Some(&problems) {
                    metrics.reloads.with_label_values(&["refused"]).inc();
                    for problem in &problems {
                        tracing::error!(%problem, "configuration refused; the last good one stays");
                    }
                }
                self.refused = Some(problems);
                return;
            }
        };
        let (settings, snapshot, warnings, applied) = built.into_parts();
        for problem in &warnings {
            tracing::warn!(%problem, "configuration");
        }
        resolve(&snapshot.upstreams).await;
        let (generation, hash) = (snapshot.rules.generation, snapshot.rules.hash.clone());
        self.shared.snapshot.store(Arc::new(snapshot));
        self.builder.applied(applied);
        self.seen = self.builder.stamps().clone();
        self.refused = None;
        metrics.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        metrics.reloads.with_label_values(&["applied"]).inc();
        metrics.reload_failed.set(0);
        tracing::info!(cause, generation, hash, "configuration applied");
        if let Some(field) = needs_restart(&self.settings, &settings) {
            tracing::warn!(field, "this change takes effect at the next start");
        }
        self.settings = settings;
    }
}

/// The first of the settings that are fixed at the start and differ.
fn needs_restart(before: &Settings, after: &Settings) -> Option<&'static str> {
    let fixed = [
        ("listen", before.listen.proxy.address.value != after.listen.proxy.address.value),
        ("listen.admin", before.listen.admin != after.listen.admin),
        ("limits.connections", before.limits.connections != after.limits.connections),
        ("timeouts.drain", before.timeouts.drain != after.timeouts.drain),
        ("admin", before.admin != after.admin),
        ("decision_log", before.decision_log.sink != after.decision_log.sink),
        ("access_log", before.access_log != after.access_log),
        ("log", before.log != after.log),
    ];
    fixed.into_iter().find(|(_, differs)| *differs).map(|(field, _)| field)
}

/// Between two looks at the files.
const LOOK: Duration = Duration::from_millis(500);
/// The cause of a reload after a refused one.
const AGAIN: &str = "tried again";
/// Quiet looks after which refused files are tried again.
const AGAIN_AFTER: u32 = 4;
