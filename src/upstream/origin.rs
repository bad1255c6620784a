//! Upstreams: where they are, under which name, at which addresses just now.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use super::{ForwardError, Occupied, Room};
use crate::sigv4::Signer;
use ::http::HeaderValue;
use arc_swap::ArcSwap;
use tokio_rustls::rustls::{ClientConfig, pki_types::ServerName};

/// Which `Host` an upstream is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostHeader {
    /// The caller's, as the gate read it.
    Keep,
    /// This one.
    Rewrite(HeaderValue),
}

impl HostHeader {
    /// This host; where it can't stand in a header, the caller's stays.
    pub fn rewrite(host: &str) -> Self {
        HeaderValue::from_str(host).map_or(Self::Keep, Self::Rewrite)
    }
}

/// An upstream. It outlives reloads that leave it as it is, so that its connections do.
#[derive(Debug)]
pub struct Upstream {
    /// Process-unique: the key of its connections.
    pub(super) serial: u64,
    label: String,
    place: Place,
    pub(super) host_header: HostHeader,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) signer: Option<Signer>,
    pub(super) takes_trailers: bool,
    /// Set if it is spoken to in HTTP/2.
    pub(super) http2: Option<Http2>,
    room: Option<Arc<Room>>,
    addresses: ArcSwap<Vec<Address>>,
    turn: AtomicUsize,
}

/// How an upstream is spoken to in HTTP/2.
#[derive(Debug)]
pub(super) struct Http2 {
    /// Settings that agree on it, where there is TLS.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// Where an upstream is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A name or address, and a port.
    Tcp(String, u16),
    /// A unix socket.
    Unix(PathBuf),
}

/// An address to connect to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

impl Upstream {
    /// An upstream at `place`, over TLS if there are settings and a name for it. `label` is its name
    /// in metrics and logs.
    pub fn new(
        label: &str,
        place: Place,
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
        host_header: HostHeader,
    ) -> Self {
        let known = match &place {
            Place::Tcp(host, port) => {
                host.parse::<IpAddr>().ok().map(|ip| Address::Tcp(SocketAddr::new(ip, *port)))
            }
            Place::Unix(path) => Some(Address::Unix(path.clone())),
        };
        Self {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            label: label.to_owned(),
            place,
            host_header,
            tls,
            signer: None,
            takes_trailers: false,
            http2: None,
            room: None,
            addresses: ArcSwap::from_pointee(known.into_iter().collect()),
            turn: AtomicUsize::new(0),
        }
    }

    /// The same, with requests to it signed.
    #[must_use]
    pub fn signed(mut self, signer: Option<Signer>) -> Self {
        self.signer = signer;
        self
    }

    /// The same, which takes checksums in trailers, or doesn't.
    #[must_use]
    pub fn taking_trailers(mut self, takes: bool) -> Self {
        self.takes_trailers = takes;
        self
    }

    /// The same, which is spoken to in HTTP/2, or isn't.
    #[must_use]
    pub fn speaking_http2(mut self, speaks: bool) -> Self {
        self.http2 = speaks.then(|| Http2 {
            tls: self.tls.as_ref().map(|(config, _)| {
                let mut config = ClientConfig::clone(config);
                config.alpn_protocols = vec![b"h2".to_vec()];
                Arc::new(config)
            }),
        });
        self
    }

    /// The same, which is sent `most` requests at a time, if that is limited.
    #[must_use]
    pub fn with_room(mut self, most: Option<u32>) -> Self {
        let most = most.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
        self.room = most.map(Room::new);
        self
    }

    /// Takes a place for a request to it, if their number is limited.
    ///
    /// # Errors
    /// [`ForwardError::Busy`]: there is none, and nobody waits for one.
    pub fn enter(&self) -> Result<Option<Occupied>, ForwardError> {
        let Some(room) = &self.room else { return Ok(None) };
        room.enter().map(Some).ok_or(ForwardError::Busy)
    }

    /// The room for its requests, if that is limited.
    pub fn room(&self) -> Option<&Arc<Room>> {
        self.room.as_ref()
    }

    /// Its URL, as configured: its name in metrics and logs.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Which `Host` it is sent.
    pub fn host_header(&self) -> &HostHeader {
        &self.host_header
    }

    /// The `Host` of what isn't a caller's: the one it is sent, or that of its place.
    pub(super) fn own_host(&self) -> Option<HeaderValue> {
        match (&self.host_header, &self.place) {
            (HostHeader::Rewrite(host), _) => Some(host.clone()),
            (HostHeader::Keep, Place::Unix(_)) => Some(HeaderValue::from_static("localhost")),
            (HostHeader::Keep, Place::Tcp(host, port)) => {
                let host = match host.contains(':') {
                    true => format!("[{host}]:{port}"),
                    false => format!("{host}:{port}"),
                };
                HeaderValue::from_str(&host).ok()
            }
        }
    }

    /// Looks its name up again. What it last resolved to stays if that fails.
    ///
    /// # Errors
    /// The look-up's.
    pub async fn resolve(&self) -> io::Result<()> {
        let (host, port) = match &self.place {
            Place::Tcp(host, port) if host.parse::<IpAddr>().is_err() => (host.as_str(), *port),
            _ => return Ok(()),
        };
        let found = tokio::net::lookup_host((host, port)).await?;
        let mut found: Vec<Address> = found.map(Address::Tcp).collect();
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        if **self.addresses.load() != found {
            self.addresses.store(Arc::new(found));
        }
        Ok(())
    }

    /// Its addresses, beginning with the one whose turn it is.
    pub(super) fn addresses(&self) -> Vec<Address> {
        let addresses = self.addresses.load();
        let count = addresses.len().max(1);
        let start = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let (before, after) = addresses.split_at(start.min(addresses.len()));
        after.iter().chain(before).cloned().collect()
    }

    /// Whether `address` is still one of its.
    pub(super) fn has(&self, address: &Address) -> bool {
        self.addresses.load().contains(address)
    }
}

static SERIAL: AtomicU64 = AtomicU64::new(1);
