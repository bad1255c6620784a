//! A client of Envoy's `Authorization/Check`, and what its questions are measured by.

use std::{future::Future, hint::black_box, net::SocketAddr, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http2::SendRequest, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use serde_json::{Value, json};

use super::support::{Issuer, ROLE};

/// What a question came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// With the status of the answer for the client.
    Denied(i32),
    /// With the code of the call's error.
    Undecided(u32),
}

/// A connection.
pub(super) struct Asker(SendRequest<Full<Bytes>>);

impl Asker {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let io = TokioIo::new(stream);
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    pub(super) async fn check(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        patience: Duration,
    ) -> Verdict {
        self.send(method, path, token, patience).await
    }

    /// Asks about a `GET` with a cookie.
    pub(super) async fn check_cookie(
        &self,
        path: &str,
        (token, cookie): (&str, &[u8]),
        patience: Duration,
    ) -> Verdict {
        self.send_message(question("GET", path, Some(token), &[("cookie", cookie)]), patience)
            .await
            .unwrap()
    }

    /// Asks about a request without a token, with these headers.
    pub(super) async fn check_with(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        patience: Duration,
    ) -> Verdict {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        self.send_message(question(method, path, None, &headers), patience).await.unwrap()
    }

    /// Sends the question at once; the answer may be waited for.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        patience: Duration,
    ) -> impl Future<Output = Verdict> + use<> {
        let answer = self.send_message(question(method, path, token, &[]), patience);
        async { answer.await.unwrap() }
    }

    /// The verdict on a `GET`; none if the connection ended instead.
    pub(super) async fn try_check(&self, path: &str, token: &str) -> Option<Verdict> {
        let message = question("GET", path, Some(token), &[]);
        self.send_message(message, Duration::from_secs(5)).await.ok()
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// The answer, or that there is none.
    fn send_message(
        &self,
        message: Vec<u8>,
        patience: Duration,
    ) -> impl Future<Output = Result<Verdict, hyper::Error>> + use<> {
        let mut body = BytesMut::with_capacity(message.len() + 5);
        body.put_u8(0);
        body.put_u32(u32::try_from(message.len()).unwrap());
        body.extend_from_slice(&message);
        let request = Request::post("http://poolgate/envoy.service.auth.v3.Authorization/Check")
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .header("grpc-timeout", format!("{}m", patience.as_millis()))
            .body(Full::new(body.freeze()))
            .unwrap();
        let answer = self.0.clone().send_request(request);
        let answer = tokio::spawn(answer);
        async move {
            let answer = answer.await.unwrap()?;
            let head = answer.headers().get("grpc-status").map(|v| v.to_str().unwrap().to_owned());
            let body = answer.into_body().collect().await?;
            let trailer = body.trailers().and_then(|all| all.get("grpc-status"));
            let status = head.or_else(|| trailer.map(|v| v.to_str().unwrap().to_owned()));
            Ok(match status.as_deref() {
                Some("0") => verdict(&body.to_bytes()),
                status => Verdict::Undecided(status.unwrap().parse().unwrap()),
            })
        }
    }
}

fn verdict(body: &[u8]) -> Verdict {
    let answer = CheckResponse::decode(&body[5..]).unwrap();
    match (answer.status, answer.ok_response, answer.denied_response) {
        (Some(Status { code: 0 }), Some(_), None) => Verdict::Allowed,
        (Some(Status { code }), None, Some(denied)) if code != 0 => {
            Verdict::Denied(denied.status.unwrap().code)
        }
        other => panic!("neither allowed nor denied: {other:?}"),
    }
}

