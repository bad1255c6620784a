//! A whole decision without a server: route, remembered token, session, description, evaluation.

#![expect(clippy::expect_used, reason = "a benchmark without its fixtures has nothing to measure")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method, Version};
use poolgate::clock::Time;
use poolgate::gate::{
    Authenticate, BoundTokens, Compose, Engine, Forward, Gate, Match, Outcome, Question,
    ResourcePolicies, Route, Routes, Rules, Service, Sessions, TokenSources, Trail, Whole,
};
use poolgate::http::{Authority, Peer, RawTarget, Scheme, TrustedProxies, receive};
use poolgate::iam::{Account, AccountFile, FileKind};
use poolgate::identity::{IdentityIds, IdentityPool};
use poolgate::services::execute_api::Api;
use poolgate::token::{Issuer, Issuers, KeySet, TokenCache};
use serde_json::json;

const NOW: Time = Time::from_secs(1_800_000_000);
const POOL: &str = "eu-west-1_Ab12Cd34E";
const ROLE: &str = "arn:aws:iam::123456789012:role/Reader";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A user pool's keys, and an ID token of it.
fn token() -> (Arc<KeySet>, String) {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let n = b64(rsa.public_key().modulus().big_endian_without_leading_zero());
    let jwks = json!({"keys": [{"kty": "RSA", "kid": "k1", "alg": "RS256", "n": n, "e": "AQAB"}]});
    let claims = json!({
        "iss": format!("https://cognito-idp.eu-west-1.amazonaws.com/{POOL}"), "aud": "client",
        "sub": "f3c0ffee-0000-4000-8000-000000000001", "token_use": "id",
        "exp": NOW.secs() + 3600, "iat": NOW.secs() - 10, "cognito:groups": ["readers"],
    });
    let header = json!({"kid": "k1", "alg": "RS256"});
    let text = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
    let mut signature = vec![0; rsa.public_modulus_len()];
    rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .expect("signed");
    let keys = KeySet::fixed(jwks.to_string().as_bytes()).expect("a key set");
    (keys, format!("{text}.{}", b64(signature)))
}

fn rules(keys: Arc<KeySet>) -> Rules {
    let role = json!({
        "RoleName": "Reader", "Path": "/", "Arn": ROLE, "RoleId": "AROAEXAMPLE",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"},
            "Action": "sts:AssumeRoleWithWebIdentity"}]},
        "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": {
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "execute-api:Invoke",
                "Resource": "arn:aws:execute-api:eu-west-1:123456789012:shop/prod/GET/api/*"}]}}],
        "AttachedManagedPolicies": [],
    })
    .to_string();
    let file = AccountFile { name: "role", kind: FileKind::Roles, text: &role };
    let pool = json!({
        "IdentityPoolId": "eu-west-1:7c5b0000-0000-4000-8000-000000000000",
        "CognitoIdentityProviders": [{
            "ProviderName": format!("cognito-idp.eu-west-1.amazonaws.com/{POOL}"),
            "ClientId": "client"}],
        "Roles": {"authenticated": ROLE},
    });
    let issuer = Issuer::user_pool(POOL, vec!["client".to_owned()], None, keys).expect("a pool");
    let api = Api::gateway("aws", "eu-west-1", "123456789012", "shop", "prod");
    let route = |index: usize| Route {
        name: format!("api{index}"),
        service: Service::ExecuteApi(Api::Unnamed),
        matching: Some(Match { host: None, path: Some(format!("/other{index}")) }),
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
    };
    let mut routes: Vec<Route> = (0..20).map(route).collect();
    let matching = Some(Match { host: None, path: Some("/api".to_owned()) });
    routes.push(Route { service: Service::ExecuteApi(api), matching, ..route(20) });
    Rules {
        generation: 1,
        hash: String::new(),
        issuers: Issuers::new(vec![Arc::new(issuer)], 0).expect("issuers"),
        pools: vec![IdentityPool::parse(&pool.to_string()).expect("an identity pool")],
        groups: Vec::new(),
        identities: IdentityIds::new(Some(b"key")),
        account: Account::load(&[file], Some("123456789012")).expect("a role"),
        routes: Routes::new(routes, vec![POOL.to_owned()], Vec::new()).expect("routes"),
        region: Some("eu-west-1".to_owned()),
        account_id: Some("123456789012".to_owned()),
        resource_policies: HashMap::new(),
        cedar: None,
        policy_store: None,
        shadow: None,
        credentials: None,
        body_buffer: 1 << 20,
        guests: Vec::new(),
        sessions: Sessions::default(),
    }
}

/// A request as a door makes it.
fn question(token: &str) -> Question {
    let mut headers = HeaderMap::new();
    for (name, value) in
        [("host", "gate.example"), ("user-agent", "bench"), ("accept", "application/json")]
    {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header");
    headers.insert("authorization", bearer);
    let trusted = TrustedProxies::default();
    let peer = Peer::new(std::net::IpAddr::from([203, 0, 113, 9]), Scheme::Https, &trusted);
    let received = receive(&mut headers, Version::HTTP_11, peer).expect("clean");
    Question {
        method: Method::GET,
        authority: Authority::parse("gate.example").expect("an authority"),
        target: RawTarget::parse("/api/orders/1?q=1").expect("a target"),
        headers,
        received,
        certificate: None,
        now: NOW,
    }
}

fn bench(criterion: &mut Criterion) {
    let (keys, token) = token();
    let rules = rules(keys);
    let tokens = TokenCache::new(1 << 20);
    let gate = Gate { rules: &rules, tokens: &tokens };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let decision =
        runtime.block_on(gate.decide(question(&token), &mut Whole::default(), Trail::Off));
    assert!(matches!(decision.outcome, Outcome::Allow(_)), "{:?}", decision.outcome);
    criterion.bench_function("gate/remembered", |bencher| {
        bencher.iter_batched(
            || question(&token),
            |question| {
                runtime.block_on(gate.decide(
                    black_box(question),
                    &mut Whole::default(),
                    Trail::Off,
                ))
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
