//! Calls over real sockets.

use std::sync::{Arc, Mutex};

use ::http::{HeaderMap, HeaderName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener},
    task::JoinHandle,
};

use super::*;
use crate::{
    sigv4::{
        Form, Signed, Signer,
        testing::{ACCESS_KEY_ID, SECRET, Sent},
    },
    upstream::{HostHeader, Place},
};

const LIMIT: Duration = Duration::from_secs(5);

fn call() -> Call {
    Call { target: "DynamoDB_20120810.DescribeTable", body: Bytes::from_static(BODY.as_bytes()) }
}

const BODY: &str = r#"{"TableName":"demo"}"#;

/// Reads one request, writes `answer`, and says what was read when the caller has gone.
async fn serve<T: AsyncRead + AsyncWrite + Unpin>(mut stream: T, answer: String) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.ends_with(b"}") {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            read => seen.extend_from_slice(&buffer[..read]),
        }
    }
    // Who has heard enough may be gone.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.read(&mut buffer).await;
    String::from_utf8(seen).unwrap()
}

/// A backend for one connection, and the port it is at.
async fn backend(answer: String) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served =
        tokio::spawn(async move { serve(listener.accept().await.unwrap().0, answer).await });
    (port, served)
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn at(host: &str, port: u16) -> Upstream {
    Upstream::new("u", Place::Tcp(host.to_owned(), port), None, HostHeader::Keep)
}

fn headers(request: &str) -> HeaderMap {
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(':').unwrap();
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, value.trim().parse().unwrap());
    }
    headers
}

#[tokio::test]
async fn a_call_is_made_as_a_client_of_aws_makes_it_and_tells_of_no_caller() {
    let (port, served) = backend(answer("400 Bad Request", "{}")).await;
    // Its name has not been looked up.
    let (status, body) = ask(&at("localhost", port), call(), LIMIT).await.unwrap();
    assert_eq!((status, &body[..]), (StatusCode::BAD_REQUEST, b"{}".as_slice()));
    let seen = served.await.unwrap();
    assert!(seen.starts_with("POST / HTTP/1.1\r\n") && seen.ends_with(BODY), "{seen}");
    let headers = headers(&seen);
    for (name, value) in [
        ("host", format!("localhost:{port}").as_str()),
        ("content-type", "application/x-amz-json-1.0"),
        ("content-length", &BODY.len().to_string()),
        ("x-amz-target", "DynamoDB_20120810.DescribeTable"),
        ("x-poolgate-subject", ""),
        ("x-poolgate-identity", ""),
        ("x-poolgate-role", ""),
        ("x-poolgate-groups", ""),
        ("x-poolgate-decision-id", ""),
    ] {
        assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
    }
    assert!(!headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_call_is_signed_where_the_upstream_wants_that() {
    let (port, served) = backend(answer("200 OK", "{}")).await;
    let signer = Signer::new(ACCESS_KEY_ID, SECRET, None, "eu-west-1").of_service("dynamodb");
    let place = Place::Tcp("127.0.0.1".to_owned(), port);
    let upstream = Upstream::new("u", place, None, HostHeader::rewrite("db.example:8000"));
    ask(&upstream.signed(Some(signer)), call(), LIMIT).await.unwrap();
    let sent = Sent { headers: headers(&served.await.unwrap()), ..Sent::new("POST", "/") };
    assert_eq!(sent.headers["host"], "db.example:8000");
    assert_eq!(sent.verify(SECRET, Form::Other, BODY.as_bytes()), Ok(()));
    assert_eq!(sent.check_time(clock::now()), Ok(()));
    let signed = Signed::parse(sent.head()).unwrap().unwrap();
    let scope = signed.scope().as_str();
    assert!(scope.ends_with("/eu-west-1/dynamodb/aws4_request"), "{scope}");
}

#[tokio::test]
async fn a_unix_socket_is_asked_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let said = answer("200 OK", "{}");
    let served = tokio::spawn(async move { serve(listener.accept().await.unwrap().0, said).await });
    let upstream = Upstream::new("u", Place::Unix(path), None, HostHeader::Keep);
    assert_eq!(ask(&upstream, call(), LIMIT).await.unwrap().0, StatusCode::OK);
    assert_eq!(headers(&served.await.unwrap())["host"], "localhost");
}

#[tokio::test]
async fn what_is_no_whole_answer_is_none() {
    let large = "x".repeat(MAX_ANSWER + 1);
    let failed = |answer: String| async move {
        let (port, served) = backend(answer).await;
        let failed = ask(&at("127.0.0.1", port), call(), LIMIT).await.unwrap_err();
        // The connection is closed, or the backend would wait on.
        let _ = served.await.unwrap();
        failed
    };
    let found = failed(answer("200 OK", &large)).await;
    assert!(matches!(found, CallError::TooLarge), "{found}");
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{large}",
        large.len()
    );
    let found = failed(chunked).await;
    assert!(matches!(found, CallError::TooLarge), "{found}");
    for broken in ["SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"] {
        let found = failed(broken.to_owned()).await;
        assert!(matches!(found, CallError::Failed(ForwardError::Upstream(_))), "{found}");
    }
    let exact = "x".repeat(MAX_ANSWER);
    let (port, _) = backend(answer("200 OK", &exact)).await;
    assert_eq!(ask(&at("127.0.0.1", port), call(), LIMIT).await.unwrap().1.len(), MAX_ANSWER);
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_does_not_come_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let held = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&held);
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        first.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
        drop(first);
        loop {
            let stream = listener.accept().await.unwrap();
            keep.lock().unwrap().push(stream);
        }
    });
    let upstream = at("127.0.0.1", port);
    let found = ask(&upstream, call(), LIMIT).await.unwrap_err();
    assert!(matches!(found, CallError::Failed(ForwardError::Upstream(_))), "{found}");
    let found = ask(&upstream, call(), Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(found, CallError::Failed(ForwardError::AnswerTimeout)), "{found}");
    assert_eq!(held.lock().unwrap().len(), 1);
    let nowhere = ask(&at("nowhere.invalid", 81), call(), LIMIT).await.unwrap_err();
    assert!(matches!(nowhere, CallError::Failed(ForwardError::NoAddress)), "{nowhere}");
}

#[test]
fn an_ipv6_address_has_brackets_in_its_host() {
    assert_eq!(at("::1", 8000).own_host().unwrap(), "[::1]:8000");
    let named = Upstream::new("u", Place::Tcp("h".into(), 1), None, HostHeader::rewrite("own"));
    assert_eq!(named.own_host().unwrap(), "own");
}
