//! Which route a request takes. File order never matters.
//!
//! A signed request's service is that of its credential scope; a target or action of another is
//! refused. An unsigned one's is told by `X-Amz-Target`, then by a form's `Action`. Then an exact
//! host goes before the longest path prefix before no match at all. Two equal matches are a
//! configuration error.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use ::http::{HeaderMap, Method, header};

use crate::{
    http::{self, Authority, Cors, RawTarget, preflight_headers},
    services::{cognito_identity, cognito_idp, execute_api::Api},
};

use super::{Compose, Engine, Limits, Tables, TokenSources, named::Named};

/// The place of a route in its configuration.
pub type RouteIndex = usize;

/// A route as checked.
#[derive(Debug)]
pub struct Route {
    /// Its name: a label of metrics and logs.
    pub name: String,
    /// Which service's language its requests speak.
    pub service: Service,
    /// Where it takes part in host and path matching, if it does.
    pub matching: Option<Match>,
    /// The place of its identity pool among the rules' pools.
    pub pool: Option<usize>,
    /// Scopes of which an access token must have one. Empty asks for none.
    pub scopes: Vec<String>,
    /// Whether a token is asked for at all.
    pub authenticate: Authenticate,
    /// Whether it has to be bound to its bearer.
    pub bound_tokens: BoundTokens,
    /// Whether IAM decides.
    pub iam: Engine,
    /// Whether Cedar does.
    pub cedar: Engine,
    /// How what they say becomes one answer.
    pub compose: Compose,
    /// Whether a request without credentials is the identity pool's guest.
    pub guest: bool,
    /// What becomes of operations on the policies of buckets and tables.
    pub resource_policies: ResourcePolicies,
    /// Whether the bearer token goes on to the API.
    pub forward_token: Forward,
    /// Where the token may come from beside `Authorization`.
    pub sources: TokenSources,
    /// What pages of other origins may do, if anything is told of it.
    pub cors: Option<Cors>,
    /// How many requests it takes, if that is limited.
    pub limits: Option<Arc<Limits>>,
    /// The place of its upstream among the snapshot's; none if it is only asked about.
    pub upstream: Option<usize>,
}

/// Whether tokens have to be bound to who shows them. A binding that is there is always proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BoundTokens {
    /// A token may be bound or not.
    #[default]
    Verify,
    /// It has to be.
    Require,
}

/// Whether a route asks who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticate {
    /// A valid token is demanded.
    Token,
    /// `authenticate: none`: the route is public.
    Public,
}

/// What becomes of operations on the policies of buckets and tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourcePolicies {
    /// What would change one is denied, by name; who asks for one asks the upstream.
    Denied,
    /// They are answered here: what decides is what was put.
    Stored,
}

/// Whether something is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// It goes upstream.
    Keep,
    /// It is removed.
    Remove,
}

/// The service a route stands for.
#[derive(Debug)]
pub enum Service {
    /// An HTTP API.
    ExecuteApi(Api),
    /// A user pool.
    CognitoIdp,
    /// Buckets and objects.
    S3,
    /// Tables and items.
    DynamoDb(Tables),
}

/// A service that is answered here and needs no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltIn {
    /// Identity pools.
    CognitoIdentity,
    /// Security tokens.
    Sts,
    /// The policy simulator.
    Iam,
    /// Cedar's policies.
    VerifiedPermissions,
}

impl BuiltIn {
    /// Its name in logs and metrics, that of its signatures.
    pub fn name(self) -> &'static str {
        match self {
            Self::CognitoIdentity => "cognito-identity",
            Self::Sts => "sts",
            Self::Iam => "iam",
            Self::VerifiedPermissions => "verifiedpermissions",
        }
    }
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To what is behind the gate.
    Route(RouteIndex),
    /// To a service that is answered here.
    BuiltIn(BuiltIn),
}

