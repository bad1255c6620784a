//! Several requests on a connection: the backend sees each that was decided, and no other.

use std::{io::Write, thread::sleep, time::Duration};

use crate::{
    rig::{authorization, get, put, read_all, statuses, until_closed},
    support::{Backend, Gate, Wire},
};

fn last(path: &str) -> String {
    get(path, "connection: close\r\n")
}

fn decisions(gate: &Gate) -> usize {
    let (_, text) = gate.admin("/metrics").unwrap();
    let series = text.lines().filter(|line| line.starts_with("poolgate_decisions_total{"));
    series.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as usize).sum()
}

fn allowed(gate: &Gate) -> usize {
    let (_, text) = gate.admin("/metrics").unwrap();
    let series = text.lines().filter(|line| {
        line.starts_with("poolgate_decisions_total{") && line.contains("effect=\"allow\"")
    });
    series.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as usize).sum()
}

#[test]
fn every_pipelined_request_is_decided_by_itself() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let delete = get("/api/c", "").replace("GET", "DELETE");
    let anonymous = get("/api/d", "").replace(&authorization(), "");
    let all = [
        get("/api/a", ""),
        put("content-length: 5\r\n", "GET /"),
        delete,
        put(
            "transfer-encoding: chunked\r\n",
            "5;x=\"y\r\nhello\r\n06\r\n world\r\n0\r\na: b\r\n\r\n",
        ),
        anonymous,
        last("/api/e"),
        get("/api/never", ""),
    ]
    .concat();
    let text = until_closed(gate.proxy, &all);
    assert_eq!(statuses(&text), [200, 200, 403, 200, 401, 200], "{text}");
    let lines: Vec<String> = backend.seen().iter().map(|seen| seen.line().to_owned()).collect();
    let expected = ["GET /api/a", "PUT /api/own", "PUT /api/own", "GET /api/e"];
    assert_eq!(lines, expected.map(|line| format!("{line} HTTP/1.1")));
    assert_eq!(backend.seen()[1].body, b"GET /");
    assert_eq!(backend.seen()[2].body, b"hello world");
    assert_eq!((decisions(&gate), allowed(&gate)), (6, backend.count()));
}

#[test]
fn a_trap_behind_honest_requests_is_refused_in_its_turn() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let trap = put("content-length: 5\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n");
    for before in [
        get("/api/a", ""),
        put("content-length: 5\r\n", "hello"),
        put("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        put("transfer-encoding: chunked\r\n", "0\r\na: b\nc\r\n\n\r\n\r\n"),
    ] {
        let count = backend.count();
        let all = format!("{before}{trap}{}", get("/api/victim", ""));
        let text = until_closed(gate.proxy, &all);
        let answers = statuses(&text);
        assert!(answers == [200, 400] || answers == [400], "{before}{text}");
        assert!(text.contains("\"reason\":\""), "{before}{text}");
        assert!(backend.count() <= count + 1, "{before}{:?}", backend.seen());
        // The same, byte by byte, so that no two lines come in one piece.
        let mut wire = Wire::connect(gate.proxy);
        for byte in all.as_bytes().chunks(7) {
            if wire.stream.write_all(byte).is_err() {
                break;
            }
            sleep(Duration::from_micros(20));
        }
        let text = read_all(&mut wire);
        let answers = statuses(&text);
        assert!(answers == [200, 400] || answers == [400], "{before}{text}");
        assert!(backend.count() <= count + 2, "{before}{:?}", backend.seen());
    }
    // The two with broken trailers were begun, but the backend never had the whole of them.
    assert_eq!(allowed(&gate), backend.count() + 2);
    assert!(backend.seen().iter().all(|seen| !seen.line().contains("victim")));
}

#[test]
fn broken_chunks_end_the_connection() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    for chunks in [
        "1ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "5\r\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
    ] {
        let trap = put("transfer-encoding: chunked\r\n", chunks);
        let text = until_closed(gate.proxy, format!("{trap}{}", get("/api/victim", "")));
        assert!([&[400][..], &[502], &[]].contains(&&*statuses(&text)), "{chunks:?} {text}");
        assert_eq!(backend.count(), 0, "{chunks:?} {:?}", backend.seen());
    }
}
