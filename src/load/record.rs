//! What is kept of a run: histograms and counts, never the single request, so that memory doesn't
//! grow with it.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

use super::LoadError;

/// What became of a request.
pub(super) type Outcome = Result<Answered, Failure>;

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// Whether the status is one that the request may have.
    pub(super) expected: bool,
    /// The size of its body.
    pub(super) bytes: u64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection could be made.
    Connect,
    /// The connection broke before the answer was complete.
    Broken,
    /// The answer wasn't complete in time.
    Timeout,
    /// It was due, and every connection was busy until the end of the run.
    NotSent,
    /// It couldn't be signed.
    Unsendable,
}

impl Failure {
    fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Broken => "broken",
            Self::Timeout => "timeout",
            Self::NotSent => "not_sent",
            Self::Unsendable => "unsendable",
        }
    }

    /// Whether the time until it was noticed is time that somebody waited for an answer. A refused
    /// connection is quick, and would flatter.
    fn has_latency(self) -> bool {
        matches!(self, Self::Timeout | Self::NotSent)
    }
}

/// One request, or several of the same kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Which request of the mix.
    pub(super) item: usize,
    /// When it ended, from the beginning of what is measured.
    pub(super) at: Duration,
    /// From when it was due to its end.
    pub(super) latency: Duration,
    /// From when it was sent to its end; none if it wasn't.
    pub(super) service: Option<Duration>,
    /// The size of its body.
    pub(super) sent: u64,
    pub(super) outcome: Outcome,
    pub(super) count: u64,
}

/// Everything that is measured of a run. Times are in microseconds.
#[derive(Clone, Debug)]
pub struct Tally {
    /// From when a request was due to its answer, or to when nobody waited any longer.
    pub latency: Histogram<u64>,
    /// From when it was sent to its answer.
    pub service: Histogram<u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Errors by kind; `status` is an answer that wasn't expected.
    pub errors: BTreeMap<&'static str, u64>,
    /// Bytes of bodies that were sent.
    pub sent: u64,
    /// Bytes of bodies that came.
    pub received: u64,
    /// By request of the mix.
    pub items: Vec<Item>,
    /// What was measured bit by bit, in order.
    pub points: Vec<Point>,
    /// How long each of the bits is.
    pub every: Duration,
    point: Histogram<u64>,
    /// Answers that came before the end of what is measured.
    pub in_time: u64,
    within: Duration,
}

/// What was measured of a request of the mix.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its latency, in microseconds.
    pub latency: Histogram<u64>,
    /// How many there were.
    pub requests: u64,
    /// How many of them were errors.
    pub errors: u64,
}

/// What was measured in a bit of time. Latencies are in microseconds, 0 where nothing ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Answers, without those that came after the end.
    pub answered: u64,
    /// Errors.
    pub errors: u64,
    /// The median latency.
    pub p50: u64,
    /// The latency that 99 of 100 don't exceed.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

impl Tally {
    /// A tally of a run of about `duration` with so many kinds of requests.
    pub(super) fn new(duration: Duration, items: usize) -> Result<Self, LoadError> {
        let item = Item { latency: histogram(2)?, requests: 0, errors: 0 };
        let every = duration.as_secs().div_ceil(MAX_POINTS).max(1);
        Ok(Self {
            latency: histogram(3)?,
            service: histogram(3)?,
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            sent: 0,
            received: 0,
            items: vec![item; items],
            points: Vec::new(),
            every: Duration::from_secs(every),
            point: histogram(2)?,
            in_time: 0,
            within: duration,
        })
    }

    pub(super) fn add(&mut self, sample: &Sample) {
        let count = sample.count;
        let in_time = sample.outcome.is_ok() && sample.at <= self.within;
        let answered = if in_time { count } else { 0 };
        self.in_time += answered;
        if let Some(point) = self.point_at(sample.at) {
            point.answered += answered;
        }
        let (latency, kind) = match sample.outcome {
            Ok(answered) => {
                *self.statuses.entry(answered.status).or_default() += count;
                self.received += answered.bytes * count;
                (true, (!answered.expected).then_some("status"))
            }
            Err(failure) => (failure.has_latency(), Some(failure.as_str())),
        };
        if let Some(kind) = kind {
            *self.errors.entry(kind).or_default() += count;
            if let Some(point) = self.points.last_mut() {
                point.errors += count;
            }
        }
        self.sent += sample.sent * count;
        let micros = micros(sample.latency);
        if let Some(item) = self.items.get_mut(sample.item) {
            item.requests += count;
            item.errors += if kind.is_some() { count } else { 0 };
            if latency {
                item.latency.saturating_record_n(micros, count);
            }
        }
        if latency {
            self.latency.saturating_record_n(micros, count);
            self.point.saturating_record_n(micros, count);
            if let Some(service) = sample.service {
                self.service.saturating_record_n(self::micros(service), count);
            }
        }
    }

