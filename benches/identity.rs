//! What an identity pool costs: from a verified token to a session of its role. A session is kept with its token, so that a
//! request pays this once for each token.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{Criterion, criterion_group, criterion_main};
use poolgate::clock::Time;
use poolgate::iam::{Account, AccountFile, FileKind};
use poolgate::identity::{Assume, IdentityIds, IdentityPool, NoTrail};
use poolgate::token::{Issuer, Issuers, KeySet, VerifiedToken};
use serde_json::{Value, json};

const NOW: Time = Time::from_secs(1_800_000_000);
const POOL: &str = "eu-west-1_Ab12Cd34E";
const ROLE: &str = "arn:aws:iam::123456789012:role/Reader";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An ID token of a user pool, verified.
fn token() -> Arc<VerifiedToken> {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let n = b64(key.public_key().modulus().big_endian_without_leading_zero());
    let jwks = json!({"keys": [{"kty": "RSA", "kid": "k1", "alg": "RS256", "n": n, "e": "AQAB"}]});
    let keys = KeySet::fixed(jwks.to_string().as_bytes()).expect("a key set");
    let claims = json!({
        "iss": format!("https://cognito-idp.eu-west-1.amazonaws.com/{POOL}"), "aud": "client",
        "sub": "f3c0ffee-0000-4000-8000-000000000001", "token_use": "id", "department": "sales",
        "exp": NOW.secs() + 3600, "iat": NOW.secs() - 10, "cognito:groups": ["readers", "staff"],
        "cognito:roles": [ROLE], "cognito:preferred_role": ROLE,
    });
    let header = json!({"kid": "k1", "alg": "RS256"});
    let text = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .expect("signed");
    let issuer = Issuer::user_pool(POOL, vec!["client".to_owned()], None, keys).expect("a pool");
    let issuers = Issuers::new(vec![Arc::new(issuer)], 0).expect("issuers");
    Arc::new(issuers.verify(&format!("{text}.{}", b64(signature)), NOW).expect("valid"))
}

fn account() -> Account {
    let role = json!({
        "RoleName": "Reader", "Path": "/", "Arn": ROLE, "RoleId": "AROAEXAMPLE",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"},
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]}]},
        "RolePolicyList": [], "AttachedManagedPolicies": [],
    })
    .to_string();
    let file = AccountFile { name: "role", kind: FileKind::Roles, text: &role };
    Account::load(&[file], Some("123456789012")).expect("a role")
}

fn pool(mapping: &Value) -> IdentityPool {
    let provider = format!("cognito-idp.eu-west-1.amazonaws.com/{POOL}");
    let pool = json!({
        "IdentityPoolId": "eu-west-1:7c5b0000-0000-4000-8000-000000000000",
        "CognitoIdentityProviders": [{"ProviderName": provider, "ClientId": "client"}],
        "Roles": {"authenticated": ROLE},
        "RoleMappings": {format!("{provider}:client"): mapping},
        "PrincipalTags": {provider: {"UseDefaults": false, "PrincipalTags": {"department": "department"}}},
    });
    IdentityPool::parse(&pool.to_string()).expect("an identity pool")
}

fn bench(criterion: &mut Criterion) {
    let (token, account, ids) = (token(), account(), IdentityIds::new(Some(b"key")));
    let rule = |number: usize| json!({"Claim": "department", "MatchType": "Equals", "Value": format!("d{number}"), "RoleARN": ROLE});
    let mut rules: Vec<Value> = (0..24).map(rule).collect();
    rules.push(
        json!({"Claim": "department", "MatchType": "StartsWith", "Value": "sal", "RoleARN": ROLE}),
    );
    for (name, mapping) in [
        ("token", json!({"Type": "Token", "AmbiguousRoleResolution": "Deny"})),
        (
            "25 rules",
            json!({"Type": "Rules", "AmbiguousRoleResolution": "Deny",
            "RulesConfiguration": {"Rules": rules}}),
        ),
    ] {
        let pool = pool(&mapping);
        let roles = |arn: &str| account.role(arn).cloned();
        let assume =
            Assume { pool: &pool, groups: None, ids: &ids, roles: &roles, custom_role: None };
        criterion.bench_function(&format!("identity/{name}"), |bencher| {
            bencher.iter(|| assume.session(black_box(&token), &mut NoTrail).expect("a session"));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
