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
    sync::mpsc,
    task::block_in_place,
    time::{MissedTickBehavior, interval},
};

use super::{Builder, stamps::Stamps, stored, tasks::resolve, tell_shadow};
use crate::{
    config::{Address, Problem, Settings},
    doors::{ChangeError, Changed, PolicyOrder, Shared},
    gate::{PolicyChange, PolicyPermit, StoredPolicy, revision},
    iam::Arn,
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
    /// Policies of buckets and tables to change, one after another.
    orders: mpsc::Receiver<PolicyOrder>,
}

impl Reloader {
    /// A reloader for the configuration at `file`, of which `settings` are in force.
    /// What comes out of `orders` is done here too: nothing else writes these files and reads them.
    pub fn new(
        file: &Path,
        builder: Builder,
        shared: Arc<Shared>,
        settings: Settings,
        orders: mpsc::Receiver<PolicyOrder>,
    ) -> Self {
        let seen = builder.stamps().clone();
        Self { file: file.to_owned(), builder, shared, settings, seen, refused: None, orders }
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
                Some(order) = self.orders.recv() => {
                    changed = None;
                    self.obey(order).await;
                }
            }
        }
    }

    fn look(&self) -> Stamps {
        block_in_place(|| Stamps::of(&self.file, &self.settings))
    }

    /// Changes a policy, and tells who waits for it once it is in force.
    async fn obey(&mut self, order: PolicyOrder) {
        let PolicyOrder { permit, decision, done } = order;
        if done.is_closed() {
            // Who asked was told that it took too long, or is gone.
            return;
        }
        let outcome = self.change(&permit).await;
        let resource = permit.resource().as_str();
        match &outcome {
            Ok(_) => tracing::info!(resource, decision, "resource policy changed"),
            Err(error) => {
                let reason = error.reason();
                tracing::warn!(resource, decision, reason, %error, "resource policy not changed");
            }
        }
        let _ = done.send(outcome);
    }

    async fn change(&mut self, permit: &PolicyPermit) -> Result<Changed, ChangeError> {
        let resource = permit.resource();
        let known = self.stored(resource);
        if !permit.expects(known.as_ref()) {
            return Err(ChangeError::Revision);
        }
        let last = known.as_ref().map(|known| revision(&known.text));
        let written = block_in_place(|| match (permit.change(), &known) {
            (PolicyChange::Put(text), known) => {
                stored::put(&stored::folder(&self.settings), known.as_ref(), resource, text)
                    .map(Some)
            }
            (PolicyChange::Delete, Some(known)) => stored::delete(known, resource),
            (PolicyChange::Delete, None) => Ok(None),
        });
        let written = written.map_err(|error| {
            tracing::error!(%error, resource = resource.as_str(), "can't write a resource policy");
            // Without the path, which is none of the caller's business.
            ChangeError::Unwritable(error.kind().to_string())
        })?;
        let Some(undo) = written else {
            return match known {
                None => Ok(Changed { revision: None }),
                Some(_) => Err(ChangeError::Overtaken),
            };
        };
        if !self.reload("resource policy").await {
            if let Err(error) = block_in_place(|| undo.undo()) {
                tracing::error!(%error, "can't put back the last resource policy");
            }
            self.reload("resource policy put back").await;
            return Err(ChangeError::Refused);
        }
        // What is in force is what counts: the configuration may name another folder by now.
        let now = self.stored(resource).map(|stored| stored.text);
        match (permit.change(), now) {
            (PolicyChange::Put(text), Some(now)) if *text == now => {
                Ok(Changed { revision: Some(revision(text)) })
            }
            (PolicyChange::Delete, None) => Ok(Changed { revision: last }),
            _ => Err(ChangeError::Overtaken),
        }
    }

    /// The policy of `resource` that is in force.
    fn stored(&self, resource: &Arn) -> Option<StoredPolicy> {
        self.shared.snapshot.load().rules.resource_policies.get(resource.as_str()).cloned()
    }

    /// Builds the next generation and swaps it in, or reports why not and changes nothing; says
    /// whether it is in force.
    async fn reload(&mut self, cause: &'static str) -> bool {
        let metrics = &self.shared.metrics;
        let mut built = match block_in_place(|| self.builder.build(&self.file)) {
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
                return false;
            }
        };
        let of_shadow = std::mem::take(&mut built.shadow_problems);
        let (settings, snapshot, warnings, applied) = built.into_parts();
        for problem in &warnings {
            tracing::warn!(%problem, "configuration");
        }
        tell_shadow(metrics, &of_shadow, snapshot.rules.shadow.is_some());
        let had = self.shared.snapshot.load().rules.account.has_guardrails();
        if had && !snapshot.rules.account.has_guardrails() {
            tracing::warn!(
                "resources/ and organization/ had policies, and have none any more: what they denied is allowed now"
            );
        }
        let listed = self.shared.snapshot.load().rules.issuers.revocations().is_some();
        if listed && snapshot.rules.issuers.revocations().is_none() {
            tracing::warn!("token.revocations is gone: what was revoked isn't any more");
        }
        resolve(&snapshot.upstreams).await;
        let (generation, hash) = (snapshot.rules.generation, snapshot.rules.hash.clone());
        let snapshot = Arc::new(snapshot);
        self.shared.snapshot.store(Arc::clone(&snapshot));
        snapshot.rules.sessions.end_earlier(&self.shared.tokens);
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
        true
    }
}

/// The first of the settings that are fixed at the start and differ.
fn needs_restart(before: &Settings, after: &Settings) -> Option<&'static str> {
    let fixed = [
        ("listen", before.listen.proxy.address.value != after.listen.proxy.address.value),
        ("listen.ext_authz", asking_address(before) != asking_address(after)),
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

/// Where others ask.
fn asking_address(settings: &Settings) -> Option<&Address> {
    settings.listen.ext_authz.as_ref().map(|asked| &asked.address.value)
}

/// Between two looks at the files.
const LOOK: Duration = Duration::from_millis(500);
/// The cause of a reload after a refused one.
const AGAIN: &str = "tried again";
/// Quiet looks after which refused files are tried again.
const AGAIN_AFTER: u32 = 4;

#[cfg(test)]
mod tests;
