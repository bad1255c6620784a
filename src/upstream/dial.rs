//! New connections to upstreams: TCP, TLS over it, or a unix socket.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    ForwardError, Upstream,
    origin::{Address, Http2},
};

/// A connection, whatever it is made of.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// Does the same with any of them.
macro_rules! with {
    ($wire:expr, $stream:ident => $does:expr) => {
        match $wire.get_mut() {
            Wire::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $does
            }
            Wire::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $does
            }
            Wire::Unix(stream) => {
                let $stream = Pin::new(stream);
                $does
            }
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        with!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        with!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        with!(self, stream => stream.poll_write_vectored(cx, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with!(self, stream => stream.poll_shutdown(cx))
    }
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
