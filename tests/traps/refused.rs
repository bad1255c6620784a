//! Requests that two HTTP programs could read in two ways. Each comes with a victim right behind
//! it; the answer says why, the connection ends, and the backend sees neither.

use crate::{
    rig::{authorization, get, put, read_all, statuses, until_closed},
    support::{Answer, Backend, Gate, Wire},
};

struct Trap {
    name: &'static str,
    bytes: Vec<u8>,
    status: u16,
    reason: &'static str,
}

fn trap(name: &'static str, bytes: impl Into<Vec<u8>>, status: u16, reason: &'static str) -> Trap {
    Trap { name, bytes: bytes.into(), status, reason }
}

/// Springs every trap, and checks at the end that an honest request still gets through.
fn spring(traps: Vec<Trap>) {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    for Trap { name, mut bytes, status, reason } in traps {
        bytes.extend_from_slice(get("/api/victim", "").as_bytes());
        let mut wire = Wire::connect(gate.proxy);
        wire.send(&bytes);
        let answer: Answer = wire.answer().unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{name}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        assert!(statuses(&read_all(&mut wire)).is_empty(), "{name}: the victim was answered");
        assert_eq!(backend.count(), 0, "{name}: {:?}", backend.seen());
    }
    assert_eq!(Wire::connect(gate.proxy).ask(get("/api/honest", "")).status, 200);
    assert_eq!(backend.count(), 1);
    let rejects = gate.admin("/metrics").unwrap().1;
    assert!(rejects.contains("poolgate_request_rejects_total{reason="), "{rejects}");
}

#[test]
fn a_body_has_one_length() {
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    let smuggled = "0\r\n\r\nGET /api/smuggled HTTP/1.1\r\nhost: gate\r\n\r\n";
    spring(vec![
        trap(
            "CL then TE",
            put("content-length: 5\r\ntransfer-encoding: chunked\r\n", smuggled),
            400,
            "length_and_encoding",
        ),
        trap(
            "TE then CL",
            put("transfer-encoding: chunked\r\ncontent-length: 5\r\n", smuggled),
            400,
            "length_and_encoding",
        ),
        trap(
            "TE and CL in capitals, far apart",
            put("TRANSFER-ENCODING:chunked\r\nx: y\r\nCONTENT-LENGTH:0\r\n", smuggled),
            400,
            "length_and_encoding",
        ),
        trap(
            "same CL twice",
            put("content-length: 5\r\ncontent-length: 5\r\n", "hello"),
            400,
            "header_repeated",
        ),
        trap(
            "differing CLs",
            put("content-length: 5\r\ncontent-length: 6\r\n", "hello"),
            400,
            "header_repeated",
        ),
        trap("CL list", put("content-length: 5, 5\r\n", "hello"), 400, "content_length"),
        trap("CL with a sign", put("content-length: +5\r\n", "hello"), 400, "content_length"),
        trap("negative CL", put("content-length: -1\r\n", ""), 400, "content_length"),
        trap("empty CL", put("content-length:\r\n", "hello"), 400, "content_length"),
        trap("hexadecimal CL", put("content-length: 0x5\r\n", "hello"), 400, "content_length"),
        trap(
            "CL overflow",
            put("content-length: 18446744073709551621\r\n", "hello"),
            400,
            "content_length",
        ),
        trap(
            "CL behind much white space",
            put(&format!("content-length:{}5\r\n", " ".repeat(80)), "hello"),
            400,
            "content_length",
        ),
        trap("xchunked", put("transfer-encoding: xchunked\r\n", chunks), 400, "transfer_encoding"),
        trap("gzip", put("transfer-encoding: gzip, chunked\r\n", chunks), 400, "transfer_encoding"),
        trap(
            "chunked not last",
            put("transfer-encoding: chunked, identity\r\n", chunks),
            400,
            "transfer_encoding",
        ),
        trap(
            "chunked twice in a line",
            put("transfer-encoding: chunked, chunked\r\n", chunks),
            400,
            "transfer_encoding",
        ),
        trap(
            "chunked in two lines",
            put("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", chunks),
            400,
            "transfer_encoding",
        ),
        trap(
            "vertical tab before chunked",
            put("transfer-encoding: \x0bchunked\r\n", chunks),
            400,
            "transfer_encoding",
        ),
        trap(
            "TE in HTTP/1.0",
            put("transfer-encoding: chunked\r\n", chunks).replace("HTTP/1.1", "HTTP/1.0"),
            400,
            "transfer_encoding",
        ),
        trap(
            "space before the colon of TE",
            put("transfer-encoding : chunked\r\n", chunks),
            400,
            "malformed_request",
        ),
        trap(
            "space before the colon of CL",
            put("content-length : 5\r\n", "hello"),
            400,
            "malformed_request",
        ),
        trap(
            "TE by another name",
            put("transfer_encoding: chunked\r\n", chunks),
            400,
            "header_name",
        ),
    ]);
}

