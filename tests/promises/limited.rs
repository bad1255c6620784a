//! P7: what is more than it may be is refused at once, in the words of whoever asks, and the rest goes on.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::{
    setup::{Setup, get},
    support::{Backend, Gate, Issuer, ROLE, Wire},
};

fn token(user: &str) -> String {
    Issuer::shared().id_token(user, &[], Some(ROLE))
}

/// With these fields on the route.
fn gate(upstream: SocketAddr, fields: &str) -> Gate {
    let api = "api: { id: testapi, stage: test }";
    Setup::new(upstream, "").replace(api, &format!("{api}\n    {fields}")).start()
}

#[test]
fn a_caller_over_its_limit_is_told_when_to_come_again_and_others_go_on() {
    let backend = Backend::start();
    let gate =
        gate(backend.address, "limits: { per_principal: { requests: 1, per: 2s, burst: 3 } }");
    let (one, other) = (token("one"), token("other"));
    let mut wire = Wire::connect(gate.proxy);
    for _ in 0..3 {
        assert_eq!(wire.ask(get("/api/x", &one)).status, 200);
    }
    let refused = wire.ask(get("/api/x", &one));
    let told = (refused.status, refused.reason());
    assert_eq!(told, (429, "principal_rate_exceeded".to_owned()));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    assert_eq!(wire.ask(get("/api/x", &other)).status, 200);
    // A reload forgets nothing.
    let before = gate.metric("poolgate_generation").unwrap();
    gate.signal("HUP");
    gate.wait_for("reload", |gate| gate.metric("poolgate_generation").unwrap() > before);
    sleep(Duration::from_secs(wait));
    assert_eq!(wire.ask(get("/api/x", &one)).status, 200);
    assert_eq!(wire.ask(get("/api/x", &one)).status, 429);
    let denied = "poolgate_decisions_total{effect=\"deny\",reason=\"principal_rate_exceeded\",route=\"api\"}";
    assert_eq!(gate.metric(denied), Some(2.0));
    assert_eq!(backend.count(), 5);
}

#[test]
fn a_route_over_its_limit_sheds_what_is_too_much_on_all_threads_together() {
    let backend = Backend::start();
    let gate = gate(backend.address, "limits: { rate: { requests: 1, per: 1h, burst: 20 } }");
    let statuses: Vec<u16> = thread::scope(|scope| {
        let asked: Vec<_> = (0..10)
            .map(|number| {
                let gate = &gate;
                scope.spawn(move || {
                    let mut wire = Wire::connect(gate.proxy);
                    let request = get("/api/x", &token(&format!("user-{number}")));
                    (0..4).map(|_| wire.ask(&request).status).collect::<Vec<_>>()
                })
            })
            .collect();
        asked.into_iter().flat_map(|asked| asked.join().unwrap()).collect()
    });
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(429)), (20, 20));
    assert_eq!(backend.count(), 20);
}

#[test]
fn s3_is_told_to_slow_down() {
    let backend = Backend::start();
    let files = format!(
        "  - {{ name: files, service: s3, limits: {{ rate: {{ requests: 1, per: 1h }} }}, upstream: {{ url: \"http://{}\" }} }}",
        backend.address
    );
    let gate = Setup::new(backend.address, &files).start();
    let mut wire = Wire::connect(gate.proxy);
    let first = wire.ask(get("/bucket/key", &token("one")));
    assert_eq!(first.status, 403);
    let second = wire.ask(get("/bucket/key", &token("one")));
    assert_eq!(second.status, 503);
    assert!(String::from_utf8_lossy(&second.body).contains("<Code>SlowDown</Code>"));
    let wait: u64 = second.header("retry-after").unwrap().parse().unwrap();
    assert!((3590..=3600).contains(&wait), "{wait}");
}

/// A backend that answers a request when it is told to.
struct Slow {
    address: SocketAddr,
    came: mpsc::Receiver<TcpStream>,
}

impl Slow {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, came) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, sender) = (stream.unwrap(), sender.clone());
                thread::spawn(move || {
                    let mut head = Vec::new();
                    let mut chunk = [0; 4096];
                    while !head.ends_with(b"\r\n\r\n") {
                        match stream.read(&mut chunk) {
                            Ok(count) if count > 0 => head.extend_from_slice(&chunk[..count]),
                            _ => return,
                        }
                    }
                    let _ = sender.send(stream);
                });
            }
        });
        Self { address, came }
    }

    fn next(&self) -> TcpStream {
        self.came.recv_timeout(Duration::from_secs(5)).unwrap()
    }
}

#[test]
fn an_upstream_gets_no_more_than_it_may_and_nobody_waits_in_a_line() {
    let slow = Slow::start();
    let gate = Setup::new(slow.address, "")
        .replace("upstream: { url:", "upstream: { concurrency: 2, url:")
        .start();
    let request = get("/api/x", &token("one"));
    let ask = || {
        let mut wire = Wire::connect(gate.proxy);
        wire.send(&request);
        wire
    };
    let mut first = ask();
    let mut first_came = slow.next();
    let mut second = ask();
    let mut second_came = slow.next();
    // No room: refused at once, with or without a body.
    let put = request.replace("GET /api/x", "PUT /api/own");
    let put = put.replace("\r\n\r\n", "\r\ncontent-length: 3\r\n\r\nabc");
    for request in [&request, &put] {
        let started = Instant::now();
        let mut third = Wire::connect(gate.proxy);
        let shed = third.ask(request);
        assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
        assert_eq!((shed.status, shed.reason().as_str()), (503, "upstream_busy"));
        assert_eq!(shed.header("retry-after"), Some("1"));
    }
    let label = format!("poolgate_upstream_in_flight{{upstream=\"http://{}\"}}", slow.address);
    assert_eq!(gate.metric(&label), Some(2.0));

    // An answer takes its place until its end.
    first_came
        .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nab")
        .unwrap();
    sleep(Duration::from_millis(100));
    assert_eq!(Wire::connect(gate.proxy).ask(&request).status, 503);
    first_came.write_all(b"cd").unwrap();
    assert_eq!(first.answer().unwrap().status, 200);
    gate.wait_for("place", |gate| gate.metric(&label) == Some(1.0));
    let third = ask();
    let third_came = slow.next();
    // A caller that leaves gives its place back, and so does a backend that breaks off.
    drop(third);
    gate.wait_for("place", |gate| gate.metric(&label) == Some(1.0));
    drop(third_came);
    second_came.write_all(b"nonsense\r\n\r\n").unwrap();
    drop(second_came);
    assert_eq!(second.answer().unwrap().status, 502);
    gate.wait_for("places", |gate| gate.metric(&label) == Some(0.0));
    let shed = format!(
        "poolgate_upstream_errors_total{{reason=\"upstream_busy\",upstream=\"http://{}\"}}",
        slow.address
    );
    assert_eq!(gate.metric(&shed), Some(3.0));
    let log = fs::read_to_string(gate.path("stderr")).unwrap();
    assert!(!log.contains("upstream_busy"), "a line for each request that is shed: {log}");
}
