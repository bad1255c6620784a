//! Server-sent events: each as soon as it is there, and with long pauses.

use std::{
    io::Read,
    sync::mpsc::channel,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    rig::{Scripted, get},
    support::{Gate, Wire},
};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

#[test]
fn each_event_arrives_before_the_next_is_made() {
    let (made, wanted) = channel::<()>();
    let wanted = std::sync::Mutex::new(wanted);
    let upstream = Scripted::start(move |mut turn| {
        turn.head();
        turn.say(HEAD);
        for number in 0..5 {
            wanted.lock().unwrap().recv().unwrap();
            turn.say(format!("9\r\ndata: {number}\n\n\r\n"));
        }
        turn.say("0\r\n\r\n");
    });
    let gate = Gate::start(upstream.address, "");
    let mut wire = Wire::connect(gate.proxy);
    wire.send(get("/api/events", "accept: text/event-stream\r\n"));
    let mut text = String::new();
    for number in 0..5 {
        made.send(()).unwrap();
        let expected = format!("data: {number}\n\n");
        while !text.contains(&expected) {
            let mut some = [0; 4096];
            let count = wire.stream.read(&mut some).unwrap();
            assert!(count > 0, "{text}");
            text.push_str(&String::from_utf8_lossy(&some[..count]));
        }
    }
}

#[test]
fn they_may_pause_for_longer_than_other_answers() {
    let upstream = Scripted::start(|mut turn| {
        let head = turn.head().unwrap();
        let plain = head.contains("/api/plain");
        turn.say(if plain {
            HEAD.replace("text/event-stream", "text/plain")
        } else {
            HEAD.to_owned()
        });
        turn.say("2\r\nA\n\r\n");
        sleep(Duration::from_millis(1500));
        turn.say("2\r\nB\n\r\n");
        // Then it has nothing more to say.
        sleep(Duration::from_secs(20));
    });
    let gate = Gate::start(upstream.address, "timeouts: { idle: 500ms, stream_idle: 2500ms }");
    for (path, expected, least, most) in
        [("/api/plain", false, 300, 2000), ("/api/events", true, 3500, 7000)]
    {
        let mut wire = Wire::connect(gate.proxy);
        let (start, mut text) = (Instant::now(), Vec::new());
        wire.send(get(path, ""));
        let _ = wire.stream.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        assert!(text.contains("A\n"), "{path}: {text}");
        assert_eq!(text.contains("B\n"), expected, "{path}: {text}");
        let took = start.elapsed();
        let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
        assert!(took > least && took < most, "{path}: {took:?}");
    }
}
