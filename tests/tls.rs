//! TLS on both sides, clients' certificates, unix sockets on both sides, and upstreams with several
//! addresses.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]

#[path = "tls/clients.rs"]
mod clients;
#[path = "tls/grpc.rs"]
mod grpc;
#[path = "tls/http2.rs"]
mod http2;
#[path = "tls/protocols.rs"]
mod protocols;
mod support;

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use support::{Backend, Gate, Issuer, ROLE, configuration, free_port, policies};
use tempfile::TempDir;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

/// A certificate authority and a certificate for `localhost`, in files.
fn certificates(folder: &Path) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names = ["localhost".to_owned()];
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.join("tls.crt"), leaf.pem()).unwrap();
    fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
    authority.der().clone()
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    Issuer::shared().write_jwks(&folder.path().join("jwks.json"));
    policies(folder.path());
    folder
}

fn request(path: &str) -> String {
    let token = Issuer::shared().id_token("user", &[], Some(ROLE));
    format!(
        "GET {path} HTTP/1.1\r\nhost: gate\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
    )
}

/// The whole answer to a request, over anything that carries bytes.
fn exchange(mut stream: impl Read + Write, path: &str) -> String {
    stream.write_all(request(path).as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A TLS peer that just closes is an error after the answer.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A gate in front of `backend` that is spoken to over TLS, with the certificate in `folder`.
fn over_tls(folder: TempDir, backend: &Backend) -> Gate {
    let (proxy, admin) = (free_port(), free_port());
    let text = configuration(proxy, admin, backend.address, "").replace(
        &format!("proxy: {{ address: \"{proxy}\" }}"),
        &format!("proxy: {{ address: \"{proxy}\", tls: {{ cert: tls.crt, key: tls.key }} }}"),
    );
    fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
    Gate::run(folder, proxy, admin)
}

#[test]
fn callers_over_tls_are_served_and_the_upstream_is_told() {
    let backend = Backend::start();
    let folder = folder();
    let authority = certificates(folder.path());
    let gate = over_tls(folder, &backend);

    let mut roots = RootCertStore::empty();
    roots.add(authority).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(gate.proxy).unwrap();
    let answer = exchange(StreamOwned::new(connection, stream), "/api/secure");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = backend.seen();
    assert_eq!(seen.first().unwrap().header("x-forwarded-proto"), ["https"]);
}

#[test]
fn upstreams_over_tls_are_verified_by_authority_and_name() {
    let ours = folder();
    certificates(ours.path());
    let upstream = tls_upstream(ours.path());
    let trusted = ours.path().join("ca.pem");
    let by_name = format!("https://localhost:{}", upstream.port());
    let by_address = format!("https://{upstream}");
    for (url, environment, expected) in [
        (&by_name, &[("SSL_CERT_FILE", trusted.as_path())][..], "HTTP/1.1 200"),
        (&by_address, &[("SSL_CERT_FILE", trusted.as_path())][..], "HTTP/1.1 502"),
        (&by_name, &[][..], "HTTP/1.1 502"),
    ] {
        let folder = folder();
        let (proxy, admin) = (free_port(), free_port());
        let text =
            configuration(proxy, admin, upstream, "").replace(&format!("http://{upstream}"), url);
        fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
        let gate = Gate::run_with(folder, proxy, admin, environment);
        let answer = exchange(TcpStream::connect(gate.proxy).unwrap(), "/api/x");
        assert!(answer.starts_with(expected), "{url}: {answer}");
        assert_eq!(answer.contains("upstream_tls"), expected.ends_with("502"), "{url}: {answer}");
    }
}

#[test]
fn unix_sockets_serve_and_are_served() {
    let folder = folder();
    let upstream = folder.path().join("upstream.sock");
    let listener = UnixListener::bind(&upstream).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nunix");
        }
    });
    let socket = folder.path().join("gate.sock");
    let (proxy, admin) = (free_port(), free_port());
    let text = configuration(proxy, admin, proxy, "")
        .replace(&format!("http://{proxy}"), &format!("unix:{}", upstream.display()))
        .replace(&format!("\"{proxy}\""), &format!("\"unix:{}\"", socket.display()));
    fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
    let gate = Gate::run(folder, proxy, admin);
    let answer = exchange(UnixStream::connect(&socket).unwrap(), "/api/x");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("unix"), "{answer}");
    drop(gate);
}

#[test]
fn a_dead_address_of_several_costs_no_request() {
    // `localhost` is ::1 and 127.0.0.1 on most machines, and the backend has only the latter.
    let backend = Backend::start();
    let folder = folder();
    let (proxy, admin) = (free_port(), free_port());
    let text = configuration(proxy, admin, backend.address, "").replace(
        &format!("http://{}", backend.address),
        &format!("http://localhost:{}", backend.address.port()),
    );
    fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
    let gate = Gate::run(folder, proxy, admin);
    let start = Instant::now();
    for _ in 0..10 {
        let answer = exchange(TcpStream::connect(gate.proxy).unwrap(), "/api/x");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(backend.count(), 10);
}

/// An HTTPS server that answers every connection with one 200.
fn tls_upstream(folder: &Path) -> SocketAddr {
    let certs = vec![CertificateDer::from_pem_file(folder.join("tls.crt")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("tls.key")).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certs, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let mut head = [0; 4096];
            if stream.read(&mut head).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                let _ = stream.flush();
            }
        }
    });
    address
}
