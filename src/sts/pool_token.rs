//! The OpenID tokens that identity pools give: who an identity is, for ten minutes.
//!
//! They are what GetOpenIdToken answers and AssumeRoleWithWebIdentity takes ("basic", or classic,
//! flow), with header and claims as Amazon Cognito writes them: RS512, `typ` `JWS`. Only tokens signed
//! here are ever verified here, so the header must be, letter for letter, the one written here.

use std::fmt;

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA512, UnparsedPublicKey,
};
use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};

use crate::clock::Time;

use super::{error::StsError, grant::GrantToken};

/// What a pool's own token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolToken {
    /// `sub`.
    pub identity: String,
    /// `aud`.
    pub pool: String,
    /// The pool's ARN.
    pub pool_arn: String,
    /// `amr`.
    pub methods: Vec<String>,
    /// Principal tags; none is the value of a tag whose value can't be told.
    pub tags: Vec<(String, Option<String>)>,
    /// The login it was given for, which may be revoked while it lasts; a guest has none.
    pub login: Option<GrantToken>,
    /// `iat`, to the second.
    pub issued: Time,
    /// `exp`, to the second.
    pub expires: Time,
}

/// Why a token is not taken for a pool's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolTokenError {
    /// Some other token, or none at all.
    #[error("the token was not given by an identity pool here")]
    NotOurs,
    /// It names one of our keys, and that key didn't sign it.
    #[error("the signature of the identity pool's token doesn't hold")]
    BadSignature,
    /// It was good once.
    #[error("the identity pool's token has expired")]
    Expired(Time),
}

impl PoolTokenError {
    /// A stable code for metrics, logs and documentation.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotOurs => "not_a_pool_token",
            Self::BadSignature => "bad_signature",
            Self::Expired(_) => "expired",
        }
    }
}

/// Signs and verifies the tokens of identity pools.
pub struct PoolTokens {
    keys: Vec<Key>,
    jwks: String,
}

struct Key {
    pair: KeyPair,
    /// The encoded header of its tokens.
    header: String,
}

impl fmt::Debug for PoolTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoolTokens({} keys)", self.keys.len())
    }
}

impl PoolTokens {
    /// Reads private RSA keys of 2048 to 8192 bits, each a PEM text (PKCS#8 or PKCS#1). The first
    /// signs; all are published, and verify.
    ///
    /// # Errors
    /// [`StsError::TokenKey`].
    pub fn new(pems: &[&[u8]]) -> Result<Self, StsError> {
        let mut keys = Vec::with_capacity(pems.len());
        let mut published = Vec::with_capacity(pems.len());
        for pem in pems {
            let (key, jwk) = Key::read(pem).ok_or(StsError::TokenKey)?;
            keys.push(key);
            published.push(jwk);
        }
        match keys.is_empty() {
            true => Err(StsError::TokenKey),
            false => Ok(Self { keys, jwks: json!({ "keys": published }).to_string() }),
        }
    }

    /// The public keys, as `GET /.well-known/jwks_uri` answers them (RFC 7517).
    pub fn jwks(&self) -> &str {
        &self.jwks
    }

    /// The compact form of a token.
    ///
    /// # Errors
    /// [`StsError::Crypto`].
    pub fn sign(&self, token: &PoolToken) -> Result<String, StsError> {
        let key = self.keys.first().ok_or(StsError::TokenKey)?;
        let mut claims = json!({
            "sub": token.identity,
            "aud": token.pool,
            "amr": token.methods,
            "iss": POOL_TOKEN_ISSUER,
            ARN: token.pool_arn,
            "exp": token.expires.secs(),
            "iat": token.issued.secs(),
        });
        if let Some(claims) = claims.as_object_mut().filter(|_| !token.tags.is_empty()) {
            let listed = token.tags.iter().map(|(key, value)| {
                (key.clone(), value.iter().map(|value| json!(value)).collect::<Vec<_>>().into())
            });
            let listed: Map<String, Value> = listed.collect();
            claims.insert(TAGS.to_owned(), json!({ "principal_tags": listed }));
        }
        if let (Some(claims), Some(login)) = (claims.as_object_mut(), &token.login) {
            let GrantToken { issuer, subject, jti, origin_jti, issued } = login;
            let issued = issued.map(Time::secs);
            let login = json!({ "iss": issuer, "sub": subject, "jti": jti, "origin_jti": origin_jti, "iat": issued });
            claims.insert(LOGIN.to_owned(), login);
        }
        let mut text = key.header.clone();
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut text);
        let mut signature = vec![0; key.pair.public_modulus_len()];
        key.pair
            .sign(&RSA_PKCS1_SHA512, &rand::SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| StsError::Crypto)?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut text);
        Ok(text)
    }

    /// What a token says that was signed here.
    ///
    /// # Errors
    /// [`PoolTokenError`].
    pub fn verify(&self, token: &str, now: Time) -> Result<PoolToken, PoolTokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(PoolTokenError::NotOurs);
        }
        let parts = token.rsplit_once('.').and_then(|(signed, signature)| {
            signed.split_once('.').map(|(header, claims)| (signed, header, claims, signature))
        });
        let (signed, header, claims, signature) = parts.ok_or(PoolTokenError::NotOurs)?;
        let key = self.keys.iter().find(|key| key.header == header);
        let key = key.ok_or(PoolTokenError::NotOurs)?;
        let signature =
            URL_SAFE_NO_PAD.decode(signature).map_err(|_| PoolTokenError::BadSignature)?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, key.pair.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| PoolTokenError::BadSignature)?;
        // Whatever the key signed for another purpose is none of ours.
        let token = URL_SAFE_NO_PAD.decode(claims).ok().and_then(|claims| read(&claims));
        let token = token.ok_or(PoolTokenError::NotOurs)?;
        if now >= token.expires {
            return Err(PoolTokenError::Expired(token.expires));
        }
        Ok(token)
    }
}

