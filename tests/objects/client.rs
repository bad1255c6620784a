//! A gate with a bucket behind it, and a caller with temporary credentials.

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant, SystemTime},
};

use aws_credential_types::Credentials;
use aws_lc_rs::digest;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use serde_json::{Value, json};

use crate::support::{
    Answer, Backend, Gate, Issuer, POOL, ROLE, Wire, configuration, free_port, policies,
};

pub(crate) const PROVIDER: &str = "cognito-idp.us-east-1.amazonaws.com";
/// What the gate signs to its backend with.
pub(crate) const BACKEND_KEY: &str = "backendkey";

/// A running gate in front of `backend`.
pub(crate) fn gate(backend: &Backend) -> Gate {
    gate_with(backend.address, "")
}

pub(crate) fn gate_with(backend: SocketAddr, extra: &str) -> Gate {
    gate_to(backend, "", extra)
}

/// The same, with `upstream` said of the bucket's upstream.
pub(crate) fn gate_to(backend: SocketAddr, upstream: &str, extra: &str) -> Gate {
    let folder = tempfile::tempdir().unwrap();
    Issuer::shared().write_jwks(&folder.path().join("jwks.json"));
    policies(folder.path());
    allow(folder.path(), &statements());
    let (proxy, admin) = (free_port(), free_port());
    let key = base64(&[7; 32]);
    fs::write(folder.path().join("sealing.key"), &key).unwrap();
    fs::write(folder.path().join("backend.secret"), "backend secret").unwrap();
    let more = format!(
        r#"  - name: files
    service: s3
    upstream:
      url: "http://{backend}"
      sign: {{ access_key_id: {BACKEND_KEY}, secret_access_key: {{ file: backend.secret }} }}
      {upstream}
  - {{ name: scoped, service: execute-api, match: {{ path: /scoped/ }}, engines: {{ iam: off }}, scopes: [a], upstream: {{ url: "http://{backend}" }} }}
credentials: {{ keys: [{{ id: k1, file: sealing.key }}] }}
s3: {{ domains: [s3.localhost] }}
decision_log: {{ sink: stdout }}
log: {{ level: trace }}
{extra}"#
    );
    fs::write(folder.path().join("poolgate.yaml"), configuration(proxy, admin, backend, &more))
        .unwrap();
    Gate::run(folder, proxy, admin)
}

/// Anything on `files`, but for `files/secret/`, and the API.
pub(crate) fn statements() -> Value {
    json!([
        { "Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::files", "arn:aws:s3:::files/*"] },
        { "Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::files/secret/*" },
        { "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*" },
    ])
}

/// Gives the role these statements.
pub(crate) fn allow(folder: &std::path::Path, statements: &Value) {
    let path = folder.join("policies/roles/Tester.json");
    let mut role: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    role["RolePolicyList"][0]["PolicyDocument"]["Statement"] = statements.clone();
    fs::write(&path, role.to_string()).unwrap();
}

/// A caller with temporary credentials.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) session_token: String,
}

impl Caller {
    /// Signs in by the identity pool's API, as an SDK does.
    pub(crate) fn sign_in(gate: &Gate) -> Self {
        let token = Issuer::shared().id_token("user", &["testers"], Some(ROLE));
        let logins = json!({ format!("{PROVIDER}/{POOL}"): token });
        let pool = "us-east-1:11111111-2222-4333-8444-555555555555";
        let id = ask(gate, "GetId", &json!({ "IdentityPoolId": pool, "Logins": logins }));
        let given = ask(
            gate,
            "GetCredentialsForIdentity",
            &json!({ "IdentityId": id["IdentityId"], "Logins": logins }),
        );
        let given = &given["Credentials"];
        let text =
            |name: &str| given[name].as_str().unwrap_or_else(|| panic!("{given}")).to_owned();
        Self {
            access_key_id: text("AccessKeyId"),
            secret: text("SecretKey"),
            session_token: text("SessionToken"),
        }
    }

