//! A thread's own way to the metrics that it counts most.
//!
//! To find a metric by its labels all of them are hashed, under a lock. A request counts the same few
//! again and again, and a thread finds those by comparing.

use std::{cell::RefCell, thread::LocalKey};

/// Metrics by the process's metrics that they are among, and by their labels.
pub(super) struct Labelled<M, const N: usize>(Vec<(u64, [Box<str>; N], M)>);

impl<M: 'static, const N: usize> Labelled<M, N> {
    /// None yet.
    pub(super) const fn new() -> RefCell<Self> {
        RefCell::new(Self(Vec::new()))
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
    labelled.with_borrow_mut(|Labelled(known)| {
        let is_it = |(among, has, _): &&(u64, [Box<str>; N], M)| {
            *among == of && has.iter().zip(labels).all(|(has, label)| **has == *label)
        };
        if let Some((_, _, metric)) = known.iter().find(is_it) {
            return count(metric);
        }
        let metric = find();
        count(&metric);
        if known.len() >= FEW {
            known.clear();
        }
        known.push((of, labels.map(Box::from), metric));
    });
}

/// So many are compared.
const FEW: usize = 16;