#[test]
fn heads_are_written_in_one_way() {
    let get = |more: &str| get("/api/x", more);
    let lf = get("").replace("\r\n", "\n");
    spring(vec![
        trap("obs-fold", get("x-a: b\r\n c\r\n"), 400, "malformed_request"),
        trap("obs-fold with a tab", get("x-a: b\r\n\tc: d\r\n"), 400, "malformed_request"),
        trap("bare LF throughout", lf, 400, "malformed_request"),
        trap("one bare LF", get("x-a: b\nx-b: c\r\n"), 400, "malformed_request"),
        trap(
            "a head ended by bare LF",
            get("").replace("\r\n\r\n", "\r\n\n"),
            400,
            "malformed_request",
        ),
        trap("bare CR", get("x-a: b\rx-b: c\r\n"), 400, "malformed_request"),
        trap("NUL in a value", get("x-a: b\0c\r\n"), 400, "malformed_request"),
        trap("NUL in a name", get("x-\0a: b\r\n"), 400, "malformed_request"),
        trap("no colon", get("x-a\r\n"), 400, "malformed_request"),
        trap("no name", get(": b\r\n"), 400, "malformed_request"),
        trap("space in a name", get("x a: b\r\n"), 400, "malformed_request"),
        trap("garbage", "\x16\x03\x01\x02\0\x01\0\r\n\r\n", 400, "malformed_request"),
        trap("HTTP/0.9", "GET /api/x\r\n", 400, "malformed_request"),
        trap("HTTP/1.2", get("").replace("HTTP/1.1", "HTTP/1.2"), 400, "malformed_request"),
        trap("two spaces", get("").replace(" HTTP", "  HTTP"), 400, "malformed_request"),
        trap("_ in a name", get("x_a: b\r\n"), 400, "header_name"),
        trap(". in a name", get("x.a: b\r\n"), 400, "header_name"),
        trap("~ in a name", get("x-forwarded~for: b\r\n"), 400, "header_name"),
        trap("_ in a protected name", get("X_Poolgate_Role: b\r\n"), 400, "header_name"),
        trap("two hosts", get("host: gate\r\n"), 400, "header_repeated"),
        trap("two authorizations", get(&authorization()), 400, "header_repeated"),
        trap(
            "two content types",
            get("content-type: a\r\ncontent-type: b\r\n"),
            400,
            "header_repeated",
        ),
        trap("two origins", get("origin: a\r\norigin: b\r\n"), 400, "header_repeated"),
        trap("two dates", get("x-amz-date: a\r\nx-amz-date: b\r\n"), 400, "header_repeated"),
        trap("no host", get("").replace("host: gate\r\n", ""), 400, "host_missing"),
        trap("empty host", get("").replace("host: gate", "host:"), 400, "host_invalid"),
        trap("userinfo", get("").replace("host: gate", "host: a@gate"), 400, "host_invalid"),
        trap(
            "a path in the host",
            get("").replace("host: gate", "host: gate/x"),
            400,
            "host_invalid",
        ),
        trap(
            "two hosts in one",
            get("").replace("host: gate", "host: gate, b"),
            400,
            "host_invalid",
        ),
        trap(
            "absolute-form with another host",
            get("").replace("/api/x", "http://other/api/x"),
            400,
            "host_disagrees",
        ),
        trap(
            "bytes beyond ASCII in a type",
            get("content-type: text/\u{e9}\r\n"),
            400,
            "header_not_ascii",
        ),
    ]);
}

