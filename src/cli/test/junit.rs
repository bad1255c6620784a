//! JUnit's XML, as CI systems read it: a suite for each file, a case for each case.

use super::report::{Ran, Report};

/// The whole report. Coverage below what was demanded is a failing case of its own.
pub(super) fn xml(report: &Report) -> String {
    let mut suites: Vec<(String, Vec<&Ran>)> = Vec::new();
    for ran in &report.ran {
        let file = ran.file.display().to_string();
        match suites.last_mut().filter(|(name, _)| *name == file) {
            Some((_, cases)) => cases.push(ran),
            None => suites.push((file, vec![ran])),
        }
    }
    let failed = |cases: &[&Ran]| cases.iter().filter(|ran| !ran.passes()).count();
    let mut all: Vec<String> = suites
        .iter()
        .map(|(file, cases)| {
            let body: String = cases.iter().map(|ran| case(file, ran)).collect();
            suite(file, cases.len(), failed(cases), &body)
        })
        .collect();
    let mut total = (report.ran.len(), report.ran.iter().filter(|ran| !ran.passes()).count());
    if let (Some(coverage), Some(least)) = (&report.coverage, report.least) {
        let enough = coverage.percent() >= f64::from(least);
        let name = escaped(&format!("at least {least}% of the statements"));
        let body = match enough {
            true => format!("    <testcase classname=\"coverage\" name=\"{name}\"/>\n"),
            false => format!(
                "    <testcase classname=\"coverage\" name=\"{name}\">\n      <failure message=\"{:.1}%\">{}</failure>\n    </testcase>\n",
                coverage.percent(),
                escaped(&coverage.text())
            ),
        };
        all.push(suite("coverage", 1, usize::from(!enough), &body));
        total = (total.0 + 1, total.1 + usize::from(!enough));
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"poolgate test\" tests=\"{}\" failures=\"{}\" errors=\"0\">\n{}</testsuites>\n",
        total.0,
        total.1,
        all.concat()
    )
}

fn suite(name: &str, tests: usize, failures: usize, body: &str) -> String {
    let name = escaped(name);
    format!(
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n{body}  </testsuite>\n"
    )
}

fn case(file: &str, ran: &Ran) -> String {
    let (class, name, line) = (escaped(file), escaped(&ran.name), ran.position.line);
    let open = format!(
        "    <testcase classname=\"{class}\" name=\"{name}\" file=\"{class}\" line=\"{line}\""
    );
    if ran.passes() {
        return format!("{open}/>\n");
    }
    let first =
        ran.wrong.first().map(|(expected, came)| format!("expected {expected}, came {came}"));
    let (message, lines) = (escaped(&first.unwrap_or_default()), escaped(&ran.lines().join("\n")));
    format!("{open}>\n      <failure message=\"{message}\">{lines}</failure>\n    </testcase>\n")
}

/// Text for an attribute or an element: characters that XML 1.0 doesn't have are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
