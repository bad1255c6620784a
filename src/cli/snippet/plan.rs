//! What a snippet is about: where Poolgate is asked, and for which routes.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use crate::config::{
    Address, Authenticate, Dialect, Route, Service, Settings, UpstreamHost, UpstreamUrl, UrlScheme,
};

/// What a snippet is about.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where Poolgate is asked.
    pub(super) poolgate: Place,
    /// Where the proxy listens.
    pub(super) listen: SocketAddr,
    /// What it asks about: exact hosts first, and of each host the longest path.
    pub(super) routes: Vec<Guarded>,
}

/// A place that can be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A host and port. IPv6 addresses without brackets.
    Tcp(String, u16),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A route that the proxy asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guarded {
    pub(super) name: String,
    /// Its host; any without.
    pub(super) host: Option<String>,
    /// The beginning of its path, `/` if it has none.
    pub(super) path: String,
    pub(super) backend: Backend,
    /// The `Host` that the backend is told, where it isn't the client's.
    pub(super) backend_host: Option<String>,
    /// Whether the backend sees the bearer token.
    pub(super) forward_token: bool,
    /// Whether its token may come in a cookie, which Poolgate takes out.
    pub(super) reads_cookies: bool,
    /// Bytes of the largest body of a signed request that is verified; none where no signature counts.
    pub(super) signed_body: Option<u32>,
}

/// Where permitted requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) place: Place,
    pub(super) tls: bool,
    /// Whether the configuration says it, or it has to be put in.
    pub(super) known: bool,
}

impl Plan {
    /// The plan for `route`, or for all that can be asked about.
    ///
    /// # Errors
    /// What the configuration lacks, and what to add.
    pub(super) fn of(
        settings: &Settings,
        route: Option<&str>,
        dialect: Option<Dialect>,
        kubernetes: bool,
    ) -> Result<Self, String> {
        let asked = settings.listen.ext_authz.as_ref();
        let wanted = dialect.map_or(String::new(), |d| format!(", dialects: [{}]", d.as_str()));
        let asked = asked.ok_or_else(|| {
            format!(
                "nobody can ask: add `ext_authz: {{ address: \"127.0.0.1:9191\"{wanted} }}` to `listen`"
            )
        })?;
        if let Some(dialect) = dialect
            && !asked.dialects.contains(&dialect)
        {
            let name = dialect.as_str();
            return Err(format!("add `{name}` to listen.ext_authz.dialects"));
        }
        let mut routes = guarded(settings, route)?;
        routes.sort_by_key(|route| {
            let path = std::cmp::Reverse(route.path.len());
            (route.host.is_none(), route.host.clone(), path)
        });
        let poolgate = match &asked.address.value {
            Address::Tcp(address) if kubernetes => {
                Place::Tcp("poolgate.default.svc.cluster.local".to_owned(), address.port())
            }
            Address::Tcp(address) => Place::Tcp(reached(address.ip()).to_string(), address.port()),
            Address::Unix(path) if path.to_str().is_some_and(plain) => Place::Unix(path.clone()),
            Address::Unix(path) => {
                let path = path.display();
                return Err(format!(
                    "listen.ext_authz: proxies read the characters of {path} differently; write this one by hand"
                ));
            }
        };
        Ok(Self { poolgate, listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)), routes })
    }

    /// Each host with its routes; last, what takes every other host. A route for any host is one of
    /// an exact host too, unless one of that host's own takes everything that it would.
    pub(super) fn by_host(&self) -> Vec<(Option<&str>, Vec<&Guarded>)> {
        let any: Vec<&Guarded> = self.routes.iter().filter(|route| route.host.is_none()).collect();
        let mut hosts: Vec<(Option<&str>, Vec<&Guarded>)> = Vec::new();
        for route in &self.routes {
            match hosts.last_mut() {
                Some((host, routes)) if *host == route.host.as_deref() => routes.push(route),
                _ => hosts.push((route.host.as_deref(), vec![route])),
            }
        }
        for (host, routes) in &mut hosts {
            if host.is_some() {
                let open: Vec<&Guarded> =
                    any.iter().filter(|a| !routes.iter().any(|r| r.covers(a))).copied().collect();
                routes.extend(open);
                routes.sort_by_key(|route| std::cmp::Reverse(route.path.len()));
            }
        }
        hosts
    }
}

impl Guarded {
    /// Whether it takes every path that `other` would.
    fn covers(&self, other: &Self) -> bool {
        let whole = self.path.ends_with('/') && other.path.starts_with(&self.path);
        whole || other.path == self.path || other.path.starts_with(&format!("{}/", self.path))
    }

    /// The exact path that it takes, if it takes one, and the beginning of the others.
    pub(super) fn paths(&self) -> (Option<&str>, String) {
        match self.path.ends_with('/') {
            true => (None, self.path.clone()),
            false => (Some(&self.path), format!("{}/", self.path)),
        }
    }

    /// The path under which its requests are asked about.
    pub(super) fn check(&self, dialect: Dialect) -> String {
        format!("/routes/{}/check/{}", self.name, dialect.as_str())
    }
}

impl Place {
    /// `host:port`, IPv6 addresses in brackets.
    ///
    /// # Errors
    /// `who` can't use Unix sockets.
    pub(super) fn tcp(&self, who: &str) -> Result<String, String> {
        match self {
            Self::Tcp(..) => Ok(self.authority().unwrap_or_default()),
            Self::Unix(path) => Err(format!(
                "{who} can't reach a Unix socket ({}): give it an IP address and port",
                path.display()
            )),
        }
    }

