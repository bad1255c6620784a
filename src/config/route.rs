//! Routes: what is behind the gate, who gets through to it, and as which operation.

use super::cors::Cors;
use super::credentials::Sign;
use super::engines::{self, EngineMode, Engines};
use super::limits::RouteLimits;
use super::map::Map;
use super::problem::{At, Position};
use super::reach::{HostAndPort, HostName, Origin, PathPrefix, UpstreamUrl};
use super::read::{Field, Reader, Section, section, words};
use super::tables::{ByName, Table, by_name};
use super::template::{ActionRule, check_rules};
use super::value::{
    ApiId, CookieName, IdentityPoolId, LoadBalancerArn, RouteName, Scope, Stage, Url, Words,
};
use super::yaml::Node;

/// One route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Where it is in the file.
    pub position: Position,
    /// Its name, unique, also in metrics.
    pub name: String,
    /// Whose requests it takes.
    pub service: Service,
    /// Which requests; the others' rest if absent.
    pub r#match: Option<Match>,
    /// The identity pool that gives roles, where several could.
    pub identity_pool: Option<At<String>>,
    /// The API in ARNs.
    pub api: Option<Api>,
    /// Scopes of which an access token must have one; any token if empty.
    pub scopes: Vec<String>,
    /// Whether a token is demanded.
    pub authenticate: Authenticate,
    /// Whether tokens have to be bound to who shows them.
    pub bound_tokens: BoundTokens,
    /// Which policies decide.
    pub engines: Engines,
    /// Whether the upstream sees the bearer token.
    pub forward_token: bool,
    /// Whether a request without credentials is the pool's guest.
    pub guest: bool,
    /// Where else a token may be than in `Authorization`.
    pub token: Option<TokenSource>,
    /// Operations of the API's own naming; empty for `execute-api:Invoke`.
    pub actions: Vec<ActionRule>,
    /// Tables of DynamoDB whose keys are told here; the others' are asked of the upstream.
    pub tables: Vec<(String, Table)>,
    /// What becomes of operations that would change the policy of a bucket or a table.
    pub resource_policies: ResourcePolicies,
    /// What pages of other origins may do; nothing is told of it without.
    pub cors: Option<Cors>,
    /// How many requests it takes; as many as come without.
    pub limits: Option<RouteLimits>,
    /// The `Host` that the upstream sees.
    pub host: UpstreamHost,
    /// Where permitted requests go; nowhere if they are only asked about.
    pub upstream: Option<Upstream>,
}

words! {
    /// Whose requests a route takes.
    pub Service {
        /// An API of one's own.
        ExecuteApi = "execute-api",
        /// Cognito user pools' operations.
        CognitoIdp = "cognito-idp",
        /// Buckets and objects.
        S3 = "s3",
        /// Tables and items.
        DynamoDb = "dynamodb",
    }
    "cognito-identity" => BUILT_IN,
    "sts" => BUILT_IN,
    "iam" => BUILT_IN,
    "verifiedpermissions" => BUILT_IN,
}

/// Which requests a route takes: by host, by path, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The exact host, in lower case, without port.
    pub host: Option<String>,
    /// The beginning of the path, in whole segments: `/a` is also that of `/a/b`, not of `/ab`.
    pub path: Option<String>,
}

/// The API in ARNs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Its id.
    pub id: String,
    /// Its stage.
    pub stage: String,
}

/// Whether a token is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authenticate {
    /// A valid token is demanded.
    Required,
    /// The route is public.
    None,
}

words! {
    /// The words of `authenticate`.
    AuthenticateWord {
        /// The route is public.
        None = "none",
    }
}

words! {
    /// Whether tokens have to be bound to who shows them. A binding that is there is always proven.
    pub BoundTokens {
        /// They may be.
        Verify = "verify",
        /// They have to be.
        Require = "require",
    }
}

words! {
    /// What becomes of operations that would change the policy of a bucket or a table.
    pub ResourcePolicies {
        /// They are denied, by name.
        Denied = "denied",
        /// They are answered here, and kept in the folder of policies.
        Stored = "stored",
    }
}

/// Where else a token may be than in `Authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSource {
    /// In the cookie of this name.
    pub cookie: Option<String>,
    /// Origins (`https://app.example.com`) whose pages may send the cookie.
    pub origins: Vec<String>,
    /// In `x-amzn-oidc-data`, from this load balancer.
    pub alb: Option<Alb>,
}

