//! Names, labels and what is bounded.

use std::time::Duration;

use ::http::{Method, StatusCode};

use super::{Metrics, Stripped, method_label, status_class};

#[test]
fn names_are_unique_and_every_one_is_ours() {
    let metrics = Metrics::new().unwrap();
    metrics.decided("api", "allow", "valid_token", Duration::from_micros(3));
    let text = String::from_utf8(metrics.text()).unwrap();
    assert!(text.contains(
        r#"poolgate_decisions_total{effect="allow",reason="valid_token",route="api"} 1"#
    ));
    assert!(text.contains(r#"poolgate_decision_seconds_bucket{route="api",le="0.000005"} 1"#));
    let known = ["#", "poolgate_", "process_"];
    assert!(text.lines().all(|line| known.iter().any(|known| line.starts_with(known))), "{text}");
}

#[test]
fn methods_and_statuses_have_few_labels() {
    for (method, label) in
        [("GET", "GET"), ("PATCH", "PATCH"), ("get", "other"), ("PURGE", "other")]
    {
        assert_eq!(method_label(&method.parse::<Method>().unwrap()), label);
    }
    for (status, class) in [(100, "1xx"), (204, "2xx"), (301, "3xx"), (499, "4xx"), (599, "5xx")] {
        assert_eq!(status_class(StatusCode::from_u16(status).unwrap()), class);
    }
    assert_eq!(status_class(StatusCode::from_u16(999).unwrap()), "5xx");
}

#[test]
fn issuers_that_are_gone_leave_no_gauge() {
    let metrics = Metrics::new().unwrap();
    metrics.keys.with_label_values(&["old"]).set(1);
    metrics.keys_age.with_label_values(&["old"]).set(1.0);
    metrics.keys_refreshes.with_label_values(&["old", "loaded"]).set(1);
    assert_eq!(String::from_utf8(metrics.text()).unwrap().matches("\"old\"").count(), 3);
    metrics.reset_keys();
    assert!(!String::from_utf8(metrics.text()).unwrap().contains("\"old\""));
}

/// A thread finds what it counts by comparing labels; what is counted is the same.
#[test]
fn each_is_counted_by_its_labels_among_its_own() {
    const ROUNDS: u64 = 30;
    let metrics = [Metrics::new().unwrap(), Metrics::new().unwrap()];
    // More than are kept at a time, again and again, and the same names as another's.
    for round in 0..ROUNDS {
        for route in 0..20 {
            for (place, metrics) in metrics.iter().enumerate() {
                let route = format!("r{route}");
                for _ in 0..=place {
                    metrics.decided(&route, "allow", "granted", Duration::from_micros(round));
                }
                metrics.answered(&route, "GET", StatusCode::OK);
                metrics.upstream_took(&route, Duration::from_millis(1));
            }
        }
    }
    for (place, metrics) in metrics.iter().enumerate() {
        for route in 0..20 {
            let route = format!("r{route}");
            let decisions = metrics.decisions.with_label_values(&[&route, "allow", "granted"]);
            assert_eq!(decisions.get(), ROUNDS * (place as u64 + 1), "{place} {route}");
            let seconds = metrics.decision_seconds.with_label_values(&[&route]);
            assert_eq!(seconds.get_sample_count(), decisions.get());
            let answers = metrics.requests.with_label_values(&[&route, "GET", "2xx"]);
            assert_eq!(answers.get(), ROUNDS);
            let upstream = metrics.upstream_seconds.with_label_values(&[&route]);
            assert_eq!(upstream.get_sample_count(), ROUNDS);
        }
    }
    metrics[0].header_removed(Stripped::Forwarding);
    metrics[1].header_removed(Stripped::Identity);
    assert_eq!(metrics[0].headers_removed.with_label_values(&["forwarding"]).get(), 1);
    assert_eq!(metrics[1].headers_removed.with_label_values(&["forwarding"]).get(), 0);
    assert_eq!(metrics[1].headers_removed.with_label_values(&["identity"]).get(), 1);
}
