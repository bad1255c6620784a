//! Wall-clock time, read once per request and passed down as a value.

use std::{
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{SystemTime, UNIX_EPOCH},
};

/// A moment, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The moment `seconds` after the epoch (saturating).
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This moment moved by `seconds` (saturating).
    pub const fn plus_secs(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// `2026-11-24T03:01:31.000Z`: RFC 3339 in UTC, to the millisecond.
    pub fn rfc3339(self) -> String {
        let format = time::macros::format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        let nanos = i128::from(self.0) * 1_000_000;
        time::OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .ok()
            .and_then(|moment| moment.format(format).ok())
            .unwrap_or_else(|| self.0.to_string())
    }

    /// `20261124T030131Z`, as AWS's signatures have it; none outside the years that have four digits.
    pub fn amz_date(self) -> Option<[u8; 16]> {
        let moment = time::OffsetDateTime::from_unix_timestamp(self.secs()).ok()?;
        let year = u32::try_from(moment.year()).ok().filter(|year| *year < 10_000)?;
        let mut text = *b"00000000T000000Z";
        let numbers = [
            (0, 4, year),
            (4, 6, u32::from(u8::from(moment.month()))),
            (6, 8, u32::from(moment.day())),
            (9, 11, u32::from(moment.hour())),
            (11, 13, u32::from(moment.minute())),
            (13, 15, u32::from(moment.second())),
        ];
        for (from, to, mut number) in numbers {
            for digit in text.get_mut(from..to)?.iter_mut().rev() {
                *digit += u8::try_from(number % 10).ok()?;
                number /= 10;
            }
        }
        Some(text)
    }
}

/// What `future` comes to before the moment that `due` tells; none if it takes longer. One that needn't be
/// waited for costs no look at the clock.
pub(crate) async fn timely<T>(
    future: impl Future<Output = T>,
    due: impl FnOnce() -> tokio::time::Instant,
) -> Option<T> {
    let mut future = pin!(future);
    match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(found) => Some(found),
        Poll::Pending => tokio::time::timeout_at(due(), future).await.ok(),
    }
}

/// The system's clock. The one place that reads it: everything below a door takes a [`Time`].
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Time(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
}