/// A load balancer that logs users in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alb {
    /// Its ARN, which the token's `signer` must be.
    pub arn: String,
    /// The client the token must be for; any if absent.
    pub client: Option<String>,
    /// The URL under which its keys are, one PEM a key id; AWS's if absent.
    pub keys: Option<Url>,
}

impl Alb {
    /// The URL under which its keys are, without `/` at the end. AWS's is documented with
    /// "Authenticate users using an Application Load Balancer".
    pub fn keys_url(&self) -> String {
        if let Some(keys) = &self.keys {
            return keys.join("");
        }
        match self.arn.split(':').nth(3).unwrap_or("") {
            region if region.starts_with("us-gov-") => {
                format!("https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}")
            }
            region => format!("https://public-keys.auth.elb.{region}.amazonaws.com"),
        }
    }
}

/// The `Host` that the upstream sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamHost {
    /// The caller's.
    Keep,
    /// That of the upstream's URL.
    Rewrite,
    /// This one.
    Fixed(String),
}

words! {
    /// The words of `host`.
    HostWord {
        /// The caller's.
        Keep = "keep",
        /// That of the upstream's URL.
        Rewrite = "rewrite",
    }
}

/// Where permitted requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its address.
    pub url: At<UpstreamUrl>,
    /// The `Host` it is told, instead of the caller's; see [`Route::host`].
    pub host: Option<String>,
    /// With which credentials requests to it are signed.
    pub sign: Option<Sign>,
    /// Whether it takes checksums in trailers (`aws-chunked`).
    pub trailers: bool,
    /// Whether it is spoken to in HTTP/2: by ALPN over TLS, in clear without asking.
    pub http2: bool,
    /// How many requests it is sent at a time; as many as come without.
    pub concurrency: Option<u32>,
}

impl Section for Route {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let name = map.required("name", "Its name, unique; also in metrics and logs.");
        let service = map.required("service", "Whose requests it takes.");
        let matching =
            map.optional("match", "Which requests it takes; without, those of no other.");
        let doc = "The identity pool that gives roles, needed only where several could.";
        let identity_pool = map.optional::<At<IdentityPoolId>>("identity_pool", doc);
        let api = map.optional("api", "The API in the ARNs of execute-api:Invoke.");
        let scopes = map.list("scopes", "Scopes of which an access token must have one.");
        let authenticate =
            map.optional("authenticate", "`none` makes the route public; a token is needed else.");
        let doc = "`require` takes only tokens that are bound to a key (DPoP) or a client certificate; `verify` has those proven that are.";
        let bound_tokens = map.default::<BoundTokens>("bound_tokens", "verify", doc);
        let engines = map.section::<Engines>("engines", "Which policies decide.");
        let forward_token =
            map.default("forward_token", "true", "Whether the upstream sees the bearer token.");
        let token = map.optional("token", "Where else a token may be than in Authorization.");
        let doc = "Operations of the API's own naming, instead of execute-api:Invoke.";
        let actions = map.list::<ActionRule>("actions", doc);
        let doc =
            "The Host the upstream sees: the caller's, or the one of its URL. `keep` if absent.";
        let host = map.optional("host", doc);
        let doc = "Where permitted requests go; needed unless they are only asked about.";
        let upstream = map.optional::<Upstream>("upstream", doc);
        let doc = "Whether a request without credentials is the identity pool's guest.";
        let guest = map.default("guest", "false", doc);
        let doc = "Tables whose keys are told here, by name; the upstream is asked for others'.";
        let tables = map.optional::<ByName<Table>>("tables", doc);
        let doc =
            "`stored` keeps bucket and table policies that are put in the folder of policies.";
        let resource_policies = map.default::<ResourcePolicies>("resource_policies", "denied", doc);
        let doc = "What pages of other origins may do (CORS). Without it no preflight is answered, and the upstream says what it says.";
        let cors = map.optional::<Cors>("cors", doc);

        let doc = "How many requests it takes; as many as come without.";
        let limits = map.optional::<RouteLimits>("limits", doc);

