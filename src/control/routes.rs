//! From a route's settings to the route the gate follows.

use std::sync::Arc;

use crate::{
    config::{self, Position, Problem, RouteLimits, Settings},
    gate::{
        AlbSource, Authenticate, BoundTokens, Compose, CookieSource, Engine, Forward, Limits,
        Match, Rate, ResourcePolicies, Route, RouteConflict, Routes, Service, Tables, TokenSources,
    },
    http::{Cors, CorsRules, Origin},
    iam::{self, Action},
    identity::IdentityPool,
    services::{
        dynamodb::{KeyAttribute, KeySchema, TableSchema, TableSchemas},
        execute_api::Api,
        template::{Piece, Segment, Template, Templates},
    },
};

/// The routes, arranged; `None` with its reasons among the problems. `learnt` gives what tells the
/// schemas of tables behind the route of an index.
pub(super) fn routes(
    settings: &Settings,
    pools: &[IdentityPool],
    learnt: &mut dyn FnMut(usize) -> Arc<dyn TableSchemas>,
    limits: &mut KnownLimits,
    problems: &mut Vec<Problem>,
) -> Option<Routes> {
    let problem = |at: Position, message: String| Problem::error(&settings.file, at, message);
    let mut routes = Vec::new();
    for (index, route) in settings.routes.iter().enumerate() {
        let pool = pool_of(route, pools).unwrap_or_else(|message| {
            problems.push(problem(route.position, message));
            None
        });
        if let Some(message) = refused_guests(route, pool.and_then(|at| pools.get(at))) {
            problems.push(problem(route.position, message));
        }
        let service = service(settings, route, || learnt(index)).unwrap_or_else(|(at, message)| {
            problems.push(problem(at, message));
            Service::CognitoIdp
        });
        routes.push(Route {
            name: route.name.clone(),
            matching: matching(route),
            service,
            pool,
            scopes: route.scopes.clone(),
            authenticate: match route.authenticate {
                config::Authenticate::Required => Authenticate::Token,
                config::Authenticate::None => Authenticate::Public,
            },
            bound_tokens: match route.bound_tokens {
                config::BoundTokens::Verify => BoundTokens::Verify,
                config::BoundTokens::Require => BoundTokens::Require,
            },
            iam: engine(route.engines.iam),
            cedar: engine(route.engines.cedar),
            compose: match route.engines.compose {
                config::ComposeWord::All => Compose::All,
                config::ComposeWord::Any => Compose::Any,
                config::ComposeWord::Guardrail => Compose::Guardrail,
            },
            guest: route.guest,
            resource_policies: match route.resource_policies {
                config::ResourcePolicies::Denied => ResourcePolicies::Denied,
                config::ResourcePolicies::Stored => ResourcePolicies::Stored,
            },
            forward_token: match route.forward_token {
                true => Forward::Keep,
                false => Forward::Remove,
            },
            sources: sources(route),
            cors: route.cors.as_ref().map(cors),
            limits: limits.of(route),
            // Upstreams are arranged in the order of the routes.
            upstream: route.upstream.as_ref().map(|_| index),
        });
    }
    let user_pools = settings.user_pools.iter().map(|pool| pool.id.clone()).collect();
    Routes::new(routes, user_pools, settings.s3.domains.clone())
        .map_err(|RouteConflict(first, second)| {
            let name = |index: usize| settings.routes.get(index).map_or("", |r| r.name.as_str());
            let at = settings.routes.get(second).map_or(Position::START, |r| r.position);
            let (first, second) = (name(first), name(second));
            let message = format!("routes `{first}` and `{second}` would take the same requests");
            problems.push(problem(at, message));
        })
        .ok()
}

fn engine(mode: config::EngineMode) -> Engine {
    match mode {
        config::EngineMode::Enforce => Engine::Enforce,
        config::EngineMode::Shadow => Engine::Shadow,
        config::EngineMode::Off => Engine::Off,
    }
}

/// The pool a route resolves roles with, if it needs one.
fn pool_of(route: &config::Route, pools: &[IdentityPool]) -> Result<Option<usize>, String> {
    let needed = route.service != config::Service::CognitoIdp
        && route.authenticate == config::Authenticate::Required
        && route.engines.iam != config::EngineMode::Off;
    let name = &route.name;
    match (&route.identity_pool, pools) {
        (Some(id), _) => match pools.iter().position(|pool| pool.id() == id.value) {
            Some(at) => Ok(Some(at)),
            None => Err(format!("no file has the identity pool {} of route `{name}`", id.value)),
        },
        (None, _) if !needed => Ok(None),
        (None, [_]) => Ok(Some(0)),
        (None, []) => {
            let or = match route.service {
                config::Service::S3 | config::Service::DynamoDb => "",
                _ => ", or say `engines: { iam: off }` if a valid token is enough",
            };
            let none = "and the folder of identity pools has none; add one";
            Err(format!("route `{name}` needs an identity pool, {none}{or}"))
        }
        (None, _) => Err(format!(
            "several identity pools could be that of route `{name}`; say which with identity_pool"
        )),
    }
}

/// Why a route can't have guests, if it wants them.
fn refused_guests(route: &config::Route, pool: Option<&IdentityPool>) -> Option<String> {
    let pool = pool.filter(|_| route.guest)?;
    let (name, id) = (&route.name, pool.id());
    if !pool.allows_guests() {
        let why = "does not allow them (AllowUnauthenticatedIdentities)";
        return Some(format!("route `{name}` has guests, and the identity pool {id} {why}"));
    }
    let none = pool.unauthenticated_role().is_none();
    none.then(|| {
        format!("route `{name}` has guests, and the identity pool {id} has no role for them (Roles.unauthenticated)")
    })
}

