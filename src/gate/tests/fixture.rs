//! A gate with everything behind it that is real, and requests as the proxy's door makes them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use serde_json::{Value, json};

use crate::{
    clock::Time,
    gate::{
        AlbSource, Authenticate, BoundTokens, Compose, CookieSource, Decision, Engine, Forward,
        Gate, Match, Outcome, Question, ResourcePolicies, Route, Routes, Rules, Service, Sessions,
        TokenSources, Trail, Whole,
    },
    http::{
        self, AlbHeaders, Authority, ClientCertificate, Origin, Peer, RawTarget, Scheme,
        TrustedProxies,
    },
    iam::{Account, AccountFile, FileKind},
    identity::{Groups, IdentityIds, IdentityPool},
    services::execute_api::Api,
    token::{
        Algorithm, Issuer, Issuers, KeySet, TokenCache,
        testing::{self, CLIENT, ISS, NOW, Signer},
    },
};

pub(super) const POOL: &str = testing::POOL;
pub(super) const OP: &str = "https://op.example";
pub(super) const ALB: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/1";
pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const REGION: &str = "eu-west-1";
pub(super) const API: &str = "arn:aws:execute-api:eu-west-1:123456789012:shop/prod";

/// What [`Rig::new`]'s first role may do.
pub(super) fn reads() -> Value {
    json!([{ "Sid": "Read", "Effect": "Allow", "Action": "execute-api:Invoke",
        "Resource": format!("{API}/GET/api/*") }])
}

pub(super) fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// A gate, the first identity pool of which gives the role `Reader`, the second `Auditor`.
pub(crate) struct Rig {
    pub(crate) rules: Rules,
    pub(super) tokens: TokenCache,
}

impl Rig {
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        Self::with(routes, &reads())
    }

    /// With these statements for the role `Reader`.
    pub(super) fn with(routes: Vec<Route>, statements: &Value) -> Self {
        let keys = KeySet::fixed(testing::pool_jwks().as_bytes()).unwrap();
        Self::on(keys, routes, statements)
    }

    /// With these keys of the user pool.
    pub(super) fn on(keys: Arc<KeySet>, routes: Vec<Route>, statements: &Value) -> Self {
        let clients = || vec![CLIENT.to_owned()];
        let ec = || {
            let jwks = testing::jwks(&[ec().jwk("e1", Some("ES256"))]);
            KeySet::fixed(jwks.as_bytes()).unwrap()
        };
        let issuers = vec![
            Arc::new(Issuer::user_pool(POOL, clients(), None, keys).unwrap()),
            Arc::new(Issuer::oidc(OP, clients(), ec())),
            Arc::new(Issuer::alb(ALB, ISS, clients(), ec())),
        ];
        let auditor = json!([{ "Effect": "Allow", "Action": "execute-api:*", "Resource": "*" }]);
        let groups = json!({ "Groups": [
            { "GroupName": "readers", "Precedence": 1, "RoleArn": role("Reader") },
            { "GroupName": "auditors", "Precedence": 0, "RoleArn": role("Auditor") },
        ]});
        let rules = Rules {
            generation: 1,
            hash: "0".repeat(64),
            issuers: Issuers::new(issuers, 0).unwrap(),
            pools: vec![identity_pool(0, "Reader"), identity_pool(1, "Auditor")],
            groups: vec![(POOL.to_owned(), Groups::parse(&groups.to_string()).unwrap())],
            identities: IdentityIds::new(Some(b"a key for tests")),
            account: account(&[("Reader", statements), ("Auditor", &auditor)], &[]),
            routes: Routes::new(routes, vec![POOL.to_owned()], vec!["s3.example".to_owned()])
                .unwrap(),
            region: Some(REGION.to_owned()),
            account_id: Some(ACCOUNT.to_owned()),
            resource_policies: HashMap::new(),
            cedar: None,
            policy_store: None,
            shadow: None,
            credentials: None,
            body_buffer: 1 << 20,
            guests: vec![OnceLock::new(), OnceLock::new()],
            sessions: Sessions::default(),
        };
        Self { rules, tokens: TokenCache::new(1 << 20) }
    }

    pub(crate) fn gate(&self) -> Gate<'_> {
        Gate { rules: &self.rules, tokens: &self.tokens }
    }

    pub(super) fn decide(&self, ask: Ask) -> Decision {
        self.decide_with(ask, Trail::Off)
    }

    pub(super) fn decide_with(&self, ask: Ask, trail: Trail) -> Decision {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(self.gate().decide(ask.question(), &mut Whole::default(), trail))
    }

    /// The reason, whichever way it goes: see [`reason`].
    pub(super) fn reason(&self, ask: Ask) -> String {
        reason(&self.decide(ask))
    }
}