        check_service(map, service, engines.as_ref());
        engines::check(map, service, engines.as_ref());
        if let Some(actions) = &actions {
            check_rules(map, actions);
        }
        let authenticate = match authenticate? {
            Some(AuthenticateWord::None) => Authenticate::None,
            None => Authenticate::Required,
        };
        check_public(map, authenticate, engines.as_ref());
        let upstream = upstream?;
        let told = upstream.as_ref();
        if told.is_none() && service.is_some_and(|service| service != Service::ExecuteApi) {
            map.error(None, "`upstream` is missing: where permitted requests go");
            return None;
        }
        if told.is_some_and(|told| told.sign.is_some())
            && service.is_some_and(|service| !service.is_of_aws())
        {
            map.error(Some("upstream"), format!("`sign` {FOR_DATA}"));
            return None;
        }
        if told.is_some_and(|told| told.trailers)
            && service.is_some_and(|service| service != Service::S3)
        {
            map.error(Some("upstream"), "`trailers` is for routes of `service: s3`");
            return None;
        }
        if told.is_some_and(|told| told.http2) && service.is_some_and(Service::is_of_aws) {
            map.error(Some("upstream"), "`http2` is for APIs: S3 and DynamoDB speak HTTP/1.1");
            return None;
        }
        let host = match (host?, told.and_then(|told| told.host.as_ref())) {
            (Some(HostWord::Keep), Some(_)) => {
                map.error(Some("host"), "`keep` and upstream.host exclude each other");
                return None;
            }
            (_, Some(host)) => UpstreamHost::Fixed(host.clone()),
            (Some(HostWord::Rewrite), None)
                if told.is_some_and(|told| matches!(told.url.value, UpstreamUrl::Unix(_))) =>
            {
                map.error(Some("host"), "a Unix socket has no host; write upstream.host");
                return None;
            }
            (Some(HostWord::Rewrite), None) => UpstreamHost::Rewrite,
            // A bucket in the caller's host would be read a second time; and what signs for an
            // upstream signs for its own name.
            (None, None) if service.is_some_and(Service::is_of_aws) => UpstreamHost::Rewrite,
            (Some(HostWord::Keep) | None, None) => UpstreamHost::Keep,
        };
        let RouteName(name) = name?;
        if BUILT_IN_SERVICES.contains(&name.as_str()) {
            map.error(Some("name"), "is what metrics and logs call the service that is built in");
            return None;
        }
        let pool = |pool: At<IdentityPoolId>| At { value: pool.value.0, position: pool.position };
        Some(Self {
            position: map.here(),
            name,
            service: service?,
            r#match: matching?,
            identity_pool: identity_pool?.map(pool),
            api: api?,
            scopes: scopes?.into_iter().map(|Scope(scope)| scope).collect(),
            authenticate,
            bound_tokens: bound_tokens?,
            engines: engines?,
            forward_token: forward_token?,
            guest: guest?,
            token: token?,
            actions: actions?,
            tables: tables?.map(by_name).unwrap_or_default(),
            resource_policies: resource_policies?,
            cors: cors?,
            limits: limits?,
            host,
            upstream,
        })
    }
}

impl Service {
    /// Whether it is one of AWS's, behind which stands a stand-in with credentials of its own, and
    /// none of the caller's go there.
    fn is_of_aws(self) -> bool {
        matches!(self, Self::S3 | Self::DynamoDb)
    }

    /// Whether a route of it without `match` takes no part in host and path matching: it is reached
    /// by scope or target.
    fn is_named(self) -> bool {
        matches!(self, Self::CognitoIdp | Self::DynamoDb)
    }
}

impl Section for Match {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let host = map.optional("host", "The exact host, without port.");
        let doc = "The beginning of the path, in whole segments. The longest wins.";
        let path = map.optional("path", doc);
        if !map.has("host") && !map.has("path") {
            map.error(None, "needs `host`, `path` or both");
        }
        let host: Option<HostName> = host?;
        let path: Option<PathPrefix> = path?;
        if path.as_ref().is_some_and(|PathPrefix(path)| path.contains('*')) {
            let message = "`*` stands for itself: a path is that of all that begins with it, and has no wildcards";
            map.warning(Some("path"), message);
        }
        if host.is_none() && path.is_none() {
            return None;
        }
        Some(Self { host: host.map(|HostName(h)| h), path: path.map(|PathPrefix(p)| p) })
    }
}

