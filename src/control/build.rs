//! From settings and policy files to a generation that can be swapped in.
//!
//! Building changes nothing that is in force: a generation is either whole, or its problems are
//! reported and the last one stays (P3). What two generations have in common (key sets, upstream
//! connections) is handed on.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use hyper_rustls::ConfigBuilderExt;
use tokio::runtime::Handle;
use tokio_rustls::rustls::{ClientConfig, crypto, pki_types::ServerName};

use super::{
    cedar,
    credentials::{credentials, signer},
    keys::key_source,
    policies::{Policies, hash, problems_in, read_policies, warn_of_folders, warn_of_none},
    revocations,
    routes::{KnownLimits, routes},
    schemas::{Nobody, Schemas},
    shadow::{self, Loaded},
    stamps::{Stamp, Stamps},
    stored,
};
use crate::{
    clock,
    config::{self, Keys, Position, Problem, Settings, UpstreamHost, UpstreamUrl, UrlScheme},
    doors::{AskingRules, ConnectionLimits, Logged, Snapshot},
    gate::{Cedar, Rules, Sessions},
    http::TrustedProxies,
    identity::{Groups, IdentityIds, IdentityPool},
    server::{ClientAuth, server_config},
    services::dynamodb::TableSchemas,
    token::{Fetch, Issuer, Issuers, KeyPlan, KeySource, KeyStore, Revocations},
    upstream::{HostHeader, Place, Timeouts, Upstream},
};

/// Builds generation after generation.
pub struct Builder {
    keys: Arc<KeyStore>,
    tls: Arc<ClientConfig>,
    upstreams: Vec<(UpstreamKey, Arc<Upstream>)>,
    /// What is learnt of tables, by upstream.
    schemas: Vec<Arc<Schemas>>,
    /// The shadow in force.
    shadow: Option<Loaded>,
    /// The list of what is revoked.
    revocations: Option<Arc<Revocations>>,
    /// The counts of the routes.
    limits: KnownLimits,
    /// Where tables are asked for; not where nothing is decided.
    runtime: Option<Handle>,
    generation: u64,
    stamps: Stamps,
}

/// What makes an upstream the same one over a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
struct UpstreamKey {
    url: UpstreamUrl,
    host: HostHeader,
    /// With the service that is signed for.
    sign: Option<(config::Service, config::Sign)>,
    trailers: bool,
    http2: bool,
    concurrency: Option<u32>,
}

/// A generation that was built, and what is worth a warning.
pub struct Built {
    /// The settings it was built from.
    pub settings: Settings,
    /// The generation.
    pub snapshot: Snapshot,
    /// Warnings.
    pub warnings: Vec<Problem>,
    /// Why the shadow isn't that of the files of `shadow_policies`: it is the last good one, or none.
    pub shadow_problems: Vec<Problem>,
    applied: Applied,
}

/// What a builder keeps of a generation that is in force.
pub struct Applied {
    keys: KeyPlan,
    max_stale: Duration,
    upstreams: Vec<(UpstreamKey, Arc<Upstream>)>,
    schemas: Vec<Arc<Schemas>>,
    shadow: Option<Loaded>,
    revocations: Option<Arc<Revocations>>,
    limits: KnownLimits,
    /// The files it was built from.
    stamps: Stamps,
}

impl Builder {
    /// A builder whose key sets are fetched by `fetch`. In a tokio runtime, tables are asked for
    /// there; without one they are not.
    pub fn new(fetch: Arc<dyn Fetch>, tls: Arc<ClientConfig>) -> Self {
        Self {
            keys: Arc::new(KeyStore::new(fetch)),
            tls,
            upstreams: Vec::new(),
            schemas: Vec::new(),
            shadow: None,
            revocations: None,
            limits: KnownLimits::default(),
            runtime: Handle::try_current().ok(),
            generation: 0,
            stamps: Stamps::default(),
        }
    }

