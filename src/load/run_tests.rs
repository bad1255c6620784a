use super::*;

/// An empty report.
pub(in crate::load) fn report(url: &str) -> Report {
    Report {
        url: url.to_owned(),
        rate: Rate::Constant(1000),
        measured: Duration::from_secs(1),
        warmup: Duration::ZERO,
        connections: 1,
        users: 1,
        caller: "no credentials",
        interrupted: false,
        items: vec!["GET /".to_owned()],
        tally: Tally::new(Duration::from_secs(1), 1).unwrap(),
        judged: Vec::new(),
    }
}

/// A server that answers in a millisecond, except that nothing moves from 1 s to 2 s.
struct Stalls {
    start: Instant,
}

impl Ask for Stalls {
    async fn ask(&mut self, _: u64) -> Asked {
        sleep(Duration::from_millis(1)).await;
        let since = self.start.elapsed();
        if (1000..2000).contains(&since.as_millis()) {
            sleep(Duration::from_secs(2) - since).await;
        }
        let outcome = Ok(Answered { status: 200, expected: true, bytes: 0 });
        Asked { item: 0, sent: 0, outcome }
    }
}

/// A server that never answers.
struct Hangs;

impl Ask for Hangs {
    async fn ask(&mut self, _: u64) -> Asked {
        sleep(Duration::from_secs(6)).await;
        Asked { item: 0, sent: 0, outcome: Err(Failure::Timeout) }
    }
}

/// Runs with `connections` clients; the clock stands still unless everybody sleeps.
async fn ran<A: Ask + 'static>(
    pace: Pace,
    connections: usize,
    client: impl Fn(Instant) -> A,
) -> Tally {
    let duration = pace.end - pace.measured;
    let shared = Arc::new((pace, Mutex::new(Tally::new(duration, 1).unwrap())));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (shared, client) = (Arc::clone(&shared), client(shared.0.start));
        tasks.spawn(async move { work(&shared.0, &shared.1, client).await });
    }
    let pacer = Arc::clone(&shared);
    tasks.spawn(async move { release(&pacer.0, tokio::time::sleep_until).await });
    tasks.join_all().await;
    let mut tally = lock(&shared.1);
    shared.0.add_unsent(&mut tally, None, |_| 0);
    tally.finish_point();
    tally.clone()
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_seen_by_all_who_were_due_in_it() {
    let pace = Pace::new(Rate::Constant(100_000), Duration::ZERO, Duration::from_secs(4));
    let tally = ran(pace, 2, |start| Stalls { start }).await;
    assert_eq!((tally.requests(), tally.failed()), (400, 0));
    // The 100 requests due in the second that stood still waited from when they were due, on average
    // half of it. Who measures from when a request is sent sees two slow ones.
    let slow =
        |histogram: &hdrhistogram::Histogram<u64>| histogram.count_between(100_000, u64::MAX);
    assert!((94..=96).contains(&slow(&tally.latency)), "{}", slow(&tally.latency));
    assert_eq!(slow(&tally.service), 2);
    let p90 = tally.latency.value_at_percentile(90.0);
    assert!((500_000..700_000).contains(&p90), "{p90}");
    assert!(tally.latency.max() >= 990_000 && tally.service.value_at_percentile(90.0) < 3000);
    assert_eq!(tally.in_time, 400);
}

