use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{advance, sleep};

use super::*;
use crate::token::testing::*;
use crate::token::{Algorithm, TokenError};

const URL: &str = "https://idp.example/jwks.json";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn url() -> KeySource {
    KeySource::Url(URL.to_owned())
}

fn started(answer: Answer) -> (Arc<FakeFetch>, KeyStore, Arc<KeySet>) {
    let fetch = FakeFetch::new(URL, answer);
    let store = KeyStore::new(Arc::<FakeFetch>::clone(&fetch));
    let keys = store.ensure(&url(), DAY);
    (fetch, store, keys)
}

fn good() -> Answer {
    Answer::Body(pool_jwks().into_bytes())
}

fn results(keys: &KeySet, name: &str) -> u64 {
    keys.stats().refreshes.iter().find(|(reason, _)| *reason == name).map_or(0, |(_, n)| *n)
}

#[tokio::test(start_paused = true)]
async fn loads_at_once_and_again_before_it_is_needed() {
    let (fetch, store, keys) = started(good());
    assert!(!keys.ready() && !store.ready());
    let issuers = pool_with(Arc::clone(&keys));
    let token = pool_token(&id_claims());
    let early = issuers.verify(&token, NOW).unwrap_err();
    assert_eq!(early.reason(), "keys_unavailable");
    assert!(early.refreshable().is_some());

    sleep(Duration::from_millis(50)).await;
    assert!(keys.ready() && store.ready());
    assert!(issuers.verify(&token, NOW).is_ok());
    sleep(Duration::from_secs(3600)).await;
    let calls = fetch.calls();
    assert!((7..=13).contains(&calls), "{calls} in an hour");
    assert!(keys.stats().age.unwrap() <= REFRESH);
    assert_eq!(keys.generation(), 0);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_at_the_start_share_the_first_load() {
    let (fetch, _store, keys) = started(good());
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.refresh("k1").await })
        })
        .collect();
    for one in waiting {
        assert_eq!(one.await.unwrap(), Ok(()));
    }
    assert_eq!(fetch.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_made_up_key_ids_costs_one_fetch_a_cooldown() {
    let (fetch, _store, keys) = started(good());
    sleep(Duration::from_millis(50)).await;
    assert_eq!(fetch.calls(), 1);
    for round in 1..=3 {
        let flood: Vec<_> = (0..10_000)
            .map(|n| {
                let keys = Arc::clone(&keys);
                tokio::spawn(async move { keys.refresh(&format!("made-up-{n}")).await })
            })
            .collect();
        for one in flood {
            assert!(one.await.unwrap().is_err());
        }
        assert_eq!(fetch.calls(), 1 + round);
        assert_eq!(keys.refresh("one more").await, Err(RefreshError::Cooldown));
        assert_eq!(keys.refresh("k1").await, Ok(()), "known keys are not affected");
        advance(COOLDOWN).await;
    }
    assert_eq!(keys.stats().keys, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_is_found_on_demand_and_a_removed_one_is_forgotten() {
    let (fetch, _store, keys) = started(good());
    sleep(Duration::from_millis(50)).await;
    let issuers = pool_with(Arc::clone(&keys));
    let old = issuers.verify(&pool_token(&id_claims()), NOW).unwrap();
    let new = Signer::rsa(1).token(Algorithm::Rs256, "k2", &id_claims());
    let (k1, k2) = (Signer::rsa(0).jwk("k1", Some("RS256")), Signer::rsa(1).jwk("k2", None));

    fetch.body(URL, jwks(&[k1, k2.clone()]));
    let Err(TokenError::UnknownKey { issuer, kid }) = issuers.verify(&new, NOW) else {
        panic!("the key is not known yet")
    };
    assert_eq!(issuer.keys.refresh(&kid).await, Ok(()));
    assert!(issuers.verify(&new, NOW).is_ok());
    assert!(old.still_valid_key(), "an added key changes nothing for the others");

    fetch.body(URL, jwks(&[k2]));
    sleep(REFRESH).await;
    assert!(!old.still_valid_key());
    let gone = issuers.verify(&pool_token(&id_claims()), NOW).unwrap_err();
    assert_eq!(gone.reason(), "unknown_key");

    // Another key under the same id.
    let new = issuers.verify(&new, NOW).unwrap();
    fetch.body(URL, jwks(&[Signer::rsa(0).jwk("k2", None)]));
    sleep(REFRESH).await;
    assert!(!new.still_valid_key());
}

#[tokio::test(start_paused = true)]
async fn bad_answers_never_cost_a_good_key() {
    let broken =
        jwks(&[without(Signer::rsa(0).jwk("k1", None), "n"), Signer::rsa(1).jwk("k2", None)]);
    for (answer, reason) in [
        (Answer::Fails(FetchError::Unreachable("refused".to_owned())), "unreachable"),
        (Answer::Fails(FetchError::TimedOut), "timed_out"),
        (Answer::Fails(FetchError::Status(500)), "status"),
        (Answer::Fails(FetchError::Redirected), "redirected"),
        (Answer::Fails(FetchError::ContentType), "content_type"),
        (Answer::Hangs, "timed_out"),
        (Answer::Panics, "unreachable"),
        (Answer::Body(Vec::new()), "not_jwk_set"),
        (Answer::Body(b"<html>down</html>".to_vec()), "not_jwk_set"),
        (Answer::Body(pool_jwks().as_bytes()[..200].to_vec()), "not_jwk_set"),
        (Answer::Body(br#"{"keys":[]}"#.to_vec()), "no_usable_key"),
        (Answer::Body(vec![b' '; MAX_KEYS_BYTES + 1]), "too_large"),
        (Answer::Body(broken.into_bytes()), "broken_key"),
    ] {
        let (fetch, store, keys) = started(good());
        sleep(Duration::from_millis(50)).await;
        fetch.set(URL, answer);
        sleep(Duration::from_secs(3600)).await;
        assert!(results(&keys, reason) > 0, "{reason} {:?}", keys.stats());
        assert!(keys.key("k1").is_some(), "{reason}");
        assert!(keys.ready() && store.ready(), "readiness is a latch");
        assert_eq!(keys.generation(), 0);
        // And it recovers by itself.
        fetch.set(URL, good());
        sleep(LAST_RETRY + Duration::from_secs(10)).await;
        assert!(keys.stats().age.unwrap() <= LAST_RETRY + Duration::from_secs(10));
        assert!(results(&keys, "loaded") >= 2, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_survived_for_max_stale_and_no_longer() {
    let (fetch, _store, keys) = started(good());
    sleep(Duration::from_millis(50)).await;
    let issuers = pool_with(Arc::clone(&keys));
    let token = pool_token(&id_claims());
    let cached = issuers.verify(&token, NOW).unwrap();
    fetch.set(URL, Answer::Fails(FetchError::Status(503)));
    sleep(DAY - Duration::from_secs(60)).await;
    assert!(issuers.verify(&token, NOW).is_ok());
    assert!(cached.still_valid_key());
    sleep(Duration::from_secs(1000)).await;
    assert_eq!(issuers.verify(&token, NOW).unwrap_err().reason(), "keys_stale");
    assert!(!cached.still_valid_key());
    assert!(keys.key("k1").is_none() && keys.ready());

    fetch.set(URL, good());
    sleep(LAST_RETRY + Duration::from_secs(1)).await;
    assert!(issuers.verify(&token, NOW).is_ok());
}

#[tokio::test(start_paused = true)]
async fn retries_slow_down() {
    let (fetch, _store, keys) = started(Answer::Fails(FetchError::TimedOut));
    sleep(Duration::from_secs(60)).await;
    let first_minute = fetch.calls();
    assert!((5..=9).contains(&first_minute), "{first_minute}");
    sleep(Duration::from_secs(7200)).await;
    let later = fetch.calls() - first_minute;
    assert!((20..=60).contains(&later), "{later} in two hours");
    assert!(!keys.ready());
}

#[tokio::test(start_paused = true)]
async fn one_bad_source_delays_no_other() {
    let (fetch, store, _hanging) = started(Answer::Hangs);
    fetch.set("https://other.example/jwks", good());
    let other = store.ensure(&KeySource::Url("https://other.example/jwks".to_owned()), DAY);
    sleep(Duration::from_millis(50)).await;
    assert!(other.ready() && !store.ready());
}

#[tokio::test(start_paused = true)]
async fn waiting_has_an_end() {
    let (_fetch, _store, keys) = started(Answer::Hangs);
    let before = Instant::now();
    assert_eq!(keys.refresh("k1").await, Err(RefreshError::TimedOut));
    assert_eq!(before.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_handle_and_drops_what_is_gone() {
    let (fetch, store, keys) = started(good());
    sleep(Duration::from_millis(50)).await;
    assert!(Arc::ptr_eq(&keys, &store.ensure(&url(), DAY)));
    store.retain(&[url()]);
    assert!(Arc::ptr_eq(&keys, &store.ensure(&url(), Duration::from_secs(1))));
    store.retain(&[]);
    sleep(Duration::from_secs(7200)).await;
    assert_eq!(fetch.calls(), 1);
    assert_eq!(keys.refresh("k2").await, Err(RefreshError::Closed));
    assert!(!Arc::ptr_eq(&keys, &store.ensure(&url(), DAY)));
}

#[tokio::test(start_paused = true)]
async fn discovery_names_the_keys_of_its_own_issuer_only() {
    for (issuer, document, ready) in [
        ("https://op.example", json!({"issuer": "https://op.example", "jwks_uri": URL}), true),
        ("https://op.example", json!({"issuer": "https://evil.example", "jwks_uri": URL}), false),
        ("https://op.example", json!({"issuer": "https://op.example"}), false),
        (
            "https://op.example",
            json!({"issuer": "https://op.example", "jwks_uri": "http://op.example/k"}),
            false,
        ),
        (
            "https://op.example",
            json!({"issuer": "https://op.example", "jwks_uri": "file:///k"}),
            false,
        ),
        (
            "http://127.0.0.1:1",
            json!({"issuer": "http://127.0.0.1:1", "jwks_uri": "http://127.0.0.1:1/k"}),
            true,
        ),
        (
            "http://127.0.0.1:1",
            json!({"issuer": "http://127.0.0.1:1", "jwks_uri": "http://127.0.0.1:2/k"}),
            false,
        ),
        (
            "http://127.0.0.1:1",
            json!({"issuer": "http://127.0.0.1:1", "jwks_uri": "http://127.0.0.1:1@op.example/k"}),
            false,
        ),
    ] {
        let fetch = FakeFetch::new(URL, good());
        let at = format!("{issuer}/.well-known/openid-configuration");
        fetch.body(&at, document.to_string());
        for known in [
            "http://op.example/k",
            "http://127.0.0.1:1/k",
            "http://127.0.0.1:2/k",
            "http://127.0.0.1:1@op.example/k",
        ] {
            fetch.set(known, good());
        }
        let store = KeyStore::new(Arc::<FakeFetch>::clone(&fetch));
        let keys = store.ensure(&KeySource::Discovery(issuer.to_owned()), DAY);
        sleep(Duration::from_millis(100)).await;
        assert_eq!(keys.ready(), ready, "{document}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let store = KeyStore::new(FakeFetch::new(URL, good()));
    let keys = store.ensure(&KeySource::File(path.clone()), DAY);
    sleep(Duration::from_secs(3)).await;
    assert!(!keys.ready());
    std::fs::write(&path, pool_jwks()).unwrap();
    sleep(Duration::from_secs(3)).await;
    assert!(keys.key("k1").is_some());

    // Half-written, then gone: the last good keys stay.
    std::fs::write(&path, &pool_jwks().as_bytes()[..50]).unwrap();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(results(&keys, "not_jwk_set"), 1, "judged once");
    std::fs::remove_file(&path).unwrap();
    sleep(Duration::from_secs(3)).await;
    assert!(keys.key("k1").is_some());

    std::fs::write(&path, jwks(&[Signer::rsa(1).jwk("k2", None)])).unwrap();
    sleep(Duration::from_secs(3)).await;
    assert!(keys.key("k1").is_none() && keys.key("k2").is_some());
    assert_eq!(keys.generation(), 1);
    sleep(Duration::from_secs(3600)).await;
    assert!(keys.stats().age.unwrap() < Duration::from_secs(3), "an unchanged file is fresh");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_stays_bad_lets_its_keys_grow_old() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, pool_jwks()).unwrap();
    let store = KeyStore::new(FakeFetch::new(URL, good()));
    let keys = store.ensure(&KeySource::File(path.clone()), Duration::from_secs(60));
    sleep(Duration::from_secs(3)).await;
    std::fs::write(&path, "{").unwrap();
    sleep(Duration::from_secs(50)).await;
    assert!(keys.key("k1").is_some());
    sleep(Duration::from_secs(20)).await;
    assert!(keys.is_stale() && keys.key("k1").is_none());
    std::fs::write(&path, pool_jwks()).unwrap();
    sleep(Duration::from_secs(3)).await;
    assert!(keys.key("k1").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_load_balancers_keys_come_one_by_one() {
    const BASE: &str = "https://public-keys.auth.elb.eu-west-1.amazonaws.com";
    const KID: &str = "6b2f2f5c-0000-4000-8000-00000000000a";
    let at = format!("{BASE}/{KID}");
    let fetch = FakeFetch::new(&at, Answer::Body(Signer::ec(Algorithm::Es256).pem().into_bytes()));
    let store = KeyStore::new(Arc::<FakeFetch>::clone(&fetch));
    let keys = store.ensure(&KeySource::AlbDirectory(BASE.to_owned()), DAY);
    assert!(keys.ready());
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(fetch.calls(), 0);

    for kid in [
        "../../etc",
        "k1",
        "6b2f2f5c-0000-4000-8000-00000000000",
        "6b2f2f5c-0000-4000-8000-00000000000a-x",
        "6b2f2f5c/0000-4000-8000-000000000000a",
    ] {
        assert_eq!(keys.refresh(kid).await, Err(RefreshError::NoSuchKey), "{kid}");
    }
    assert_eq!(fetch.calls(), 0, "only a UUID makes a path");
    assert_eq!(keys.refresh(KID).await, Ok(()));
    assert_eq!(keys.refresh(KID).await, Ok(()));
    assert_eq!(fetch.calls(), 1);

    // Made-up key ids don't keep the next true one from being found.
    let made_up = |n: usize| format!("00000000-0000-4000-8000-{n:012}");
    assert!(matches!(keys.refresh(&made_up(0)).await, Err(RefreshError::Failed(_))));
    assert_eq!(keys.refresh(&made_up(0)).await, Err(RefreshError::Cooldown));
    assert_eq!(fetch.calls(), 2, "the same in vain is not asked for again");
    const NEXT: &str = "6b2f2f5c-0000-4000-8000-00000000000b";
    let pem = Signer::ec(Algorithm::Es256).pem();
    fetch.body(&format!("{BASE}/{NEXT}"), pem);
    assert_eq!(keys.refresh(NEXT).await, Ok(()));
    // And they cost a burst, and then one request a second.
    for n in 1..100 {
        assert!(keys.refresh(&made_up(n)).await.is_err());
    }
    assert_eq!(fetch.calls(), 8);
    advance(Duration::from_secs(3)).await;
    for n in 100..200 {
        assert!(keys.refresh(&made_up(n)).await.is_err());
    }
    assert_eq!(fetch.calls(), 11);

    // A key grows old by itself and is then asked for again.
    sleep(DAY).await;
    assert!(keys.key(KID).is_none());
    assert_eq!(keys.refresh(KID).await, Ok(()));
    assert!(keys.key(KID).is_some());
}