#[test]
fn connections_are_not_bent() {
    let get = |more: &str| get("/api/x", more);
    let listed = |name: &str| get(&format!("connection: close, {name}\r\n{name}: x\r\n"));
    let mut traps = vec![
        trap(
            "authorization in Connection",
            get("connection: close, Authorization\r\n"),
            400,
            "connection_token",
        ),
        trap("host in Connection", get("connection: host\r\n"), 400, "connection_token"),
        trap("no token in Connection", get("connection: a b\r\n"), 400, "connection_token"),
        trap(
            "upgrade with a body",
            put("connection: upgrade\r\nupgrade: websocket\r\ncontent-length: 5\r\n", "hello"),
            400,
            "upgrade_with_body",
        ),
        trap(
            "upgrade with chunks",
            put(
                "connection: upgrade\r\nupgrade: websocket\r\ntransfer-encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            400,
            "upgrade_with_body",
        ),
        trap(
            "h2c",
            get("connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMA\r\n"),
            400,
            "upgrade",
        ),
        trap("upgrade alone", get("upgrade: websocket\r\n"), 400, "upgrade"),
        trap(
            "two upgrades",
            get("connection: upgrade\r\nupgrade: websocket, h2c\r\n"),
            400,
            "upgrade",
        ),
        trap("CONNECT", get("").replace("GET /api/x", "CONNECT gate:80"), 405, "method_not_served"),
        trap("TRACE", get("").replace("GET", "TRACE"), 405, "method_not_served"),
        trap("lower case", get("").replace("GET", "get"), 405, "method_not_served"),
        trap("OPTIONS *", get("").replace("GET /api/x", "OPTIONS *"), 400, "target_form"),
    ];
    for (name, header) in [
        ("a forwarding header", "x-forwarded-for"),
        ("an alias", "x-forwardedfor"),
        ("a client address", "x-real-ip"),
        ("an identity", "x-poolgate-role"),
        ("an override", "x-http-method-override"),
        ("a signature", "x-amz-date"),
        ("a cookie", "cookie"),
        ("a length", "content-length"),
        ("an origin", "origin"),
    ] {
        traps.push(match header {
            "content-length" => {
                let bytes = get("connection: content-length\r\ncontent-length: 0\r\n");
                trap(name, bytes, 400, "connection_token")
            }
            _ => trap(name, listed(header), 400, "connection_token"),
        });
    }
    spring(traps);
}

#[test]
fn paths_are_read_in_one_way() {
    let at = |target: &str| get("/api/x", "").replace("/api/x", target);
    let mut traps = Vec::new();
    for (name, target, reason) in [
        ("dots", "/api/../admin", "target_dot_segment"),
        ("one dot", "/api/./x", "target_dot_segment"),
        ("dots at the end", "/api/..", "target_dot_segment"),
        ("encoded dots", "/api/%2e%2E/admin", "target_dot_segment"),
        ("half encoded dots", "/api/.%2e/admin", "target_dot_segment"),
        ("encoded slash", "/api/..%2fadmin", "target_encoded_slash"),
        ("encoded slash alone", "/api%2Fx", "target_encoded_slash"),
        ("empty segment", "/api//x", "target_empty_segment"),
        ("empty authority", "//api/x", "target_empty_segment"),
        ("matrix parameter", "/api/x;a=b", "target_matrix_parameter"),
        ("dots with a parameter", "/api/..;/admin", "target_matrix_parameter"),
        ("encoded semicolon", "/api/x%3Ba", "target_matrix_parameter"),
        ("backslash", "/api/..\\admin", "target_backslash"),
        ("encoded backslash", "/api/..%5cadmin", "target_backslash"),
        ("encoded fragment", "/api/x%23y", "target_fragment"),
        ("encoded query", "/api/x%3Fy", "target_fragment"),
        ("double encoding", "/api/%252e%252e/admin", "target_double_encoding"),
        ("double encoded letter", "/api/%2561", "target_double_encoding"),
        ("NUL", "/api/x%00.png", "target_nul"),
        ("NUL in the query", "/api/x?a=%00", "target_nul"),
        ("CR LF", "/api/x%0d%0ahost:%20b", "target_control_character"),
        ("bad escape", "/api/%zz", "target_bad_escape"),
        ("cut-off escape", "/api/x?a=%4", "target_bad_escape"),
        ("overlong dots", "/api/%c0%ae%c0%ae/admin", "target_not_utf8"),
    ] {
        traps.push(trap(name, at(target), 400, reason));
    }
    traps.push(trap("fragment", at("/api/x#y"), 400, "target_fragment"));
    traps.push(trap("fragment in the query", at("/api/x?a#/../b"), 400, "target_fragment"));
    traps.push(trap("9 KiB", at(&format!("/api/{}", "a".repeat(9216))), 414, "target_too_long"));
    traps.push(trap("70 KiB", at(&format!("/api/{}", "a".repeat(71680))), 414, "target_too_long"));
    spring(traps);
}

#[test]
fn what_is_no_target_to_hyper_is_refused_as_well() {
    let at = |target: &[u8]| {
        let mut bytes = b"GET ".to_vec();
        bytes.extend_from_slice(target);
        bytes.extend_from_slice(&get("/api/x", "").into_bytes()["GET /api/x".len()..]);
        bytes
    };
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    for target in [
        &b"/api/\xc3\xa9"[..],
        b"/api/\xff",
        b"/api/a b",
        b"/api/\x01",
        b"/api/\x7f",
        b"/api/<x>",
        b"api/x",
        b"http://gate",
        b"http://a@gate/api/x",
        b"ftp://gate/api/x",
        b"?x",
    ] {
        let mut wire = Wire::connect(gate.proxy);
        wire.send(at(target));
        let name = String::from_utf8_lossy(target);
        let answer = wire.answer().unwrap_or_else(|| panic!("{name}: no answer"));
        assert!([400, 404].contains(&answer.status), "{name}: {}", answer.head);
        assert!(!answer.reason().is_empty(), "{name}: {}", answer.head);
        assert_eq!(backend.count(), 0, "{name}: {:?}", backend.seen());
    }
}

#[test]
fn a_request_behind_the_preface_of_http_2_reaches_nobody() {
    let backend = Backend::start();
    let gate = Gate::start(backend.address, "");
    let preface = format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}", get("/api/victim", ""));
    let text = until_closed(gate.proxy, preface);
    assert!(!text.contains("HTTP/1"), "{text}");
    assert_eq!(backend.count(), 0);
}

#[test]
fn heads_are_bounded() {
    let many = |count: usize| (0..count).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    spring(vec![
        // Two of the hundred are host and authorization.
        trap("101 headers", get("/api/x", &many(99)), 431, "headers_too_large"),
        trap(
            "a huge header",
            get("/api/x", &format!("x-a: {}\r\n", "b".repeat(65 * 1024))),
            431,
            "headers_too_large",
        ),
        trap(
            "many large headers",
            get("/api/x", &format!("x-a: {}\r\n", "b".repeat(8192)).repeat(8)),
            431,
            "headers_too_large",
        ),
        trap("nothing but empty lines", "\r\n".repeat(40 * 1024), 414, "target_too_long"),
    ]);
}
