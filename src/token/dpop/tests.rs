use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::http::DPOP_ALGORITHMS;
use crate::token::testing::*;

const URI: &str = "https://gate.example/api/x";
const TOKEN: &str = "a.b.c";

fn verify(signer: &Signer, proof: &str) -> Result<DpopProof, DpopError> {
    let uri = RequestUri::parse(URI).unwrap();
    let key = signer.thumbprint();
    let request = DpopRequest { method: "GET", uri: &uri, token: TOKEN, key, now: NOW };
    DpopProof::verify(proof, &request)
}

fn claims() -> Value {
    proof_claims(URI, TOKEN)
}

fn header(signer: &Signer) -> Value {
    json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": signer.public_jwk() })
}

fn es256() -> Signer {
    Signer::ec(Algorithm::Es256)
}

#[test]
fn every_algorithm_that_is_told_is_taken() {
    let all = Algorithm::ALL.map(Algorithm::name);
    assert_eq!(DPOP_ALGORITHMS.split(' ').collect::<Vec<_>>(), all);
    let ed = Signer::ed();
    for algorithm in Algorithm::ALL {
        let ec = Signer::ec(algorithm);
        let signer = match algorithm {
            Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 => &ec,
            Algorithm::EdDsa => &ed,
            _ => Signer::rsa(0),
        };
        let proof = verify(signer, &signer.proof(algorithm, &claims())).unwrap();
        assert_eq!((proof.key(), proof.issued()), (signer.thumbprint(), NOW), "{algorithm:?}");
    }
}

