//! New connections to upstreams: TCP, TLS over it, or a unix socket.

use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    ForwardError, Upstream,
    origin::{Address, Http2},
};

/// A connection on which nothing has been said yet.
pub(super) enum Wire {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// What will be said on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaking {
    Http1,
    Http2,
}

/// Connects to one of the addresses of `upstream`.
pub(super) async fn dial(
    upstream: &Upstream,
    address: &Address,
    speaking: Speaking,
) -> Result<Wire, ForwardError> {
    let stream = match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await.map_err(ForwardError::Connect)?;
            stream.set_nodelay(true).map_err(ForwardError::Connect)?;
            stream
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(ForwardError::Connect)?;
            return Ok(Wire::Unix(stream));
        }
    };
    match &upstream.tls {
        None => Ok(Wire::Tcp(stream)),
        Some((config, name)) => {
            let config = match (speaking, &upstream.http2) {
                (Speaking::Http2, Some(Http2 { tls: Some(config) })) => config,
                _ => config,
            };
            let connector = TlsConnector::from(Arc::clone(config));
            let stream = connector.connect(name.clone(), stream).await;
            let stream = stream.map_err(ForwardError::Tls)?;
            if speaking == Speaking::Http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                let error = "the upstream does not agree to HTTP/2";
                return Err(ForwardError::Tls(std::io::Error::other(error)));
            }
            Ok(Wire::Tls(Box::new(stream)))
        }
    }
}

/// Addresses tried for one request.
pub(super) const MAX_TRIES: usize = 3;
