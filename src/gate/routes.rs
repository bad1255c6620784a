//! Which route a request takes. File order never matters.
//!
//! `X-Amz-Target` first, for services that are reached by it; then an exact host before the
//! longest path prefix before no match at all. Two equal matches are a configuration error.

use std::collections::HashMap;

use ::http::HeaderMap;

use crate::{
    http::{Authority, Target},
    services::{cognito_idp, execute_api::Api},
};

use super::{Engine, TokenSources};

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
    /// Whether IAM decides.
    pub iam: Engine,
    /// Whether the bearer token goes on to the API.
    pub forward_token: Forward,
    /// Where the token may come from beside `Authorization`.
    pub sources: TokenSources,
    /// The place of its upstream among the snapshot's.
    pub upstream: usize,
}

/// Whether a route asks who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticate {
    /// A valid token is demanded.
    Token,
    /// `authenticate: none`: the route is public.
    Public,
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
    pools: Vec<String>,
}

impl Routes {
    /// Arranges `routes`; `pools` are the ids of the configured user pools.
    ///
    /// # Errors
    /// The routes that would take the same requests.
    pub fn new(routes: Vec<Route>, pools: Vec<String>) -> Result<Self, RouteConflict> {
        let mut by_host: HashMap<String, Vec<(String, RouteIndex)>> = HashMap::new();
        let mut any_host: Vec<(String, RouteIndex)> = Vec::new();
        let mut cognito_idp = None;
        for (index, route) in routes.iter().enumerate() {
            if matches!(route.service, Service::CognitoIdp)
                && let Some(earlier) = cognito_idp.replace(index)
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
        Ok(Self { routes, by_host, any_host, cognito_idp, pools })
    }

    /// The route at `index`.
    pub fn route(&self, index: RouteIndex) -> Option<&Route> {
        self.routes.get(index)
    }

    /// All routes, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    /// The ids of the configured user pools.
    pub fn user_pools(&self) -> &[String] {
        &self.pools
    }

    /// The route of a request, or none: then the answer is 404.
    pub fn find(
        &self,
        authority: &Authority,
        target: &Target,
        headers: &HeaderMap,
    ) -> Option<RouteIndex> {
        if let Some(index) = self.by_target(headers) {
            return index;
        }
        let path = target.canonical_path();
        let with_port = self.by_host.get(authority.as_str());
        let host = self.by_host.get(authority.host());
        [with_port, host, Some(&self.any_host)]
            .into_iter()
            .flatten()
            .find_map(|table| longest(table, path))
            .or_else(|| self.cognito_idp.filter(|_| self.is_well_known(target)))
    }

    /// The route that `X-Amz-Target` demands: `Some(None)` if it demands one that isn't there.
    fn by_target(&self, headers: &HeaderMap) -> Option<Option<RouteIndex>> {
        let target = headers.get("x-amz-target")?.as_bytes();
        target.starts_with(cognito_idp::TARGET_PREFIX.as_bytes()).then_some(self.cognito_idp)
    }

    fn is_well_known(&self, target: &Target) -> bool {
        cognito_idp::is_well_known_path(target.path(), &self.pools)
    }
}

fn longest(table: &[(String, RouteIndex)], path: &str) -> Option<RouteIndex> {
    table.iter().find(|(prefix, _)| covers(prefix, path)).map(|(_, index)| *index)
}

/// Whether `prefix` covers `path`, at a segment's border.
fn covers(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| {
        rest.is_empty() || prefix.is_empty() || prefix.ends_with('/') || rest.starts_with('/')
    })
}
