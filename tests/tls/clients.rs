//! Client certificates: who may connect, whose tokens are theirs, and what policies see of them.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType,
};
use serde_json::{Value, json};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};

use super::{certificates, folder};
use crate::support::{Backend, CLIENT, Gate, Issuer, ROLE, configuration, free_port};

const OURS: &str = "spiffe://example.org/ours";

/// An authority of clients' certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A client that trusts the gate, with its certificate if it has one.
#[derive(Clone)]
struct Client {
    config: Arc<ClientConfig>,
    thumbprint: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A client with a certificate of these URI names.
    fn client(&self, server: &CertificateDer<'static>, names: &[&str]) -> Client {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names =
            names.iter().map(|name| SanType::URI((*name).try_into().unwrap())).collect();
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.0).unwrap();
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, leaf.der()));
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Client::new(server, Some((leaf.der().clone(), key)), thumbprint)
    }
}

impl Client {
    fn new(
        server: &CertificateDer<'static>,
        own: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
        thumbprint: String,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(server.clone()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match own {
            Some((leaf, key)) => builder.with_client_auth_cert(vec![leaf], key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        Self { config: Arc::new(config), thumbprint }
    }

    /// The answer to `GET /api/x`, or nothing where there is no connection.
    fn get(&self, gate: SocketAddr, token: &str, more: &str) -> String {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let stream = TcpStream::connect(gate).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let request = format!(
            "GET /api/x HTTP/1.1\r\nhost: gate\r\nconnection: close\r\nauthorization: Bearer {token}\r\n{more}\r\n"
        );
        // A refused handshake is an error here or when the answer is read.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// A gate that knows the authorities in `clients.pem`.
struct Rig {
    gate: Gate,
    backend: Backend,
    server: CertificateDer<'static>,
}

impl Rig {
    fn start(authority: &Authority, auth: &str, statement: impl FnOnce(&mut Value)) -> Self {
        let backend = Backend::start();
        let folder = folder();
        let server = certificates(folder.path());
        fs::write(folder.path().join("clients.pem"), authority.0.pem()).unwrap();
        edit_statement(folder.path(), statement);
        let (proxy, admin) = (free_port(), free_port());
        let listener = format!(
            "proxy: {{ address: \"{proxy}\", tls: {{ cert: tls.crt, key: tls.key, client_ca: clients.pem, client_auth: {auth} }} }}"
        );
        let text = configuration(proxy, admin, backend.address, "decision_log: { sink: stdout }\n")
            .replace(&format!("proxy: {{ address: \"{proxy}\" }}"), &listener);
        assert!(text.contains("client_ca"), "{text}");
        fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
        Self { gate: Gate::run(folder, proxy, admin), backend, server }
    }

    fn get(&self, client: &Client, token: &str) -> String {
        client.get(self.gate.proxy, token, "")
    }
}

/// Edits the statement of the tester's role.
fn edit_statement(folder: &Path, edit: impl FnOnce(&mut Value)) {
    let path = folder.join("policies/roles/Tester.json");
    let mut role: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    edit(role.pointer_mut("/RolePolicyList/0/PolicyDocument/Statement/0").unwrap());
    fs::write(path, role.to_string()).unwrap();
}

fn token(cnf: Option<&str>) -> String {
    let issuer = Issuer::shared();
    let mut claims = issuer.claims("user", "id");
    claims["aud"] = json!(CLIENT);
    claims["cognito:preferred_role"] = json!(ROLE);
    claims["cognito:roles"] = json!([ROLE]);
    if let Some(thumbprint) = cnf {
        claims["cnf"] = json!({ "x5t#S256": thumbprint });
    }
    issuer.sign(&claims)
}

fn reason(answer: &str) -> String {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    problem["reason"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn without_a_certificate_of_the_authority_there_is_no_connection() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let rig = Rig::start(&ours, "require", |_| {});
    let token = token(None);
    let good = ours.client(&rig.server, &[OURS]);
    for _ in 0..2 {
        // The second time as a session that is resumed.
        let answer = rig.get(&good, &token);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    for client in [
        Client::new(&rig.server, None, String::new()),
        theirs.client(&rig.server, &[OURS]),
        // Who says to be a workload, and not which, is nobody.
        ours.client(&rig.server, &[OURS, "https://example.org/"]),
        ours.client(&rig.server, &["spiffe://example.org/a/../b"]),
    ] {
        assert_eq!(rig.get(&client, &token), "");
    }
    assert_eq!(rig.backend.count(), 2);
}

#[test]
fn a_token_that_is_bound_to_a_certificate_is_good_with_it_alone() {
    let authority = Authority::new("clients");
    let rig = Rig::start(&authority, "request", |_| {});
    let (ours, theirs) =
        (authority.client(&rig.server, &[OURS]), authority.client(&rig.server, &[]));
    let nobody = Client::new(&rig.server, None, String::new());
    let bound = token(Some(&ours.thumbprint));
    for _ in 0..2 {
        let answer = rig.get(&ours, &bound);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // Nobody needs one for another token.
    for client in [&ours, &theirs, &nobody] {
        let answer = rig.get(client, &token(None));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let before = rig.backend.count();
    let told =
        format!("x-forwarded-client-cert: Hash={0}\r\nclient-cert: :{0}:\r\n", ours.thumbprint);
    for (client, expected) in
        [(&theirs, "client_certificate_mismatch"), (&nobody, "client_certificate_missing")]
    {
        for more in ["", &told] {
            let answer = client.get(rig.gate.proxy, &bound, more);
            assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
            assert_eq!(reason(&answer), expected);
            assert!(answer.contains("error=\"invalid_token\""), "{answer}");
        }
    }
    assert_eq!(rig.backend.count(), before);
    let seen = rig.backend.seen();
    assert!(seen.iter().all(|seen| seen.header("client-cert").is_empty()));
}

#[test]
fn policies_and_the_decision_log_know_the_spiffe_id() {
    let authority = Authority::new("clients");
    let rig = Rig::start(&authority, "request", |statement| {
        statement["Condition"] = json!({ "StringEquals": { "poolgate:SpiffeId": OURS } });
    });
    let ours = authority.client(&rig.server, &[OURS]);
    let answer = rig.get(&ours, &token(None));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for client in [
        authority.client(&rig.server, &["spiffe://example.org/theirs"]),
        authority.client(&rig.server, &["https://example.org/ours"]),
        Client::new(&rig.server, None, String::new()),
    ] {
        let answer = rig.get(&client, &token(None));
        assert_eq!(reason(&answer), "implicit_deny", "{answer}");
    }
    let logged = format!("\"spiffe_id\":\"{OURS}\"");
    rig.gate.wait_for("log of the SPIFFE id", |gate| gate.log().contains(&logged));
    assert!(rig.gate.log().contains(&format!("\"client_certificate\":\"{}\"", ours.thumbprint)));
}

#[test]
fn authorities_are_changed_without_a_restart() {
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let rig = Rig::start(&before, "require", |_| {});
    let clients = [before.client(&rig.server, &[OURS]), after.client(&rig.server, &[OURS])];
    let token = token(None);
    let served = || clients.clone().map(|client| rig.get(&client, &token).contains(" 200 "));
    assert_eq!(served(), [true, false]);
    // A file that no authority is in changes nothing.
    let file = rig.gate.path("clients.pem");
    fs::write(&file, "no certificate").unwrap();
    rig.gate.wait_for("refused reload", |gate| {
        gate.metric("poolgate_reloads_total{result=\"refused\"}").is_some_and(|count| count > 0.0)
    });
    assert_eq!(served(), [true, false]);
    let draft = rig.gate.path("draft");
    fs::write(&draft, after.0.pem()).unwrap();
    fs::rename(draft, file).unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while served() != [false, true] {
        assert!(Instant::now() < end, "{}", rig.gate.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}
