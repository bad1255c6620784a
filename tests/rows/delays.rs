//! Large requests don't hold up the other connections of their data thread.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use serde_json::{Value, json};

use super::{
    caller::Caller,
    setup::{ROLES, gate, token},
    world::{Kind, owner_of},
};
use crate::support::{Gate, Wire};

/// A 4 MiB `BatchWriteItem` delays the small requests of another connection of the same data thread
/// by at most 5 ms (10 in a debug build), whether it is signed or has a token, and whether it has few
/// attributes or many.
///
/// The delay is how much longer the longest of them took, while the large one was served, than they
/// usually take. Of many rounds the best counts: what else the machine does, and be it the backend
/// and the callers on the same few processors, only adds to it, while a data thread that is held up
/// is so in every round.
#[test]
fn a_large_batch_does_not_delay_others() {
    let _alone = super::alone();
    let backend = backend();
    let gate = on_one_data_thread(|| {
        gate(backend, "credentials: { keys: [{ id: k1, file: sealing.key }] }")
    });
    let caller = Caller::sign_in(&gate, &token(0, ROLES[0]));
    let bearer = format!("authorization: Bearer {}\r\n", token(0, ROLES[0]));
    let (small, long, many) = (small(), large(true), large(false));
    for large in [&long, &many] {
        assert!((4 << 20..5 << 20).contains(&large.len()), "{}", large.len());
    }
    let request = |operation: &str, body: &str, headers: &str| {
        let target = format!("DynamoDB_20120810.{operation}");
        format!(
            "POST / HTTP/1.1\r\nhost: gate\r\nx-amz-target: {target}\r\n{headers}\
             content-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for (way, large) in [("bearer", &long), ("signed", &long), ("bearer", &many), ("signed", &many)]
    {
        let [small, large] =
            [("GetItem", &small), ("BatchWriteItem", large)].map(|(operation, body)| {
                let signed = caller.headers(operation, body);
                request(operation, body, if way == "bearer" { &bearer } else { &signed })
            });
        let mut delays = Vec::new();
        let (mut one, mut other) = (Wire::connect(gate.proxy), Wire::connect(gate.proxy));
        ask(&mut one, &large);
        while delays.len() < ROUNDS && delays.iter().all(|delay| *delay > MOST) {
            delays.push(delay(&mut one, &large, &mut other, &small));
        }
        println!("{way}: {delays:?}");
        assert!(delays.iter().any(|delay| *delay <= MOST), "{way}: {delays:?}");
    }
}

/// How long small requests went without an answer while a large one was served, over what one takes
/// with nothing else to do.
fn delay(one: &mut Wire, large: &str, other: &mut Wire, small: &str) -> Duration {
    let mut usual: Vec<Duration> = (0..50).map(|_| ask(other, small)).collect();
    usual.sort_unstable();
    let (started, done) = (Barrier::new(2), AtomicBool::new(false));
    let longest = thread::scope(|scope| {
        let smalls = scope.spawn(|| {
            ask(other, small);
            let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
            started.wait();
            // From answer to answer: between them a data thread that is held up isn't overlooked
            // because nothing was asked of it.
            while !done.load(Ordering::Relaxed) {
                ask(other, small);
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            longest
        });
        started.wait();
        ask(one, large);
        done.store(true, Ordering::Relaxed);
        smalls.join().unwrap()
    });
    longest.saturating_sub(usual[usual.len() / 2])
}

/// Sends a request, and tells how long its answer took.
fn ask(wire: &mut Wire, request: &str) -> Duration {
    let started = Instant::now();
    let answer = wire.ask(request);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    started.elapsed()
}

/// Starts a gate while there is but one processor to be seen, so that it has one data thread, and
/// lets it have all of them then: what is done elsewhere needs a place, too.
fn on_one_data_thread(start: impl FnOnce() -> Gate) -> Gate {
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).unwrap());
    sched_setaffinity(None, &one).unwrap();
    let gate = start();
    sched_setaffinity(None, &all).unwrap();
    let mut data_threads = 0;
    for task in std::fs::read_dir(format!("/proc/{}/task", gate.pid())).unwrap() {
        let task = task.unwrap();
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap();
        data_threads += usize::from(name.starts_with("data-"));
        let id = task.file_name().into_string().unwrap().parse().unwrap();
        sched_setaffinity(Pid::from_raw(id), &all).unwrap();
    }
    assert_eq!(data_threads, 1);
    gate
}

/// The key of a row of the caller.
fn key() -> Value {
    json!({ "owner": { "S": owner_of(Kind::S, 0) }, "id": { "S": "a" } })
}

fn small() -> String {
    json!({ "TableName": "things", "Key": key() }).to_string()
}

/// A batch of 25 items of 170 KB: with one long attribute, or with thousands of short ones.
fn large(long: bool) -> String {
    let puts: Vec<Value> = (0..25)
        .map(|number| {
            let mut item = key();
            item["id"]["S"] = json!(format!("{number}"));
            match long {
                true => item["note"] = json!({ "S": "x".repeat(170_000) }),
                false => {
                    for number in 0..7_400 {
                        item[format!("a{number:04}")] = json!({ "S": format!("{number:06}") });
                    }
                }
            }
            json!({ "PutRequest": { "Item": item } })
        })
        .collect();
    json!({ "RequestItems": { "things": puts } }).to_string()
}

/// A backend that has read a request before it answers, and keeps nothing of it.
fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    loop {
        let head = loop {
            if let Some(at) = buffer[..filled].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read(&mut buffer[filled..]) {
                Ok(count @ 1..) => filled += count,
                _ => return,
            }
        };
        let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let mut left = head + length.unwrap().parse::<usize>().unwrap() - filled;
        // The next request isn't sent before this one is answered.
        while left > 0 {
            match stream.read(&mut buffer) {
                Ok(count @ 1..) => left -= count,
                _ => return,
            }
        }
        filled = 0;
        let answer: Value = match text.contains("describetable") {
            true => json!({ "Table": {
                "TableName": "things",
                "AttributeDefinitions": [
                    { "AttributeName": "owner", "AttributeType": "S" },
                    { "AttributeName": "id", "AttributeType": "S" },
                ],
                "KeySchema": [
                    { "AttributeName": "owner", "KeyType": "HASH" },
                    { "AttributeName": "id", "KeyType": "RANGE" },
                ],
            } }),
            false => json!({}),
        };
        let answer = answer.to_string();
        let length = answer.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        if stream.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

/// What is promised. A debug build works on the large one for so long, on another thread, that hardly
/// a round passes in which nothing else on the machine comes between.
const MOST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 10 } else { 5 });
const ROUNDS: usize = 200;