#[tokio::test(start_paused = true)]
async fn who_waits_as_fast_as_possible_omits_the_stall() {
    let pace = Pace::new(Rate::Max, Duration::ZERO, Duration::from_secs(4));
    let tally = ran(pace, 2, |start| Stalls { start }).await;
    assert!(tally.requests() > 1000);
    assert_eq!(tally.latency.count_between(100_000, u64::MAX), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_due_and_never_sent_counts_with_its_waiting() {
    let pace = Pace::new(Rate::Constant(10_000), Duration::ZERO, Duration::from_secs(4));
    let tally = ran(pace, 2, |_| Hangs).await;
    // Two are sent at once and end after the run; the 38 others waited in vain until one second after it.
    let errors: Vec<_> = tally.errors.clone().into_iter().collect();
    assert_eq!(errors, [("not_sent", 38), ("timeout", 2)]);
    assert_eq!(tally.latency.len(), 40);
    assert!(tally.latency.min() >= 1_000_000);
}

#[tokio::test(start_paused = true)]
async fn the_warm_up_is_not_counted() {
    let pace = Pace::new(Rate::Constant(100_000), Duration::from_secs(3), Duration::from_secs(1));
    let tally = ran(pace, 1, |start| Stalls { start }).await;
    assert_eq!((tally.requests(), tally.failed()), (100, 0));
    assert!(tally.latency.max() < 3000, "{}", tally.latency.max());
    assert_eq!(tally.points.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_warm_up_leaves_behind_is_dropped() {
    let (warmup, duration) = (Duration::from_millis(900), Duration::from_millis(100));
    let pace = Pace::new(Rate::Constant(2_000_000), warmup, duration);
    let tally = ran(pace, 1, |start| Stalls { start: start + Duration::from_secs(9) }).await;
    // Of 2000 a second a server that takes a millisecond can't answer the half: 900 wait when measuring begins.
    assert_eq!(tally.requests(), 200);
    assert!(tally.in_time >= 40, "{}", tally.in_time);
    assert!(tally.points[0].p50 < 100_000, "{:?}", tally.points);
}

#[test]
fn thresholds_are_judged_by_what_was_measured() {
    use crate::load::Threshold;
    let mut report = report("http://localhost/");
    let judged =
        |report: &Report, text: &str| Threshold::parse(text).unwrap().judge(report).crossed;
    // What can't be measured can't hold.
    assert!(judged(&report, "p99>20ms") && judged(&report, "errors>0") && !report.passes());
    for (number, status) in [(1, 200), (2, 500)] {
        let latency = Duration::from_millis(10 * number);
        let outcome = Ok(Answered { status, expected: status == 200, bytes: 0 });
        let service = Some(latency);
        let sample = Sample { item: 0, at: latency, latency, service, sent: 0, outcome, count: 1 };
        report.tally.add(&sample);
    }
    for (text, crossed) in [
        ("p50>9ms", true),
        ("p50>11ms", false),
        ("max>19ms", true),
        ("max>21ms", false),
        ("mean>14ms", true),
        ("errors>0", true),
        ("errors>1", false),
        ("errors>49%", true),
        ("errors>50%", false),
        ("rate<95%", false),
        ("rate<201%", true),
        ("rate<3/s", true),
        ("rate<2/s", false),
    ] {
        assert_eq!(judged(&report, text), crossed, "{text}");
    }
    assert!(report.passes());
    let report = report.judge(&[Threshold::parse("errors>0").unwrap()]);
    assert!(!report.passes() && report.text().contains("CROSSED    errors>0 (1)"));
}

#[test]
fn the_mix_is_picked_by_weight_and_users_take_turns() {
    let endpoint = Endpoint::new(&"http://127.0.0.1:1/api/".parse().unwrap()).unwrap();
    let text = "requests:\n - { path: \"/a?u={user}\", weight: 3 }\n - { path: /b, method: POST, body: \"{n}\" }\n";
    let plan = Plan {
        endpoint,
        mix: crate::config::mix::load(std::path::Path::new("mix"), text).unwrap(),
        callers: vec![Caller::Nobody; 3],
        rate: Rate::Max,
        duration: Duration::from_secs(1),
        warmup: Duration::ZERO,
        connections: 1,
        timeout: Duration::from_secs(1),
    };
    let requests = Requests::new(&plan).unwrap();
    let first = (0..10_000).filter(|number| requests.pick(*number) == 0).count();
    assert!((7300..7700).contains(&first), "{first}");
    let (request, size) = requests.build(0, 5, &plan).unwrap();
    assert_eq!((request.uri().to_string().as_str(), size), ("/api/a?u=3", 0));
    let (request, size) = requests.build(1, 1234, &plan).unwrap();
    assert_eq!((request.uri().path(), request.method().as_str(), size), ("/api/b", "POST", 4));
    assert_eq!(request.headers()["host"], "127.0.0.1:1");
}
