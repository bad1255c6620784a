//! Listeners, on TCP and on unix sockets.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    os::unix::{fs::FileTypeExt, net as unix},
    path::{Path, PathBuf},
};

use tokio::net::{TcpListener, TcpSocket, UnixListener};

pub use crate::config::Address;

/// A bound listener.
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket, whose file is removed at the end.
    Unix(UnixListener, PathBuf),
}

/// A connection that was accepted, not yet tied to a runtime.
#[derive(Debug)]
pub(super) enum Accepted {
    /// TCP, with the peer's address.
    Tcp(std::net::TcpStream, IpAddr),
    /// A unix socket.
    Unix(unix::UnixStream),
}

/// Why a listener can't be had.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {error}")]
pub struct BindError {
    address: String,
    error: io::Error,
}

impl Listener {
    /// Binds `address`, exclusively.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn bind(address: &Address) -> Result<Self, BindError> {
        let bound = match address {
            Address::Tcp(address) => bind_tcp(*address),
            Address::Unix(path) => bind_unix(path),
        };
        bound.map_err(|error| BindError { address: address.to_string(), error })
    }

    /// The address it is bound to.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// Waits for a connection.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Tcp(stream.into_std()?, peer.ip()))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted::Unix(stream.into_std()?))
            }
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => listener.fmt(f),
            Self::Unix(_, path) => path.fmt(f),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<Listener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Lets a restart bind while old connections are in TIME_WAIT; it doesn't share the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(Listener::Tcp(socket.listen(BACKLOG)?))
}

fn bind_unix(path: &Path) -> io::Result<Listener> {
    // The socket file of a process that was killed is in the way; anything else stays.
    let stale = std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket());
    if stale && unix::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    Ok(Listener::Unix(UnixListener::bind(path)?, path.to_owned()))
}

const BACKLOG: u32 = 4096;
