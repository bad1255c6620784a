//! What callers agree on with the gate in the handshake (ALPN, RFC 7301).

use std::{net::TcpStream, sync::Arc};

use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::ServerName,
};

use super::{certificates, exchange, folder, over_tls};
use crate::support::Backend;

#[test]
fn each_caller_gets_the_best_that_it_offers() {
    let backend = Backend::start();
    let folder = folder();
    let mut roots = RootCertStore::empty();
    roots.add(certificates(folder.path())).unwrap();
    let gate = over_tls(folder, &backend);
    for (offered, agreed) in [
        (&[][..], Some(None)),
        (&["http/1.1"], Some(Some("http/1.1"))),
        (&["http/1.0"], Some(Some("http/1.0"))),
        (&["http/1.0", "http/1.1"], Some(Some("http/1.1"))),
        (&["http/1.1", "h2"], Some(Some("h2"))),
        (&["imap"], None),
    ] {
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = offered.iter().map(|&name| name.into()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(gate.proxy).unwrap());
        let shaken = stream.conn.complete_io(&mut stream.sock);
        let Some(agreed) = agreed else {
            assert!(shaken.is_err(), "{offered:?}");
            continue;
        };
        assert_eq!(stream.conn.alpn_protocol(), agreed.map(str::as_bytes), "{offered:?}");
        if agreed != Some("h2") {
            let answer = exchange(stream, "/api/x");
            assert!(answer.starts_with("HTTP/1.1 200"), "{offered:?}: {answer}");
        }
    }
    assert_eq!(backend.count(), 4);
}
