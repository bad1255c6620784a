use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::token::testing::*;
use crate::token::{Algorithm, ErrorSource, KeySet, MAX_TOKEN_BYTES};

fn reason(token: &str) -> &'static str {
    pool().verify(token, NOW).unwrap_err().reason()
}

fn reason_of(claims: Value) -> &'static str {
    reason(&pool_token(&claims))
}

#[test]
fn accepts_a_user_pools_tokens() {
    let id = pool().verify(&pool_token(&id_claims()), NOW).unwrap();
    assert_eq!(id.kind, TokenKind::Id);
    assert_eq!(id.client.as_deref(), Some(CLIENT));
    assert_eq!(id.issuer.name, POOL);
    assert_eq!(id.claims.groups(), Some(vec!["readers"]));
    assert_eq!(id.kid, "k1");

    let access = pool().verify(&pool_token(&access_claims()), NOW).unwrap();
    assert_eq!(access.kind, TokenKind::Access);
    assert_eq!(access.claims.scopes().collect::<Vec<_>>(), ["openid", "orders/read"]);
    assert!(access.serial > id.serial);

    let client = with(access_claims(), "sub", json!(CLIENT));
    let client = pool().verify(&pool_token(&client), NOW).unwrap();
    assert_eq!(client.kind, TokenKind::ClientCredentials);

    let updated = "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E";
    let updated = pool_token(&with(id_claims(), "iss", json!(updated)));
    assert!(pool().verify(&updated, NOW).is_ok());
}

