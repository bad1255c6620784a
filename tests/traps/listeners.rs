//! Listeners other than plain TCP.

use std::{
    fs,
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use crate::{
    rig::{get, until_closed},
    support::{Backend, Gate, Issuer, Wire, policies},
};

/// A gate like [`Gate::start`]'s, listening as `proxy` says.
fn gate(upstream: &Backend, proxy: &str, from: &Gate) -> (Gate, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    Issuer::shared().write_jwks(&folder.path().join("jwks.json"));
    policies(folder.path());
    let path = folder.path().to_owned();
    let text = fs::read_to_string(from.path("poolgate.yaml")).unwrap();
    let own = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = proxy.replace("FOLDER", path.to_str().unwrap()).replace("PORT", &own.to_string());
    let text = text
        .replace(&format!("{{ address: \"{}\" }}", from.proxy), &proxy)
        .replace(&from.admin.to_string(), &admin.to_string());
    assert!(text.contains(&upstream.address.to_string()));
    fs::write(path.join("poolgate.yaml"), text).unwrap();
    (Gate::run(folder, own, admin), path)
}

#[test]
fn a_unix_socket_serves_as_a_port_does() {
    let backend = Backend::start();
    let like = Gate::start(backend.address, "");
    let (gate, folder) = gate(&backend, "{ address: \"unix:FOLDER/proxy\" }", &like);
    let mut stream = UnixStream::connect(folder.join("proxy")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(get("/api/x", "connection: close\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert_eq!(backend.seen()[0].header("x-forwarded-for"), ["127.0.0.1"]);
    drop(gate);
}

#[test]
fn a_tls_port_speaks_nothing_else_and_waits_for_no_handshake() {
    let backend = Backend::start();
    let like = Gate::start(backend.address, "timeouts: { header: 400ms }");
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (like.path("tls.crt"), like.path("tls.key"));
    fs::write(&cert, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let tls = format!("{{ cert: \"{}\", key: \"{}\" }}", cert.display(), key.display());
    let (gate, _) = gate(&backend, &format!("{{ address: \"PORT\", tls: {tls} }}"), &like);
    let text = until_closed(gate.proxy, get("/api/x", ""));
    assert!(!text.contains("HTTP/1.1"), "{text}");
    let start = Instant::now();
    let mut wire = Wire::connect(gate.proxy);
    assert!(wire.is_closed());
    assert!(start.elapsed() < Duration::from_secs(5));
    let _ = wire.stream.shutdown(Shutdown::Both);
    assert_eq!(backend.count(), 0);
}
