use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

const NOW: Time = Time::from_secs(1_800_000_000);

/// Private keys made once: two of 2048 bits.
fn pem(index: usize) -> &'static str {
    static KEYS: [OnceLock<String>; 2] = [const { OnceLock::new() }; 2];
    KEYS[index].get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.as_der().unwrap();
        armour("PRIVATE KEY", der.as_ref())
    })
}

fn armour(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

fn tokens(index: usize) -> PoolTokens {
    PoolTokens::new(&[pem(index).as_bytes()]).unwrap()
}

fn token() -> PoolToken {
    PoolToken {
        identity: "us-east-1:1".to_owned(),
        pool: "us-east-1:2".to_owned(),
        pool_arn: "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/us-east-1:2"
            .to_owned(),
        methods: vec!["authenticated".to_owned(), "p".to_owned()],
        tags: vec![("a".to_owned(), Some("x".to_owned())), ("b".to_owned(), None)],
        login: None,
        issued: NOW,
        expires: NOW.plus_secs(POOL_TOKEN_SECONDS),
    }
}

#[test]
fn tokens_are_written_as_amazon_cognito_does() {
    let signed = tokens(0).sign(&token()).unwrap();
    let part = |index| -> Value {
        let text = signed.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    let jwks: Value = serde_json::from_str(tokens(0).jwks()).unwrap();
    let kid = &jwks["keys"][0]["kid"];
    assert_eq!(part(0), json!({"kid": kid, "typ": "JWS", "alg": "RS512"}));
    assert_eq!(
        part(1),
        json!({
            "iss": "https://cognito-identity.amazonaws.com", "sub": "us-east-1:1",
            "aud": "us-east-1:2", "amr": ["authenticated", "p"],
            "iat": 1_800_000_000, "exp": 1_800_000_600,
            "https://cognito-identity.amazonaws.com/identity-pool-arn":
                "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/us-east-1:2",
            "https://aws.amazon.com/tags": {"principal_tags": {"a": ["x"], "b": []}},
        })
    );
    let untagged = PoolToken { tags: Vec::new(), ..token() };
    let signed = tokens(0).sign(&untagged).unwrap();
    assert_eq!(tokens(0).verify(&signed, NOW), Ok(untagged));
    let full = GrantToken {
        issuer: Some("i".to_owned()),
        subject: Some("s".to_owned()),
        jti: Some("j".to_owned()),
        origin_jti: None,
        issued: Some(NOW),
    };
    for login in [GrantToken::default(), full] {
        let of_login = PoolToken { login: Some(login), ..token() };
        let signed = tokens(0).sign(&of_login).unwrap();
        assert_eq!(tokens(0).verify(&signed, NOW), Ok(of_login));
    }
}

#[test]
fn others_verify_them_with_the_published_keys() {
    let signed = tokens(0).sign(&token()).unwrap();
    let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_str(tokens(0).jwks()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwks.keys[0]).unwrap();
    let mut validation = jsonwebtoken::Validation::new(Algorithm::RS512);
    validation.set_audience(&["us-east-1:2"]);
    validation.set_issuer(&[POOL_TOKEN_ISSUER]);
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(&signed, &key, &validation).unwrap().claims;
    assert_eq!(claims["sub"], "us-east-1:1");
}

#[test]
fn the_first_key_signs_and_all_verify() {
    let both = PoolTokens::new(&[pem(1).as_bytes(), pem(0).as_bytes()]).unwrap();
    let (by_old, by_new) = (tokens(0).sign(&token()).unwrap(), both.sign(&token()).unwrap());
    assert_eq!(both.verify(&by_old, NOW), Ok(token()));
    assert_eq!(both.verify(&by_new, NOW), Ok(token()));
    assert_eq!(tokens(1).verify(&by_new, NOW), Ok(token()));
    assert_eq!(tokens(0).verify(&by_new, NOW), Err(PoolTokenError::NotOurs));
}

#[test]
fn tokens_end() {
    let signed = tokens(0).sign(&token()).unwrap();
    let ends = NOW.plus_secs(600);
    assert!(tokens(0).verify(&signed, Time::from_millis(ends.millis() - 1)).is_ok());
    assert_eq!(tokens(0).verify(&signed, ends), Err(PoolTokenError::Expired(ends)));
}

#[test]
fn what_the_key_signed_for_others_is_none_of_ours() {
    let key = &tokens(0).keys[0];
    for (claims, changed) in [
        ("iss", json!("https://cognito-identity.amazonaws.com/")),
        ("exp", json!("1800000600")),
        ("amr", json!("authenticated")),
        ("https://aws.amazon.com/tags", json!({"principal_tags": {"a": ["x", "y"]}})),
        ("sub", Value::Null),
    ] {
        let signed = tokens(0).sign(&token()).unwrap();
        let payload = signed.split('.').nth(1).unwrap();
        let mut payload: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        payload[claims] = changed;
        let text = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(payload.to_string()));
        let mut signature = vec![0; 256];
        key.pair
            .sign(&RSA_PKCS1_SHA512, &rand::SystemRandom::new(), text.as_bytes(), &mut signature)
            .unwrap();
        let text = format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(tokens(0).verify(&text, NOW), Err(PoolTokenError::NotOurs), "{claims}");
    }
}

#[test]
fn a_key_is_rsa_and_long_enough() {
    let pkcs8 = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pkcs8).unwrap();
    // In PKCS#8 the PKCS#1 form follows 26 bytes of algorithm and lengths.
    let pkcs1 = armour("RSA PRIVATE KEY", &der.as_ref()[26..]);
    assert!(PoolTokens::new(&[pkcs1.as_bytes()]).is_ok());
    let public = armour("PUBLIC KEY", pkcs8.public_key().as_ref());
    let curve = &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let ec = aws_lc_rs::signature::EcdsaKeyPair::generate(curve).unwrap();
    let ec = armour("PRIVATE KEY", ec.to_pkcs8v1().unwrap().as_ref());
    for bad in ["", "junk", ec.as_str(), SHORT, public.as_str()] {
        assert_eq!(PoolTokens::new(&[bad.as_bytes()]).unwrap_err(), StsError::TokenKey, "{bad}");
    }
    assert_eq!(PoolTokens::new(&[]).unwrap_err(), StsError::TokenKey);
    assert!(!format!("{:?}", tokens(0)).contains("BEGIN"));
}