/// `+` and the grounds of an allow, or `-` and the reason of a denial.
pub(super) fn reason(decision: &Decision) -> String {
    match &decision.outcome {
        Outcome::Allow(permit) => format!("+{}", permit.grounds().reason()),
        Outcome::Answer(answer) => format!("+{}", answer.grounds.reason()),
        Outcome::Change(permit) => format!("+{}", permit.grounds().reason()),
        Outcome::Deny(denial) => format!("-{}", denial.reason),
    }
}

/// An API below `/api`, named as API Gateway names it, with the first identity pool.
pub(crate) fn api(name: &str) -> Route {
    Route {
        name: name.to_owned(),
        service: Service::ExecuteApi(Api::gateway("aws", REGION, ACCOUNT, "shop", "prod")),
        matching: Some(Match { host: None, path: Some("/api".to_owned()) }),
        pool: Some(0),
        scopes: Vec::new(),
        authenticate: Authenticate::Token,
        bound_tokens: BoundTokens::Verify,
        iam: Engine::Enforce,
        cedar: Engine::Off,
        compose: Compose::All,
        guest: false,
        resource_policies: ResourcePolicies::Denied,
        forward_token: Forward::Keep,
        sources: TokenSources::default(),
        cors: None,
        limits: None,
        upstream: Some(0),
    }
}

/// The same without IAM and without an identity pool.
pub(crate) fn token_only(name: &str) -> Route {
    Route { iam: Engine::Off, pool: None, service: Service::ExecuteApi(Api::Unnamed), ..api(name) }
}

pub(super) fn scoped(scopes: &[&str]) -> Route {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Route { scopes, ..token_only("scoped") }
}

/// A user pool, reached by `X-Amz-Target` and its well-known paths.
pub(super) fn user_pool() -> Route {
    Route { service: Service::CognitoIdp, matching: None, pool: None, ..api("pool") }
}

pub(super) fn cookie(name: &str, origins: &[&str]) -> TokenSources {
    let origins = origins.iter().map(|origin| Origin::parse(origin).unwrap()).collect();
    TokenSources { cookie: Some(CookieSource { name: name.to_owned(), origins }), alb: None }
}

pub(super) fn alb() -> TokenSources {
    TokenSources { cookie: None, alb: Some(AlbSource { arn: ALB.to_owned(), client: None }) }
}

pub(super) fn matching(host: Option<&str>, path: Option<&str>) -> Option<Match> {
    Some(Match { host: host.map(str::to_owned), path: path.map(str::to_owned) })
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    method: Method,
    target: String,
    headers: HeaderMap,
    now: Time,
    scheme: Scheme,
    certificate: Option<Arc<ClientCertificate>>,
}