/// What routing looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addressed<'a> {
    /// The method.
    pub(super) method: &'a Method,
    /// The host asked for.
    pub(super) authority: &'a Authority,
    /// The target.
    pub(super) target: &'a RawTarget,
    /// The headers.
    pub(super) headers: &'a HeaderMap,
    /// The service that the request names itself, if it names one.
    pub(super) named: Option<Named>,
}

/// A route's `match`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Match {
    /// An exact host, in lower case; without a port any port fits.
    pub host: Option<String>,
    /// A path prefix that begins with `/`. It matches whole segments: `/a` matches `/a` and `/a/b`,
    /// `/a/` only what lies below.
    pub path: Option<String>,
}

/// Two routes that would take the same requests: the places of the earlier and the later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteConflict(pub RouteIndex, pub RouteIndex);

/// All routes of a configuration.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Route>,
    /// Path prefixes of a host, the longest first.
    by_host: HashMap<String, Vec<(String, RouteIndex)>>,
    any_host: Vec<(String, RouteIndex)>,
    cognito_idp: Option<RouteIndex>,
    /// The only route of S3, if there is just one.
    s3: Option<RouteIndex>,
    /// The only route of DynamoDB, if there is just one.
    dynamodb: Option<RouteIndex>,
    /// The one of DynamoDB's that takes part in no host and path matching.
    other_tables: Option<RouteIndex>,
    /// Whether one of them has `cors`.
    have_cors: bool,
    pools: Vec<String>,
    /// The longest first.
    s3_domains: Vec<String>,
}

impl Routes {
    /// Arranges `routes`; `pools` are the ids of the configured user pools, `s3_domains` the hosts
    /// below which names are buckets.
    ///
    /// # Errors
    /// The routes that would take the same requests.
    pub fn new(
        routes: Vec<Route>,
        pools: Vec<String>,
        mut s3_domains: Vec<String>,
    ) -> Result<Self, RouteConflict> {
        // Of two that fit, the longer one: what is left is the bucket.
        s3_domains.sort_by_key(|domain| std::cmp::Reverse(domain.len()));
        let mut by_host: HashMap<String, Vec<(String, RouteIndex)>> = HashMap::new();
        let mut any_host: Vec<(String, RouteIndex)> = Vec::new();
        let mut cognito_idp = None;
        let mut other_tables = None;
        for (index, route) in routes.iter().enumerate() {
            if matches!(route.service, Service::CognitoIdp)
                && let Some(earlier) = cognito_idp.replace(index)
            {
                return Err(RouteConflict(earlier, index));
            }
            if is_dynamodb(route)
                && route.matching.is_none()
                && let Some(earlier) = other_tables.replace(index)
            {
                return Err(RouteConflict(earlier, index));
            }
            let Some(matching) = &route.matching else { continue };
            let table = match &matching.host {
                Some(host) => by_host.entry(host.clone()).or_default(),
                None => &mut any_host,
            };
            let path = matching.path.clone().unwrap_or_default();
            if let Some((_, earlier)) = table.iter().find(|(known, _)| *known == path) {
                return Err(RouteConflict(*earlier, index));
            }
            table.push((path, index));
        }
        for table in by_host.values_mut().chain([&mut any_host]) {
            table.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        }
        let have_cors = routes.iter().any(|route| route.cors.is_some());
        let (s3, dynamodb) = (only(&routes, is_s3), only(&routes, is_dynamodb));
        Ok(Self {
            routes,
            by_host,
            any_host,
            cognito_idp,
            s3,
            dynamodb,
            other_tables,
            have_cors,
            pools,
            s3_domains,
        })
    }

    /// The route at `index`.
    pub fn route(&self, index: RouteIndex) -> Option<&Route> {
        self.routes.get(index)
    }

    /// What a destination is called in logs and metrics.
    pub fn name(&self, destination: Option<Destination>) -> Option<&str> {
        match destination? {
            Destination::Route(index) => self.route(index).map(|route| route.name.as_str()),
            Destination::BuiltIn(service) => Some(service.name()),
        }
    }