/// A CheckRequest as Envoy writes one about a browser's or an SDK's request, with raw headers.
fn question(method: &str, path: &str, token: Option<&str>, more: &[(&str, &[u8])]) -> Vec<u8> {
    let mut fields: Vec<(&str, Vec<u8>)> = [
        (":authority", "api.example.com"),
        (":path", path),
        (":method", method),
        (":scheme", "http"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip, deflate, br"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("x-request-id", "5f3a1c1e-8a7b-4d0c-9b0e-1f2a3b4c5d6e"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-for", "127.0.0.1"),
    ]
    .map(|(name, value)| (name, value.as_bytes().to_vec()))
    .to_vec();
    fields.extend(token.map(|token| ("authorization", format!("Bearer {token}").into_bytes())));
    fields.extend(more.iter().map(|(name, value)| (*name, value.to_vec())));
    let headers =
        fields.into_iter().map(|(key, raw_value)| HeaderValue { key: key.to_owned(), raw_value });
    let http = HttpRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        host: "api.example.com".to_owned(),
        scheme: "http".to_owned(),
        protocol: "HTTP/1.1".to_owned(),
        header_map: Some(HeaderMap { headers: headers.collect() }),
    };
    let address = SocketAddress { address: "127.0.0.1".to_owned(), port: 40_000 };
    let source = Peer { address: Some(Address { socket: Some(address) }) };
    let attributes =
        Attributes { source: Some(source), request: Some(AskedRequest { http: Some(http) }) };
    CheckRequest { attributes: Some(attributes) }.encode_to_vec()
}

/// Statements of which one allows `GET /api/…`.
pub(super) fn statements(count: usize) -> Vec<Value> {
    let api = "arn:aws:execute-api:us-east-1:111122223333:testapi/test";
    let other = (1..count).map(|number| {
        json!({ "Effect": "Allow", "Action": "execute-api:Invoke",
            "Resource": format!("{api}/POST/other/{number}/*") })
    });
    let this = json!({ "Effect": "Allow", "Action": "execute-api:Invoke",
        "Resource": format!("{api}/GET/api/*") });
    other.chain([this]).collect()
}

/// The tests' role with these statements.
pub(super) fn role(statements: &[Value]) -> String {
    json!({
        "RoleName": "Tester", "Path": "/", "Arn": ROLE, "RoleId": "AROATESTTESTTESTTEST1",
        "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Federated": "cognito-identity.amazonaws.com" },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": {
                "cognito-identity.amazonaws.com:aud": "us-east-1:11111111-2222-4333-8444-555555555555" } },
        }]},
        "RolePolicyList": [{ "PolicyName": "Test",
            "PolicyDocument": { "Version": "2012-10-17", "Statement": statements } }],
        "AttachedManagedPolicies": [],
    })
    .to_string()
}

/// What verifying a token's RS256 signature takes with aws-lc and a parsed key.
pub(super) fn verification(token: &str) -> Duration {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature)
            .unwrap();
    let key = Issuer::shared().public_key();
    let mut rounds: Vec<Duration> = (0..9)
        .map(|_| {
            let started = thread_time();
            for _ in 0..2000 {
                key.verify_sig(black_box(signed.as_bytes()), &signature).unwrap();
            }
            (thread_time() - started) / 2000
        })
        .collect();
    rounds.sort();
    rounds[rounds.len() / 2]
}

fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap()
}

/// What a process has used.
pub(super) fn processor_time(pid: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Whether a signal has stopped a process.
pub(super) fn is_stopped(pid: u32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    text.rsplit_once(") ").unwrap().1.starts_with('T')
}

#[derive(Clone, PartialEq, Message)]
struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
struct Attributes {
    #[prost(message, optional, tag = "1")]
    source: Option<Peer>,
    #[prost(message, optional, tag = "4")]
    request: Option<AskedRequest>,
}

#[derive(Clone, PartialEq, Message)]
struct Peer {
    #[prost(message, optional, tag = "1")]
    address: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
struct Address {
    #[prost(message, optional, tag = "1")]
    socket: Option<SocketAddress>,
}

#[derive(Clone, PartialEq, Message)]
struct SocketAddress {
    #[prost(string, tag = "2")]
    address: String,
    #[prost(uint32, tag = "3")]
    port: u32,
}

#[derive(Clone, PartialEq, Message)]
struct AskedRequest {
    #[prost(message, optional, tag = "2")]
    http: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, Message)]
struct HttpRequest {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(string, tag = "4")]
    path: String,
    #[prost(string, tag = "5")]
    host: String,
    #[prost(string, tag = "6")]
    scheme: String,
    #[prost(string, tag = "10")]
    protocol: String,
    #[prost(message, optional, tag = "13")]
    header_map: Option<HeaderMap>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    headers: Vec<HeaderValue>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(bytes = "vec", tag = "3")]
    raw_value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    denied_response: Option<Denied>,
    #[prost(message, optional, tag = "3")]
    ok_response: Option<Allowed>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Denied {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Allowed {}
