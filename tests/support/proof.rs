//! A client's key, and proofs of it (DPoP, RFC 9449).

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::issuer::now;

/// A client with an ES256 key.
pub struct Prover {
    key: EcdsaKeyPair,
    jwk: Value,
}

impl Prover {
    pub fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": coordinate(x), "y": coordinate(y) });
        Self { key, jwk }
    }

    /// The claim `cnf` of a token that is bound to the key.
    pub fn cnf(&self) -> Value {
        let (x, y) = (&self.jwk["x"], &self.jwk["y"]);
        json!({ "jkt": hash(&format!(r#"{{"crv":"P-256","kty":"EC","x":{x},"y":{y}}}"#)) })
    }

    /// A fresh proof for `GET` of `uri` with `token`, edited.
    pub fn proof(&self, uri: &str, token: &str, edit: impl FnOnce(&mut Value)) -> String {
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).unwrap();
        let mut claims = json!({
            "jti": URL_SAFE_NO_PAD.encode(id), "htm": "GET", "htu": uri, "iat": now(),
            "ath": hash(token),
        });
        edit(&mut claims);
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk });
        self.sign(&header, &claims)
    }

    /// A JWS of any header and payload.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public key.
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }
}

/// SHA-256 in base64url.
fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}
