//! Dates of conditions: the W3C profiles of ISO 8601, or seconds since the Unix epoch.

use time::{Date, Month};

/// A moment, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(i128);

/// How a text of digits alone is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digits {
    /// As seconds since the epoch: the key is `aws:EpochTime`.
    Epoch,
    /// As a year if there are four of them, else as seconds since the epoch.
    YearOrEpoch,
}

const NANOS: i128 = 1_000_000_000;

impl Instant {
    /// Reads `2026`, `2026-11`, `2026-11-24`, `2026-11-24T03:01Z`, `2026-11-24T03:01:31.5+01:00`,
    /// or seconds since the epoch. A time without a zone, and anything else, is none.
    pub(super) fn parse(text: &str, digits: Digits) -> Option<Self> {
        let numeric = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if numeric && (digits == Digits::Epoch || text.len() > 4) {
            return text.parse::<i64>().ok().map(|seconds| Self(i128::from(seconds) * NANOS));
        }
        let (day, time) = match text.split_once('T') {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        let mut fields = day.split('-');
        let year = number(fields.next()?, 4)?;
        let month = fields.next().map_or(Some(1), |month| number(month, 2))?;
        let whole = match fields.next() {
            Some(day) => Some(number(day, 2)?),
            None => None,
        };
        if fields.next().is_some() || (time.is_some() && whole.is_none()) {
            return None;
        }
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let day_of_month = u8::try_from(whole.unwrap_or(1)).ok()?;
        let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, day_of_month).ok()?;
        let start = i128::from(date.midnight().assume_utc().unix_timestamp()) * NANOS;
        match time {
            Some(time) => Some(Self(start + time_of_day(time)?)),
            None => Some(Self(start)),
        }
    }
}

/// Nanoseconds from midnight UTC of `hh:mm[:ss[.fraction]]TZD`.
fn time_of_day(text: &str) -> Option<i128> {
    let zone = text.find(['Z', '+', '-'])?;
    let (clock, zone) = text.split_at_checked(zone)?;
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, nanoseconds(fraction)?),
        None => (clock, 0),
    };
    let mut fields = clock.split(':');
    let hours = below(number(fields.next()?, 2)?, 24)?;
    let minutes = below(number(fields.next()?, 2)?, 60)?;
    let seconds = match fields.next() {
        Some(seconds) => below(number(seconds, 2)?, 60)?,
        // A fraction is one of a second.
        None if fraction != 0 || text.contains('.') => return None,
        None => 0,
    };
    if fields.next().is_some() {
        return None;
    }
    let local = i128::from(hours * 3600 + minutes * 60 + seconds) * NANOS + i128::from(fraction);
    Some(local - offset(zone)? * NANOS)
}

/// Seconds east of UTC of `Z` or `±hh:mm`.
fn offset(zone: &str) -> Option<i128> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, zone) = match zone.strip_prefix('-') {
        Some(zone) => (-1, zone),
        None => (1, zone.strip_prefix('+')?),
    };
    let (hours, minutes) = zone.split_once(':')?;
    let (hours, minutes) = (below(number(hours, 2)?, 24)?, below(number(minutes, 2)?, 60)?);
    Some(sign * i128::from(hours * 3600 + minutes * 60))
}

/// One to nine digits after the point, as nanoseconds.
fn nanoseconds(fraction: &str) -> Option<u32> {
    let digits = fraction.len();
    if digits == 0 || digits > 9 {
        return None;
    }
    Some(number(fraction, digits)? * 10_u32.pow(u32::try_from(9 - digits).ok()?))
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let right = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| text.parse().ok()).flatten()
}

fn below(value: u32, limit: u32) -> Option<u32> {
    (value < limit).then_some(value)
}
