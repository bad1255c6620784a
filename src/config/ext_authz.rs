//! The listener of those who only ask: Envoy, other proxies, AuthZEN clients.

use std::net::IpAddr;

use ipnet::IpNet;

use super::map::Map;
use super::problem::At;
use super::read::{Section, Text, section, text, words};
use super::value::Address;

/// The listener of those who only ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtAuthz {
    /// Its address.
    pub address: At<Address>,
    /// Who may ask.
    pub from: Vec<Source>,
    /// The dialects of HTTP it understands, beside gRPC and AuthZEN.
    pub dialects: Vec<Dialect>,
    /// What the certificates count for that whoever asks tells of.
    pub client_certificates: ClientCertificates,
    /// Of which decisions Envoy is told in its metadata too.
    pub metadata: Metadata,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Peers of a network.
    Network(IpNet),
    /// Peers on a Unix socket, which the file's mode admits.
    Unix,
}

impl Source {
    /// Whether a peer at `address`, none on a Unix socket, is one of these.
    pub fn contains(&self, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::Network(network), Some(address)) => network.contains(&address.to_canonical()),
            (Self::Unix, None) => true,
            _ => false,
        }
    }
}

impl Text for Source {
    const WHAT: &'static str = "a network such as 10.0.0.0/8, an IP address, or unix";
    const PATTERN: &'static str = "^(unix|[0-9A-Fa-f:.]+(/[0-9]{1,3})?)$";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "unix" => Ok(Self::Unix),
            network => IpNet::parse(network).map(Self::Network),
        }
    }
}

text!(Source);

words! {
    /// What a client's certificate counts for that whoever asks tells of.
    #[derive(Default)]
    pub ClientCertificates {
        /// Nothing: it may be one that anybody can make.
        #[default]
        Ignored = "ignored",
        /// Whoever asks takes only those of authorities that it trusts.
        Verified = "verified",
    }
}

words! {
    /// Which of Envoy's answers tell of the decision in dynamic metadata, beside their headers.
    #[derive(Default)]
    pub Metadata {
        /// All.
        #[default]
        All = "all",
        /// Denials. An allow's headers say the same, and Envoy pays for every field.
        Denials = "denials",
        /// None.
        None = "none",
    }
}

words! {
    /// How a proxy asks over HTTP.
    pub Dialect {
        /// Envoy's ext_authz over HTTP.
        Envoy = "envoy",
        /// nginx's `auth_request`.
        Nginx = "nginx",
        /// ingress-nginx's `auth-url`.
        IngressNginx = "ingress-nginx",
        /// Traefik's ForwardAuth.
        Traefik = "traefik",
        /// Caddy's `forward_auth`.
        Caddy = "caddy",
        /// HAProxy's `auth-request`.
        HaProxy = "haproxy",
    }
}

impl Section for ExtAuthz {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let address = map.required("address", "An IP address and port, or unix:/path.");
        let from = map.optional::<Vec<At<Source>>>(
            "from",
            "Networks, addresses and `unix` from which is asked. `[127.0.0.0/8, \"::1\", unix]` if absent.",
        );
        let doc = "The dialects of HTTP that are understood, each under /check/DIALECT.";
        let dialects = map.list("dialects", doc);
        let doc = "Whether whoever asks has verified the client certificates that it tells of, to authorities of yours; `ignored` takes none.";
        let client_certificates = map.default("client_certificates", "ignored", doc);
        let doc = "Which of Envoy's answers have dynamic metadata, for its logs and filters; an allow's headers say the same for less.";
        let metadata = map.default("metadata", "all", doc);
        let from = from?.unwrap_or_else(local);
        warn_of_everyone(map, &from);
        Some(Self {
            address: address?,
            from: from.into_iter().map(|source| source.value).collect(),
            dialects: dialects?,
            client_certificates: client_certificates?,
            metadata: metadata?,
        })
    }
}

section!(ExtAuthz);

/// This machine.
fn local() -> Vec<At<Source>> {
    let networks = ["127.0.0.0/8", "::1/128"].into_iter().filter_map(|text| text.parse().ok());
    let sources = networks.map(Source::Network).chain([Source::Unix]);
    sources.map(|value| At { value, position: super::problem::Position::START }).collect()
}

/// Whoever may ask says what the request is: whom it comes from, and what for.
fn warn_of_everyone(map: &mut Map<'_, '_>, from: &[At<Source>]) {
    let Some(reader) = map.reader() else { return };
    for source in from {
        if matches!(source.value, Source::Network(network) if network.prefix_len() == 0) {
            let message = "listen.ext_authz: anyone may ask, also about requests that nobody made";
            reader.warning(source.position, message);
        }
    }
}

#[cfg(test)]
#[path = "ext_authz_tests.rs"]
mod tests;
