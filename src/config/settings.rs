//! The settings, section by section, in the order of the file.

use std::path::PathBuf;

use ipnet::IpNet;

use super::credentials::{Credentials, S3};
use super::engines::CedarTypes;
use super::ext_authz::ExtAuthz;
use super::issuers::{OidcProvider, TokenRules, UserPool};
use super::logs::{AccessLog, DecisionLog, Log};
use super::map::Map;
use super::problem::{At, Position};
use super::reach::Origin;
use super::read::{Section, section, words};
use super::route::{Authenticate, Route, Routes, Service};
use super::secret::Secret;
use super::timeouts::Timeouts;
use super::value::{AccountId, Address, Region, Size};

/// Everything the file says, checked; what it leaves out is at its default.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The file, as it was named when it was loaded.
    pub file: PathBuf,
    /// Where connections come in.
    pub listen: Listen,
    /// Whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds of what one caller may take.
    pub limits: Limits,
    /// Bounds of how long things may take.
    pub timeouts: Timeouts,
    /// Whose resources the routes are.
    pub aws: Option<Aws>,
    /// Cognito user pools whose tokens are taken.
    pub user_pools: Vec<UserPool>,
    /// Other OpenID Connect providers whose tokens are taken.
    pub oidc_providers: Vec<OidcProvider>,
    /// How tokens are checked.
    pub token: TokenRules,
    /// The folder of identity pools.
    pub identity_pools: At<PathBuf>,
    /// The folder of policies.
    pub policies: At<PathBuf>,
    /// Whether the file names it.
    pub policies_named: bool,
    /// A folder of policies that are only compared with those in force.
    pub shadow_policies: Option<At<PathBuf>>,
    /// What Cedar's entity types are called.
    pub cedar: CedarTypes,
    /// How temporary credentials are made; none are without.
    pub credentials: Option<Credentials>,
    /// How S3's requests name buckets.
    pub s3: S3,
    /// How identity ids come about.
    pub identities: Identities,
    /// What AuthZEN's callers are told.
    pub authzen: Authzen,
    /// Who may see all of the admin address.
    pub admin: AdminAccess,
    /// What is behind the gate; at least one.
    pub routes: Vec<Route>,
    /// Where decisions are logged.
    pub decision_log: DecisionLog,
    /// Where requests are logged.
    pub access_log: AccessLog,
    /// The program's own log.
    pub log: Log,
}

/// Where connections come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The requests that are forwarded.
    pub proxy: ProxyListener,
    /// The requests that are only asked about, if there is anyone who asks.
    pub ext_authz: Option<ExtAuthz>,
    /// Metrics and health.
    pub admin: AdminListener,
}

/// The listener of requests that are forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyListener {
    /// Its address.
    pub address: At<Address>,
    /// Its certificate; in clear without.
    pub tls: Option<Tls>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The PEM file of the certificate chain.
    pub cert: At<PathBuf>,
    /// The PEM file of the private key.
    pub key: At<PathBuf>,
    /// Whose certificates callers may have, and whether they need one; none are asked for without.
    pub clients: Option<Clients>,
}

/// Whose certificates callers may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// The PEM file of the certificate authorities.
    pub ca: At<PathBuf>,
    /// Whether every caller needs a certificate.
    pub auth: ClientAuth,
}

words! {
    /// Whether callers need a certificate.
    pub ClientAuth {
        /// They are asked for one; without, they are served too.
        Request = "request",
        /// Without one there is no connection.
        Require = "require",
    }
}

/// The listener of metrics and health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminListener {
    /// Its address.
    pub address: At<Address>,
}

/// Bounds of what one caller may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's head.
    pub headers: u64,
    /// Bytes of a body that has to be read whole before it is forwarded.
    pub body_buffer: u64,
    /// Connections at a time, on all of the proxy's threads together.
    pub connections: u32,
}

/// Whose resources the routes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    /// The region in ARNs.
    pub region: String,
    /// The account in ARNs: 12 digits.
    pub account: String,
}

/// How identity ids come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identities {
    /// Where they are kept.
    pub store: IdentityStore,
    /// The key they are derived with.
    pub key: Option<At<Secret>>,
}

words! {
    /// Where identity ids are kept.
    pub IdentityStore {
        /// Nowhere: they follow from pool, provider and subject.
        Derived = "derived",
    }
    "memory" => LATER,
    "file" => LATER,
    "dynamodb" => LATER,
}

/// What AuthZEN's callers are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authzen {
    /// What they call this decision point: an origin over TLS.
    pub url: Option<String>,
}

/// Who may see all of the admin address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminAccess {
    /// The bearer token to present off loopback.
    pub token: Option<Secret>,
}