    /// `host:port`, if it is one.
    pub(super) fn authority(&self) -> Option<String> {
        match self {
            Self::Tcp(host, port) if host.contains(':') => Some(format!("[{host}]:{port}")),
            Self::Tcp(host, port) => Some(format!("{host}:{port}")),
            Self::Unix(_) => None,
        }
    }

    /// Its host, if it has one.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Tcp(host, _) => Some(host),
            Self::Unix(_) => None,
        }
    }
}

/// A place as written on the command line.
pub(super) fn place(text: &str) -> Result<Place, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match path.starts_with('/') && plain(path) {
            true => Ok(Place::Unix(path.into())),
            false => Err("must be unix:/path".to_owned()),
        };
    }
    let (host, port) = text.rsplit_once(':').ok_or("must be HOST:PORT or unix:/path")?;
    let port = port.parse().map_err(|_| "the port is not a number")?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bare {
        Some(address) if address.parse::<Ipv6Addr>().is_ok() => {
            Ok(Place::Tcp(address.to_owned(), port))
        }
        None if !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)) =>
        {
            Ok(Place::Tcp(host.to_owned(), port))
        }
        _ => Err("must be HOST:PORT or unix:/path".to_owned()),
    }
}

/// The routes that can be asked about.
fn guarded(settings: &Settings, wanted: Option<&str>) -> Result<Vec<Guarded>, String> {
    let routes = &settings.routes;
    let named = |name: &str| routes.iter().find(|route| route.name == name);
    let chosen: Vec<&Route> = match wanted {
        Some(name) => {
            let route = named(name).ok_or_else(|| format!("there is no route `{name}`"))?;
            if route.service != Service::ExecuteApi {
                return Err(format!(
                    "route `{name}` is no `service: execute-api`; only those can be asked about"
                ));
            }
            vec![route]
        }
        None => routes.iter().filter(|route| route.service == Service::ExecuteApi).collect(),
    };
    if chosen.is_empty() {
        return Err(
            "there is no route of `service: execute-api`; only those can be asked about".into()
        );
    }
    chosen.into_iter().map(|route| Guarded::of(route, settings)).collect()
}

impl Guarded {
    fn of(route: &Route, settings: &Settings) -> Result<Self, String> {
        let name = &route.name;
        let matching = route.r#match.as_ref();
        let path = matching.and_then(|m| m.path.clone()).unwrap_or_else(|| "/".to_owned());
        if !plain(&path) {
            return Err(format!(
                "route `{name}`: proxies read the characters of {path} differently; write this one by hand"
            ));
        }
        let backend = route.upstream.as_ref().map_or_else(
            || {
                Ok(Backend {
                    place: Place::Tcp(format!("{name}.invalid"), 80),
                    tls: false,
                    known: false,
                })
            },
            |upstream| Backend::of(name, &upstream.url.value),
        )?;
        let backend_host = match &route.host {
            UpstreamHost::Keep => None,
            UpstreamHost::Rewrite => backend.authority_without_default(),
            UpstreamHost::Fixed(host) => Some(host.clone()),
        };
        // Temporary credentials sign, and a public route asks for nobody's.
        let signs = settings.credentials.is_some() && route.authenticate == Authenticate::Required;
        let most = u32::try_from(settings.limits.body_buffer).unwrap_or(u32::MAX);
        Ok(Self {
            name: name.clone(),
            host: matching.and_then(|m| m.host.clone()),
            path,
            backend,
            backend_host,
            forward_token: route.forward_token,
            reads_cookies: route.token.as_ref().is_some_and(|token| token.cookie.is_some()),
            signed_body: signs.then_some(most),
        })
    }
}

impl Backend {
    fn of(route: &str, url: &UpstreamUrl) -> Result<Self, String> {
        match url {
            UpstreamUrl::Tcp(url) => Ok(Self {
                place: Place::Tcp(url.host().to_owned(), url.port()),
                tls: url.scheme() == UrlScheme::Https,
                known: true,
            }),
            UpstreamUrl::Unix(path) if path.to_str().is_some_and(plain) => {
                Ok(Self { place: Place::Unix(path.clone()), tls: false, known: true })
            }
            UpstreamUrl::Unix(path) => Err(format!(
                "route `{route}`: proxies read the characters of {} differently; write this one by hand",
                path.display()
            )),
        }
    }

    /// `http://host:port` or `https://host:port`.
    ///
    /// # Errors
    /// `who` can't use Unix sockets.
    pub(super) fn url(&self, who: &str) -> Result<String, String> {
        let scheme = if self.tls { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.place.tcp(who)?))
    }

    /// Its host, with the port where it isn't the scheme's own.
    fn authority_without_default(&self) -> Option<String> {
        let default = if self.tls { 443 } else { 80 };
        match &self.place {
            Place::Tcp(host, port) if *port == default && !host.contains(':') => Some(host.clone()),
            place => place.authority(),
        }
    }
}

/// How a listener at `address` is reached from its own machine.
fn reached(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(v6) if v6.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}

/// Whether every configuration language reads it as it is.
fn plain(path: &str) -> bool {
    path.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~/-".contains(&b))
}

/// A character escaped that needs no escape (RFC 3986 §2.3), as a regular expression. Who compares
/// paths undecoded would take such a path for another route's than who decodes it.
pub(super) const ESCAPED_UNRESERVED: &str =
    "%(2[DdEe]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee])";
