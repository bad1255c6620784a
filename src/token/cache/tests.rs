use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::*;
use crate::token::testing::*;
use crate::token::{Algorithm, Issuer, KeySet, KeySource, KeyStore};

const URL: &str = "https://idp.example/jwks.json";

/// As the gate verifies a token.
fn verify(
    cache: &TokenCache,
    token: &str,
    issuers: &Issuers,
    now: Time,
) -> Result<Arc<VerifiedToken>, TokenError> {
    match cache.lookup(token, issuers, now)? {
        Some(known) => Ok(known),
        None => cache.verify(token, issuers, now),
    }
}

#[test]
fn a_hit_is_the_same_token() {
    let (cache, issuers) = (TokenCache::new(1 << 20), pool());
    let token = pool_token(&id_claims());
    assert!(cache.lookup(&token, &issuers, NOW).unwrap().is_none());
    let first = verify(&cache, &token, &issuers, NOW).unwrap();
    let second = verify(&cache, &token, &issuers, NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let longer = format!("{token}A");
    assert!(verify(&cache, &longer, &issuers, NOW).is_err());
}

#[test]
fn times_are_seen_on_a_hit() {
    let (cache, issuers) = (TokenCache::new(1 << 20), pool());
    let token = pool_token(&with(id_claims(), "nbf", json!(NOW.secs() - 5)));
    verify(&cache, &token, &issuers, NOW).unwrap();
    for (offset, expected) in [(3599, None), (-6, Some("not_yet_valid")), (3600, Some("expired"))] {
        let _ = verify(&cache, &token, &issuers, NOW);
        let result = cache.lookup(&token, &issuers, NOW.plus_secs(offset));
        assert_eq!(result.err().map(|e| e.reason()), expected, "{offset}");
    }
}

#[test]
fn errors_are_not_remembered() {
    let (cache, issuers) = (TokenCache::new(1 << 20), pool());
    let token = pool_token(&id_claims());
    assert!(verify(&cache, &token, &issuers, NOW.plus_secs(-3600)).is_err());
    assert!(verify(&cache, &token, &issuers, NOW).is_ok());
}

#[test]
fn another_configuration_is_seen_on_a_hit() {
    let cache = TokenCache::new(1 << 20);
    let keys = KeySet::fixed(pool_jwks().as_bytes()).unwrap();
    let token = pool_token(&id_claims());
    let first = verify(&cache, &token, &pool_with(Arc::clone(&keys)), NOW).unwrap();
    // The same settings and keys: a reload verifies nothing again.
    let again = cache.lookup(&token, &pool_with(Arc::clone(&keys)), NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &again.unwrap()));
    // The client is no longer accepted, or the pool is gone.
    let narrow = Issuer::user_pool(POOL, vec!["other".to_owned()], None, keys).unwrap();
    let narrow = Issuers::new(vec![Arc::new(narrow)], 0).unwrap();
    assert!(cache.lookup(&token, &narrow, NOW).unwrap().is_none());
    assert_eq!(verify(&cache, &token, &narrow, NOW).unwrap_err().reason(), "wrong_audience");
    let nobody = Issuers::new(Vec::new(), 0).unwrap();
    assert_eq!(verify(&cache, &token, &nobody, NOW).unwrap_err().reason(), "unknown_issuer");
}

