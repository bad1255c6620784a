use serde_json::{Value, json};

use super::*;
use crate::token::Algorithm;
use crate::token::testing::*;

fn error_of(text: impl AsRef<[u8]>) -> &'static str {
    KeySet::fixed(text.as_ref()).unwrap_err().reason()
}

#[test]
fn refuses_what_is_no_key_document() {
    let key = Signer::rsa(0).jwk("k", None);
    let many: Vec<Value> =
        (0..65).map(|n| with(key.clone(), "kid", json!(n.to_string()))).collect();
    for (text, expected) in [
        (String::new(), "not_jwk_set"),
        ("<html>".to_owned(), "not_jwk_set"),
        ("[]".to_owned(), "not_jwk_set"),
        ("{}".to_owned(), "not_jwk_set"),
        (r#"{"keys":{}}"#.to_owned(), "not_jwk_set"),
        (r#"{"keys":[],"keys":[]}"#.to_owned(), "not_jwk_set"),
        (pool_jwks().chars().take(100).collect(), "not_jwk_set"),
        (r#"{"keys":[]}"#.to_owned(), "no_usable_key"),
        (r#"{"keys":[1,null]}"#.to_owned(), "no_usable_key"),
        (jwks(&many), "too_many_keys"),
        (format!("{}{}", pool_jwks(), " ".repeat(MAX_KEYS_BYTES)), "too_large"),
    ] {
        assert_eq!(error_of(&text), expected, "{}", text.len());
    }
}

#[test]
fn passes_over_keys_that_are_not_for_us() {
    let rsa = Signer::rsa(0).jwk("k", None);
    let ec = Signer::ec(Algorithm::Es256).jwk("k", None);
    let ed = Signer::ed().jwk("k", None);
    let modulus = |bytes: usize| json!(b64([vec![0xff; bytes - 1], vec![0x01]].concat()));
    for jwk in [
        json!({"kty": "oct", "kid": "k", "k": "AAAA"}),
        with(rsa.clone(), "use", json!("enc")),
        with(rsa.clone(), "use", Value::Null),
        with(rsa.clone(), "key_ops", json!(["encrypt"])),
        with(rsa.clone(), "alg", json!("HS256")),
        with(rsa.clone(), "alg", json!("ES256")),
        with(rsa.clone(), "alg", json!(7)),
        with(rsa.clone(), "kid", json!(7)),
        with(rsa.clone(), "kid", json!("")),
        without(rsa.clone(), "kid"),
        without(rsa.clone(), "kty"),
        without(rsa.clone(), "n"),
        without(rsa.clone(), "e"),
        with(rsa.clone(), "e", json!("AQ")),
        with(rsa.clone(), "e", json!("Ag")),
        with(rsa.clone(), "e", json!("")),
        with(rsa.clone(), "n", json!("")),
        with(rsa.clone(), "n", json!("a=")),
        with(rsa.clone(), "n", modulus(128)),
        with(rsa.clone(), "n", modulus(255)),
        with(rsa.clone(), "n", modulus(1025)),
        with(ec.clone(), "crv", json!("P-384")),
        with(ec.clone(), "crv", json!("secp256k1")),
        with(ec.clone(), "alg", json!("ES384")),
        with(ec.clone(), "x", json!(b64([0; 32]))),
        with(ec.clone(), "x", json!(b64([1; 31]))),
        without(ec.clone(), "y"),
        with(ed.clone(), "crv", json!("Ed448")),
        with(ed.clone(), "crv", json!("X25519")),
        with(ed.clone(), "x", json!(b64([1; 31]))),
    ] {
        assert_eq!(error_of(jwks(std::slice::from_ref(&jwk))), "no_usable_key", "{jwk}");
    }
    for jwk in [rsa.clone(), ec, ed, with(rsa, "key_ops", json!(["verify"]))] {
        assert!(KeySet::fixed(jwks(&[jwk]).as_bytes()).is_ok());
    }
}

#[test]
fn two_keys_under_one_id_are_neither() {
    let (one, two) = (Signer::rsa(0).jwk("k", None), Signer::rsa(1).jwk("k", None));
    let third = Signer::rsa(1).jwk("third", None);
    let set = KeySet::fixed(jwks(&[one.clone(), two, third]).as_bytes()).unwrap();
    assert!(set.key("k").is_none());
    assert!(set.key("third").is_some());
    let set = KeySet::fixed(jwks(&[one.clone(), one]).as_bytes()).unwrap();
    assert!(set.key("k").is_some());
}

#[test]
fn the_generation_tells_of_lost_keys_only() {
    let (a, b) = (Signer::rsa(0).jwk("a", None), Signer::rsa(1).jwk("b", None));
    let set = KeySet::fixed(jwks(std::slice::from_ref(&a)).as_bytes()).unwrap();
    let mut generations = Vec::new();
    for keys in [
        vec![a.clone()],
        vec![a.clone(), b.clone()],
        vec![b.clone()],
        vec![with(a.clone(), "kid", json!("b"))],
        // The same key, narrowed to one algorithm, is another key.
        vec![with(with(a, "kid", json!("b")), "alg", json!("RS512"))],
    ] {
        set.install(Document::parse(jwks(&keys).as_bytes()).unwrap()).unwrap();
        generations.push(set.generation());
    }
    assert_eq!(generations, [0, 0, 1, 2, 3]);
}

#[test]
fn a_broken_entry_for_a_key_in_use_is_a_bad_answer() {
    let (a, b) = (Signer::rsa(0).jwk("a", None), Signer::rsa(1).jwk("b", None));
    let set = KeySet::fixed(jwks(std::slice::from_ref(&a)).as_bytes()).unwrap();
    let broken = Document::parse(jwks(&[without(a, "n"), b.clone()]).as_bytes()).unwrap();
    assert_eq!(set.install(broken), Err(KeysError::BrokenKey));
    assert!(set.key("a").is_some());
    let other =
        Document::parse(jwks(&[without(b.clone(), "n"), with(b, "kid", json!("a"))]).as_bytes());
    assert_eq!(set.install(other.unwrap()), Ok(()));
}

#[test]
fn load_balancer_keys_are_bounded_and_p256() {
    let set = KeySet::new(Aging::EachKey, None);
    let pem = Signer::ec(Algorithm::Es256).pem();
    for n in 0..200 {
        set.add(format!("k{n}"), VerificationKey::from_alb_pem(&pem).unwrap());
    }
    assert_eq!(set.stats().keys, MAX_KEYS);
    assert_eq!(set.generation(), 0);
    assert!(set.key("k199").is_some());
    let other = Signer::ec(Algorithm::Es256).pem();
    set.add("k199".to_owned(), VerificationKey::from_alb_pem(&other).unwrap());
    assert_eq!(set.generation(), 1);

    for bad in [
        String::new(),
        Signer::ec(Algorithm::Es384).pem(),
        pem.replace("PUBLIC KEY", "CERTIFICATE"),
        format!("{pem}{pem}"),
        pem.chars().take(80).collect(),
    ] {
        assert!(VerificationKey::from_alb_pem(&bad).is_none(), "{bad}");
    }
}