    /// Tells whether every key set has been loaded once.
    pub fn keys_ready(&self) -> impl Fn() -> bool + Send + 'static {
        let keys = Arc::clone(&self.keys);
        move || keys.ready()
    }

    /// Builds the next generation from the configuration file at `path`.
    ///
    /// Files that change while they are read are read again: a generation is never put together
    /// from two states of them (P3). May block for a moment.
    ///
    /// # Errors
    /// Every problem, of the file and of all that it names. What is wrong with `shadow_policies` alone
    /// is no error: see [`Built::shadow_problems`].
    pub fn build(&self, path: &Path) -> Result<Built, Vec<Problem>> {
        for left in (0..TRIES).rev() {
            let (first, began) = (Stamp::of(path), clock::now());
            let built = self.build_once(path)?;
            let stamps = Stamps::of(path, &built.settings);
            let before = &built.applied.stamps;
            // A shadow decides nothing: one that goes on changing is read again at the next look.
            let quiet = stamps == *before || (left == 0 && stamps.differ_in_shadow_alone(before));
            if stamps.begins_with(&first) && quiet && !stamps.may_be_racy(began) {
                return Ok(built);
            }
            std::thread::sleep(SETTLING);
        }
        let message = "it, or a file it names, changes while it is read".to_owned();
        Err(vec![Problem::error(path, Position::START, message)])
    }

    fn build_once(&self, path: &Path) -> Result<Built, Vec<Problem>> {
        let text = config::read_text(path)?;
        let environment = |name: &str| std::env::var_os(name);
        let loaded = config::load_text(path, &text, &environment);
        let (settings, mut warnings) = loaded.map_err(|mut problems| {
            let (policies, pools) = config::policy_folders(path, &text);
            problems.extend(problems_in(&policies, &pools));
            problems
        })?;
        let stamps = Stamps::of(path, &settings);
        let files = read_policies(&settings)?;
        let mut problems = Vec::new();
        let types = cedar::type_names(&settings.cedar);
        let policies = files.parse(&types).map_err(|found| problems.extend(found)).ok();
        if let Some(policies) = &policies {
            cedar::check(&settings, policies.cedar.is_some(), &mut problems, &mut warnings);
        }
        let shadowed = shadow::load(&settings, files.shadow.as_ref(), self.shadow.as_ref());
        let resource_policies = match &policies {
            Some(_) => stored::documents(&settings, &files, &mut problems),
            None => HashMap::new(),
        };
        let own = [(Path::new(""), text.as_str())].into_iter();
        let of_shadow = shadowed.loaded.iter().map(|of| (Path::new("shadow"), of.hash.as_str()));
        let hash = hash(own.chain(files.iter()).chain(of_shadow));
        let written = serde_json::json!({ "file": path.display().to_string(), "text": text });
        let tls = self.listener_tls(&settings, &mut problems);
        let upstreams = self.arrange_upstreams(&settings, &mut problems);
        let mut schemas = Vec::new();
        let mut learnt = |index: usize| {
            // A route whose upstream is wrong is refused, and decides nothing.
            let upstream = upstreams.get(index).and_then(Option::as_ref);
            let upstream = upstream.map(|(_, upstream)| upstream);
            upstream.and_then(|upstream| self.learnt(upstream, &mut schemas)).map_or_else(
                || Arc::new(Nobody) as Arc<dyn TableSchemas>,
                |schemas| schemas as Arc<dyn TableSchemas>,
            )
        };
        let mut limits = self.limits.clone().after();
        let routes = policies.as_ref().and_then(|policies| {
            routes(&settings, &policies.pools, &mut learnt, &mut limits, &mut problems)
        });
        let credentials = credentials(&settings, &mut problems);
        let revocations = revocations::arrange(&settings, self.revocations.as_ref(), &mut problems);
        let ids = IdentityIds::new(settings.identities.key.as_ref().map(|k| k.value.expose()));
        let (Some(policies), Some(routes), []) = (policies, routes, problems.as_slice()) else {
            problems.extend(shadowed.problems);
            return Err(problems);
        };
        // From here on nothing fails but what the checks above should have found.
        let (issuers, keys) = self.issuers(&settings)?;
        let issuers = issuers.with_revocations(revocations.clone());
        let Policies { account, pools, groups, cedar, warnings: more } = policies;
        warnings.extend(more);
        warnings.extend(shadowed.warnings);
        let shadow_folder = settings.shadow_policies.as_ref().map(|shadow| &shadow.value);
        warnings.extend(warn_of_none(&settings));
        for folder in [&settings.policies.value].into_iter().chain(shadow_folder) {
            warnings.extend(warn_of_folders(&settings, folder));
        }
        warnings.extend(stored::warn_unless_writable(&settings));
        warnings.extend(warn_of_roles(&settings, &pools, &account));
        warnings.extend(warn_of_groups(&settings, &groups, &account));
        let aws = settings.aws.as_ref();
        let snapshot = Snapshot {
            rules: Rules {
                generation: self.generation + 1,
                hash,
                issuers,
                guests: pools.iter().map(|_| OnceLock::new()).collect(),
                pools,
                groups,
                identities: ids,
                account,
                resource_policies,
                cedar: cedar.map(Cedar::new),
                shadow: shadowed.loaded.as_ref().map(|loaded| Arc::clone(&loaded.shadow)),
                policy_store: settings.cedar.policy_store.as_ref().map(|s| s.value.clone()),
                routes,
                region: aws.map(|a| a.region.clone()),
                account_id: aws.map(|a| a.account.clone()),
                credentials,
                body_buffer: usize::try_from(settings.limits.body_buffer).unwrap_or(usize::MAX),
                sessions: Sessions::default(),
            },
            upstreams: upstreams
                .iter()
                .map(|arranged| arranged.as_ref().map(|(_, upstream)| Arc::clone(upstream)))
                .collect(),
            trusted_proxies: TrustedProxies::new(settings.trusted_proxies.clone()),
            timeouts: Timeouts {
                connect: settings.timeouts.upstream_connect,
                header: settings.timeouts.upstream_header,
                stream: settings.timeouts.stream_idle,
            },
            connection: ConnectionLimits {
                header: settings.timeouts.header,
                idle: settings.timeouts.idle,
                stream: settings.timeouts.stream_idle,
                head: usize::try_from(settings.limits.headers).unwrap_or(usize::MAX),
            },
            stream_grace: settings.timeouts.stream_grace,
            tls,
            asking: asking(&settings),
            logged: match settings.decision_log.only {
                config::Only::All => Logged::All,
                config::Only::Denials => Logged::Denials,
            },
            written,
        };
        let max_stale = settings.token.max_stale;
        let upstreams = upstreams.into_iter().flatten().collect();
        let shadow = shadowed.loaded;
        let applied =
            Applied { keys, max_stale, upstreams, schemas, shadow, revocations, limits, stamps };
        Ok(Built { settings, snapshot, warnings, shadow_problems: shadowed.problems, applied })
    }

    /// Takes note that what was built is in force now: its keys are fetched, and what it doesn't use
    /// any more is dropped.
    ///
    /// # Panics
    /// Outside a tokio runtime, as `tokio::spawn` does.
    pub fn applied(&mut self, applied: Applied) {
        self.generation += 1;
        self.keys.start(applied.keys, applied.max_stale);
        self.upstreams = applied.upstreams;
        self.schemas = applied.schemas;
        self.shadow = applied.shadow;
        self.revocations = applied.revocations;
        self.limits = applied.limits;
        self.stamps = applied.stamps;
    }

    /// The files of the generation in force, as they were when they were read.
    pub(super) fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    fn listener_tls(
        &self,
        settings: &Settings,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<tokio_rustls::rustls::ServerConfig>> {
        let tls = settings.listen.proxy.tls.as_ref()?;
        let clients = tls.clients.as_ref().map(|clients| {
            let required = match clients.auth {
                config::ClientAuth::Request => ClientAuth::Request,
                config::ClientAuth::Require => ClientAuth::Require,
            };
            (clients.ca.value.as_path(), required)
        });
        server_config(&tls.cert.value, &tls.key.value, clients)
            .map_err(|error| {
                let of_clients = tls.clients.as_ref().filter(|_| error.is_of_clients());
                let at = of_clients.map_or(tls.cert.position, |clients| clients.ca.position);
                problems.push(Problem::error(&settings.file, at, error.to_string()));
            })
            .ok()
    }

    /// The upstreams in the order of the routes, the same ones as before where they are the same;
    /// none for a route that is only asked about.
    fn arrange_upstreams(
        &self,
        settings: &Settings,
        problems: &mut Vec<Problem>,
    ) -> Vec<Option<(UpstreamKey, Arc<Upstream>)>> {
        let mut arranged: Vec<Option<(UpstreamKey, Arc<Upstream>)>> = Vec::new();
        for route in &settings.routes {
            let Some(told) = &route.upstream else {
                arranged.push(None);
                continue;
            };
            let url = &told.url;
            let host = match &route.host {
                UpstreamHost::Keep => HostHeader::Keep,
                UpstreamHost::Rewrite => HostHeader::rewrite(&authority(&url.value)),
                UpstreamHost::Fixed(host) => HostHeader::rewrite(host),
            };
            let sign = told.sign.clone().map(|sign| (route.service, sign));
            let config::Upstream { trailers, http2, concurrency, .. } = *told;
            let location = url.value.clone();
            let key = UpstreamKey { url: location, host, sign, trailers, http2, concurrency };
            let known = arranged.iter().flatten().chain(&self.upstreams);
            let known = known.into_iter().find(|(known, _)| *known == key);
            let upstream = match known {
                Some((_, upstream)) => Arc::clone(upstream),
                None => match self
                    .upstream(&key)
                    .and_then(|upstream| Ok(upstream.signed(signer(settings, route)?)))
                    .map(|upstream| upstream.taking_trailers(trailers).speaking_http2(http2))
                    .map(|upstream| upstream.with_room(concurrency))
                {
                    Ok(upstream) => Arc::new(upstream),
                    Err(message) => {
                        problems.push(Problem::error(&settings.file, url.position, message));
                        continue;
                    }
                },
            };
            arranged.push(Some((key, upstream)));
        }
        arranged
    }

    /// What is learnt of the tables behind `upstream`: the same as before where it is the same, and
    /// for all of its routes. `None` without a runtime.
    fn learnt(
        &self,
        upstream: &Arc<Upstream>,
        arranged: &mut Vec<Arc<Schemas>>,
    ) -> Option<Arc<Schemas>> {
        if let Some(known) = arranged.iter().find(|known| known.is_of(upstream)) {
            return Some(Arc::clone(known));
        }
        let known = self.schemas.iter().find(|known| known.is_of(upstream)).map(Arc::clone);
        let make = |runtime| Arc::new(Schemas::new(Arc::clone(upstream), runtime));
        let schemas = known.or_else(|| self.runtime.clone().map(make))?;
        arranged.push(Arc::clone(&schemas));
        Some(schemas)
    }

    fn upstream(&self, key: &UpstreamKey) -> Result<Upstream, String> {
        let host = key.host.clone();
        let url = match &key.url {
            UpstreamUrl::Unix(path) => {
                let label = format!("unix:{}", path.display());
                return Ok(Upstream::new(&label, Place::Unix(path.clone()), None, host));
            }
            UpstreamUrl::Tcp(url) => url,
        };
        let name = url.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match url.scheme() {
            UrlScheme::Http => None,
            UrlScheme::Https => {
                let server = ServerName::try_from(name.clone());
                let server = server.map_err(|_| format!("{name} can't be in a certificate"))?;
                Some((Arc::clone(&self.tls), server))
            }
        };
        let label = url.as_str().trim_end_matches('/');
        Ok(Upstream::new(label, Place::Tcp(name, url.port()), tls, host))
    }

    /// The issuers, with the key sets they read.
    fn issuers(&self, settings: &Settings) -> Result<(Issuers, KeyPlan), Vec<Problem>> {
        let mut plan = KeyPlan::default();
        let mut keys = |source: KeySource| self.keys.plan(&source, &mut plan);
        let mut issuers = Vec::new();
        for pool in &settings.user_pools {
            let issuer = pool.issuer.as_ref().map(|issuer| issuer.as_str().to_owned());
            let keys = keys(key_source(pool.keys()));
            let issuer = Issuer::user_pool(&pool.id, pool.clients.clone(), issuer, keys);
            issuers.push(issuer.map_err(|error| {
                vec![Problem::error(&settings.file, pool.position, error.to_string())]
            })?);
        }
        for provider in &settings.oidc_providers {
            let keys = keys(match &provider.jwks.value {
                Keys::Discover(_) => KeySource::Discovery(provider.issuer.as_str().to_owned()),
                other => key_source(other.clone()),
            });
            let audiences = provider.audiences.clone();
            issuers.push(Issuer::oidc(provider.issuer.as_str(), audiences, keys));
        }
        for alb in settings.routes.iter().filter_map(|r| r.token.as_ref()?.alb.as_ref()) {
            let known = |i: &Issuer| i.name == alb.arn;
            if issuers.iter().any(known) {
                continue;
            }
            let keys = keys(KeySource::AlbDirectory(alb.keys_url()));
            // Of any client: which one is each route's own matter.
            let mut issuer = Issuer::alb(&alb.arn, "", Vec::new(), keys);
            // It passes on what one of the configured issuers said of a user.
            issuer.issuers = issuers.iter().flat_map(|i: &Issuer| i.issuers.clone()).collect();
            issuers.push(issuer);
        }
        let leeway = u32::try_from(settings.token.leeway.as_secs()).unwrap_or(u32::MAX);
        let issuers = issuers.into_iter().map(Arc::new).collect();
        let issuers = Issuers::new(issuers, leeway).map_err(|error| {
            vec![Problem::error(&settings.file, Position::START, error.to_string())]
        })?;
        Ok((issuers, plan))
    }
}