proptest! {
    #[test]
    fn any_changed_byte_is_refused(at: prop::sample::Index, with in "[A-Za-z0-9_.-]") {
        let signed = tokens(0).sign(&token()).unwrap();
        let at = at.index(signed.len());
        let mut changed = signed.clone();
        changed.replace_range(at..=at, &with);
        prop_assert_eq!(tokens(0).verify(&changed, NOW).is_ok(), changed == signed);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}|[A-Za-z0-9_-]{0,9}\\.[A-Za-z0-9_-]{0,9}\\.[A-Za-z0-9_-]{0,9}") {
        let header = tokens(0).keys[0].header.clone();
        prop_assert_eq!(tokens(0).verify(&text, NOW), Err(PoolTokenError::NotOurs));
        let text = format!("{header}.{text}");
        prop_assert!(tokens(0).verify(&text, NOW).is_err());
    }
}

/// 1024 bits.
const SHORT: &str = "-----BEGIN PRIVATE KEY-----
MIICdQIBADANBgkqhkiG9w0BAQEFAASCAl8wggJbAgEAAoGBALnx89fJVxhytTG6
KKoz6tmviNpEvJPVKIHtcgdYxtDjndmeSAq6AtvdLeZzZ7E9NloS9WcHADX6FCe6
Le2zQ1TChygo9HhlNOFWwuDgZR67BDOrXiv24x8cZSG3zVVB2GMIFJjyVAJhYm8/
STzmBlYgAbUF9ZnBhZYLmb+uOyDVAgMBAAECgYAbRY1J/NG1WD2TCYalT/AF9WTQ
/nvaAs1qIPU0dqTSRlAEdt6CFD4PGSV+QzbWG/A4zccIUVKKmB8UpI3P6xbYu4GO
NyOwoIKxa/xbJ2JqHsMYltSkKjwmzxZgASzGakCH0ONpU4kv8+HMXDR74eI6n48p
XByLVO9P+aubLjqrEQJBAOe73TmKSbqjxb7oTG6RXyJwibTPoRJLQx6tGmORHC3B
h5fJmokur2j67q/NHxC8+aYh7Hti+Ef9r2ot4MXogW8CQQDNap74vS2YeWfoBrUo
RvpDvmawbMxVnedpErZ7azcUiyL9yj4KDQxPZUIvXn92GI4t+Yo9EnxclwEhl6Ii
cNf7AkAcLJsZA9cy+fZw341rZAFNDqGveg77Sms+r40lzd6/MWhq6/f99c8d1GRw
u1+riU5RBI7b8Yx+NDm/jxRk+3/BAkBtM3k/kpJitGfgmXBE8TaqPNYqhCw8d61F
1oTcJ6soaK85bAJ/JWCd9J6yv/HSvksXdclfniwurLgVO58d4A9xAkBe1dUcp9uq
66F6hn3FeuY2IsEHOjrPswoXKfM2pnoFyAerBRLSbJI2rPiK+mMwGjxQ0oN1YyBM
ws5WWDbDcQTo
-----END PRIVATE KEY-----";