impl Section for Settings {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let listen: Option<Listen> = map.required("listen", "Where connections come in.");
        let trusted_proxies = map.list::<At<IpNet>>(
            "trusted_proxies",
            "Networks and addresses of proxies whose X-Forwarded-* headers are believed.",
        );
        let limits = map.section("limits", "Bounds of what one caller may take.");
        let timeouts = map.section("timeouts", "Bounds of how long things may take.");
        let aws = map.optional("aws", "Whose resources the routes are; needed for their ARNs.");
        let user_pools: Option<Vec<UserPool>> =
            map.list("user_pools", "Cognito user pools whose tokens are taken.");
        let oidc_providers: Option<Vec<OidcProvider>> =
            map.list("oidc_providers", "Other OpenID Connect providers whose tokens are taken.");
        let token = map.section("token", "How tokens are checked.");
        let identity_pools = map.optional(
            "identity_pools",
            "The folder of identity pools, one JSON file a pool. Without it, `identity-pools` in the folder of policies.",
        );
        let policies = map.default::<At<PathBuf>>(
            "policies",
            "policies",
            "The folder of policies: roles/, managed/, resources/, organization/ and cedar/ are read.",
        );
        let policies_named = map.has("policies");
        let shadow_policies = map.optional::<At<PathBuf>>(
            "shadow_policies",
            "A folder of policies like `policies`, that is asked too and decides nothing: what it would decide otherwise is counted and logged.",
        );
        let cedar = map.section::<CedarTypes>(
            "cedar",
            "What Cedar policies and their entity types are called.",
        );
        let credentials: Option<Option<Credentials>> =
            map.optional("credentials", "How temporary credentials are made; none are without.");
        let s3 = map.section::<S3>("s3", "How S3's requests name buckets.");
        let identities = map.section::<Identities>("identities", "How identity ids come about.");
        let authzen = map.section::<Authzen>("authzen", "What AuthZEN's callers are told.");
        let admin = map.section::<AdminAccess>("admin", "Who may see all of the admin address.");
        let routes = map.required::<Routes>("routes", "What is behind the gate, at least one.");
        let decision_log = map.section("decision_log", "Where decisions are logged.");
        let access_log = map.section("access_log", "Where requests are logged.");
        let log = map.section("log", "The program's own log, on standard error.");

        warn_of_trust(map, trusted_proxies.as_deref());
        check_issuers(map, user_pools.as_deref(), oidc_providers.as_deref());
        warn_of_exposure(map, listen.as_ref(), admin.as_ref());
        if identities.as_ref().is_some_and(|identities| identities.key.is_none()) {
            map.warning(
                Some("identities"),
                "without a `key` anyone who knows a subject can compute its identity id, and guests get none",
            );
        }
        if let (Some(listen), Some(routes)) = (&listen, &routes) {
            check_loops(map, listen, &routes.0);
            check_upstreams(map, listen, &routes.0);
        }
        if let (Some(routes), Some(aws)) = (&routes, &aws) {
            check_aws(map, &routes.0, aws.as_ref());
        }
        if let (Some(Some(store)), Some(None)) =
            (cedar.as_ref().map(|cedar| cedar.policy_store.as_ref()), &aws)
            && let Some(reader) = map.reader()
        {
            let message = "`aws` is missing: the ARN of the policy store needs its account";
            reader.error(store.position, message);
        }
        if let (Some(routes), Some(s3)) = (&routes, &s3) {
            s3.check(map, &routes.0);
        }
        let policies = policies?;
        let routes = routes?.0;
        let (user_pools, oidc_providers) = (user_pools?, oidc_providers?);
        if user_pools.is_empty() && oidc_providers.is_empty() {
            warn_of_no_issuer(map, &routes);
        }
        let beside =
            || At { value: policies.value.join("identity-pools"), position: policies.position };
        Some(Self {
            file: PathBuf::new(),
            listen: listen?,
            trusted_proxies: trusted_proxies?.into_iter().map(|network| network.value).collect(),
            limits: limits?,
            timeouts: timeouts?,
            aws: aws?,
            user_pools,
            oidc_providers,
            token: token?,
            identity_pools: identity_pools?.unwrap_or_else(beside),
            policies,
            policies_named,
            shadow_policies: shadow_policies?,
            cedar: cedar?,
            credentials: credentials?,
            s3: s3?,
            identities: identities?,
            authzen: authzen?,
            admin: admin?,
            routes,
            decision_log: decision_log?,
            access_log: access_log?,
            log: log?,
        })
    }
}

