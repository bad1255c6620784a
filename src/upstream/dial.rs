//! New connections to upstreams: TCP, TLS over it, or a unix socket.

use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{ForwardError, Upstream, origin::Address};

/// A connection on which nothing has been said yet.
pub(super) enum Wire {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// Connects to one of the addresses of `upstream`.
pub(super) async fn dial(upstream: &Upstream, address: &Address) -> Result<Wire, ForwardError> {
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
            let connector = TlsConnector::from(Arc::clone(config));
            let stream = connector.connect(name.clone(), stream).await;
            Ok(Wire::Tls(Box::new(stream.map_err(ForwardError::Tls)?)))
        }
    }
}

/// Addresses tried for one request.
pub(super) const MAX_TRIES: usize = 3;
