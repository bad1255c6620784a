//! gRPC by tonic's client, over TLS: all four kinds of calls, denials, and streams that end with the right to them.

use std::{
    convert::Infallible,
    fs,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use ::http::{HeaderMap, Request, Response, uri::PathAndQuery};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{
    body::{Body, Frame, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::{
    Code, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::tokio_stream::{self, Stream, wrappers::UnboundedReceiverStream},
    metadata::MetadataValue,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use crate::{
    certificates, folder,
    support::{CLIENT, Gate, Issuer, ROLE, configuration, free_port},
};

/// Messages are texts.
#[derive(Clone, Copy)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, message: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// The frames of an answer, as soon as they are said.
struct Answer(UnboundedReceiver<Frame<Bytes>>);

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

/// What a caller says, message by message (gRPC's length-prefixed messages).
struct Messages {
    body: Incoming,
    rest: BytesMut,
}

impl Messages {
    async fn next(&mut self) -> Option<String> {
        loop {
            if let [0, a, b, c, d, ..] = *self.rest {
                let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap();
                if self.rest.len() >= 5 + length {
                    let message = self.rest.split_to(5 + length).split_off(5);
                    return Some(String::from_utf8_lossy(&message).into_owned());
                }
            }
            if let Ok(data) = self.body.frame().await?.ok()?.into_data() {
                self.rest.extend_from_slice(&data);
            }
        }
    }
}

fn say(out: &UnboundedSender<Frame<Bytes>>, message: &str) {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap());
    bytes.put(message.as_bytes());
    let _ = out.send(Frame::data(bytes.freeze()));
}

/// Answers in capitals; by the last segment of its path a call has one message or several, either way.
async fn answer(request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
    let (out, answer) = unbounded_channel();
    let (head, body) = request.into_parts();
    let method = head.uri.path().rsplit('/').next().unwrap().to_owned();
    tokio::spawn(async move {
        let mut asked = Messages { body, rest: BytesMut::new() };
        let mut status = ("0", "");
        match &*method {
            "Server" => {
                let message = asked.next().await.unwrap();
                (0..3).for_each(|number| say(&out, &format!("{message}{number}")));
            }
            "Client" => {
                let mut all = Vec::new();
                while let Some(message) = asked.next().await {
                    all.push(message);
                }
                say(&out, &all.join(","));
            }
            "Fail" => status = ("9", "not yet"),
            _ => {
                while let Some(message) = asked.next().await {
                    say(&out, &message.to_uppercase());
                }
            }
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", status.0.parse().unwrap());
        trailers.insert("grpc-message", status.1.parse().unwrap());
        trailers.insert("x-last", "1".parse().unwrap());
        let _ = out.send(Frame::trailers(trailers));
    });
    let response = Response::builder().header("content-type", "application/grpc");
    Ok(response.body(Answer(answer)).unwrap())
}

fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(
                    http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service_fn(answer)),
                );
            }
        });
    });
    address
}

/// A gate that lets its callers `POST` below `/test.Echo/`, over TLS alone.
fn gate() -> Gate {
    let (upstream, folder) = (backend(), folder());
    certificates(folder.path());
    fs::write(folder.path().join("revoked.jsonl"), "").unwrap();
    let role = folder.path().join("policies/roles/Tester.json");
    let text = fs::read_to_string(&role).unwrap();
    fs::write(&role, text.replace("PUT/api/own", "POST/test.Echo/*")).unwrap();
    let (proxy, admin) = (free_port(), free_port());
    let text = configuration(proxy, admin, upstream, "token: { revocations: revoked.jsonl }")
        .replace(
            &format!("proxy: {{ address: \"{proxy}\" }}"),
            &format!("proxy: {{ address: \"{proxy}\", tls: {{ cert: tls.crt, key: tls.key }} }}"),
        );
    let text = text
        .replace("path: /api/", "path: /")
        .replace(&format!("{upstream}\""), &format!("{upstream}\", http2: true"));
    fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
    Gate::run(folder, proxy, admin)
}

async fn connect(gate: &Gate) -> Grpc<Channel> {
    let authority = Certificate::from_pem(fs::read(gate.path("ca.pem")).unwrap());
    // Without `assume_http2` it takes nothing but what ALPN has agreed on.
    let tls = ClientTlsConfig::new().ca_certificate(authority).domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", gate.proxy.port()));
    let endpoint = endpoint.unwrap().tls_config(tls).unwrap().timeout(Duration::from_secs(20));
    let mut client = Grpc::new(endpoint.connect().await.unwrap());
    client.ready().await.unwrap();
    client
}

/// A token of this user, of which revocations can tell.
fn token(jti: &str, seconds: u64) -> String {
    let mut claims = Issuer::shared().claims("user-1", "id");
    claims["aud"] = json!(CLIENT);
    claims["cognito:username"] = json!("user-1");
    claims["cognito:preferred_role"] = json!(ROLE);
    claims["cognito:roles"] = json!([ROLE]);
    claims["jti"] = json!(jti);
    claims["exp"] = json!(claims["iat"].as_u64().unwrap() + seconds);
    Issuer::shared().sign(&claims)
}