impl Key {
    fn read(pem: &[u8]) -> Option<(Self, Value)> {
        let encoding = EncodingKey::from_rsa_pem(pem).ok()?;
        let pair = KeyPair::from_der(encoding.as_bytes()).ok()?;
        if !(256..=1024).contains(&pair.public_modulus_len()) {
            return None;
        }
        let Jwk { algorithm: AlgorithmParameters::RSA(rsa), .. } =
            Jwk::from_encoding_key(&encoding, Algorithm::RS512).ok()?
        else {
            return None;
        };
        let thumbprint = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, rsa.e, rsa.n);
        // RFC 7638: the same key has the same id on every replica.
        let hash = digest::digest(&digest::SHA256, thumbprint.as_bytes());
        let kid = URL_SAFE_NO_PAD.encode(hash);
        let jwk = json!({
            "alg": "RS512", "e": rsa.e, "kid": kid, "kty": "RSA", "n": rsa.n, "use": "sig"
        });
        let header = json!({ "kid": kid, "typ": "JWS", "alg": "RS512" }).to_string();
        Some((Self { pair, header: URL_SAFE_NO_PAD.encode(header) }, jwk))
    }
}

/// The claims as [`PoolTokens::sign`] writes them, and in no other form.
fn read(claims: &[u8]) -> Option<PoolToken> {
    let claims: Value = serde_json::from_slice(claims).ok()?;
    let text = |name: &str| claims.get(name)?.as_str().map(str::to_owned);
    let time = |name: &str| claims.get(name)?.as_i64().map(Time::from_secs);
    let mut tags = Vec::new();
    if let Some(listed) = claims.get(TAGS) {
        for (key, values) in listed.get("principal_tags")?.as_object()? {
            let value = match values.as_array()?.as_slice() {
                [] => None,
                [value] => Some(value.as_str()?.to_owned()),
                _ => return None,
            };
            tags.push((key.clone(), value));
        }
    }
    let login = claims.get(LOGIN).map(|login| {
        let text = |name: &str| login.get(name).and_then(Value::as_str).map(str::to_owned);
        GrantToken {
            issuer: text("iss"),
            subject: text("sub"),
            jti: text("jti"),
            origin_jti: text("origin_jti"),
            issued: login.get("iat").and_then(Value::as_i64).map(Time::from_secs),
        }
    });
    let methods = claims.get("amr")?.as_array()?;
    (text("iss")? == POOL_TOKEN_ISSUER).then_some(PoolToken {
        identity: text("sub")?,
        pool: text("aud")?,
        pool_arn: text(ARN)?,
        methods: methods.iter().map(|m| m.as_str().map(str::to_owned)).collect::<Option<_>>()?,
        tags,
        login,
        issued: time("iat")?,
        expires: time("exp")?,
    })
}

/// `iss` of pools' own tokens, whatever the partition.
pub const POOL_TOKEN_ISSUER: &str = "https://cognito-identity.amazonaws.com";
/// Seconds that a token of GetOpenIdToken lasts.
pub const POOL_TOKEN_SECONDS: i64 = 600;

const ARN: &str = "https://cognito-identity.amazonaws.com/identity-pool-arn";
/// Beside Amazon Cognito's own claims: without it a login that is revoked would go on as its identity.
const LOGIN: &str = "poolgate:login";
const TAGS: &str = "https://aws.amazon.com/tags";
/// AssumeRoleWithWebIdentity takes no longer ones.
const MAX_TOKEN_BYTES: usize = 20_000;

#[cfg(test)]
mod tests;