impl Section for Listen {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let proxy = map.required("proxy", "The address of the requests that are forwarded.");
        let admin = map.section("admin", "The address of metrics and health.");
        let doc = "The address of Envoy and others that only ask; none of them can without.";
        let ext_authz: Option<Option<ExtAuthz>> = map.optional("ext_authz", doc);
        let (proxy, admin): (ProxyListener, AdminListener) = (proxy?, admin?);
        let ext_authz = ext_authz?;
        let mut addresses = vec![("proxy", &proxy.address.value), ("admin", &admin.address.value)];
        addresses.extend(ext_authz.as_ref().map(|asked| ("ext_authz", &asked.address.value)));
        addresses.retain(
            |(_, address)| !matches!(address, Address::Tcp(address) if address.port() == 0),
        );
        let mut seen: Vec<(&str, &Address)> = Vec::new();
        for (name, address) in addresses {
            if let Some((other, _)) = seen.iter().find(|(_, known)| *known == address) {
                map.error(None, format!("{other} and {name} can't have the same address"));
                return None;
            }
            seen.push((name, address));
        }
        Some(Self { proxy, ext_authz, admin })
    }
}

impl Section for ProxyListener {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let address = map.required("address", "An IP address and port, or unix:/path.");
        let tls = map.optional("tls", "The certificate; in clear without.");
        let (address, tls): (At<Address>, Option<Tls>) = (address?, tls?);
        let clients = tls.as_ref().is_some_and(|tls| tls.clients.is_some());
        if clients && matches!(address.value, Address::Unix(_)) {
            map.error(Some("tls"), "a Unix socket has no TLS, and so no client certificates");
        }
        Some(Self { address, tls })
    }
}

impl Section for Tls {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let cert = map.required("cert", "The PEM file of the certificate chain.");
        let key = map.required("key", "The PEM file of the private key.");
        let doc =
            "The PEM file of the authorities of callers' certificates; none are asked for without.";
        let ca: Option<Option<At<PathBuf>>> = map.optional("client_ca", doc);
        let doc = "`require` serves nobody without a certificate; `request` asks for one.";
        let auth = map.default::<ClientAuth>("client_auth", "require", doc);
        if map.has("client_auth") && !map.has("client_ca") {
            map.error(Some("client_auth"), "goes with `client_ca`");
        }
        let auth = auth?;
        let clients = ca?.map(|ca| Clients { ca, auth });
        Some(Self { cert: cert?, key: key?, clients })
    }
}

impl Section for AdminListener {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let doc = "An IP address and port, or unix:/path.";
        let address = map.default("address", "127.0.0.1:9901", doc);
        Some(Self { address: address? })
    }
}

impl Section for Limits {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let headers = map.bounded("headers", "64KiB", ["1KiB", "1MiB"], "A request's head.");
        let doc = "A body that has to be read whole before it is forwarded.";
        let body_buffer = map.bounded("body_buffer", "16MiB", ["1KiB", "1GiB"], doc);
        let doc = "Connections at a time.";
        let connections = map.bounded("connections", "10000", ["1", "1000000"], doc);
        let (Size(headers), Size(body_buffer)) = (headers?, body_buffer?);
        Some(Self { headers, body_buffer, connections: connections? })
    }
}

impl Section for Aws {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let region = map.required("region", "The region in ARNs.");
        let account = map.required("account", "The account in ARNs: 12 digits, in quotes.");
        let (Region(region), AccountId(account)) = (region?, account?);
        Some(Self { region, account })
    }
}

impl Section for Identities {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let store = map.default(
            "store",
            "derived",
            "Where identity ids are kept: nowhere, they follow from pool, provider and subject.",
        );
        let doc = "The key they are derived with, one of its own and never changed.";
        let key = map.optional("key", doc);
        Some(Self { store: store?, key: key? })
    }
}

impl Section for Authzen {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let doc = "What callers call this decision point, such as https://pdp.example.com. Without it there is no metadata.";
        let url = map.optional::<Origin>("url", doc)?.map(|Origin(url)| url);
        if url.as_ref().is_some_and(|url| !url.starts_with("https:")) {
            map.error(Some("url"), "must be an https origin: AuthZEN is asked over TLS");
            return None;
        }
        Some(Self { url })
    }
}

impl Section for AdminAccess {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let token = map.optional(
            "token",
            "The bearer token for more than /metrics, /livez and /readyz when the admin address is not local.",
        );
        Some(Self { token: token? })
    }
}

section!(AdminAccess, AdminListener, Authzen, Aws, Identities, Limits, Listen, ProxyListener, Tls,);