fn with<T>(token: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let bearer: MetadataValue<_> = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

fn one(token: &str) -> tonic::Request<String> {
    with(token, "hello".to_owned())
}

fn path(path: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(path)
}

fn several(messages: &[&str]) -> impl Stream<Item = String> + use<> {
    tokio_stream::iter(messages.iter().map(|&message| message.to_owned()).collect::<Vec<_>>())
}

#[tokio::test]
async fn all_four_kinds_of_calls_arrive() {
    let gate = gate();
    let (mut client, token) = (connect(&gate).await, token("a", 600));

    let answer = client.unary(one(&token), path("/test.Echo/Unary"), Text).await.unwrap();
    assert_eq!(answer.metadata().get("x-poolgate-decision-id").unwrap().len(), 32);
    assert_eq!(answer.metadata().get("x-last").unwrap(), "1");
    assert_eq!(answer.into_inner(), "HELLO");

    client.ready().await.unwrap();
    let answer = client.server_streaming(one(&token), path("/test.Echo/Server"), Text).await;
    let mut said = answer.unwrap().into_inner();
    for expected in ["hello0", "hello1", "hello2"] {
        assert_eq!(said.message().await.unwrap().as_deref(), Some(expected));
    }
    assert_eq!(said.message().await.unwrap(), None);
    assert_eq!(said.trailers().await.unwrap().unwrap().get("x-last").unwrap(), "1");

    client.ready().await.unwrap();
    let asked = with(&token, several(&["a", "", "c"]));
    let answer = client.client_streaming(asked, path("/test.Echo/Client"), Text).await.unwrap();
    assert_eq!(answer.into_inner(), "a,,c");

    // Each message is answered before the next is sent.
    client.ready().await.unwrap();
    let (ask, asked) = unbounded_channel();
    ask.send("a0".to_owned()).unwrap();
    let asked = with(&token, UnboundedReceiverStream::new(asked));
    let answer = client.streaming(asked, path("/test.Echo/Both"), Text).await.unwrap();
    let mut said = answer.into_inner();
    assert_eq!(said.message().await.unwrap().as_deref(), Some("A0"));
    for number in 1..10 {
        ask.send(format!("a{number}")).unwrap();
        assert_eq!(said.message().await.unwrap(), Some(format!("A{number}")));
    }
    drop(ask);
    assert_eq!(said.message().await.unwrap(), None);
    // All over one connection.
    assert_eq!(gate.metric("poolgate_connections"), Some(1.0));
}

#[tokio::test]
async fn denials_and_failures_have_their_status() {
    let gate = gate();
    let (mut client, token) = (connect(&gate).await, token("a", 600));
    for (asked, called, code, said) in [
        (one("a.b.c"), "/test.Echo/Unary", Code::Unauthenticated, ""),
        (
            tonic::Request::new("hello".to_owned()),
            "/test.Echo/Unary",
            Code::Unauthenticated,
            "a token is needed",
        ),
        (one(&token), "/test.Other/Unary", Code::PermissionDenied, "not authorized"),
        (one(&token), "/test.Echo/Fail", Code::FailedPrecondition, "not yet"),
    ] {
        client.ready().await.unwrap();
        let refused = client.unary(asked, path(called), Text).await.unwrap_err();
        assert_eq!(refused.code(), code, "{called}: {refused}");
        assert!(refused.message().contains(said), "{called}: {refused}");
        assert!(refused.metadata().contains_key("x-poolgate-decision-id"), "{called}: {refused}");
        let challenged = refused.metadata().contains_key("www-authenticate");
        assert_eq!(challenged, code == Code::Unauthenticated, "{called}: {refused}");
    }
    // A stream is denied as it begins.
    client.ready().await.unwrap();
    let asked = with("a.b.c", several(&["a"]));
    let refused = client.streaming(asked, path("/test.Echo/Both"), Text).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
}

#[tokio::test]
async fn a_stream_ends_with_the_right_to_it() {
    let gate = gate();
    let mut client = connect(&gate).await;
    for (jti, seconds, code, told, reason) in [
        ("short", 3, Code::Unauthenticated, "have expired", "expired"),
        ("doomed", 600, Code::Unauthenticated, "has been revoked", "revoked"),
        ("unlucky", 600, Code::PermissionDenied, "not permitted any more", "withdrawn"),
    ] {
        client.ready().await.unwrap();
        let token = token(jti, seconds);
        let (ask, asked) = unbounded_channel();
        ask.send("a".to_owned()).unwrap();
        let asked = with(&token, UnboundedReceiverStream::new(asked));
        let answer = client.streaming(asked, path("/test.Echo/Both"), Text).await.unwrap();
        let mut said = answer.into_inner();
        assert_eq!(said.message().await.unwrap().as_deref(), Some("A"));
        match jti {
            "doomed" => {
                fs::write(gate.path("revoked.jsonl"), "{\"jti\": \"doomed\"}\n").unwrap();
            }
            "unlucky" => {
                let role = gate.path("policies/roles/Tester.json");
                let text = fs::read_to_string(&role).unwrap();
                fs::write(&role, text.replace("POST/test.Echo/*", "POST/test.Echo/Unary")).unwrap();
                gate.signal("HUP");
            }
            _ => {}
        }
        let start = Instant::now();
        let ended = said.message().await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(8), "{jti}: {:?}", start.elapsed());
        assert_eq!(ended.code(), code, "{jti}: {ended}");
        assert!(ended.message().contains(told), "{jti}: {ended}");
        let series = format!("poolgate_streams_ended_total{{reason=\"{reason}\"}}");
        assert_eq!(gate.metric(&series), Some(1.0), "{jti}");
        // The next call says the same.
        client.ready().await.unwrap();
        let asked = with(&token, several(&["a"]));
        let refused = client.streaming(asked, path("/test.Echo/Both"), Text).await.unwrap_err();
        assert_eq!(refused.code(), code, "{jti}: {refused}");
        drop(ask);
    }
    // What is still permitted goes on, over the same connection.
    client.ready().await.unwrap();
    let answer = client.unary(one(&token("a", 600)), path("/test.Echo/Unary"), Text).await;
    assert_eq!(answer.unwrap().into_inner(), "HELLO");
    assert_eq!(gate.metric("poolgate_connections"), Some(1.0));
}