impl Section for Api {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let id = map.required("id", "Its id.");
        let stage = map.required("stage", "Its stage.");
        let (ApiId(id), Stage(stage)) = (id?, stage?);
        Some(Self { id, stage })
    }
}

impl Section for TokenSource {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let cookie = map.optional::<CookieName>("cookie", "In the cookie of this name.");
        let doc = "Origins whose pages may send the cookie, such as https://app.example.com.";
        let origins = map.list::<Origin>("origins", doc);
        let doc = "In x-amzn-oidc-data, from this application load balancer.";
        let alb = map.optional::<Alb>("alb", doc);
        if !map.has("cookie") && !map.has("alb") {
            map.error(None, "needs `cookie` or `alb`");
            return None;
        }
        if map.has("origins") && !map.has("cookie") {
            map.error(Some("origins"), "goes with `cookie`");
            return None;
        }
        Some(Self {
            cookie: cookie?.map(|CookieName(name)| name),
            origins: origins?.into_iter().map(|Origin(origin)| origin).collect(),
            alb: alb?,
        })
    }
}

impl Section for Alb {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let arn = map.required("arn", "Its ARN, which the token's signer must be.");
        let doc = "The client the token must be for; any without.";
        let client = map.optional::<Words>("client", doc);
        let doc = "The URL under which its keys are, one PEM a key id; the one of AWS without.";
        let keys: Option<Option<At<Url>>> = map.optional("keys", doc);
        let keys = match keys? {
            None => None,
            Some(keys) => match keys.value.demand_trust() {
                Ok(keys) => Some(keys),
                Err(message) => {
                    map.error(Some("keys"), message);
                    return None;
                }
            },
        };
        let LoadBalancerArn(arn) = arn?;
        Some(Self { arn, client: client?.map(|client| client.0), keys })
    }
}

impl Section for Upstream {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let doc = "http://HOST:PORT, https://HOST:PORT or unix:/path, without a path of requests.";
        let url = map.required("url", doc);
        let host = map.optional("host", "The Host it is told, instead of the caller's.");
        let doc = "The credentials that requests to it are signed with, for S3 and DynamoDB.";
        let sign = map.optional("sign", doc);
        let doc = "Whether it takes uploads in `aws-chunked` form, so that the checksum of a trailer reaches it; for S3.";
        let trailers = map.default("trailers", "false", doc);
        let doc = "Whether it is spoken to in HTTP/2, as gRPC needs it: agreed on in TLS, known beforehand in clear.";
        let http2 = map.default("http2", "false", doc);
        let doc = "Requests that it is sent at a time, those among them whose answers are on their way; more are answered 503. From 1 to 1000000. As many as come if absent.";
        let concurrency = map.optional::<u32>("concurrency", doc);
        let host: Option<HostAndPort> = host?;
        let concurrency = concurrency?;
        if concurrency.is_some_and(|most| !(1..=1_000_000).contains(&most)) {
            map.error(Some("concurrency"), "must be from 1 to 1000000");
            return None;
        }
        Some(Self {
            url: url?,
            host: host.map(|HostAndPort(host)| host),
            sign: sign?,
            trailers: trailers?,
            http2: http2?,
            concurrency,
        })
    }
}

section!(Alb, Api, Match, Route, TokenSource, Upstream);

/// All routes, checked against each other.
pub(super) struct Routes(pub(super) Vec<Route>);

impl Field for Routes {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let routes = reader.list::<Route>(node)?;
        if routes.is_empty() {
            reader.error(node.position, "must not be empty");
            return None;
        }
        let known: Vec<&Route> = routes.iter().flatten().collect();
        let mut fine = true;
        for (index, route) in known.iter().enumerate() {
            let earlier = || known.iter().take(index);
            if let Some(first) = earlier().find(|first| first.name == route.name) {
                let (name, line) = (&route.name, first.position.line);
                let message = format!("`{name}` is the name of the route at line {line} already");
                reader.error(route.position, message);
                fine = false;
            }
            if let Some(first) = earlier().find(|first| competes(first, route)) {
                let (name, line) = (&first.name, first.position.line);
                let message = format!(
                    "`{}` takes the same requests as `{name}` at line {line}; their `match` is equal",
                    route.name
                );
                reader.error(route.position, message);
                fine = false;
            }
            let alb = |route: &'_ Route| route.token.as_ref()?.alb.clone();
            if let Some(own) = alb(route)
                && let Some(first) = earlier().find(|first| {
                    alb(first).is_some_and(|a| a.arn == own.arn && a.keys_url() != own.keys_url())
                })
            {
                let (name, line) = (&first.name, first.position.line);
                let message = format!(
                    "`{}` has other `keys` for the load balancer of `{name}` at line {line}",
                    route.name
                );
                reader.error(route.position, message);
                fine = false;
            }
        }
        let routes: Option<Vec<Route>> = routes.into_iter().collect();
        routes.filter(|_| fine).map(Self)
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "array", "minItems": 1, "items": Route::schema() })
    }
}

