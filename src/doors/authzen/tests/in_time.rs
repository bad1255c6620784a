//! A batch and whoever waits beside it: turns, and the time there is.

use std::cell::Cell;

use super::*;

/// As many evaluations as there may be, all of which would be permitted.
fn largest_batch() -> Vec<u8> {
    let body = json!({
        "subject": thing("user", "alice"), "action": named("read"),
        "resource": thing("record", "record-1"), "evaluations": vec![json!({}); MAX_EVALUATIONS],
    });
    body.to_string().into_bytes()
}

/// Whoever shares the thread isn't kept waiting by a whole batch, nor by a whole search.
#[tokio::test]
async fn others_have_their_turn_between_two_evaluations() {
    let rig = rig("certification");
    let gate = rig.gate();
    let search = asked(json!({ "type": "user" }), named("read"), thing("record", "record-1"));
    for (path, body, least) in [
        ("evaluations", largest_batch(), MAX_EVALUATIONS),
        ("search/subject", search.to_string().into_bytes(), 2),
    ] {
        let head = head("POST", &format!("/access/v1/{path}"));
        let (turns, done) = (Cell::new(0), Cell::new(false));
        let until = Instant::now() + Duration::from_secs(600);
        let ask = async {
            let answered = answer(&gate, None, &head, &body, until).await;
            done.set(true);
            answered
        };
        let other = async {
            while !done.get() {
                turns.set(turns.get() + 1);
                yield_now().await;
            }
        };
        let (answered, ()) = tokio::join!(ask, other);
        assert_eq!(answered.response.status(), 200);
        assert!(turns.get() >= least, "{path}: {} turns", turns.get());
    }
}

/// Of a batch that isn't done in time nothing is told, and nothing of it counts.
#[tokio::test(start_paused = true)]
async fn what_is_late_is_no_answer() {
    let rig = rig("certification");
    let gate = rig.gate();
    let mut head = head("POST", "/access/v1/evaluations");
    head.headers.insert("x-request-id", HeaderValue::from_static("bfe9eb29"));
    let single =
        asked(thing("user", "alice"), named("read"), thing("record", "record-1")).to_string();
    let batch = largest_batch();
    let patience = Duration::from_secs(5);
    // The time is up in the middle of a batch, or was before.
    for (body, turns, left) in
        [(batch.as_slice(), 100, patience), (single.as_bytes(), 0, Duration::ZERO)]
    {
        let until = Instant::now() + left;
        let clock = async {
            for _ in 0..turns {
                yield_now().await;
            }
            tokio::time::advance(left).await;
        };
        let (late, ()) = tokio::join!(answer(&gate, None, &head, body, until), clock);
        assert_eq!(late.response.status(), 503);
        assert_eq!(late.response.headers()["x-request-id"], "bfe9eb29");
        let told: Value = serde_json::from_slice(late.response.body()).unwrap();
        assert!(told.as_str().unwrap().contains("in time"), "{told}");
        assert_eq!((late.decisions.len(), late.in_time), (0, false));
    }
    let until = Instant::now() + patience;
    let whole = answer(&gate, None, &head, &batch, until).await;
    assert_eq!((whole.decisions.len(), whole.in_time), (MAX_EVALUATIONS, true));
}
