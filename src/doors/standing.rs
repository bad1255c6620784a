//! Streams of a data thread that go on for long, and the rights they stand on: WebSockets, gRPC calls and
//! events of a server end when the token does, when it is revoked, or when a new generation wouldn't permit them.
//!
//! The one place that ends them. What else may take a right away is to be asked in [`Standing::review`].

use std::{cell::RefCell, time::Duration};

use super::{Shared, Snapshot};
use crate::{
    clock::{self, Time},
    gate::{Gate, Question, Right},
    token::TokenError,
    upstream::{Course, Ended, WeakCourse},
};

/// The streams of a data thread.
#[derive(Default)]
pub(super) struct Standing {
    streams: RefCell<Vec<Stream>>,
}

struct Stream {
    course: WeakCourse,
    permitted: Permitted,
    /// Whether the generation that was asked last would permit it.
    stands: bool,
    /// Since when it isn't permitted any more, and why.
    withdrawn: Option<(Time, Ended)>,
}

/// What a stream stands on.
pub(super) struct Permitted {
    /// Who asked, and as which role.
    pub(super) right: Right,
    /// What was permitted; none where nobody knew that it would go on for long.
    pub(super) question: Option<Box<Question>>,
    /// By which generation.
    pub(super) generation: u64,
}

impl Standing {
    /// Watches over the stream of this course.
    pub(super) fn watch(&self, course: &Course, permitted: Permitted) {
        let course = course.watched();
        let stream = Stream { course, permitted, stands: true, withdrawn: None };
        let mut streams = self.streams.borrow_mut();
        if streams.len() == streams.capacity() {
            // Calls that are over already leave before there is made room for more.
            streams.retain(|stream| !stream.course.is_over());
            let left = streams.len();
            streams.reserve(left.max(LEAST));
        }
        streams.push(stream);
    }

    /// Ends the streams whose right has ended for longer than the configured grace.
    pub(super) async fn review(&self, shared: &Shared) {
        let mut streams = std::mem::take(&mut *self.streams.borrow_mut());
        streams.retain(|stream| !stream.course.is_over());
        if !streams.is_empty() {
            let snapshot = shared.snapshot.load_full();
            let mut left = Vec::with_capacity(streams.len());
            for mut stream in streams {
                match stream.ends(shared, &snapshot).await {
                    Some(why) => {
                        shared.metrics.streams_ended.with_label_values(&[why.reason()]).inc();
                        stream.course.end(why);
                    }
                    None => left.push(stream),
                }
            }
            streams = left;
        }
        // Others have come meanwhile.
        self.streams.borrow_mut().append(&mut streams);
    }
}

impl Stream {
    /// Why it ends now, if it does.
    async fn ends(&mut self, shared: &Shared, snapshot: &Snapshot) -> Option<Ended> {
        let now = clock::now();
        let over = |since: Time| passed(since, snapshot.stream_grace, now);
        let Permitted { right, question, generation } = &mut self.permitted;
        if right.expires(&snapshot.rules).is_some_and(over) {
            return Some(Ended::Expired);
        }
        if *generation != snapshot.rules.generation {
            *generation = snapshot.rules.generation;
            // After a reload there may be many to ask for, and requests are waiting.
            tokio::task::yield_now().await;
            self.stands = match question {
                Some(question) => {
                    let gate = Gate { rules: &snapshot.rules, tokens: &shared.tokens };
                    gate.stands(question, now).await.is_ok()
                }
                // It can't be told, and nothing is allowed by accident.
                None => false,
            };
        }
        // What is revoked is so without a reload.
        let why = match right.still_held(&snapshot.rules, now) {
            Ok(()) if self.stands => None,
            Err(reason) if reason == TokenError::Revoked.reason() => Some(Ended::Revoked),
            Ok(()) | Err(_) => Some(Ended::Withdrawn),
        };
        let since = self.withdrawn.map_or(now, |(since, _)| since);
        self.withdrawn = why.map(|why| (since, why));
        self.withdrawn.filter(|(since, _)| over(*since)).map(|(_, why)| why)
    }
}

/// Whether `grace` has passed since then.
fn passed(since: Time, grace: Duration, now: Time) -> bool {
    let grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
    now.millis() >= since.millis().saturating_add(grace)
}

/// How often a data thread looks at its streams.
pub const REVIEW: Duration = Duration::from_millis(250);
/// Streams there is room for at least.
const LEAST: usize = 64;