/// Neither two issuers nor two providers may be the same: `iss` tells whose keys a token is checked
/// with, and the provider's name in `Logins` tells whose identity and role it gets. With two of one
/// name, each could log in as the other's users.
fn check_issuers(
    map: &mut Map<'_, '_>,
    pools: Option<&[UserPool]>,
    providers: Option<&[OidcProvider]>,
) {
    let pools = pools.unwrap_or_default().iter().flat_map(|pool| {
        let issuers = pool.issuers().into_iter().map(|issuer| format!("issuer {issuer}"));
        let provider = format!("provider {}", pool.provider());
        issuers.chain([provider]).map(|name| (name, pool.position))
    });
    let providers = providers.unwrap_or_default().iter().flat_map(|one| {
        let issuer = format!("issuer {}", one.issuer.as_str());
        let provider = format!("provider {}", one.provider());
        [issuer, provider].map(|name| (name, one.position))
    });
    let mut seen: Vec<(String, Position)> = Vec::new();
    let mut told = None;
    for (name, position) in pools.chain(providers) {
        let known = seen.iter().find(|(known, _)| *known == name).map(|(_, first)| *first);
        match known {
            None => seen.push((name, position)),
            // Once for each entry, although it has several names.
            Some(first) if told != Some(position) => {
                told = Some(position);
                let message = format!("the {name} is the one of line {} too", first.line);
                if let Some(reader) = map.reader() {
                    reader.error(position, message);
                }
            }
            Some(_) => {}
        }
    }
}

fn warn_of_trust(map: &mut Map<'_, '_>, networks: Option<&[At<IpNet>]>) {
    let Some(reader) = map.reader() else { return };
    for network in networks.unwrap_or_default().iter().filter(|n| n.prefix_len() == 0) {
        let message = "trusted_proxies: everybody's X-Forwarded-* is believed, so that any caller \
                       can choose its address";
        reader.warning(network.position, message);
    }
}

fn warn_of_exposure(map: &mut Map<'_, '_>, listen: Option<&Listen>, admin: Option<&AdminAccess>) {
    let (Some(listen), Some(reader)) = (listen, map.reader()) else { return };
    let (proxy, address) = (&listen.proxy, &listen.admin.address);
    if proxy.tls.is_none() && !proxy.address.is_local() {
        reader.warning(
            proxy.address.position,
            "listen.proxy: tokens arrive in clear; set `tls`, or have TLS ended in front on the same machine",
        );
    }
    if !address.is_local() && admin.is_some_and(|admin| admin.token.is_none()) {
        reader.warning(
            address.position,
            "listen.admin: not local, so that only /metrics, /livez and /readyz are served; set admin.token for the rest",
        );
    }
}

/// A request that came back to the gate would go round until every connection is taken.
fn check_loops(map: &mut Map<'_, '_>, listen: &Listen, routes: &[Route]) {
    let Some(reader) = map.reader() else { return };
    for route in routes {
        let Some(upstream) = &route.upstream else { continue };
        let url = &upstream.url;
        let mut listeners =
            vec![("proxy", &listen.proxy.address), ("admin", &listen.admin.address)];
        listeners.extend(listen.ext_authz.as_ref().map(|asked| ("ext_authz", &asked.address)));
        if let Some((name, _)) = listeners.iter().find(|(_, at)| url.value.leads_to(&at.value)) {
            let message =
                format!("route `{}`: its upstream is the gate's own listen.{name}", route.name);
            reader.error(url.position, message);
        }
    }
}

/// A route without an upstream can only be asked about.
fn check_upstreams(map: &mut Map<'_, '_>, listen: &Listen, routes: &[Route]) {
    let Some(reader) = map.reader() else { return };
    if listen.ext_authz.is_some() {
        return;
    }
    for route in routes.iter().filter(|route| route.upstream.is_none()) {
        let name = &route.name;
        let message = format!(
            "`upstream` of route `{name}` is missing; only a route that others ask about at listen.ext_authz can do without"
        );
        reader.error(route.position, message);
    }
}

fn check_aws(map: &mut Map<'_, '_>, routes: &[Route], aws: Option<&Aws>) {
    if aws.is_some() {
        return;
    }
    let of_tables = routes.iter().filter(|route| route.service == Service::DynamoDb);
    if let Some(reader) = map.reader() {
        for route in of_tables {
            let name = &route.name;
            let message = format!(
                "`aws` is missing: the ARNs of the tables of route `{name}` need its region and account"
            );
            reader.error(route.position, message);
        }
    }
    let needs = |route: &&Route| route.api.is_some() || route.service == Service::CognitoIdp;
    if let Some(route) = routes.iter().find(needs) {
        let message = format!(
            "`aws` is missing: the ARNs of route `{}` need its region and account",
            route.name
        );
        map.error(None, message);
    }
}

fn warn_of_no_issuer(map: &mut Map<'_, '_>, routes: &[Route]) {
    let needs = |route: &&Route| {
        route.service == Service::ExecuteApi
            && route.authenticate == Authenticate::Required
            && route.token.as_ref().is_none_or(|token| token.alb.is_none())
    };
    if let (Some(route), Some(reader)) = (routes.iter().find(needs), map.reader()) {
        let message = format!(
            "route `{}` demands a token, and there are no user_pools and no oidc_providers",
            route.name
        );
        reader.warning(route.position, message);
    }
}

const LATER: &str = "comes with a later version; only `derived` works in this one";