    /// Whether a token may come in a cookie there.
    pub fn reads_cookies(&self, destination: Option<Destination>) -> bool {
        match destination {
            Some(Destination::Route(index)) => {
                self.route(index).is_some_and(|route| route.sources.cookie.is_some())
            }
            Some(Destination::BuiltIn(_)) | None => false,
        }
    }

    /// What pages of other origins are told there, if anything is.
    pub fn cors(&self, destination: Option<Destination>) -> Option<&Cors> {
        match destination? {
            Destination::Route(index) => self.route(index)?.cors.as_ref(),
            Destination::BuiltIn(_) => None,
        }
    }

    /// Whether pages of other origins are told anything anywhere.
    pub fn have_cors(&self) -> bool {
        self.have_cors
    }

    /// All routes, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    /// The ids of the configured user pools.
    pub fn user_pools(&self) -> &[String] {
        &self.pools
    }

    /// The bucket that a host names, where it is one below the configured domains; `Some(None)` for
    /// such a domain itself.
    pub fn bucket<'a>(&self, authority: &'a Authority) -> Option<Option<&'a str>> {
        let host = authority.host();
        self.s3_domains.iter().find_map(|domain| {
            let before = host.strip_suffix(domain.as_str())?;
            match before {
                "" => Some(None),
                _ => before.strip_suffix('.').map(Some),
            }
        })
    }

    /// Where a request goes, if anywhere.
    pub(super) fn find(&self, asked: Addressed<'_>) -> Option<Destination> {
        let pools = Destination::BuiltIn(BuiltIn::CognitoIdentity);
        let found = match asked.named {
            Some(Named::CognitoIdentity) => return Some(pools),
            Some(Named::Sts) => return Some(Destination::BuiltIn(BuiltIn::Sts)),
            Some(Named::Iam) => return Some(Destination::BuiltIn(BuiltIn::Iam)),
            Some(Named::VerifiedPermissions) => {
                return Some(Destination::BuiltIn(BuiltIn::VerifiedPermissions));
            }
            Some(Named::CognitoIdp) => self.cognito_idp,
            Some(Named::S3) => self.of_s3(asked),
            Some(Named::DynamoDb) => self.of_dynamodb(asked),
            Some(Named::ExecuteApi) => self.by_address(asked, is_api),
            Some(Named::Other) => None,
            None if self.bucket(asked.authority).is_some() => self.of_s3(asked),
            None if is_preflight(asked) || is_pool_keys(asked) => {
                // Of an API that has taken the path, it is the API's; and of tables that pages are told
                // of by themselves.
                let api = self.by_address(asked, |route| {
                    !is_s3(route) && (!is_dynamodb(route) || route.cors.is_some())
                });
                return Some(api.map_or(pools, Destination::Route));
            }
            None => self
                .by_address(asked, |_| true)
                .or_else(|| self.cognito_idp.filter(|_| self.is_well_known(asked.target)))
                .or_else(|| self.s3.filter(|_| will_be_signed(asked))),
        };
        found.map(Destination::Route)
    }

    /// The API's route of this name, if it takes requests to this host: a proxy may have told hosts apart
    /// by the target, and send on another that `Host` has.
    pub(super) fn api_named(&self, name: &str, authority: &Authority) -> Option<RouteIndex> {
        let index = self.routes.iter().position(|route| is_api(route) && route.name == name)?;
        let has =
            |table: &Vec<(String, RouteIndex)>| table.iter().any(|(_, known)| *known == index);
        let of_host = [authority.as_str(), authority.host()]
            .into_iter()
            .filter_map(|host| self.by_host.get(host))
            .any(has);
        let takes = of_host || has(&self.any_host) || !self.by_host.values().any(has);
        takes.then_some(index)
    }

    /// The API's route that host and path lead to.
    pub(super) fn api_by_address(&self, asked: Addressed<'_>) -> Option<RouteIndex> {
        self.by_address(asked, is_api)
    }

    /// The route of what is known to be S3's. The only one takes it whatever its `match` says: there
    /// is no other that could.
    fn of_s3(&self, asked: Addressed<'_>) -> Option<RouteIndex> {
        self.s3.or_else(|| self.by_address(asked, is_s3))
    }

    /// The route of what is known to be DynamoDB's, as for S3. One without `match` takes what the
    /// others' don't cover.
    fn of_dynamodb(&self, asked: Addressed<'_>) -> Option<RouteIndex> {
        self.dynamodb.or_else(|| self.by_address(asked, is_dynamodb)).or(self.other_tables)
    }

    /// The route by host and path, among those that are `wanted`.
    fn by_address(
        &self,
        asked: Addressed<'_>,
        wanted: impl Fn(&Route) -> bool,
    ) -> Option<RouteIndex> {
        let path = asked.target.routing_path();
        // A bucket in the host is where it would be in a path: a key doesn't choose the route.
        let path = match self.bucket(asked.authority) {
            Some(Some(bucket)) => Cow::Owned(format!("/{bucket}{path}")),
            _ => path,
        };
        let with_port = self.by_host.get(asked.authority.as_str());
        let host = self.by_host.get(asked.authority.host());
        let takes = |index: RouteIndex| self.routes.get(index).is_some_and(&wanted);
        [with_port, host, Some(&self.any_host)]
            .into_iter()
            .flatten()
            .find_map(|table| longest(table, &path, &takes))
    }

    fn is_well_known(&self, target: &RawTarget) -> bool {
        cognito_idp::is_well_known_path(target.path(), &self.pools)
    }
}