impl Built {
    /// Takes the generation apart: settings, snapshot, warnings, and what [`Builder::applied`]
    /// wants once it is in force.
    pub fn into_parts(self) -> (Settings, Snapshot, Vec<Problem>, Applied) {
        (self.settings, self.snapshot, self.warnings, self.applied)
    }
}

/// Who may ask, and how; nobody if the configuration has no listener for it.
fn asking(settings: &Settings) -> AskingRules {
    let asked = settings.listen.ext_authz.as_ref();
    asked.map_or_else(AskingRules::default, |asked| AskingRules {
        from: asked.from.clone(),
        dialects: asked.dialects.clone(),
        client_certificates: asked.client_certificates,
        metadata: asked.metadata,
        url: settings.authzen.url.clone(),
    })
}

/// TLS towards upstreams, issuers and log collectors: what the system trusts.
///
/// # Errors
/// A sentence, where the system's certificates can't be read.
pub fn client_tls() -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_native_roots()
        .map_err(|error| format!("can't read the system's certificates: {error}"))?
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// What `Host` is, where it is that of an upstream's URL.
fn authority(url: &UpstreamUrl) -> String {
    match url {
        UpstreamUrl::Unix(_) => "localhost".to_owned(),
        UpstreamUrl::Tcp(url) => {
            let default = match url.scheme() {
                UrlScheme::Http => 80,
                UrlScheme::Https => 443,
            };
            match url.port() {
                port if port == default => url.host().to_owned(),
                port => format!("{}:{port}", url.host()),
            }
        }
    }
}

