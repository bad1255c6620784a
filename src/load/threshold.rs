//! What a run must keep to: `p99>20ms`, `errors>0.1%`, `rate<95%`.

use super::{rate, report::Report};

/// A condition that fails a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    metric: Metric,
    above: bool,
    limit: f64,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Metric {
    /// The latency, in microseconds, that so many percent of the requests don't exceed.
    Percentile(f64),
    /// The mean latency, in microseconds.
    Mean,
    /// Errors.
    Errors,
    /// Errors, in percent of all requests.
    ErrorShare,
    /// Answers a second.
    Rate,
    /// Answers a second, in percent of the rate that was asked for.
    RateShare,
}

/// What became of a threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The threshold as written.
    pub text: String,
    /// What was measured; none if nothing was.
    pub measured: Option<String>,
    /// Whether it was crossed. What can't be measured can't hold.
    pub crossed: bool,
}

impl Threshold {
    /// Reads `METRIC>VALUE` or `METRIC<VALUE`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || {
            "must be such as p99>20ms, max>1s, mean>5ms, errors>0, errors>0.1%, rate<950/s or rate<95%"
                .to_owned()
        };
        let at = text.find(['<', '>']).ok_or_else(bad)?;
        let (name, rest) = text.split_at_checked(at).ok_or_else(bad)?;
        let (above, value) = match (rest.strip_prefix('>'), rest.strip_prefix('<')) {
            (Some(value), _) => (true, value.trim()),
            (_, Some(value)) => (false, value.trim()),
            _ => return Err(bad()),
        };
        let percent = || value.strip_suffix('%').map(str::trim).and_then(rate::decimal);
        let time = || rate::duration(value).ok().map(|value| value.as_micros() as f64);
        let (metric, limit) = match name.trim() {
            "mean" => (Metric::Mean, time()),
            "max" => (Metric::Percentile(100.0), time()),
            "errors" if value.ends_with('%') => (Metric::ErrorShare, percent()),
            "errors" => (Metric::Errors, rate::decimal(value).filter(|n| n.fract() == 0.0)),
            "rate" if value.ends_with('%') => (Metric::RateShare, percent()),
            "rate" => (Metric::Rate, rate::per_second(value)),
            name => {
                let percentile = name.strip_prefix('p').and_then(rate::decimal);
                let percentile =
                    percentile.filter(|p| (0.0..=100.0).contains(p)).ok_or_else(bad)?;
                (Metric::Percentile(percentile), time())
            }
        };
        let text = text.trim().to_owned();
        Ok(Self { text, metric, above, limit: limit.ok_or_else(bad)? })
    }

    /// Whether it needs a rate that was asked for.
    pub fn is_share_of_rate(&self) -> bool {
        self.metric == Metric::RateShare
    }

    /// Compares it with what was measured.
    pub fn judge(&self, report: &Report) -> Judged {
        let tally = &report.tally;
        let some = tally.requests() > 0;
        let waited = !tally.latency.is_empty();
        let value = match self.metric {
            Metric::Percentile(percent) => {
                waited.then(|| tally.latency.value_at_percentile(percent) as f64)
            }
            Metric::Mean => waited.then(|| tally.latency.mean()),
            Metric::Errors => some.then(|| tally.failed() as f64),
            Metric::ErrorShare => some.then(|| tally.error_percent()),
            Metric::Rate => Some(report.reached()),
            Metric::RateShare => {
                report.rate.wanted().map(|wanted| 100.0 * report.reached() / wanted)
            }
        };
        let crossed = value
            .is_none_or(|value| if self.above { value > self.limit } else { value < self.limit });
        let measured = value.map(|value| match self.metric {
            Metric::Percentile(_) | Metric::Mean => super::report::time(value),
            Metric::Errors => format!("{value}"),
            Metric::ErrorShare | Metric::RateShare => format!("{value:.3} %"),
            Metric::Rate => format!("{value:.1}/s"),
        });
        Judged { text: self.text.clone(), measured, crossed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read() {
        let read = |text| Threshold::parse(text).map(|t| (t.metric, t.above, t.limit));
        assert_eq!(read("p99>20ms"), Ok((Metric::Percentile(99.0), true, 20_000.0)));
        assert_eq!(read(" p99.9 > 1.5ms "), Ok((Metric::Percentile(99.9), true, 1500.0)));
        assert_eq!(read("max>1s"), Ok((Metric::Percentile(100.0), true, 1e6)));
        assert_eq!(read("mean<5ms"), Ok((Metric::Mean, false, 5000.0)));
        assert_eq!(read("errors>0"), Ok((Metric::Errors, true, 0.0)));
        assert_eq!(read("errors>0.1%"), Ok((Metric::ErrorShare, true, 0.1)));
        assert_eq!(read("rate<95%"), Ok((Metric::RateShare, false, 95.0)));
        assert_eq!(read("rate<950/s"), Ok((Metric::Rate, false, 950.0)));
        for wrong in [
            "",
            "p99",
            "p99>",
            "p99>20",
            "p101>1s",
            "p>1s",
            "px>1s",
            "errors>1ms",
            "errors>0.5",
            "rate<95",
            "rps>1",
            "p99>=1s",
            ">1s",
            "p99=1s",
            "rate<-1%",
        ] {
            assert!(Threshold::parse(wrong).is_err(), "{wrong}");
        }
    }
}
