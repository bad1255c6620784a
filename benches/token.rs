//! What a bearer token costs: verified for the first time (RS256, ES256), and as a cache hit while
//! 10,000 distinct tokens take turns.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{Criterion, criterion_group, criterion_main};
use poolgate::clock::Time;
use poolgate::token::{Issuer, Issuers, KeySet, TokenCache};
use serde_json::json;

const NOW: Time = Time::from_secs(1_800_000_000);
const ISS: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E";
const CLIENT: &str = "1example23456789";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// About as long as a real ID token.
fn unsigned(alg: &str, iss: &str, n: usize) -> String {
    let claims = json!({
        "sub": format!("f3c0ffee-0000-4000-8000-{n:012}"), "aud": CLIENT, "iss": iss,
        "token_use": "id", "auth_time": NOW.secs() - 10, "iat": NOW.secs() - 10,
        "exp": NOW.secs() + 3600, "jti": format!("0a0b0c0d-0000-4000-8000-{n:012}"),
        "origin_jti": format!("0e0f0a0b-0000-4000-8000-{n:012}"),
        "event_id": format!("0c0d0e0f-0000-4000-8000-{n:012}"), "email_verified": true,
        "cognito:username": "alice", "email": "alice@example.com",
        "cognito:groups": ["readers", "writers"],
        "cognito:roles": ["arn:aws:iam::123456789012:role/Reader"],
    });
    let header = json!({"kid": "k1", "alg": alg});
    format!("{}.{}", b64(header.to_string()), b64(claims.to_string()))
}

fn bench(c: &mut Criterion) {
    let random = SystemRandom::new();

    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let n = b64(rsa.public_key().modulus().big_endian_without_leading_zero());
    let jwks = json!({"keys": [{"kty": "RSA", "kid": "k1", "alg": "RS256", "n": n, "e": "AQAB"}]});
    let keys = KeySet::fixed(jwks.to_string().as_bytes()).expect("a key set");
    let pool = Issuer::user_pool("eu-west-1_Ab12Cd34E", vec![CLIENT.to_owned()], None, keys);
    let sign_rsa = |n| {
        let text = unsigned("RS256", ISS, n);
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).expect("signed");
        format!("{text}.{}", b64(signature))
    };

    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let point = ec.public_key().as_ref();
    let (x, y) = (point.get(1..33).map(b64), point.get(33..65).map(b64));
    let jwks = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "x": x, "y": y}]});
    let keys = KeySet::fixed(jwks.to_string().as_bytes()).expect("a key set");
    let op = Issuer::oidc("https://op.example", vec![CLIENT.to_owned()], keys);
    let text = unsigned("ES256", "https://op.example", 0);
    let signature = ec.sign(&random, text.as_bytes()).expect("signed");
    let es256 = format!("{text}.{}", b64(signature));

    let issuers = Issuers::new(vec![Arc::new(pool.expect("a pool")), Arc::new(op)], 0);
    let issuers = issuers.expect("issuers");

    let rs256 = sign_rsa(0);
    c.bench_function("token/verify/RS256", |b| {
        b.iter(|| issuers.verify(black_box(&rs256), NOW).expect("valid"));
    });
    c.bench_function("token/verify/ES256", |b| {
        b.iter(|| issuers.verify(black_box(&es256), NOW).expect("valid"));
    });

    let tokens: Vec<String> = (0..10_000).map(sign_rsa).collect();
    let cache = TokenCache::new(256 << 20);
    for token in &tokens {
        cache.verify(token, &issuers, NOW).expect("valid");
    }
    let mut turn = tokens.iter().cycle();
    c.bench_function("token/cache_hit/10k", |b| {
        b.iter(|| {
            let token = turn.next().expect("endless");
            cache.lookup(black_box(token), &issuers, NOW).expect("valid").expect("known")
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = bench
}
criterion_main!(benches);