/// Roles that an identity pool names and no file has: a caller that gets one is refused.
fn warn_of_roles(
    settings: &Settings,
    pools: &[IdentityPool],
    account: &crate::iam::Account,
) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for pool in pools {
        for arn in pool.roles().into_iter().filter(|arn| account.role(arn).is_none()) {
            let message =
                format!("identity pool {} names the role {arn}, which no file has", pool.id());
            let at = settings.identity_pools.position;
            warnings.push(Problem::warning(&settings.file, at, message));
        }
    }
    warnings
}

/// The same of the groups of user pools.
fn warn_of_groups(
    settings: &Settings,
    groups: &[(String, Groups)],
    account: &crate::iam::Account,
) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for (id, groups) in groups {
        let pool = settings.user_pools.iter().find(|pool| pool.id == *id);
        let Some(file) = pool.and_then(|pool| pool.groups.as_ref()) else { continue };
        let unknown: BTreeSet<&str> =
            groups.every_role().filter(|arn| account.role(arn).is_none()).collect();
        for arn in unknown {
            let message =
                format!("a group of user pool {id} has the role {arn}, which no file has");
            warnings.push(Problem::warning(&settings.file, file.position, message));
        }
    }
    warnings
}

/// How often files that keep changing are read, and the pause between.
const TRIES: usize = 5;
const SETTLING: Duration = Duration::from_millis(20);