#[test]
fn refuses_other_structures() {
    let good = pool_token(&id_claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    for token in [
        String::new(),
        "..".to_owned(),
        "a.b".to_owned(),
        signed.to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.x.y"),
        format!("{signed}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{good}="),
        format!("{header}=.{payload}.{signature}"),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{header}.{payload}+.{signature}"),
        format!("{header}.{payload}/.{signature}"),
        format!("{}.{payload}.{signature}", b64("[]")),
        format!("{}.{payload}.{signature}", b64("\"x\"")),
        format!("{header}.{}.{signature}", b64("foo")),
        format!("{header}.{}.{signature}", b64("[1]")),
        format!("{header}.é.{signature}"),
    ] {
        assert_eq!(reason(&token), "malformed", "{token}");
    }
    assert_eq!(reason(&"a".repeat(MAX_TOKEN_BYTES + 1)), "too_large");
    let long = format!(r#"{{"alg":"RS256","kid":"k1","x":"{}"}}"#, "x".repeat(1024));
    assert_eq!(reason(&format!("{}.{payload}.{signature}", b64(long))), "too_large");
}

#[test]
fn one_token_has_one_text() {
    // The last character of a 256-byte signature has four bits to spare.
    let mut token = pool_token(&id_claims());
    let last = token.pop().unwrap();
    let texts = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']);
    for c in texts.filter(|c| *c != last) {
        assert!(pool().verify(&format!("{token}{c}"), NOW).is_err(), "{c} for {last}");
    }
}

/// RFC 7515 §2, of each part: what is signed is the padded text, so that nothing else is wrong with it.
#[test]
fn padding_is_refused_in_every_part() {
    let signer = Signer::rsa(0);
    // As long as leaves room for padding.
    let odd = |json: String| if json.len().is_multiple_of(3) { json + " " } else { json };
    let (header, claims) =
        (odd(r#"{"alg":"RS256","kid":"k1"}"#.to_owned()), odd(id_claims().to_string()));
    let end = |part: String, padded: bool| match padded {
        true => format!("{part}{}", "=".repeat(4 - part.len() % 4)),
        false => part,
    };
    for padded in 0..4 {
        let text = format!("{}.{}", end(b64(&header), padded == 1), end(b64(&claims), padded == 2));
        let signature = end(b64(signer.signature(Algorithm::Rs256, &text)), padded == 3);
        let result = pool().verify(&format!("{text}.{signature}"), NOW);
        let expected = (padded > 0).then_some("malformed");
        assert_eq!(result.err().map(|error| error.reason()), expected, "{padded}");
    }
}

#[test]
fn refuses_other_headers() {
    let payload = id_claims().to_string();
    for (header, expected) in [
        (r#"{"alg":"RS256","kid":"k1","crit":["exp"],"exp":1}"#, "malformed"),
        (r#"{"alg":"RS256","kid":"k1","crit":[]}"#, "malformed"),
        (r#"{"alg":"RS256","kid":"k1","b64":false}"#, "malformed"),
        (r#"{"alg":"RS256","kid":"k1","b64":true}"#, "malformed"),
        (r#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"k1"}"#, "malformed"),
        (r#"{"alg":"RS256","zip":"DEF","kid":"k1"}"#, "malformed"),
        (r#"{"alg":"RS256","kid":"k1","kid":"k1"}"#, "malformed"),
        (r#"{"alg":"RS256","alg":"none","kid":"k1"}"#, "malformed"),
        (r#"{"alg":"RS256"}"#, "malformed"),
        (r#"{"alg":"RS256","kid":7}"#, "malformed"),
        (r#"{"alg":"RS256","kid":null}"#, "malformed"),
        (r#"{"alg":"RS256","kid":""}"#, "malformed"),
        (r#"{"alg":"RS256","kid":"k\u0000"}"#, "malformed"),
        (r#"{"alg":"RS256","kid":"ké"}"#, "malformed"),
        (r#"{"kid":"k1"}"#, "malformed"),
        (r#"{"alg":["RS256"],"kid":"k1"}"#, "malformed"),
        (r#"{"alg":"RS256","kid":"k1","typ":"logout+jwt"}"#, "malformed"),
        (r#"{"alg":"RS256","kid":"k1","typ":1}"#, "malformed"),
        (r#"{"alg":"none","kid":"k1"}"#, "unsupported_algorithm"),
        (r#"{"alg":"None","kid":"k1"}"#, "unsupported_algorithm"),
        (r#"{"alg":"","kid":"k1"}"#, "unsupported_algorithm"),
        (r#"{"alg":"HS256","kid":"k1"}"#, "unsupported_algorithm"),
        (r#"{"alg":"rs256","kid":"k1"}"#, "unsupported_algorithm"),
        (r#"{"alg":"RS384","kid":"k1"}"#, "unsupported_algorithm"),
        (r#"{"alg":"ES256","kid":"k1"}"#, "unsupported_algorithm"),
        (r#"{"alg":"RS256","kid":"k2"}"#, "unknown_key"),
        (r#"{"alg":"RS256","kid":"../k1"}"#, "unknown_key"),
        (r#"{"alg":"RS256","kid":"k1","signer":"arn:aws:x"}"#, "unknown_issuer"),
    ] {
        let token = Signer::rsa(0).token_of(Algorithm::Rs256, header, &payload);
        assert_eq!(reason(&token), expected, "{header}");
    }
    let long = json!({"alg": "RS256", "kid": "k".repeat(129)}).to_string();
    let long = Signer::rsa(0).token_of(Algorithm::Rs256, &long, &payload);
    assert_eq!(reason(&long), "malformed");
}

#[test]
fn ignores_keys_named_by_the_token() {
    let attacker = Signer::rsa(1);
    let payload = id_claims().to_string();
    for (name, value) in [
        ("jwk", attacker.jwk("k1", Some("RS256"))),
        ("jku", json!("https://attacker.example/jwks.json")),
        ("x5u", json!("https://attacker.example/cert.pem")),
    ] {
        let mut header = json!({"alg": "RS256", "kid": "k1"});
        if name != "jwk" {
            header[name] = value.clone();
        } else {
            header[name] = json!({"kty": "RSA", "e": "AQAB"});
        }
        let header = header.to_string();
        let own = Signer::rsa(0).token_of(Algorithm::Rs256, &header, &payload);
        assert!(pool().verify(&own, NOW).is_ok(), "{name}");
        let forged = attacker.token_of(Algorithm::Rs256, &header, &payload);
        assert_eq!(reason(&forged), "bad_signature", "{name}");
    }
}

#[test]
fn the_algorithm_follows_from_the_key() {
    let signers: Vec<(&str, Signer, Vec<Algorithm>)> = vec![
        ("EC256", Signer::ec(Algorithm::Es256), vec![Algorithm::Es256]),
        ("EC384", Signer::ec(Algorithm::Es384), vec![Algorithm::Es384]),
        ("EC521", Signer::ec(Algorithm::Es512), vec![Algorithm::Es512]),
        ("OKP", Signer::ed(), vec![Algorithm::EdDsa]),
    ];
    let rsa_default = vec![Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512];
    let rsa_all = Algorithm::ALL[..6].to_vec();
    let mut cases: Vec<(&str, &Signer, &[Algorithm], &[Algorithm])> =
        signers.iter().map(|(name, s, own)| (*name, s, &own[..], &own[..])).collect();
    cases.push(("RSA", Signer::rsa(0), &rsa_default, &rsa_all));

    let names = Algorithm::ALL.map(Algorithm::name);
    let (mut allowed, mut denied) = (0, 0);
    for (name, signer, by_default, possible) in cases {
        for jwk_alg in
            [None, Some("HS256"), Some("none"), Some("RSA-OAEP")].into_iter().chain(names.map(Some))
        {
            let jwk = signer.jwk("k", jwk_alg);
            // A second key, so that the set is never empty.
            let set = jwks(&[jwk, Signer::rsa(1).jwk("other", None)]);
            let keys = KeySet::fixed(set.as_bytes()).unwrap();
            let issuer = Issuer::oidc("https://op.example", vec![CLIENT.to_owned()], keys);
            let issuers = Issuers::new(vec![Arc::new(issuer)], 0).unwrap();
            let claims = with(id_claims(), "iss", json!("https://op.example"));
            for header_alg in names.into_iter().chain(["none", "HS256", "HS384", "HS512"]) {
                let parsed = Algorithm::parse(header_alg);
                let right = parsed.is_some_and(|alg| match jwk_alg {
                    None => by_default.contains(&alg),
                    Some(named) => named == header_alg && possible.contains(&alg),
                });
                let header = json!({"alg": header_alg, "kid": "k"}).to_string();
                let signing = parsed.unwrap_or(possible[0]);
                let token = signer.token_of(signing, &header, &claims.to_string());
                let result = issuers.verify(&token, NOW);
                assert_eq!(result.is_ok(), right, "{name} {jwk_alg:?} {header_alg} {result:?}");
                if right { allowed += 1 } else { denied += 1 }
            }
        }
    }
    assert_eq!((allowed, denied), (17, 5 * 14 * 14 - 17));
}

#[test]
fn a_user_pool_signs_with_rs256_only() {
    // Even where its keys don't say so.
    let set = jwks(&[Signer::rsa(0).jwk("k1", None)]);
    let issuers = pool_with(KeySet::fixed(set.as_bytes()).unwrap());
    for algorithm in &Algorithm::ALL[..6] {
        let token = Signer::rsa(0).token(*algorithm, "k1", &id_claims());
        let expected = (*algorithm != Algorithm::Rs256).then_some("unsupported_algorithm");
        assert_eq!(issuers.verify(&token, NOW).err().map(|e| e.reason()), expected);
    }
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    use aws_lc_rs::hmac;
    let header = b64(json!({"alg": "HS256", "kid": "k1"}).to_string());
    let text = format!("{header}.{}", b64(id_claims().to_string()));
    for secret in [Vec::new(), pool_jwks().into_bytes()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let token = format!("{text}.{}", b64(hmac::sign(&key, text.as_bytes())));
        assert_eq!(reason(&token), "unsupported_algorithm");
    }
}

#[test]
fn time_claims_are_strictly_typed() {
    let now = NOW.secs();
    for (name, missing_is_fine) in [("exp", false), ("nbf", true), ("iat", true)] {
        for bad in [
            json!((now + 5).to_string()),
            json!(""),
            json!(-1),
            json!(-0.5),
            Value::Null,
            json!(true),
            json!([now]),
            json!({}),
            json!(1e300),
            json!(u64::MAX),
            json!(9_007_199_254_740_993u64),
        ] {
            assert_eq!(
                reason_of(with(id_claims(), name, bad.clone())),
                "invalid_claim",
                "{name} {bad}"
            );
        }
        let result = pool().verify(&pool_token(&without(id_claims(), name)), NOW);
        assert_eq!(result.is_ok(), missing_is_fine, "{name}");
    }
    let float = with(id_claims(), "exp", json!(now as f64 + 0.5));
    let float = pool().verify(&pool_token(&float), NOW).unwrap();
    assert_eq!(float.claims.expires(), Time::from_millis(now * 1000 + 500));
}

#[test]
fn times_have_exact_edges() {
    let now = NOW.secs();
    let issuer = |leeway| {
        let keys = KeySet::fixed(pool_jwks().as_bytes()).unwrap();
        let mut issuer = Issuer::user_pool(POOL, vec![], None, keys).unwrap();
        issuer.max_age = Some(100);
        Issuers::new(vec![Arc::new(issuer)], leeway).unwrap()
    };
    for (name, offset, leeway, expected) in [
        ("exp", 1, 0, None),
        ("exp", 0, 0, Some("expired")),
        ("exp", -4, 5, None),
        ("exp", -5, 5, Some("expired")),
        ("nbf", 0, 0, None),
        ("nbf", 1, 0, Some("not_yet_valid")),
        ("nbf", 5, 5, None),
        ("nbf", 6, 5, Some("not_yet_valid")),
        ("iat", 30, 0, None),
        ("iat", 31, 0, Some("not_yet_valid")),
        ("iat", 35, 5, None),
        ("iat", -99, 0, None),
        ("iat", -100, 0, Some("expired")),
        ("iat", -104, 5, None),
    ] {
        let token = pool_token(&with(id_claims(), name, json!(now + offset)));
        let result = issuer(leeway).verify(&token, NOW);
        assert_eq!(result.err().map(|e| e.reason()), expected, "{name} {offset} {leeway}");
    }
    let ageless = pool_token(&without(id_claims(), "iat"));
    assert_eq!(issuer(0).verify(&ageless, NOW).unwrap_err().reason(), "invalid_claim");
}

#[test]
fn a_tokens_times_can_be_checked_again() {
    let keys = KeySet::fixed(pool_jwks().as_bytes()).unwrap();
    let issuer = Arc::new(Issuer::user_pool(POOL, vec![], None, keys).unwrap());
    let claims = Claims::parse(id_claims().to_string().as_bytes()).unwrap();
    let token = VerifiedToken::for_test(issuer, TokenKind::Id, None, claims);
    assert!(token.still_valid_key());
    for (offset, leeway, expected) in [
        (0, 0, None),
        (3600, 0, Some("expired")),
        (3600, 1, None),
        (-41, 0, Some("not_yet_valid")),
        (-41, 1, None),
    ] {
        let result = token.check_times(NOW.plus_secs(offset), leeway);
        assert_eq!(result.err().map(|e| e.reason()), expected, "{offset} {leeway}");
    }
}

#[test]
fn refuses_other_claims() {
    for (claims, expected) in [
        (with(id_claims(), "iss", json!(format!("{ISS}/"))), "unknown_issuer"),
        (with(id_claims(), "iss", json!(ISS.to_uppercase())), "unknown_issuer"),
        (with(id_claims(), "iss", json!([ISS])), "unknown_issuer"),
        (without(id_claims(), "iss"), "unknown_issuer"),
        (with(id_claims(), "aud", json!("other")), "wrong_audience"),
        (with(id_claims(), "aud", json!(["other"])), "wrong_audience"),
        (with(id_claims(), "aud", json!([])), "wrong_audience"),
        (with(id_claims(), "aud", json!([CLIENT, 1])), "invalid_claim"),
        (with(id_claims(), "aud", json!({})), "invalid_claim"),
        (with(id_claims(), "aud", Value::Null), "invalid_claim"),
        (without(id_claims(), "aud"), "wrong_audience"),
        (with(without(id_claims(), "aud"), "client_id", json!(CLIENT)), "wrong_audience"),
        (with(id_claims(), "azp", json!("other")), "wrong_audience"),
        (with(id_claims(), "token_use", json!("refresh")), "wrong_token_use"),
        (without(id_claims(), "token_use"), "wrong_token_use"),
        (with(id_claims(), "token_use", json!(1)), "invalid_claim"),
        (with(id_claims(), "token_use", json!("access")), "invalid_claim"),
        (with(id_claims(), "sub", json!(1)), "invalid_claim"),
        (without(id_claims(), "sub"), "invalid_claim"),
        (without(access_claims(), "sub"), "invalid_claim"),
        (with(id_claims(), "scope", json!(["a"])), "invalid_claim"),
        (with(id_claims(), "jti", json!({})), "invalid_claim"),
        (with(id_claims(), "cognito:groups", json!("admins")), "invalid_claim"),
        (with(id_claims(), "cognito:groups", json!([1])), "invalid_claim"),
        (with(access_claims(), "client_id", json!("other")), "wrong_client"),
        (without(access_claims(), "client_id"), "invalid_claim"),
        (with(access_claims(), "token_use", json!("id")), "wrong_audience"),
        // An access token bound to a resource is for that resource, even if it names the client.
        (with(access_claims(), "aud", json!("https://orders.example")), "wrong_audience"),
        (with(access_claims(), "aud", json!(CLIENT)), "wrong_audience"),
        (with(access_claims(), "aud", json!([])), "wrong_audience"),
    ] {
        assert_eq!(reason_of(claims.clone()), expected, "{claims}");
    }
    let twice = id_claims().to_string().replacen('{', r#"{"aud":"other","#, 1);
    let header = r#"{"alg":"RS256","kid":"k1"}"#;
    assert_eq!(reason(&Signer::rsa(0).token_of(Algorithm::Rs256, header, &twice)), "malformed");
    let deep = id_claims().to_string().replacen(
        '{',
        &format!(r#"{{"x":{}{},"#, "[".repeat(16), "]".repeat(16)),
        1,
    );
    assert_eq!(reason(&Signer::rsa(0).token_of(Algorithm::Rs256, header, &deep)), "malformed");
}

#[test]
fn a_resource_audience_is_accepted_where_listed() {
    let keys = KeySet::fixed(pool_jwks().as_bytes()).unwrap();
    let mut issuer = Issuer::user_pool(POOL, vec![CLIENT.to_owned()], None, keys).unwrap();
    issuer.resource_audiences = vec!["https://orders.example".to_owned()];
    let issuers = Issuers::new(vec![Arc::new(issuer)], 0).unwrap();
    let bound = |aud| pool_token(&with(access_claims(), "aud", aud));
    assert!(issuers.verify(&bound(json!("https://orders.example")), NOW).is_ok());
    assert!(issuers.verify(&bound(json!(["x", "https://orders.example"])), NOW).is_ok());
    let other = issuers.verify(&bound(json!("x")), NOW).unwrap_err();
    assert_eq!(other.reason(), "wrong_audience");
    // An ID token's audience stays the client.
    let id = pool_token(&with(id_claims(), "aud", json!("https://orders.example")));
    assert_eq!(issuers.verify(&id, NOW).unwrap_err().reason(), "wrong_audience");
}

#[test]
fn several_issuers_stay_apart() {
    let keys = |n| {
        let set = jwks(&[Signer::rsa(n).jwk("k1", Some("RS256"))]);
        KeySet::fixed(set.as_bytes()).unwrap()
    };
    let pool = |id: &str, iss: Option<String>, n| {
        Arc::new(Issuer::user_pool(id, vec![CLIENT.to_owned()], iss, keys(n)).unwrap())
    };
    let standin = "http://127.0.0.1:8080/us-east-1_Demo00001".to_owned();
    let issuers = vec![pool(POOL, None, 0), pool("us-east-1_Demo00001", Some(standin.clone()), 1)];
    let both = Issuers::new(issuers, 0).unwrap();
    let demo = with(id_claims(), "iss", json!(standin));
    let token = Signer::rsa(1).token(Algorithm::Rs256, "k1", &demo);
    assert_eq!(both.verify(&token, NOW).unwrap().issuer.name, "us-east-1_Demo00001");
    let crossed = Signer::rsa(0).token(Algorithm::Rs256, "k1", &demo);
    assert_eq!(both.verify(&crossed, NOW).unwrap_err().reason(), "bad_signature");
    // With an issuer of its own, the pool's AWS issuers are not accepted.
    let aws = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Demo00001";
    let aws = Signer::rsa(1).token(Algorithm::Rs256, "k1", &with(id_claims(), "iss", json!(aws)));
    assert_eq!(both.verify(&aws, NOW).unwrap_err().reason(), "unknown_issuer");

    let same = vec![pool(POOL, None, 0), pool("us-east-1_X", Some(ISS.to_owned()), 1)];
    assert_eq!(Issuers::new(same, 0).unwrap_err(), IssuerError::Duplicate(ISS.to_owned()));
    let empty = vec![pool(POOL, Some(String::new()), 0)];
    assert_eq!(Issuers::new(empty, 0).unwrap_err().reason(), "empty_issuer");
}

#[test]
fn pool_ids_give_issuers_in_every_partition() {
    let of = |id: &str| {
        let keys = KeySet::fixed(pool_jwks().as_bytes()).unwrap();
        Issuer::user_pool(id, Vec::new(), None, keys)
    };
    for (id, host) in [
        (POOL, "cognito-idp.eu-west-1.amazonaws.com"),
        ("us-gov-west-1_Ab1", "cognito-idp.us-gov-west-1.amazonaws.com"),
        ("cn-north-1_Ab1", "cognito-idp.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1_Ab1", "cognito-idp.eusc-de-east-1.amazonaws.eu"),
    ] {
        let issuers = of(id).unwrap().issuers;
        assert_eq!(
            issuers,
            [format!("https://{host}/{id}"), format!("https://issuer-{host}/{id}")]
        );
    }
    for id in [
        "",
        "x",
        "_x",
        "eu-west-1_",
        "eu-west-1_a/b",
        "eu-west-1_a_b",
        "EU-WEST-1_a",
        "evil.com/eu-1_a",
        "eu--1_a",
        "eu-west-_a",
        "eu-west-1x_a",
    ] {
        assert_eq!(of(id).unwrap_err().reason(), "pool_id", "{id}");
    }
}

#[test]
fn oidc_audiences() {
    let keys = KeySet::fixed(pool_jwks().as_bytes()).unwrap();
    let issuer = Issuer::oidc("https://op.example", vec!["a".into(), "b".into()], keys);
    assert_eq!(issuer.name, "op.example");
    let issuers = Issuers::new(vec![Arc::new(issuer)], 0).unwrap();
    let base = with(without(id_claims(), "token_use"), "iss", json!("https://op.example"));
    for (aud, azp, expected) in [
        (json!("a"), None, Some("a")),
        (json!(["x", "b"]), None, Some("b")),
        (json!(["a"]), Some("b"), Some("a")),
        (json!(["a"]), Some("x"), None),
        (json!("x"), None, None),
        (json!([]), None, None),
    ] {
        let mut claims = with(base.clone(), "aud", aud.clone());
        if let Some(azp) = azp {
            claims["azp"] = json!(azp);
        }
        let result = issuers.verify(&pool_token(&claims), NOW);
        match expected {
            Some(client) => {
                let token = result.unwrap();
                assert_eq!((token.kind, token.client.as_deref()), (TokenKind::Oidc, Some(client)));
            }
            None => assert_eq!(result.unwrap_err().reason(), "wrong_audience", "{aud} {azp:?}"),
        }
    }
}

const ALB: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/b";
const ALB_KID: &str = "6b2f2f5c-0000-4000-8000-00000000000a";

#[test]
fn a_load_balancers_token() {
    let signer = Signer::ec(Algorithm::Es256);
    let set = jwks(&[signer.jwk(ALB_KID, None)]);
    let keys = KeySet::fixed(set.as_bytes()).unwrap();
    let alb = Arc::new(Issuer::alb(ALB, ISS, vec![CLIENT.to_owned()], keys));
    let keys = KeySet::fixed(pool_jwks().as_bytes()).unwrap();
    let pool = Arc::new(Issuer::user_pool(POOL, vec![], None, keys).unwrap());
    let issuers = Issuers::new(vec![alb, pool], 0).unwrap();
    let exp = NOW.secs() + 120;
    let good = json!({"alg": "ES256", "kid": ALB_KID, "signer": ALB, "iss": ISS, "client": CLIENT, "exp": exp});
    let padded = |header: &Value, payload: &Value| {
        let part = |v: &Value| base64::engine::general_purpose::URL_SAFE.encode(v.to_string());
        let text = format!("{}.{}", part(header), part(payload));
        let signature = signer.signature(Algorithm::Es256, &text);
        format!("{text}.{}", base64::engine::general_purpose::URL_SAFE.encode(signature))
    };
    use base64::Engine;
    let bare = json!({"sub": "u", "x": "pad"});
    let token = issuers.verify(&padded(&good, &bare), NOW).unwrap();
    assert_eq!((token.kind, token.client.as_deref()), (TokenKind::Alb, Some(CLIENT)));
    assert_eq!(token.claims.expires(), Time::from_secs(exp));
    for (header, payload, expected) in [
        (with(good.clone(), "signer", json!(ISS)), bare.clone(), "unknown_issuer"),
        (with(good.clone(), "signer", json!(7)), bare.clone(), "unknown_issuer"),
        (with(good.clone(), "iss", json!("https://x")), bare.clone(), "unknown_issuer"),
        (with(good.clone(), "client", json!("x")), bare.clone(), "wrong_client"),
        (without(good.clone(), "client"), bare.clone(), "wrong_client"),
        (with(good.clone(), "exp", json!(NOW.secs())), bare.clone(), "expired"),
        (without(good.clone(), "exp"), bare.clone(), "invalid_claim"),
        (good.clone(), with(bare.clone(), "exp", json!(exp + 1)), "invalid_claim"),
        (with(good.clone(), "alg", json!("RS256")), bare.clone(), "unsupported_algorithm"),
        (with(good.clone(), "kid", json!("k1")), bare.clone(), "unknown_key"),
    ] {
        let result = issuers.verify(&padded(&header, &payload), NOW);
        assert_eq!(result.unwrap_err().reason(), expected, "{header}");
    }
    // Its padding is nobody else's privilege.
    let header = json!({"alg": "RS256", "kid": "k1", "pad": "1"});
    assert_eq!(
        issuers.verify(&padded(&header, &id_claims()), NOW).unwrap_err().reason(),
        "malformed"
    );
}

#[test]
fn who_has_to_act() {
    let unknown = Signer::rsa(0).token(Algorithm::Rs256, "k9", &id_claims());
    let error = pool().verify(&unknown, NOW).unwrap_err();
    assert_eq!(error.source_of_error(), ErrorSource::Client);
    assert_eq!(
        error.refreshable().map(|(i, kid)| (i.name.clone(), kid)),
        Some((POOL.to_owned(), "k9"))
    );
    let expired = pool_token(&with(id_claims(), "exp", json!(1)));
    let error = pool().verify(&expired, NOW).unwrap_err();
    assert!(error.refreshable().is_none());
    assert!(!error.to_string().contains(&expired));
}

/// The second opinion: jsonwebtoken with its own parsing of key, header and claims.
fn oracle(token: &str) -> bool {
    use jsonwebtoken::{DecodingKey, Validation, decode, jwk::Jwk};
    let jwk: Jwk = serde_json::from_value(Signer::rsa(0).jwk("k1", Some("RS256"))).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_issuer(&[ISS]);
    validation.set_audience(&[CLIENT]);
    // Tests live at a fixed time that is far ahead of the clock's.
    validation.validate_exp = false;
    decode::<Value>(token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_mutated_byte_is_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let token = pool_token(&id_claims());
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        if let Ok(mutated) = String::from_utf8(bytes) {
            prop_assert!(pool().verify(&mutated, NOW).is_err(), "{}", mutated);
        }
    }

    #[test]
    fn what_is_accepted_here_is_accepted_by_jsonwebtoken(
        name in prop::sample::select(vec!["iss", "aud", "exp", "nbf", "iat", "sub", "x", "token_use"]),
        value in prop::sample::select(vec![
            json!(ISS), json!(CLIENT), json!([CLIENT]), json!(["x", CLIENT]), json!("x"), json!(1),
            json!(1_900_000_000), json!(1.5), Value::Null, json!([]), json!({"a": [1]}), json!("id"),
        ]),
        other_key in any::<bool>(),
    ) {
        let claims = with(id_claims(), name, value);
        let token = Signer::rsa(usize::from(other_key)).token(Algorithm::Rs256, "k1", &claims);
        let accepted = pool().verify(&token, NOW).is_ok();
        prop_assert!(!accepted || oracle(&token), "{}", claims);
        prop_assert!(!(accepted && other_key));
    }

    #[test]
    fn nothing_panics(token in "[ -~é.=]{0,80}", header in "[ -~]{0,60}", payload in "[ -~]{0,60}") {
        prop_assert!(pool().verify(&token, NOW).is_err());
        let token = Signer::rsa(0).token_of(Algorithm::Rs256, &header, &payload);
        prop_assert!(pool().verify(&token, NOW).is_err());
    }
}
