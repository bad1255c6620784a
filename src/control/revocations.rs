//! The list of what is revoked: read when a generation is built, and looked at on its own from then on. A
//! change of it is no reload, which would take longer and end every session.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{
    task::block_in_place,
    time::{MissedTickBehavior, interval},
};

use super::{
    files::{Unread, read_capped},
    stamps::Stamp,
};
use crate::{
    clock,
    config::{Position, Problem, Settings},
    doors::Shared,
    token::{ListError, RevocationList, Revocations},
};

/// The list of `settings`: the one in force if it is of the same file, whose last good state counts, or else
/// what the file says now.
pub(super) fn arrange(
    settings: &Settings,
    known: Option<&Arc<Revocations>>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<Revocations>> {
    let file = settings.token.revocations.as_ref()?;
    if let Some(known) = known.filter(|known| known.file() == file.value) {
        return Some(Arc::clone(known));
    }
    match read(&file.value) {
        Ok(list) => Some(Arc::new(Revocations::new(file.value.clone(), list, clock::now()))),
        Err(Unusable::Unread(error)) => {
            let problem = error.problem(&settings.file, file.position);
            let message = format!("token.revocations: {}", problem.message);
            problems.push(Problem { message, ..problem });
            None
        }
        Err(Unusable::Wrong(errors)) => {
            problems.extend(errors);
            None
        }
    }
}

/// Why a file is no list.
enum Unusable {
    Unread(Unread),
    Wrong(Vec<Problem>),
}

impl Unusable {
    fn problems(self, file: &Path) -> Vec<Problem> {
        match self {
            Self::Unread(error) => vec![error.problem(file, Position::START)],
            Self::Wrong(problems) => problems,
        }
    }
}

fn read(file: &Path) -> Result<RevocationList, Unusable> {
    // That it isn't there is told where the configuration names it.
    if let Err(error) = std::fs::metadata(file) {
        return Err(Unusable::Unread(Unread::Named(file.to_owned(), error)));
    }
    let text = read_capped(file, MAX_BYTES).map_err(Unusable::Unread)?.text;
    let problem = |error: ListError| {
        let ListError { line, column, message } = error;
        Problem::error(file, Position { line, column }, message)
    };
    RevocationList::parse(&text)
        .map_err(|errors| Unusable::Wrong(errors.into_iter().map(problem).collect()))
}

/// Keeps the list in force up to date with its file until the process ends. What can't be read changes
/// nothing: the last good list stays, the log says why, and so does `poolgate_revocations_refused`.
pub async fn watch_revocations(shared: Arc<Shared>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last: Option<Seen> = None;
    loop {
        looks.tick().await;
        let snapshot = shared.snapshot.load_full();
        let Some(list) = snapshot.rules.issuers.revocations() else {
            last = None;
            continue;
        };
        let before = last.take().filter(|seen| Arc::ptr_eq(&seen.list, list));
        last = Some(block_in_place(|| look(list, before)));
    }
}

/// What was seen of the file at the last look.
struct Seen {
    list: Arc<Revocations>,
    stamp: Stamp,
    /// For how many looks it has been no list; none if it is in force.
    refused: Option<u32>,
}

fn look(list: &Arc<Revocations>, before: Option<Seen>) -> Seen {
    let file = list.file();
    // Before it is read: what changes meanwhile is seen at the next look.
    let stamp = Stamp::of(file);
    let seen = |refused| Seen { list: Arc::clone(list), stamp: stamp.clone(), refused };
    let unchanged = before.filter(|seen| seen.stamp == stamp);
    let looks = match unchanged.map(|seen| seen.refused) {
        Some(None) => {
            list.confirm(clock::now());
            return seen(None);
        }
        Some(Some(looks)) if looks >= 1 && looks % AGAIN_AFTER != 0 => {
            return seen(Some(looks.saturating_add(1)));
        }
        Some(Some(looks)) => looks.saturating_add(1),
        None => 0,
    };
    match read(file) {
        Ok(read) => {
            let counts = read.counts();
            if read != *list.list() {
                let [tokens, sign_ins, subjects, roles] = counts.map(|(_, count)| count);
                tracing::info!(tokens, sign_ins, subjects, roles, "revocations applied");
            }
            list.replace(read, clock::now());
            seen(None)
        }
        Err(error) => {
            list.refuse();
            // At the second look it isn't a file that is just being written.
            if looks == 1 {
                for problem in error.problems(file) {
                    tracing::error!(%problem, "revocations refused; the last good list stays");
                }
            }
            seen(Some(looks))
        }
    }
}

/// Between two looks at the file.
const LOOK: Duration = Duration::from_millis(250);
/// Looks after which a file that is no list is read again.
const AGAIN_AFTER: u32 = 8;
/// Bytes of a list.
const MAX_BYTES: u64 = 16 << 20;

#[cfg(test)]
mod tests;
