//! What an AWS signature costs, beside a bearer token's (RS256) in the same run. Promised is that a
//! signature with a known signing key takes at most a tenth of an RS256 verification.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use poolgate::clock::Time;
use poolgate::sigv4::{Form, Head, Scratch, Signed, SignedPayload, Signer, SigningKey};
use poolgate::token::{Issuer, Issuers, KeySet};
use serde_json::json;

const NOW: Time = Time::from_secs(1_800_000_000);
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const CLIENT: &str = "1example23456789";
const TARGET: &str = "/demo/home/us-east-1%3A0a0b0c0d-0000-4000-8000-000000000001/a%20report.pdf\
                      ?partNumber=1&uploadId=VXBsb2FkIElE&x-id=UploadPart";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// As an SDK sends it: five signed headers, a session token of 400 bytes.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "demo.s3.localhost:8080"),
        ("user-agent", "aws-sdk-rust/1.3.7 os/linux lang/rust/1.95.0"),
        ("accept", "*/*"),
        ("content-type", "application/pdf"),
        ("content-length", "1024"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let token = "t".repeat(400);
    let signer = Signer::new("ASIAIOSFODNN7EXAMPLE", SECRET, Some(&token), "us-east-1");
    let target = TARGET.parse().expect("a target");
    let payload = SignedPayload::Sha256([7; 32]);
    signer.sign(&Method::PUT, &target, &mut headers, payload, NOW).expect("signed");
    headers
}

/// A user pool and a token of it.
fn token() -> (Issuers, String) {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let n = b64(rsa.public_key().modulus().big_endian_without_leading_zero());
    let jwks = json!({"keys": [{"kty": "RSA", "kid": "k1", "alg": "RS256", "n": n, "e": "AQAB"}]});
    let keys = KeySet::fixed(jwks.to_string().as_bytes()).expect("a key set");
    let pool = Issuer::user_pool("eu-west-1_Ab12Cd34E", vec![CLIENT.to_owned()], None, keys);
    let issuers = Issuers::new(vec![Arc::new(pool.expect("a pool"))], 0).expect("issuers");
    let claims = json!({
        "sub": "f3c0ffee-0000-4000-8000-000000000000", "aud": CLIENT,
        "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E",
        "token_use": "id", "auth_time": NOW.secs() - 10, "iat": NOW.secs() - 10,
        "exp": NOW.secs() + 3600, "jti": "0a0b0c0d-0000-4000-8000-000000000000",
        "origin_jti": "0e0f0a0b-0000-4000-8000-000000000000",
        "event_id": "0c0d0e0f-0000-4000-8000-000000000000", "email_verified": true,
        "cognito:username": "alice", "email": "alice@example.com",
        "cognito:groups": ["readers", "writers"],
        "cognito:roles": ["arn:aws:iam::123456789012:role/Reader"],
    });
    let header = json!({"kid": "k1", "alg": "RS256"});
    let text = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
    let mut signature = vec![0; rsa.public_modulus_len()];
    let random = SystemRandom::new();
    rsa.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).expect("signed");
    (issuers, format!("{text}.{}", b64(signature)))
}

fn bench(c: &mut Criterion) {
    let headers = headers();
    let (path, query) = TARGET.split_once('?').expect("a query");
    let head = Head { method: &Method::PUT, path, query: Some(query), headers: &headers };
    let parse = || Signed::parse(black_box(head)).expect("read").expect("signed");
    let signed = parse();
    let key = SigningKey::derive(SECRET.as_bytes(), signed.scope());
    let mut scratch = Scratch::default();

    c.bench_function("sigv4/parse", |b| b.iter(parse));
    c.bench_function("sigv4/verify/cached_key", |b| {
        b.iter(|| black_box(&signed).verify(&key, Form::S3, None, &mut scratch).expect("holds"));
    });
    c.bench_function("sigv4/verify/derived_key", |b| {
        b.iter(|| {
            let key = SigningKey::derive(SECRET.as_bytes(), signed.scope());
            black_box(&signed).verify(&key, Form::S3, None, &mut scratch).expect("holds");
        });
    });
    c.bench_function("sigv4/parse_and_verify/cached_key", |b| {
        b.iter(|| parse().verify(&key, Form::S3, None, &mut scratch).expect("holds"));
    });
    c.bench_function("sigv4/parse_and_verify/new_scratch", |b| {
        b.iter(|| parse().verify(&key, Form::S3, None, &mut Scratch::default()).expect("holds"));
    });

    let (issuers, token) = token();
    c.bench_function("sigv4/beside/RS256", |b| {
        b.iter(|| issuers.verify(black_box(&token), NOW).expect("valid"));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = bench
}
criterion_main!(benches);