    /// The point of a moment, which is the last there is; those before it are finished. What comes after
    /// the end counts to the last one.
    fn point_at(&mut self, at: Duration) -> Option<&mut Point> {
        let at = at.min(self.within.saturating_sub(Duration::from_nanos(1)));
        let index = at.as_secs() / self.every.as_secs().max(1);
        while (self.points.len() as u64) <= index {
            self.finish_point();
            self.points.push(Point::default());
        }
        self.points.last_mut()
    }

    /// Writes down what the last point's latencies were.
    pub(super) fn finish_point(&mut self) {
        if let Some(point) = self.points.last_mut()
            && !self.point.is_empty()
        {
            point.p50 = self.point.value_at_percentile(50.0);
            point.p99 = self.point.value_at_percentile(99.0);
            point.max = self.point.max();
            self.point.reset();
        }
    }

    /// Answers.
    pub fn answered(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// Everything that isn't as it should be.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Requests, whatever became of them.
    pub fn requests(&self) -> u64 {
        self.items.iter().map(|item| item.requests).sum()
    }

    /// Errors in percent of the requests.
    pub fn error_percent(&self) -> f64 {
        100.0 * self.failed() as f64 / (self.requests() as f64).max(1.0)
    }
}

/// Of microseconds up to more than a day, to so many significant digits.
fn histogram(digits: u8) -> Result<Histogram<u64>, LoadError> {
    Histogram::new_with_bounds(1, 100_000_000_000, digits).map_err(|_| LoadError::Histogram)
}

fn micros(time: Duration) -> u64 {
    // A latency of nothing would not be counted among the lowest.
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

/// Bits of time that a run is divided into.
const MAX_POINTS: u64 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: u64, latency: u64, outcome: Outcome) -> Sample {
        let (at, latency) = (Duration::from_millis(at), Duration::from_millis(latency));
        Sample { item: 0, at, latency, service: Some(latency), sent: 1, outcome, count: 1 }
    }

    const FINE: Outcome = Ok(Answered { status: 200, expected: true, bytes: 10 });

    #[test]
    fn percentiles_are_right_to_three_digits() {
        let mut tally = Tally::new(Duration::from_secs(10), 1).unwrap();
        for latency in 1..=1000 {
            tally.add(&sample(latency, latency, FINE));
        }
        for (percent, expected) in [(50.0, 500_000.0), (99.0, 990_000.0), (100.0, 1_000_000.0)] {
            let found = tally.latency.value_at_percentile(percent) as f64;
            assert!((found / expected - 1.0).abs() < 0.001, "{percent}: {found}");
        }
        assert_eq!((tally.requests(), tally.answered(), tally.failed()), (1000, 1000, 0));
        assert_eq!((tally.sent, tally.received), (1000, 10_000));
    }

    #[test]
    fn errors_are_counted_by_kind_and_quick_ones_have_no_latency() {
        let mut tally = Tally::new(Duration::from_secs(10), 1).unwrap();
        let refused = Ok(Answered { status: 403, expected: false, bytes: 0 });
        tally.add(&sample(1, 5, refused));
        tally.add(&sample(2, 5, Err(Failure::Connect)));
        tally.add(&sample(3, 5, Err(Failure::Timeout)));
        tally.add(&Sample { count: 7, service: None, ..sample(4, 5, Err(Failure::NotSent)) });
        let errors: Vec<_> = tally.errors.clone().into_iter().collect();
        assert_eq!(errors, [("connect", 1), ("not_sent", 7), ("status", 1), ("timeout", 1)]);
        assert_eq!((tally.latency.len(), tally.service.len()), (9, 2));
        assert!((tally.error_percent() - 100.0).abs() < 1e-9);
        assert_eq!(tally.items[0].errors, 10);
    }

    #[test]
    fn a_pause_is_a_gap_in_time() {
        let mut tally = Tally::new(Duration::from_secs(10), 1).unwrap();
        tally.add(&sample(100, 1, FINE));
        tally.add(&sample(2500, 2000, FINE));
        tally.finish_point();
        let answered: Vec<u64> = tally.points.iter().map(|point| point.answered).collect();
        assert_eq!(answered, [1, 0, 1]);
        tally.add(&sample(11_000, 1, FINE));
        assert_eq!((tally.points.len(), tally.points[9].answered, tally.in_time), (10, 0, 2));
        assert!(tally.points[2].p99 >= 1_990_000 && tally.points[1].p99 == 0);
        let day = Tally::new(Duration::from_secs(86_400), 1).unwrap();
        assert_eq!(day.every, Duration::from_secs(144));
    }
}