    /// The target with a signature in its query.
    pub(crate) fn presigned(&self, request: &Request<'_>) -> String {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(60));
        let token = Some(self.session_token.clone());
        let credentials =
            Credentials::new(&self.access_key_id, &self.secret, token, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&credentials)
            .region("us-east-1")
            .name(request.service)
            .time(request.at)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let url = format!("http://{}{}", request.host, request.target);
        let body = SignableBody::Bytes(b"");
        let signable = SignableRequest::new(request.method, &url, std::iter::empty(), body);
        let (instructions, _) = sign(signable.unwrap(), &params).unwrap().into_parts();
        let mut signed = http::Request::builder().uri(&url).body(()).unwrap();
        instructions.apply_to_request_http1x(&mut signed);
        signed.uri().path_and_query().unwrap().to_string()
    }

    /// The head of a signed request to S3.
    pub(crate) fn head(&self, request: &Request<'_>) -> String {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let token = Some(self.session_token.clone());
        let credentials =
            Credentials::new(&self.access_key_id, &self.secret, token, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&credentials)
            .region("us-east-1")
            .name(request.service)
            .time(request.at)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let body = match &request.payload {
            Payload::Unsigned => SignableBody::UnsignedPayload,
            Payload::Of(body) => SignableBody::Bytes(body),
            Payload::Said(word) => SignableBody::Precomputed((*word).to_owned()),
        };
        let url = format!("http://{}{}", request.host, request.target);
        let headers = request.headers.iter().map(|(name, value)| (*name, *value));
        let signable = SignableRequest::new(request.method, url, headers, body).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut head =
            format!("{} {} HTTP/1.1\r\nhost: {}\r\n", request.method, request.target, request.host);
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        for (name, value) in instructions.headers() {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head
    }
}

/// A request that is to be signed.
pub(crate) struct Request<'r> {
    pub(crate) service: &'r str,
    pub(crate) method: &'r str,
    pub(crate) target: &'r str,
    pub(crate) host: &'r str,
    pub(crate) headers: Vec<(&'r str, &'r str)>,
    pub(crate) payload: Payload<'r>,
    pub(crate) at: SystemTime,
}

/// What is signed of the body.
pub(crate) enum Payload<'r> {
    Unsigned,
    Of(&'r [u8]),
    /// One of AWS's words for a body in chunks.
    Said(&'r str),
}

impl<'r> Request<'r> {
    /// To S3, now, without a body.
    pub(crate) fn new(method: &'r str, target: &'r str) -> Self {
        Self {
            service: "s3",
            method,
            target,
            host: "gate.example",
            headers: Vec::new(),
            payload: Payload::Of(b""),
            at: now(),
        }
    }

    pub(crate) fn with(mut self, name: &'r str, value: &'r str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn signing(self, body: &'r [u8]) -> Self {
        Self { payload: Payload::Of(body), ..self }
    }

    pub(crate) fn ago(self, time: Duration) -> Self {
        Self { at: self.at - time, ..self }
    }
}

/// Sends a signed request with this body.
pub(crate) fn send(gate: &Gate, caller: &Caller, request: &Request<'_>, body: &[u8]) -> Answer {
    let head = caller.head(request);
    let mut bytes = format!("{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    let mut wire = Wire::connect(gate.proxy);
    wire.send(&bytes);
    wire.answer().unwrap()
}

/// An operation of the identity pool.
fn ask(gate: &Gate, operation: &str, input: &Value) -> Value {
    let body = input.to_string();
    let mut wire = Wire::connect(gate.proxy);
    wire.send(
        format!(
            "POST / HTTP/1.1\r\nhost: gate.example\r\ncontent-type: application/x-amz-json-1.1\r\n\
             x-amz-target: AWSCognitoIdentityService.{operation}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
    let answer = wire.answer().unwrap();
    serde_json::from_slice(&answer.body).unwrap()
}

/// The `Code` of an error of S3.
pub(crate) fn code(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map_or(text.clone(), |(code, _)| code.to_owned())
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, bytes);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[expect(clippy::disallowed_methods, reason = "requests are signed for the real clock")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// The line of the decision log.
pub(crate) fn decision(gate: &Gate, id: &str) -> Value {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let log = fs::read_to_string(gate.path("stdout")).unwrap();
        // The last line may be there in part.
        let line = log.lines().find(|line| line.contains(id));
        if let Some(found) = line.and_then(|line| serde_json::from_str(line).ok()) {
            return found;
        }
        assert!(Instant::now() < end, "no line for {id}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