fn matching(route: &config::Route) -> Option<Match> {
    let matching = route.r#match.as_ref();
    match route.service {
        config::Service::CognitoIdp | config::Service::DynamoDb => {
            matching.map(|m| Match { host: m.host.clone(), path: m.path.clone() })
        }
        config::Service::ExecuteApi | config::Service::S3 => {
            Some(matching.map_or_else(Match::default, |m| Match {
                host: m.host.clone(),
                path: m.path.clone(),
            }))
        }
    }
}

fn service(
    settings: &Settings,
    route: &config::Route,
    learnt: impl FnOnce() -> Arc<dyn TableSchemas>,
) -> Result<Service, (Position, String)> {
    match route.service {
        config::Service::CognitoIdp => return Ok(Service::CognitoIdp),
        config::Service::S3 => return Ok(Service::S3),
        config::Service::DynamoDb => {
            let configured =
                route.tables.iter().map(|(name, table)| (name.clone(), Arc::new(schema(table))));
            return Ok(Service::DynamoDb(Tables::new(configured.collect(), learnt())));
        }
        config::Service::ExecuteApi => {}
    }
    if !route.actions.is_empty() {
        return templates(route).map(|t| Service::ExecuteApi(Api::Templates(t)));
    }
    let api = match (&route.api, &settings.aws) {
        (Some(api), Some(aws)) => Api::gateway(
            iam::partition(&aws.region),
            &aws.region,
            &aws.account,
            &api.id,
            &api.stage,
        ),
        _ => Api::Unnamed,
    };
    Ok(Service::ExecuteApi(api))
}

/// The schema of a table as it is configured, which says nothing of types.
fn schema(table: &config::Table) -> TableSchema {
    let attributes = |names: &[String]| {
        names.iter().map(|name| KeyAttribute { name: name.clone(), kind: None }).collect()
    };
    let index = |index: &config::Index| KeySchema {
        partition: attributes(&index.partition_key),
        sort: index.sort_key.as_deref().map(attributes),
    };
    TableSchema {
        key: KeySchema {
            partition: attributes(std::slice::from_ref(&table.partition_key)),
            sort: table.sort_key.as_ref().map(|name| attributes(std::slice::from_ref(name))),
        },
        indexes: table.indexes.iter().map(|(name, at)| (name.clone(), index(at))).collect(),
    }
}

fn templates(route: &config::Route) -> Result<Templates, (Position, String)> {
    let mut templates = Templates::default();
    for rule in &route.actions {
        let failed = |message: String| (rule.position, message);
        let method = match rule.method.as_str() {
            "*" => None,
            name => Some(name.parse().map_err(|_| failed(format!("{name} is not a method")))?),
        };
        let segments = &rule.path.segments;
        let place = |name: &String| {
            segments
                .iter()
                .position(|s| matches!(s, config::Segment::Parameter(known) if known == name))
                .map(Piece::Segment)
        };
        let resource = rule
            .resource
            .pieces
            .iter()
            .map(|piece| match piece {
                config::Piece::Literal(text) => Some(Piece::Literal(text.clone())),
                config::Piece::Parameter(name) => place(name),
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| failed("the resource names a parameter the path lacks".to_owned()))?;
        let segments = segments
            .iter()
            .map(|segment| match segment {
                config::Segment::Literal(text) => Segment::Literal(text.clone()),
                config::Segment::Parameter(_) => Segment::Parameter,
            })
            .collect();
        let template = Template { method, segments, action: Action::new(&rule.action), resource };
        templates.add(template).map_err(|error| failed(error.to_string()))?;
    }
    Ok(templates)
}

/// The counts of routes' limits, which go on where a route and its limits are what they were.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownLimits {
    before: Vec<(String, RouteLimits, Arc<Limits>)>,
    now: Vec<(String, RouteLimits, Arc<Limits>)>,
}

impl KnownLimits {
    /// Those that another generation has begun with.
    pub(super) fn after(self) -> Self {
        Self { before: self.now, now: Vec::new() }
    }

    fn of(&mut self, route: &config::Route) -> Option<Arc<Limits>> {
        let told = route.limits.as_ref()?;
        let known =
            self.before.iter().find(|(name, as_told, _)| *name == route.name && as_told == told);
        let limits = known.map_or_else(
            || {
                let rate = |told: config::Rate| Rate::new(told.requests, told.per, told.burst);
                Arc::new(Limits::new(told.rate.map(rate), told.per_principal.map(rate)))
            },
            |(_, _, limits)| Arc::clone(limits),
        );
        self.now.push((route.name.clone(), told.clone(), Arc::clone(&limits)));
        Some(limits)
    }
}

fn cors(told: &config::Cors) -> Cors {
    Cors::new(CorsRules {
        origins: told.origins.clone(),
        // Their form was checked; one that can't be a method is none.
        methods: told.methods.iter().filter_map(|name| name.parse().ok()).collect(),
        headers: told.headers.clone(),
        expose: told.expose.clone(),
        credentials: told.credentials,
        max_age: told.max_age,
    })
}

fn sources(route: &config::Route) -> TokenSources {
    let Some(token) = &route.token else { return TokenSources::default() };
    TokenSources {
        cookie: token.cookie.as_ref().map(|name| CookieSource {
            name: name.clone(),
            origins: token.origins.iter().filter_map(|o| Origin::parse(o)).collect(),
        }),
        alb: token
            .alb
            .as_ref()
            .map(|alb| AlbSource { arn: alb.arn.clone(), client: alb.client.clone() }),
    }
}
