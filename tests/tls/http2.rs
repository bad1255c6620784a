//! HTTP/2 to upstreams, agreed on in TLS, and to such as don't agree.

use std::{
    convert::Infallible,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
};

use ::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::{
    certificates, exchange, folder,
    support::{Gate, configuration, free_port},
};

/// An upstream that speaks HTTP/2 over TLS and agrees to these protocols. It answers with the head it saw.
fn upstream(folder: &Path, protocols: &[&str]) -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(folder.join("tls.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("tls.key")).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(|request: Request<Incoming>| async move {
                        let (head, _) = request.into_parts();
                        let te = head.headers.get("te").and_then(|te| te.to_str().ok());
                        let host = head.headers.contains_key("host");
                        let said = format!("{:?} {} te={te:?} host={host}", head.version, head.uri);
                        let mut trailers = HeaderMap::new();
                        trailers.insert("x-last", "1".parse().unwrap());
                        let body = Full::new(Bytes::from(said));
                        let body = body.with_trailers(async move { Some(Ok(trailers)) });
                        Ok::<_, Infallible>(Response::new(body))
                    });
                    let served = http2::Builder::new(TokioExecutor::new());
                    let _ = served.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
    });
    address
}

#[test]
fn an_upstream_is_spoken_to_in_http2_if_it_agrees_and_not_at_all_else() {
    let ours = folder();
    certificates(ours.path());
    let trusted = ours.path().join("ca.pem");
    for (protocols, expected) in [
        (&["h2"][..], "HTTP/1.1 200"),
        (&["http/1.1", "h2"], "HTTP/1.1 200"),
        (&["http/1.1"], "HTTP/1.1 502"),
        (&[], "HTTP/1.1 502"),
    ] {
        let upstream = upstream(ours.path(), protocols);
        let folder = folder();
        let (proxy, admin) = (free_port(), free_port());
        let named = format!("https://localhost:{}\", http2: true", upstream.port());
        let text = configuration(proxy, admin, upstream, "")
            .replace(&format!("http://{upstream}\""), &named);
        fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
        let gate = Gate::run_with(folder, proxy, admin, &[("SSL_CERT_FILE", trusted.as_path())]);
        for _ in 0..3 {
            let answer = exchange(TcpStream::connect(gate.proxy).unwrap(), "/api/x?y=1");
            assert!(answer.starts_with(expected), "{protocols:?}: {answer}");
            if expected.ends_with("502") {
                assert!(answer.contains("upstream_tls"), "{answer}");
                continue;
            }
            let seen = "HTTP/2.0 https://gate/api/x?y=1 te=Some(\"trailers\") host=false";
            assert!(answer.contains(seen), "{answer}");
            // HTTP/1 has no trailers that nobody announced.
            assert!(!answer.contains("x-last"), "{answer}");
        }
    }
}
