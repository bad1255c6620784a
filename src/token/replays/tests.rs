use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::http::RequestUri;
use crate::token::testing::*;
use crate::token::{Algorithm, DpopRequest};

/// A proof of one of two keys, made at `iat` seconds after `NOW`.
fn proof(key: usize, id: &str, iat: i64) -> DpopProof {
    let signer = Signer::rsa(key);
    let (text, token) = ("https://gate.example/", "t");
    let uri = RequestUri::parse(text).unwrap();
    let claims = with(proof_claims(text, token), "jti", json!(id));
    let claims = with(claims, "iat", json!(NOW.secs() + iat));
    let now = NOW.plus_secs(iat);
    let request = DpopRequest { method: "GET", uri: &uri, token, key: signer.thumbprint(), now };
    DpopProof::verify(&signer.proof(Algorithm::Rs256, &claims), &request).unwrap()
}

#[test]
fn a_proof_is_good_for_once() {
    let replays = Replays::new();
    let first = proof(0, "a", 0);
    assert_eq!(replays.admit(&first, NOW), Ok(()));
    for seconds in [0, 1, 60, 70] {
        let later = NOW.plus_secs(seconds);
        assert_eq!(replays.admit(&first, later), Err(DpopError::Replayed), "{seconds}");
    }
    // Another id, and the same one of another key, are other proofs.
    assert_eq!(replays.admit(&proof(0, "b", 0), NOW), Ok(()));
    assert_eq!(replays.admit(&proof(1, "a", 0), NOW), Ok(()));
    // One made at another time with the same id is the same: `jti` is what tells them apart.
    assert_eq!(replays.admit(&proof(0, "a", 5), NOW), Err(DpopError::Replayed));
}

#[test]
fn what_was_dropped_is_refused_and_what_is_fresh_never() {
    let replays = Replays::new();
    let old = proof(0, "old", AHEAD);
    assert_eq!(replays.admit(&old, NOW), Ok(()));
    // Proofs that are as old as they may be, one in each generation.
    for (number, seconds) in [0, 70, 140, 210, 280, 1000, 2000].into_iter().enumerate() {
        let at = NOW.plus_secs(seconds);
        let oldest = proof(0, &format!("{number}"), seconds - PAST);
        assert_eq!(replays.admit(&oldest, at), Ok(()), "{seconds}");
    }
    // However slow a request was: its proof is known to be too old, not to be new.
    assert_eq!(replays.admit(&old, NOW), Err(DpopError::Time));
    // A clock that was set back forgets nothing.
    assert_eq!(replays.admit(&proof(0, "6", 2000 - PAST), NOW), Err(DpopError::Replayed));
}

#[test]
fn a_flood_makes_proofs_short_lived_and_none_good_twice() {
    let replays = Replays::with_capacity(4);
    let proofs: Vec<DpopProof> =
        (0..12).map(|number| proof(0, &format!("{number}"), number)).collect();
    for (number, proof) in proofs.iter().enumerate() {
        assert_eq!(replays.admit(proof, NOW.plus_secs(20)), Ok(()), "{number}");
        let kept = replays.generations.lock().unwrap();
        assert!(kept.current.proofs.len() + kept.previous.proofs.len() <= 8);
    }
    for proof in &proofs {
        let again = replays.admit(proof, NOW.plus_secs(20));
        assert!(matches!(again, Err(DpopError::Replayed | DpopError::Time)), "{again:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever order proofs come in, however the clock jumps, and however small the memory is.
    #[test]
    fn nothing_is_taken_twice(shown in prop::collection::vec((0..40usize, -100..300i64), 0..200), capacity in 1..50usize) {
        static PROOFS: std::sync::OnceLock<Vec<DpopProof>> = std::sync::OnceLock::new();
        let proofs = PROOFS.get_or_init(|| {
            (0..40).map(|number| proof(0, &format!("{number}"), number * 5)).collect()
        });
        let replays = Replays::with_capacity(capacity);
        let mut taken = HashSet::new();
        for (number, seconds) in shown {
            if replays.admit(&proofs[number], NOW.plus_secs(seconds)).is_ok() {
                prop_assert!(taken.insert(number));
            }
        }
    }
}
