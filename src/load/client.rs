//! Connections to whatever is asked: HTTP/1.1, kept alive, over TCP or TLS.

use std::io;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::{LoadError, record::Failure};
use crate::control::client_tls;

/// An address that is asked: that of an `http:` or `https:` URL.
#[derive(Clone)]
pub struct Endpoint {
    url: Uri,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    authority: HeaderValue,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Endpoint").field(&self.url).finish()
    }
}

impl Endpoint {
    /// The endpoint of a URL; what the system trusts is trusted.
    ///
    /// # Errors
    /// [`LoadError::Url`]: it isn't an absolute URL of `http:` or `https:`, or names a user.
    /// [`LoadError::Tls`]: the system's certificates can't be read.
    pub fn new(url: &Uri) -> Result<Self, LoadError> {
        let bad = || LoadError::Url;
        let authority = url.authority().filter(|a| !a.as_str().contains('@')).ok_or_else(bad)?;
        // Brackets belong to an IPv6 address in a URL, not in a socket's.
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let (port, tls) = match url.scheme_str() {
            Some("http") => (80, None),
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| bad())?;
                let config = client_tls().map_err(LoadError::Tls)?;
                (443, Some((TlsConnector::from(config), name)))
            }
            _ => return Err(bad()),
        };
        let port = authority.port_u16().unwrap_or(port);
        let authority = HeaderValue::from_str(authority.as_str()).map_err(|_| bad())?;
        Ok(Self { url: url.clone(), host, port, tls, authority })
    }

    /// The URL.
    pub fn url(&self) -> &Uri {
        &self.url
    }

    /// What `Host` is.
    pub(super) fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    async fn dial(&self) -> io::Result<Sender> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => handshake(TokioIo::new(stream)).await,
            Some((connector, name)) => {
                handshake(TokioIo::new(connector.connect(name.clone(), stream).await?)).await
            }
        }
    }
}

type Sender = SendRequest<Full<Bytes>>;

async fn handshake<T>(io: T) -> io::Result<Sender>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
    // What ends it is told to whoever waits for an answer.
    tokio::spawn(async { drop(connection.await) });
    Ok(sender)
}

/// One connection at a time, made anew when the last one has ended.
#[derive(Debug)]
pub(super) struct Connection<'e> {
    endpoint: &'e Endpoint,
    sender: Option<Sender>,
}

impl<'e> Connection<'e> {
    pub(super) fn new(endpoint: &'e Endpoint) -> Self {
        Self { endpoint, sender: None }
    }

    /// Connects, to learn whether that works.
    pub(super) async fn open(&mut self) -> io::Result<()> {
        self.sender = Some(self.endpoint.dial().await?);
        Ok(())
    }

    /// Sends a request and gives the answer to `read`. A request that found its connection closed
    /// before anything of it was sent goes out on another. Dropped before its end, it leaves no connection.
    pub(super) async fn exchange<T>(
        &mut self,
        mut request: Request<Full<Bytes>>,
        read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        loop {
            let kept = match self.sender.take() {
                Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
                None => None,
            };
            let (mut sender, fresh) = match kept {
                Some(sender) => (sender, false),
                None => (self.endpoint.dial().await.map_err(|_| Failure::Connect)?, true),
            };
            match sender.try_send_request(request).await {
                Ok(answer) => {
                    let read = read(answer).await?;
                    self.sender = Some(sender);
                    return Ok(read);
                }
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if !fresh => request = unsent,
                    _ => return Err(Failure::Broken),
                },
            }
        }
    }
}

/// Reads an answer to its end and keeps nothing of it but its size.
pub(super) async fn measure(answer: Response<Incoming>) -> Result<u64, Failure> {
    let mut body = answer.into_body();
    let mut bytes = 0;
    while !body.is_end_stream() {
        match body.frame().await {
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) => return Err(Failure::Broken),
            None => break,
        }
    }
    Ok(bytes)
}