/// RFC 7638 §3.1 and RFC 8037 appendix A.3.
#[test]
fn thumbprints_are_those_of_the_rfcs() {
    let rsa = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    });
    let ed = json!({ "kty": "OKP", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    for (jwk, expected) in [
        (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (ed, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    ] {
        assert_eq!(thumbprint(jwk.as_object().unwrap()).unwrap().to_string(), expected);
    }
    for jwk in [json!({}), json!({ "kty": "oct", "k": "AQ" }), json!({ "kty": "EC", "x": 1 })] {
        assert_eq!(thumbprint(jwk.as_object().unwrap()), None, "{jwk}");
    }
}

/// RFC 9449 §7.1, figure 12 and 13.
#[test]
fn the_proof_of_the_rfc_holds() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik\
        VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR\
        nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE\
        QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj\
        oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z\
        WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF\
        c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E\
        OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    let uri = RequestUri::parse("https://resource.example.org/protectedresource").unwrap();
    let key = Thumbprint::parse("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap();
    let request =
        DpopRequest { method: "GET", uri: &uri, token, key, now: Time::from_secs(1_562_262_618) };
    let found = DpopProof::verify(proof, &request).unwrap();
    assert_eq!(found.id(), "e1j3V_bKic8-LAEB");
    let later = DpopRequest { now: Time::from_secs(1_562_262_700), ..request };
    assert_eq!(DpopProof::verify(proof, &later), Err(DpopError::Time));
}

#[test]
fn other_structures_are_malformed() {
    let signer = es256();
    let good = signer.proof(Algorithm::Es256, &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = signed.split_once('.').unwrap();
    let large = b64(json!({ "typ": "dpop+jwt", "x": "x".repeat(2048) }).to_string());
    for proof in [
        String::new(),
        "..".to_owned(),
        signed.to_owned(),
        format!("{signed}."),
        format!("{good}.x"),
        format!("{good}="),
        format!("{good},{good}"),
        format!("{good} "),
        format!("{head}.{}.{signature}", b64("[]")),
        format!("{head}.{}.{signature}", b64(r#"{"jti":"a","jti":"a"}"#)),
        format!("{}.{payload}.{signature}", b64("1")),
        format!("{large}.{payload}.{signature}"),
        "a".repeat(9000),
    ] {
        let error = verify(&signer, &proof).unwrap_err();
        assert_eq!(error.reason(), "dpop_malformed", "{proof}: {error}");
    }
    for (name, value) in [
        ("typ", json!(null)),
        ("typ", json!("JWT")),
        ("typ", json!("dpop")),
        ("typ", json!(["dpop+jwt"])),
        ("alg", json!(null)),
        ("alg", json!(1)),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let header = with(header(&signer), name, value);
        let proof = signer.token_of(Algorithm::Es256, &header.to_string(), &claims().to_string());
        let error = verify(&signer, &proof).unwrap_err();
        assert_eq!(error.reason(), "dpop_malformed", "{header}");
    }
    let header = with(header(&signer), "typ", json!("application/DPoP+JWT"));
    let proof = signer.token_of(Algorithm::Es256, &header.to_string(), &claims().to_string());
    assert!(verify(&signer, &proof).is_ok(), "media types are told in any case");
}

#[test]
fn only_asymmetric_algorithms_of_the_key_are_taken() {
    let (signer, rsa) = (es256(), Signer::rsa(0));
    for alg in ["none", "HS256", "HS512", "es256", "ES256K", "RSA-OAEP", ""] {
        let header = with(header(&signer), "alg", json!(alg));
        let proof = signer.token_of(Algorithm::Es256, &header.to_string(), &claims().to_string());
        assert_eq!(verify(&signer, &proof), Err(DpopError::Algorithm), "{alg}");
    }
    for alg in ["ES384", "ES512", "RS256", "EdDSA"] {
        let header = with(header(&signer), "alg", json!(alg));
        let proof = signer.token_of(Algorithm::Es256, &header.to_string(), &claims().to_string());
        assert_eq!(verify(&signer, &proof), Err(DpopError::Key), "{alg}");
    }
    // The key's own word counts too.
    let jwk = with(rsa.public_jwk(), "alg", json!("PS256"));
    let header = json!({ "typ": "dpop+jwt", "alg": "RS256", "jwk": jwk });
    let proof = rsa.token_of(Algorithm::Rs256, &header.to_string(), &claims().to_string());
    assert_eq!(verify(rsa, &proof), Err(DpopError::Key));
}

#[test]
fn only_a_public_key_is_one() {
    let signer = es256();
    let of = |jwk: &Value| {
        let header = with(header(&signer), "jwk", jwk.clone());
        let proof = signer.token_of(Algorithm::Es256, &header.to_string(), &claims().to_string());
        verify(&signer, &proof)
    };
    let public = signer.public_jwk();
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let private = with(public.clone(), member, json!("AQAB"));
        assert_eq!(of(&private), Err(DpopError::Key), "{member}");
    }
    for (name, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!("verify")),
        ("alg", json!("ES384")),
        ("alg", json!(null)),
        ("kty", json!("oct")),
        ("kty", json!("RSA")),
        ("crv", json!("P-384")),
        ("crv", json!("secp256k1")),
        ("x", json!("AQAB")),
        ("y", json!(null)),
    ] {
        let other = with(public.clone(), name, value.clone());
        assert_eq!(of(&other), Err(DpopError::Key), "{name} {value}");
    }
    let symmetric = json!({ "kty": "oct", "k": b64(b"of 32 bytes, and known to anyone") });
    for jwk in [symmetric, json!({}), json!(null), json!("jwk"), json!([public.clone()])] {
        assert_eq!(of(&jwk), Err(DpopError::Key), "{jwk}");
    }
    // Members that are no part of the thumbprint don't matter.
    assert!(of(&with(public.clone(), "kid", json!("any"))).is_ok());
    assert!(of(&with(public, "use", json!("sig"))).is_ok());
}

#[test]
fn another_key_than_the_tokens_is_refused() {
    let (signer, other) = (es256(), es256());
    let proof = other.proof(Algorithm::Es256, &claims());
    assert_eq!(verify(&signer, &proof), Err(DpopError::OtherKey));
    // Its key told, and signed with another.
    let header = header(&signer).to_string();
    let proof = other.token_of(Algorithm::Es256, &header, &claims().to_string());
    assert_eq!(verify(&signer, &proof), Err(DpopError::Signature));
}

#[test]
fn claims_are_about_this_request() {
    let signer = es256();
    let of = |name: &str, value: Value| {
        let claims = match value.is_null() {
            true => without(claims(), name),
            false => with(claims(), name, value),
        };
        verify(&signer, &signer.proof(Algorithm::Es256, &claims))
    };
    for (name, value) in [
        ("jti", json!(null)),
        ("jti", json!("")),
        ("jti", json!(7)),
        ("jti", json!("x".repeat(257))),
        ("htm", json!(null)),
        ("htm", json!(["GET"])),
        ("htu", json!(null)),
        ("htu", json!(1)),
        ("iat", json!(null)),
        ("iat", json!("1800000000")),
        ("iat", json!(-1)),
        ("exp", json!("later")),
        ("nbf", json!([1])),
        ("ath", json!(null)),
        ("ath", json!(0)),
    ] {
        let error = of(name, value.clone()).unwrap_err();
        assert!(matches!(error, DpopError::Claim(claim) if claim == name), "{name} {value}");
    }
    for method in ["POST", "get", "", "GET "] {
        assert_eq!(of("htm", json!(method)), Err(DpopError::Method), "{method}");
    }
    for uri in [
        "",
        "/api/x",
        "http://gate.example/api/x",
        "https://gate.example/api/y",
        "https://gate.example:8443/api/x",
        "https://other.example/api/x",
        "https://gate.example/api/x/",
        "https://gate.example/api/../api/x",
    ] {
        assert_eq!(of("htu", json!(uri)), Err(DpopError::Uri), "{uri}");
    }
    for uri in ["https://gate.example/api/x?q=1#f", "HTTPS://Gate.Example:443/api/%78"] {
        assert!(of("htu", json!(uri)).is_ok(), "{uri}");
    }
    let other = Thumbprint::of(b"another token").to_string();
    let padded = format!("{}=", Thumbprint::of(TOKEN.as_bytes()));
    for hash in [other, padded, String::new()] {
        assert_eq!(of("ath", json!(hash)), Err(DpopError::Token), "{hash}");
    }
    // A nonce is nobody's here, and the length of an id has its bound.
    assert!(of("nonce", json!("any")).is_ok());
    assert_eq!(of("jti", json!("x".repeat(256))).unwrap().id().len(), 256);
}

#[test]
fn a_proof_is_good_for_a_minute() {
    let signer = es256();
    let at = |name: &str, seconds: f64| {
        let claims = with(claims(), name, json!(NOW.secs() as f64 + seconds));
        verify(&signer, &signer.proof(Algorithm::Es256, &claims)).map(|_| ())
    };
    for seconds in [-60.0, -59.5, 0.0, 0.5, 10.0] {
        assert_eq!(at("iat", seconds), Ok(()), "{seconds}");
    }
    for seconds in [-61.0, -60.5, 10.5, 11.0, 4000.0] {
        assert_eq!(at("iat", seconds), Err(DpopError::Time), "{seconds}");
    }
    assert_eq!((at("exp", 1.0), at("exp", 0.0)), (Ok(()), Err(DpopError::Time)));
    assert_eq!((at("nbf", 10.0), at("nbf", 11.0)), (Ok(()), Err(DpopError::Time)));
}

#[test]
fn a_changed_byte_is_no_proof() {
    let signer = es256();
    let good = signer.proof(Algorithm::Es256, &claims());
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify(&signer, &changed).is_err(), "{at}");
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_nothing_is_a_proof_by_chance(
        text in "\\PC{0,80}",
        jwk in "[\\{\\}\":,a-zA-Z0-9]{0,80}",
        claims in "[\\{\\}\":,a-zA-Z0-9./]{0,80}",
    ) {
        let signer = Signer::rsa(0);
        prop_assert!(verify(signer, &text).is_err());
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"RS256","jwk":{{{jwk}}}}}"#);
        let proof = format!("{}.{}.{}", b64(header), b64(&claims), b64(&text));
        prop_assert!(verify(signer, &proof).is_err());
        let header = json!({ "typ": "dpop+jwt", "alg": "RS256", "jwk": signer.public_jwk() });
        let proof = format!("{}.{}.{}", b64(header.to_string()), b64(claims), b64(text));
        prop_assert!(verify(signer, &proof).is_err());
    }
}
