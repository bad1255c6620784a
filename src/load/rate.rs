//! How many requests a second, and when each of them is due.

use std::time::Duration;

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// So many thousandths of a request a second arrive, whatever becomes of those before (an open loop).
    Constant(u64),
    /// As soon as a connection is free (a closed loop).
    Max,
}

impl Rate {
    /// Reads `500/s`, `0.5/s`, `90/m` or `max`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let rate = per_second(text).and_then(|rate| {
            let thousandths = (rate * 1000.0).round();
            (1.0..=MOST_THOUSANDTHS).contains(&thousandths).then_some(thousandths)
        });
        rate.map(|thousandths| Self::Constant(thousandths as u64)).ok_or_else(|| {
            "must be a rate from 0.001/s to 1000000/s, such as 500/s or 90/m, or max".to_owned()
        })
    }

    /// Requests a second; none for [`Rate::Max`].
    pub fn wanted(self) -> Option<f64> {
        match self {
            Self::Constant(thousandths) => Some(thousandths as f64 / 1000.0),
            Self::Max => None,
        }
    }
}

/// A number a second or a minute.
pub(super) fn per_second(text: &str) -> Option<f64> {
    let (number, scale) = match (text.strip_suffix("/s"), text.strip_suffix("/m")) {
        (Some(number), _) => (number, 1.0),
        (_, Some(number)) => (number, 60.0),
        _ => return None,
    };
    decimal(number).map(|number| number / scale)
}

/// Reads a duration: `500us`, `1.5ms`, `10s`, `5m`, `1h`.
///
/// # Errors
/// What is wrong with it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(at).unwrap_or((text, ""));
    let micros = match unit {
        "us" | "µs" => Some(1.0),
        "ms" => Some(1e3),
        "s" => Some(1e6),
        "m" => Some(60e6),
        "h" => Some(3600e6),
        _ => None,
    };
    let micros = micros.and_then(|unit| Some(decimal(number)? * unit)).filter(|us| *us <= 86_400e6);
    micros
        .map(|micros| Duration::from_micros(micros.round() as u64))
        .ok_or_else(|| "must be a duration of at most 24h, such as 500us, 1.5ms, 10s or 5m".into())
}

/// A number without sign and exponent.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// When each request of a constant rate is due, counted from 0: at equal distances from the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    thousandths: u64,
}

impl Schedule {
    pub(super) fn new(thousandths: u64) -> Self {
        Self { thousandths: thousandths.max(1) }
    }

    /// When the request `number` is due, from the start.
    pub(super) fn due(self, number: u64) -> Duration {
        let nanos = u128::from(number) * NANOS_OF_THOUSAND / u128::from(self.thousandths);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many requests are due before `elapsed`.
    pub(super) fn before(self, elapsed: Duration) -> u64 {
        let count = (elapsed.as_nanos() * u128::from(self.thousandths)).div_ceil(NANOS_OF_THOUSAND);
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

const MOST_THOUSANDTHS: f64 = 1e9;
const NANOS_OF_THOUSAND: u128 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_durations_are_read() {
        assert_eq!(Rate::parse("500/s"), Ok(Rate::Constant(500_000)));
        assert_eq!(Rate::parse("0.5/s"), Ok(Rate::Constant(500)));
        assert_eq!(Rate::parse("90/m"), Ok(Rate::Constant(1500)));
        assert_eq!(Rate::parse("max"), Ok(Rate::Max));
        for wrong in ["", "500", "0/s", "-1/s", "1e9/s", "2000000/s", "/s", "inf/s", "NaN/s"] {
            assert!(Rate::parse(wrong).is_err(), "{wrong}");
        }
        for (text, micros) in [("500us", 500), ("1.5ms", 1500), ("10s", 10_000_000), ("0s", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_micros(micros)));
        }
        for wrong in ["", "10", "s", "-1s", "25h", "1d", "1.2.3s", "10 s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn requests_are_due_at_equal_distances() {
        let schedule = Schedule::new(3000);
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(1), Duration::from_nanos(333_333_333));
        assert_eq!(schedule.due(3_000_000), Duration::from_secs(1_000_000));
        let counts =
            [0, 1, 333, 334, 1000, 1001].map(|ms| schedule.before(Duration::from_millis(ms)));
        assert_eq!(counts, [0, 1, 1, 2, 3, 4]);
    }
}
