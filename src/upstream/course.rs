//! The course of an exchange: when it last moved, and whether it may go on.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// The course of one exchange. Both of its directions share it, and whoever watches over it.
#[derive(Clone, Debug)]
pub struct Course(Rc<Inner>);

/// A course that may be over.
#[derive(Clone, Debug)]
pub struct WeakCourse(Weak<Inner>);

#[derive(Debug)]
struct Inner {
    moved: Cell<Instant>,
    /// Whether anybody may end it. What nobody watches costs nothing more.
    watched: Cell<bool>,
    ended: Cell<Option<Ended>>,
    waiting: RefCell<[Option<Waker>; 2]>,
}

/// Why what was permitted doesn't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The caller's token or credentials have expired.
    Expired,
    /// The caller's token is on the list of revocations.
    Revoked,
    /// It wouldn't be permitted any more.
    Withdrawn,
}

impl Ended {
    /// A stable code for metrics and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What a caller is told.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Expired => "the credentials have expired",
            Self::Revoked => "the token has been revoked",
            Self::Withdrawn => "it is not permitted any more",
        }
    }
}

/// One of those who wait for the end.
#[derive(Clone, Copy, Debug)]
pub enum Side {
    /// What goes to the upstream.
    Up,
    /// What goes to the caller.
    Down,
}

impl Default for Course {
    fn default() -> Self {
        Self::beginning(Instant::now())
    }
}

impl Course {
    /// One that moves at `now` for the first time.
    pub fn beginning(now: Instant) -> Self {
        Self(Rc::new(Inner {
            moved: Cell::new(now),
            watched: Cell::new(false),
            ended: Cell::new(None),
            waiting: RefCell::default(),
        }))
    }

    /// It moves.
    pub fn mark(&self) {
        self.0.moved.set(Instant::now());
    }

    /// When it last moved.
    pub fn last(&self) -> Instant {
        self.0.moved.get()
    }

    /// For whoever may end it.
    pub fn watched(&self) -> WeakCourse {
        self.0.watched.set(true);
        WeakCourse(Rc::downgrade(&self.0))
    }

    /// Whether it was ended, or that one side wants to know when it is.
    pub fn poll_ended(&self, side: Side, cx: &Context<'_>) -> Poll<Ended> {
        if !self.0.watched.get() {
            return Poll::Pending;
        }
        if let Some(why) = self.0.ended.get() {
            return Poll::Ready(why);
        }
        let [up, down] = &mut *self.0.waiting.borrow_mut();
        let waiting = match side {
            Side::Up => up,
            Side::Down => down,
        };
        if !waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waiting = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Waits for the end that somebody else makes of it.
    pub async fn ended(&self, side: Side) -> Ended {
        poll_fn(|cx| self.poll_ended(side, cx)).await
    }

    /// Ends when nothing has moved for `limit`.
    pub async fn stalled(&self, limit: Duration) {
        loop {
            let last = self.last();
            sleep_until(last + limit).await;
            if self.last() == last {
                return;
            }
        }
    }
}

impl WeakCourse {
    /// Whether the exchange is over.
    pub fn is_over(&self) -> bool {
        self.0.strong_count() == 0
    }

    /// Ends the exchange in both directions.
    pub fn end(&self, why: Ended) {
        let Some(inner) = self.0.upgrade() else { return };
        inner.ended.set(Some(why));
        for waiting in inner.waiting.take().into_iter().flatten() {
            waiting.wake();
        }
    }
}

#[cfg(test)]
mod tests;