impl Ask {
    pub(super) fn new(method: &str, target: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("gate.example"));
        let (method, target) = (method.parse().unwrap(), target.to_owned());
        Self { method, target, headers, now: NOW, scheme: Scheme::Https, certificate: None }
    }

    pub(super) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(super) fn host(mut self, host: &str) -> Self {
        self.headers.insert("host", HeaderValue::from_str(host).unwrap());
        self
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub(super) fn at(self, now: Time) -> Self {
        Self { now, ..self }
    }

    /// From whoever has this certificate.
    pub(super) fn shown(self, certificate: &ClientCertificate) -> Self {
        Self { certificate: Some(Arc::new(certificate.clone())), ..self }
    }

    pub(super) fn by(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// As the door makes it: hygiene included.
    pub(super) fn question(self) -> Question {
        let Self { method, target, mut headers, now, scheme, certificate } = self;
        let trusted = TrustedProxies::default();
        let mut peer = Peer::new("203.0.113.9".parse().unwrap(), scheme, &trusted);
        peer.rules.alb = AlbHeaders::Read;
        let received = http::receive(&mut headers, Version::HTTP_11, peer).unwrap();
        let authority = Authority::parse(headers["host"].to_str().unwrap()).unwrap();
        let target = RawTarget::parse(&target).unwrap();
        Question { method, authority, target, headers, received, certificate, now }
    }
}

/// An ID token of the user pool with these claims beside the usual ones.
pub(super) fn id_token(more: &Value) -> String {
    testing::pool_token(&merged(testing::id_claims(), more))
}

pub(super) fn access_token(more: &Value) -> String {
    testing::pool_token(&merged(testing::access_claims(), more))
}

/// A client's own token.
pub(super) fn client_token(scope: &str) -> String {
    access_token(&json!({ "sub": CLIENT, "scope": scope }))
}

pub(super) fn oidc_token(more: &Value) -> String {
    let claims = json!({ "iss": OP, "aud": CLIENT, "sub": "op-user", "exp": NOW.secs() + 60 });
    ec().token(Algorithm::Es256, "e1", &merged(claims, more))
}

/// What a load balancer says of a user; `exp` and `iss` are in its header.
pub(super) fn alb_token(signer: &str) -> String {
    let header = json!({ "alg": "ES256", "kid": "e1", "signer": signer, "client": CLIENT,
        "iss": ISS, "exp": NOW.secs() + 60 });
    let payload = json!({ "sub": "alb-user" });
    ec().token_of(Algorithm::Es256, &header.to_string(), &payload.to_string())
}

fn merged(mut claims: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn ec() -> &'static Signer {
    static KEY: OnceLock<Signer> = OnceLock::new();
    KEY.get_or_init(|| Signer::ec(Algorithm::Es256))
}

/// Gives the token's preferred role, or `role`. `custom:team` becomes the tag `team`.
fn identity_pool(number: usize, default: &str) -> IdentityPool {
    let provider = format!("cognito-idp.{REGION}.amazonaws.com/{POOL}");
    let mut pool = json!({
        "IdentityPoolId": format!("{REGION}:7c5b0000-0000-4000-8000-00000000000{number}"),
        "AllowUnauthenticatedIdentities": false,
        "CognitoIdentityProviders": [{ "ProviderName": provider, "ClientId": CLIENT }],
        "OpenIdConnectProviderARNs": [format!("arn:aws:iam::{ACCOUNT}:oidc-provider/op.example")],
        "Roles": { "authenticated": role(default) },
    });
    pool["RoleMappings"][format!("{provider}:{CLIENT}")] =
        json!({ "Type": "Token", "AmbiguousRoleResolution": "AuthenticatedRole" });
    pool["PrincipalTags"][provider] =
        json!({ "UseDefaults": false, "PrincipalTags": { "team": "custom:team" } });
    IdentityPool::parse(&pool.to_string()).unwrap()
}

/// An account of these roles, and of files of other kinds.
pub(super) fn account(roles: &[(&str, &Value)], more: &[(FileKind, &str)]) -> Account {
    let texts: Vec<String> = roles
        .iter()
        .map(|(name, statements)| {
            json!({
                "RoleName": name, "Path": "/", "Arn": role(name), "RoleId": format!("AROA{name}"),
                "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Federated": "cognito-identity.amazonaws.com" },
                    "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
                }]},
                "RolePolicyList": [{ "PolicyName": "p",
                    "PolicyDocument": { "Version": "2012-10-17", "Statement": statements } }],
                "AttachedManagedPolicies": [],
            })
            .to_string()
        })
        .collect();
    let roles = texts.iter().map(|text| (FileKind::Roles, text.as_str()));
    let files: Vec<AccountFile<'_>> = roles
        .chain(more.iter().copied())
        .map(|(kind, text)| AccountFile { name: "f", kind, text })
        .collect();
    Account::load(&files, Some(ACCOUNT)).unwrap()
}
