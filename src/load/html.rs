//! The report as a page: one file, charts as inline SVG, nothing that is loaded from elsewhere.

use std::fmt::Write;

use hdrhistogram::Histogram;

use super::{Report, report::time};

impl Report {
    /// The report as an HTML page.
    pub fn html(&self) -> String {
        let title = format!("Load on {}", self.url);
        let points = &self.tally.points;
        let every = self.tally.every.as_secs_f64();
        let over_time = |value: &dyn Fn(usize) -> f64| -> Vec<(f64, f64)> {
            (0..points.len()).map(|index| ((index as f64 + 0.5) * every, value(index))).collect()
        };
        let of = |index: usize| points.get(index).copied().unwrap_or_default();
        let seconds: Vec<(f64, String)> = (0..=4)
            .map(|quarter| points.len() as f64 * every * f64::from(quarter) / 4.0)
            .map(|second| (second, format!("{second:.1} s")))
            .collect();
        // The last bit may be a short one.
        let end = self.measured.as_secs_f64();
        let length = |i: usize| (end - i as f64 * every).clamp(0.05, every);
        let percentiles = chart(
            "Latency by percentile",
            &[
                Line { name: "from when it was due", points: curve(&self.tally.latency) },
                Line { name: "from when it was sent", points: curve(&self.tally.service) },
            ],
            &["0", "90 %", "99 %", "99.9 %", "99.99 %"]
                .iter()
                .enumerate()
                .map(|(nines, label)| (nines as f64, (*label).to_owned()))
                .collect::<Vec<_>>(),
            time,
        );
        let rate = chart(
            "Answers and errors a second",
            &[
                Line { name: "answers", points: over_time(&|i| of(i).answered as f64 / length(i)) },
                Line { name: "errors", points: over_time(&|i| of(i).errors as f64 / length(i)) },
            ],
            &seconds,
            |rate| format!("{rate:.0}"),
        );
        let latency = chart(
            "Latency over time",
            &[
                Line { name: "p50", points: over_time(&|i| of(i).p50 as f64) },
                Line { name: "p99", points: over_time(&|i| of(i).p99 as f64) },
                Line { name: "max", points: over_time(&|i| of(i).max as f64) },
            ],
            &seconds,
            time,
        );
        let (title, text) = (escape(&title), escape(&self.text()));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<pre>{text}</pre>\n\
             {percentiles}{rate}{latency}</body>\n</html>\n"
        )
    }
}

/// A line of a chart.
struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

/// Latencies by how many nines their percentile has: 0 is none, 2 is 99 %.
fn curve(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    if histogram.is_empty() {
        return Vec::new();
    }
    let steps = 0..=40;
    steps
        .map(|step| f64::from(step) / 10.0)
        .map(|nines| {
            let percent = 100.0 * (1.0 - 10f64.powf(-nines));
            (nines, histogram.value_at_percentile(percent) as f64)
        })
        .collect()
}

/// A chart of lines from 0 up, with labels on its axes.
fn chart(
    title: &str,
    lines: &[Line],
    x_labels: &[(f64, String)],
    y_label: impl Fn(f64) -> String,
) -> String {
    let all = lines.iter().flat_map(|line| &line.points);
    let most = all.map(|(_, y)| *y).fold(0.0, f64::max);
    let most = if most > 0.0 { most } else { 1.0 };
    let right = x_labels.iter().map(|(x, _)| *x).fold(0.0, f64::max);
    let right = if right > 0.0 { right } else { 1.0 };
    let x = |value: f64| LEFT + (WIDTH - LEFT - 20.0) * value / right;
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / most;
    let title = escape(title);
    let mut svg = format!(
        "<h2>{title}</h2>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n"
    );
    for quarter in 0..=4 {
        let value = most * f64::from(quarter) / 4.0;
        let (at, label) = (y(value), escape(&y_label(value)));
        let end = x(right);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{end:.1}\"/>\
             <text class=\"y\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    for (value, label) in x_labels {
        let (at, label) = (x(*value), escape(label));
        let below = HEIGHT - BOTTOM + 20.0;
        let _ = writeln!(svg, "<text class=\"x\" x=\"{at:.1}\" y=\"{below}\">{label}</text>");
    }
    for (index, Line { name, points }) in lines.iter().enumerate() {
        let places: Vec<String> =
            points.iter().map(|(px, py)| format!("{:.1},{:.1}", x(*px), y(*py))).collect();
        let (places, name) = (places.join(" "), escape(name));
        let at = LEFT + 8.0 + 190.0 * index as f64;
        let _ = writeln!(
            svg,
            "<polyline class=\"line{index}\" points=\"{places}\"><title>{name}</title></polyline>\
             <path class=\"line{index}\" d=\"M{at} 12h20\"/><text x=\"{}\" y=\"16\">{name}</text>",
            at + 26.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Text that is text in HTML, in attributes too.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            character => out.push(character),
        }
    }
    out
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 80.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 40.0;
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;\
    color:#1b1b1b;background:#fff}h1{font-size:1.3em;overflow-wrap:anywhere}h2{font-size:1.05em;margin:1.5em 0 0}\
    pre{background:#f4f4f4;padding:1em;overflow-x:auto}svg{width:100%}text{font-size:12px;fill:#444}\
    .x{text-anchor:middle}.y{text-anchor:end}.grid{stroke:#ddd;fill:none}\
    .line0,.line1,.line2{fill:none;stroke-width:2}.line0{stroke:#0b62a4}.line1{stroke:#d1570b}.line2{stroke:#6b6b6b}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_text_stays_text() {
        assert_eq!(
            escape("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"
        );
        let report = super::super::run::tests::report("http://host/<script>alert(1)</script>");
        let html = report.html();
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{html}");
        assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
        assert_eq!(html.matches("<svg").count(), 3);
    }
}
