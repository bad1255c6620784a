//! A thread's own way to the metrics that it counts most.
//!
//! To find a metric by its labels all of them are hashed, under a lock. A request counts the same few
//! again and again, and a thread finds those by comparing.

use std::{cell::RefCell, thread::LocalKey};

/// Metrics by the process's metrics that they are among, and by their labels.
pub(super) struct Labelled<M, const N: usize> {
    known: Vec<(u64, [Box<str>; N], M)>,
    /// How often one wasn't among them since there is no more room.
    missed: usize,
}

impl<M: 'static, const N: usize> Labelled<M, N> {
    /// None yet.
    pub(super) const fn new() -> RefCell<Self> {
        RefCell::new(Self { known: Vec::new(), missed: 0 })
    }
}

/// Has `count` count with the metric that `labels` have among the metrics `of`; `find` finds it the first
/// time.
pub(super) fn with<M: 'static, const N: usize>(
    labelled: &'static LocalKey<RefCell<Labelled<M, N>>>,
    of: u64,
    labels: [&str; N],
    find: impl FnOnce() -> M,
    count: impl FnOnce(&M),
) {
    labelled.with_borrow_mut(|Labelled { known, missed }| {
        let is_it = |(among, has, _): &&(u64, [Box<str>; N], M)| {
            *among == of && has.iter().zip(labels).all(|(has, label)| **has == *label)
        };
        if let Some((_, _, metric)) = known.iter().find(is_it) {
            return count(metric);
        }
        let metric = find();
        count(&metric);
        let entry = || (of, labels.map(Box::from), metric);
        if known.len() < FEW {
            known.push(entry());
            return;
        }
        // Where more are counted in turn, to keep each would cost more than to find it.
        *missed = missed.wrapping_add(1);
        if missed.is_multiple_of(SELDOM)
            && let Some(place) = known.get_mut(*missed / SELDOM % FEW)
        {
            *place = entry();
        }
    });
}

/// So many are compared.
const FEW: usize = 16;
/// Of so many that aren't among them one takes another's place.
const SELDOM: usize = 16;