/// A browser asking whether it may `POST /`, where S3 has no operation and an AWS SDK finds the
/// others. DynamoDB answers none itself.
fn is_preflight(asked: Addressed<'_>) -> bool {
    let wanted = || asked.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD);
    *asked.method == Method::OPTIONS
        && asked.target.path() == "/"
        && wanted().is_some_and(|method| method.as_bytes() == b"POST")
}

/// A browser asking for an AWS SDK, which signs what S3 will then take wherever it is sent: the
/// signature names the service, and a preflight has none.
fn will_be_signed(asked: Addressed<'_>) -> bool {
    http::is_preflight(asked.method, asked.headers)
        && preflight_headers(asked.headers).is_ok_and(|names| {
            ["authorization", "x-amz-date"].iter().all(|name| names.iter().any(|n| n == name))
        })
}

/// `GET /.well-known/jwks_uri`: the keys of the identity pools' own tokens.
fn is_pool_keys(asked: Addressed<'_>) -> bool {
    matches!(*asked.method, Method::GET | Method::HEAD)
        && asked.target.path() == cognito_identity::POOL_KEYS_PATH
}

fn is_s3(route: &Route) -> bool {
    matches!(route.service, Service::S3)
}

fn is_dynamodb(route: &Route) -> bool {
    matches!(route.service, Service::DynamoDb(_))
}

/// The one route that is `wanted`, if there is just one.
fn only(routes: &[Route], wanted: fn(&Route) -> bool) -> Option<RouteIndex> {
    let mut found = routes.iter().enumerate().filter(|(_, route)| wanted(route));
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Some(index),
        _ => None,
    }
}

fn is_api(route: &Route) -> bool {
    matches!(route.service, Service::ExecuteApi(_))
}

fn longest(
    table: &[(String, RouteIndex)],
    path: &str,
    takes: &impl Fn(RouteIndex) -> bool,
) -> Option<RouteIndex> {
    let fits = |(prefix, index): &&(String, RouteIndex)| covers(prefix, path) && takes(*index);
    table.iter().find(fits).map(|(_, index)| *index)
}

/// Whether `prefix` covers `path`, at a segment's border.
fn covers(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| {
        rest.is_empty() || prefix.is_empty() || prefix.ends_with('/') || rest.starts_with('/')
    })
}