#[tokio::test(start_paused = true)]
async fn a_lost_or_stale_key_is_seen_on_a_hit() {
    let cache = TokenCache::new(1 << 20);
    let fetch = FakeFetch::new(URL, Answer::Body(pool_jwks().into_bytes()));
    let store = KeyStore::new(Arc::<FakeFetch>::clone(&fetch));
    let max_stale = Duration::from_secs(86_400);
    let keys = store.ensure(&KeySource::Url(URL.to_owned()), max_stale);
    sleep(Duration::from_millis(50)).await;
    let issuers = pool_with(keys);
    let token = pool_token(&id_claims());
    verify(&cache, &token, &issuers, NOW).unwrap();

    fetch.set(URL, Answer::Hangs);
    sleep(max_stale + Duration::from_secs(600)).await;
    assert_eq!(verify(&cache, &token, &issuers, NOW).unwrap_err().reason(), "keys_stale");

    fetch.body(URL, jwks(&[Signer::rsa(0).jwk("k1", None)]));
    sleep(Duration::from_secs(400)).await;
    verify(&cache, &token, &issuers, NOW).unwrap();
    fetch.body(URL, jwks(&[Signer::rsa(1).jwk("k1", None)]));
    sleep(Duration::from_secs(601)).await;
    assert_eq!(verify(&cache, &token, &issuers, NOW).unwrap_err().reason(), "bad_signature");
}

/// With a member that makes its text so long.
fn padded(value: Value, length: usize) -> Value {
    let short = with(value, "pad", json!(""));
    let missing = length - short.to_string().len();
    with(short, "pad", json!("x".repeat(missing)))
}

/// What docs/tokens.md says of the cache of a process.
#[test]
fn so_many_tokens_of_usual_length_are_kept() {
    let signer = Signer::ed();
    let keys = KeySet::fixed(jwks(&[signer.jwk("k1", None)]).as_bytes()).unwrap();
    // Tokens of a user pool are RS256, which takes long to sign.
    let issuer = Issuer::oidc(ISS, vec![CLIENT.to_owned()], keys);
    let issuers = Issuers::new(vec![Arc::new(issuer)], 0).unwrap();
    let cache = TokenCache::default();
    // As long as a user pool's access token: 440 characters of header and signature, 658 of claims.
    let header = padded(json!({ "kid": "k1", "alg": "EdDSA" }), 265).to_string();
    let token = |n: usize| {
        let claims = padded(with(id_claims(), "jti", json!(format!("{n:036}"))), 493);
        signer.token_of(Algorithm::EdDsa, &header, &claims.to_string())
    };
    let tokens: Vec<String> = (0..30_000).map(token).collect();
    assert_eq!(tokens[0].len(), 1100);
    for token in &tokens {
        verify(&cache, token, &issuers, NOW).unwrap();
    }
    cache.bytes();
    let kept = tokens.iter().filter(|token| cache.find(token).is_some()).count();
    assert!((21_700..=22_300).contains(&kept), "{kept}");
}

#[test]
fn memory_is_bounded() {
    let (cache, issuers) = (TokenCache::new(64 * 1024), pool());
    for n in 0..200 {
        let token = pool_token(&with(id_claims(), "jti", json!(n.to_string())));
        verify(&cache, &token, &issuers, NOW).unwrap();
    }
    let bytes = cache.bytes();
    assert!((1..=64 * 1024).contains(&bytes), "{bytes}");
}

#[test]
fn a_full_cache_takes_in_what_comes_again() {
    let (cache, issuers) = (TokenCache::new(64 * 1024), pool());
    let token = |n: usize| pool_token(&with(id_claims(), "jti", json!(n.to_string())));
    // Right after it, what was taken in is there, whatever becomes of it.
    let is_taken = |token: &str| {
        cache.bytes();
        cache.verify(token, &issuers, NOW).unwrap();
        cache.tokens.contains_key(token)
    };
    assert!((0..5).all(|n| is_taken(&token(n))), "there is room");
    assert!((5..50).filter(|n| is_taken(&token(*n))).count() < 20);
    let last = token(50);
    assert!(!is_taken(&last));
    assert!(is_taken(&last));
    assert!((0..5).all(|n| cache.find(&token(n)).is_some()), "of what comes once none is tried");
    // It is used as often as others, and more.
    let kept = (0..10).any(|_| {
        let _ = cache.lookup(&last, &issuers, NOW).unwrap();
        assert!(is_taken(&last));
        cache.bytes();
        cache.find(&last).is_some()
    });
    assert!(kept);
}