/// Whether nothing decides between two routes. Of those that take no part in host and path matching
/// each service may have one.
fn competes(one: &Route, other: &Route) -> bool {
    let aside = |route: &Route| {
        (route.service.is_named() && route.r#match.is_none()).then_some(route.service)
    };
    one.r#match == other.r#match && aside(one) == aside(other)
}

fn check_service(map: &mut Map<'_, '_>, service: Option<Service>, engines: Option<&Engines>) {
    match service {
        Some(Service::ExecuteApi) => {
            let asked = engines.is_some_and(|engines| engines.iam != EngineMode::Off);
            if asked && !map.has("api") && !map.has("actions") {
                map.error(
                    None,
                    "needs `api` {id, stage} for execute-api:Invoke, or `actions`, or engines.iam: off",
                );
            }
            if map.has("api") && map.has("actions") {
                map.error(Some("actions"), "`api` and `actions` exclude each other");
            }
            refuse(map, &["guest", "resource_policies"], FOR_DATA);
        }
        Some(Service::CognitoIdp) => {
            refuse(map, &["api", "scopes", "authenticate", "token", "actions"], FOR_APIS);
            refuse(map, &["bound_tokens"], FOR_APIS);
            refuse(map, &["guest", "resource_policies"], FOR_DATA);
        }
        Some(Service::S3) => check_data(map, "S3", "an S3 upstream"),
        Some(Service::DynamoDb) => check_data(map, "DynamoDB", "a DynamoDB upstream"),
        None => {}
    }
    if service.is_some_and(|service| service != Service::DynamoDb) {
        refuse(map, &["tables"], "is for `service: dynamodb` only");
    }
}

/// What holds for routes of S3 and of DynamoDB alike.
fn check_data(map: &mut Map<'_, '_>, service: &str, an_upstream: &str) {
    refuse(map, &["api", "scopes", "authenticate", "token", "actions"], FOR_APIS);
    refuse(map, &["bound_tokens"], FOR_APIS);
    let why = format!("is for APIs: {service} never gets the caller's credentials");
    refuse(map, &["forward_token"], &why);
    if map.has("host") {
        map.error(Some("host"), format!("{an_upstream} is told its own; write upstream.host"));
    }
}

fn refuse(map: &mut Map<'_, '_>, names: &[&str], why: &str) {
    for name in names {
        if map.has(name) {
            map.error(Some(name), why);
        }
    }
}

fn check_public(map: &mut Map<'_, '_>, authenticate: Authenticate, engines: Option<&Engines>) {
    if authenticate == Authenticate::Required {
        return;
    }
    if engines.is_some_and(|engines| engines.iam != EngineMode::Off) {
        map.error(Some("authenticate"), "`none` goes with engines.iam: off only");
    }
    if engines.is_some_and(|engines| engines.cedar != EngineMode::Off) {
        map.error(
            Some("authenticate"),
            "`none` asks nobody who is calling, and so no Cedar policy",
        );
    }
    for name in ["scopes", "token", "bound_tokens"] {
        if map.has(name) {
            map.error(Some(name), "demands a token, and authenticate is `none`");
        }
    }
}

const FOR_APIS: &str = "is for `service: execute-api` only";
const FOR_DATA: &str = "is for `service: s3` and `service: dynamodb` only";
const BUILT_IN_SERVICES: [&str; 4] = ["cognito-identity", "sts", "iam", "verifiedpermissions"];
const BUILT_IN: &str = "is built in and needs no route";
