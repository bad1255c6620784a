//! Keys, tokens and sources for the tests of this room and of the gate.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as sig, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Algorithm, Fetch, FetchError, FetchFuture, Issuer, Issuers, KeySet};
use crate::clock::Time;
use crate::http::Thumbprint;

pub(crate) const POOL: &str = "eu-west-1_Ab12Cd34E";
pub(crate) const ISS: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E";
pub(crate) const CLIENT: &str = "1example23456789";
pub(crate) const NOW: Time = Time::from_secs(1_800_000_000);

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair, Algorithm),
    Ed(Ed25519KeyPair),
}

impl Signer {
    /// One of a few RSA keys made once, since making them is slow.
    pub(crate) fn rsa(index: usize) -> &'static Self {
        static KEYS: [OnceLock<Signer>; 2] = [const { OnceLock::new() }; 2];
        KEYS[index].get_or_init(|| Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    pub(crate) fn ec(algorithm: Algorithm) -> Self {
        let parameters = match algorithm {
            Algorithm::Es256 => &sig::ECDSA_P256_SHA256_FIXED_SIGNING,
            Algorithm::Es384 => &sig::ECDSA_P384_SHA384_FIXED_SIGNING,
            _ => &sig::ECDSA_P521_SHA512_FIXED_SIGNING,
        };
        Self::Ec(EcdsaKeyPair::generate(parameters).unwrap(), algorithm)
    }

    pub(crate) fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn jwk(&self, kid: &str, alg: Option<&str>) -> Value {
        let mut jwk = match self {
            Self::Rsa(pair) => {
                let n = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
                let e = pair.public_key().exponent().big_endian_without_leading_zero().to_vec();
                json!({"kty": "RSA", "n": b64(n), "e": b64(e)})
            }
            Self::Ec(pair, algorithm) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = match algorithm {
                    Algorithm::Es256 => "P-256",
                    Algorithm::Es384 => "P-384",
                    _ => "P-521",
                };
                json!({"kty": "EC", "crv": crv, "x": b64(x), "y": b64(y)})
            }
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key())})
            }
        };
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        if let Some(alg) = alg {
            jwk["alg"] = alg.into();
        }
        jwk
    }

    /// The members of its public key, and no others.
    pub(crate) fn public_jwk(&self) -> Value {
        without(without(self.jwk("", None), "kid"), "use")
    }

    pub(crate) fn thumbprint(&self) -> Thumbprint {
        super::thumbprint(self.public_jwk().as_object().unwrap()).unwrap()
    }

    /// A DPoP proof with these claims.
    pub(crate) fn proof(&self, algorithm: Algorithm, claims: &Value) -> String {
        let header =
            json!({ "typ": "dpop+jwt", "alg": algorithm.name(), "jwk": self.public_jwk() });
        self.token_of(algorithm, &header.to_string(), &claims.to_string())
    }

    pub(crate) fn pem(&self) -> String {
        let Self::Ec(pair, _) = self else { panic!("only EC keys") };
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let body = STANDARD.encode(der.as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }

    /// Signs `text` as `algorithm`, if the key can at all; its own way otherwise.
    pub(crate) fn signature(&self, algorithm: Algorithm, text: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let padding: &dyn sig::RsaEncoding = match algorithm {
                    Algorithm::Rs384 => &sig::RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &sig::RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &sig::RSA_PSS_SHA256,
                    Algorithm::Ps384 => &sig::RSA_PSS_SHA384,
                    Algorithm::Ps512 => &sig::RSA_PSS_SHA512,
                    _ => &sig::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, text.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::Ec(pair, _) => pair.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(text.as_bytes()).as_ref().to_vec(),
        }
    }

    /// A token with these very texts as header and payload.
    pub(crate) fn token_of(&self, algorithm: Algorithm, header: &str, payload: &str) -> String {
        let text = format!("{}.{}", b64(header), b64(payload));
        format!("{text}.{}", b64(self.signature(algorithm, &text)))
    }

    pub(crate) fn token(&self, algorithm: Algorithm, kid: &str, payload: &Value) -> String {
        let header = json!({"kid": kid, "alg": algorithm.name()});
        self.token_of(algorithm, &header.to_string(), &payload.to_string())
    }
}

pub(crate) fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

pub(crate) fn id_claims() -> Value {
    json!({
        "sub": "f3c0ffee-0000-4000-8000-000000000001", "aud": CLIENT, "iss": ISS,
        "token_use": "id", "exp": NOW.secs() + 3600, "iat": NOW.secs() - 10,
        "cognito:groups": ["readers"],
    })
}

pub(crate) fn access_claims() -> Value {
    json!({
        "sub": "f3c0ffee-0000-4000-8000-000000000001", "client_id": CLIENT, "iss": ISS,
        "token_use": "access", "exp": NOW.secs() + 3600, "iat": NOW.secs() - 10,
        "scope": "openid orders/read",
    })
}

/// The claims of a proof for `GET` of `uri` with `token`.
pub(crate) fn proof_claims(uri: &str, token: &str) -> Value {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let jti = format!("proof-{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let ath = Thumbprint::of(token.as_bytes()).to_string();
    json!({ "jti": jti, "htm": "GET", "htu": uri, "iat": NOW.secs(), "ath": ath })
}

pub(crate) fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

pub(crate) fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// The first RSA key under `k1`, as a user pool publishes it.
pub(crate) fn pool_jwks() -> String {
    jwks(&[Signer::rsa(0).jwk("k1", Some("RS256"))])
}

pub(crate) fn pool_with(keys: Arc<KeySet>) -> Issuers {
    let issuer = Issuer::user_pool(POOL, vec![CLIENT.to_owned()], None, keys).unwrap();
    Issuers::new(vec![Arc::new(issuer)], 0).unwrap()
}

pub(crate) fn pool() -> Issuers {
    pool_with(KeySet::fixed(pool_jwks().as_bytes()).unwrap())
}

pub(crate) fn pool_token(claims: &Value) -> String {
    Signer::rsa(0).token(Algorithm::Rs256, "k1", claims)
}

/// Answers by URL, changeable at any time; counts.
#[derive(Default)]
pub(crate) struct FakeFetch {
    pub(crate) answers: Mutex<HashMap<String, Answer>>,
    pub(crate) calls: AtomicUsize,
}

#[derive(Clone)]
pub(crate) enum Answer {
    Body(Vec<u8>),
    Fails(FetchError),
    Hangs,
    Panics,
}

impl FakeFetch {
    pub(crate) fn new(url: &str, answer: Answer) -> Arc<Self> {
        let fetch = Arc::new(Self::default());
        fetch.set(url, answer);
        fetch
    }

    pub(crate) fn set(&self, url: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(url.to_owned(), answer);
    }

    pub(crate) fn body(&self, url: &str, body: impl Into<Vec<u8>>) {
        self.set(url, Answer::Body(body.into()));
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Fetch for FakeFetch {
    fn fetch(&self, url: &str) -> FetchFuture {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().get(url).cloned();
        Box::pin(async move {
            // A round trip, so that others can pile up meanwhile.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            match answer {
                Some(Answer::Body(body)) => Ok(Bytes::from(body)),
                Some(Answer::Fails(error)) => Err(error),
                Some(Answer::Hangs) => std::future::pending().await,
                Some(Answer::Panics) => panic!("a fetch that panics"),
                None => Err(FetchError::Status(404)),
            }
        })
    }
}
