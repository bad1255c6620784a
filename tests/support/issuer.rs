//! A user pool's keys and tokens.

use std::{path::Path, sync::OnceLock, time::SystemTime};

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeySize, PublicKeyComponents},
    signature::{KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// The user pool's id.
pub const POOL: &str = "us-east-1_Test00001";
/// Its app client.
pub const CLIENT: &str = "testclient0000000000000000";

/// An issuer with one RSA key; tokens of it are user pool tokens.
pub struct Issuer {
    pub kid: String,
    key: EncodingKey,
    public: Vec<u8>,
    jwk: Value,
}

impl Issuer {
    /// An issuer with a fresh key under this key id.
    pub fn new(kid: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
        let jwk = json!({
            "kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig",
            "n": URL_SAFE_NO_PAD.encode(&public.n), "e": URL_SAFE_NO_PAD.encode(&public.e),
        });
        // PKCS#8 wraps the RSAPrivateKey that jsonwebtoken wants; PEM lets it unwrap it.
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair).unwrap();
        let base64 = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n");
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        Self { kid: kid.to_owned(), key, public: pair.public_key().as_ref().to_vec(), jwk }
    }

    /// One that all tests of a binary share, since keys are slow to make.
    pub fn shared() -> &'static Self {
        static ISSUER: OnceLock<Issuer> = OnceLock::new();
        ISSUER.get_or_init(|| Self::new("key-1"))
    }

    /// Its key, parsed once for many verifications of RS256.
    pub fn public_key(&self) -> ParsedPublicKey {
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public).unwrap()
    }

    /// `iss`.
    pub fn issuer() -> String {
        format!("http://127.0.0.1:9/{POOL}")
    }

    /// The JWK set of these issuers' keys.
    pub fn jwks(issuers: &[&Self]) -> String {
        let keys: Vec<&Value> = issuers.iter().map(|issuer| &issuer.jwk).collect();
        json!({ "keys": keys }).to_string()
    }

    /// Writes the JWK set to a file.
    pub fn write_jwks(&self, path: &Path) {
        std::fs::write(path, Self::jwks(&[self])).unwrap();
    }

    /// An ID token of a user in `groups`, whose preferred role is `role`.
    pub fn id_token(&self, sub: &str, groups: &[&str], role: Option<&str>) -> String {
        let mut claims = self.claims(sub, "id");
        claims["aud"] = json!(CLIENT);
        claims["cognito:username"] = json!(sub);
        claims["cognito:groups"] = json!(groups);
        if let Some(role) = role {
            claims["cognito:preferred_role"] = json!(role);
            claims["cognito:roles"] = json!([role]);
        }
        self.sign(&claims)
    }

    /// Claims that every token has; they last an hour.
    pub fn claims(&self, sub: &str, token_use: &str) -> Value {
        let now = now();
        json!({
            "sub": sub, "iss": Self::issuer(), "token_use": token_use,
            "iat": now, "auth_time": now, "exp": now + 3600, "jti": format!("jti-{sub}-{now}"),
        })
    }

    /// Signs any claims.
    pub fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.typ = None;
        header.kid = Some(self.kid.clone());
        encode(&header, claims, &self.key).unwrap()
    }
}

/// Seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "tokens are made for the real clock")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}
