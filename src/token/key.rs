//! One public key, parsed once, with the algorithms it may verify.
//!
//! INVARIANT: the algorithms follow from the key (`kty`, `crv`, narrowed by its own `alg`), never
//! from the token; there is no symmetric algorithm in [`Algorithm`], so no public key can be used
//! as an HMAC secret (CVE-2026-22817, CVE-2026-44699). RSA keys under 2048 bits are refused
//! (RFC 7518 §3.3).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{self as sig, ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::compact::is_key_id;

/// An accepted signature algorithm (RFC 7518 §3.1, RFC 8037): asymmetric ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256; only for keys whose own `alg` says so.
    Ps256,
    /// RSASSA-PSS with SHA-384; only for keys whose own `alg` says so.
    Ps384,
    /// RSASSA-PSS with SHA-512; only for keys whose own `alg` says so.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// Its `alg` name. Names are case-sensitive (RFC 7515 §4.1.1).
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// A public key ready to verify, with the algorithms it may be used with.
#[derive(Debug)]
pub struct VerificationKey {
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
    fingerprint: [u8; 32],
}

/// A key could not verify a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VerifyError {
    /// The key is not for that algorithm.
    Algorithm,
    /// The signature does not match.
    Signature,
}

/// What one member of a JWK Set turned out to be.
pub(crate) enum JwkEntry {
    /// A key for signatures, under its key id.
    Usable(String, VerificationKey),
    /// Legitimate, but not for us: another use, type or algorithm, too weak, or without key id.
    Skipped,
    /// Of a type we know and broken.
    Broken(Option<String>),
}

impl VerificationKey {
    /// Whether the key may be used with `algorithm`.
    pub fn permits(&self, algorithm: Algorithm) -> bool {
        self.verifiers.iter().any(|(own, _)| *own == algorithm)
    }

    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let (_, key) = self
            .verifiers
            .iter()
            .find(|(own, _)| *own == algorithm)
            .ok_or(VerifyError::Algorithm)?;
        key.verify_sig(message, signature).map_err(|_| VerifyError::Signature)
    }

    /// Whether two keys are the same key for the same algorithms.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    /// Reads the key that a DPoP proof names itself (RFC 9449 §4.2), for the one algorithm that the
    /// proof is signed with. `None` if it isn't a public key for that.
    pub(crate) fn of_proof(jwk: &Map<String, Value>, algorithm: Algorithm) -> Option<Self> {
        let is_public = !PRIVATE.iter().any(|member| jwk.contains_key(*member));
        let agrees = jwk.get("alg").is_none_or(|own| own == algorithm.name());
        if !is_public || !agrees || !is_for_signatures(jwk) {
            return None;
        }
        match read_key(jwk, Some(algorithm)) {
            ReadKey::Good(key) => Some(key),
            ReadKey::Unfit | ReadKey::Broken => None,
        }
    }

    /// Reads the PEM of one P-256 public key (`PUBLIC KEY`, RFC 7468 §13), as load balancers have.
    pub(crate) fn from_alb_pem(pem: &str) -> Option<Self> {
        let body = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?;
        let body = body.strip_suffix("-----END PUBLIC KEY-----")?;
        let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(body).ok()?;
        let key = ParsedPublicKey::new(&sig::ECDSA_P256_SHA256_FIXED, &der).ok()?;
        Some(Self::new(vec![(Algorithm::Es256, key)], &[&der]))
    }

    fn new(verifiers: Vec<(Algorithm, ParsedPublicKey)>, parts: &[&[u8]]) -> Self {
        let mut text = Vec::new();
        for (algorithm, _) in &verifiers {
            text.extend_from_slice(algorithm.name().as_bytes());
        }
        for part in parts {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, &text).as_ref());
        Self { verifiers, fingerprint }
    }
}

impl JwkEntry {
    /// Reads one member of a JWK Set (RFC 7517 §4).
    pub(crate) fn read(jwk: &Value) -> Self {
        let Value::Object(jwk) = jwk else { return Self::Broken(None) };
        let Some(Value::String(kid)) = jwk.get("kid") else { return Self::Skipped };
        if !is_key_id(kid) || !is_for_signatures(jwk) {
            return Self::Skipped;
        }
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(Value::String(name)) => match Algorithm::parse(name) {
                Some(algorithm) => Some(algorithm),
                None => return Self::Skipped,
            },
            Some(_) => return Self::Broken(Some(kid.clone())),
        };
        match read_key(jwk, algorithm) {
            ReadKey::Good(key) => Self::Usable(kid.clone(), key),
            ReadKey::Unfit => Self::Skipped,
            ReadKey::Broken => Self::Broken(Some(kid.clone())),
        }
    }
}

enum ReadKey {
    Good(VerificationKey),
    /// Of another type, too weak, or not for that algorithm.
    Unfit,
    Broken,
}

/// The key of a JWK that is for signatures, for the algorithm `named` or all that are its own.
fn read_key(jwk: &Map<String, Value>, named: Option<Algorithm>) -> ReadKey {
    let own: Vec<Algorithm> = match (text(jwk, "kty"), text(jwk, "crv"), named) {
        (Some("RSA"), _, None) => vec![Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512],
        (Some("RSA"), _, Some(named)) => RSA.into_iter().filter(|a| *a == named).collect(),
        (Some("EC"), Some(curve), named) => curve_algorithm(curve, named),
        (Some("OKP"), Some("Ed25519"), None | Some(Algorithm::EdDsa)) => vec![Algorithm::EdDsa],
        _ => Vec::new(),
    };
    // No algorithm: another key type, or an `alg` that is not one of this type.
    let Some(first) = own.first() else { return ReadKey::Unfit };
    let key = match first {
        Algorithm::EdDsa => okp_key(jwk),
        Algorithm::Es256 => ec_key(jwk, *first, 32),
        Algorithm::Es384 => ec_key(jwk, *first, 48),
        Algorithm::Es512 => ec_key(jwk, *first, 66),
        _ => return rsa_key(jwk, &own),
    };
    key.map_or(ReadKey::Broken, ReadKey::Good)
}

fn is_for_signatures(jwk: &Map<String, Value>) -> bool {
    let by_use = match jwk.get("use") {
        None => true,
        Some(value) => value == "sig",
    };
    let by_operations = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => false,
    };
    by_use && by_operations
}

fn curve_algorithm(curve: &str, named: Option<Algorithm>) -> Vec<Algorithm> {
    let own = match curve {
        "P-256" => Algorithm::Es256,
        "P-384" => Algorithm::Es384,
        "P-521" => Algorithm::Es512,
        _ => return Vec::new(),
    };
    if named.is_none_or(|named| named == own) { vec![own] } else { Vec::new() }
}

fn rsa_key(jwk: &Map<String, Value>, algorithms: &[Algorithm]) -> ReadKey {
    let (Some(n), Some(e)) = (unsigned(jwk, "n"), unsigned(jwk, "e")) else {
        return ReadKey::Broken;
    };
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    // The exponent is odd, at least 3, and small enough to verify in bounded time.
    let odd = e.last().is_some_and(|byte| byte % 2 == 1);
    if bits == 0 || !odd || e == [1] || e.len() > 4 {
        return ReadKey::Broken;
    }
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return ReadKey::Unfit;
    }
    let components = RsaPublicKeyComponents { n: n.as_slice(), e: e.as_slice() };
    let mut verifiers = Vec::new();
    for algorithm in algorithms {
        let parameters = match algorithm {
            Algorithm::Rs256 => &sig::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &sig::RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &sig::RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Ps256 => &sig::RSA_PSS_2048_8192_SHA256,
            Algorithm::Ps384 => &sig::RSA_PSS_2048_8192_SHA384,
            Algorithm::Ps512 => &sig::RSA_PSS_2048_8192_SHA512,
            _ => return ReadKey::Broken,
        };
        match components.to_parsed_public_key(parameters) {
            Ok(key) => verifiers.push((*algorithm, key)),
            Err(_) => return ReadKey::Broken,
        }
    }
    ReadKey::Good(VerificationKey::new(verifiers, &[&n, &e]))
}

fn ec_key(
    jwk: &Map<String, Value>,
    algorithm: Algorithm,
    length: usize,
) -> Option<VerificationKey> {
    let (x, y) = (octets(jwk, "x")?, octets(jwk, "y")?);
    // RFC 7518 §6.2.1.2: the full size of a coordinate, always.
    if x.len() != length || y.len() != length {
        return None;
    }
    let mut point = vec![4];
    point.extend_from_slice(&x);
    point.extend_from_slice(&y);
    let parameters = match algorithm {
        Algorithm::Es256 => &sig::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &sig::ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &sig::ECDSA_P521_SHA512_FIXED,
        _ => return None,
    };
    let key = ParsedPublicKey::new(parameters, &point).ok()?;
    Some(VerificationKey::new(vec![(algorithm, key)], &[&point]))
}

fn okp_key(jwk: &Map<String, Value>) -> Option<VerificationKey> {
    let x = octets(jwk, "x").filter(|x| x.len() == 32)?;
    let key = ParsedPublicKey::new(&sig::ED25519, &x).ok()?;
    Some(VerificationKey::new(vec![(Algorithm::EdDsa, key)], &[&x]))
}

fn text<'j>(jwk: &'j Map<String, Value>, name: &str) -> Option<&'j str> {
    jwk.get(name).and_then(Value::as_str)
}

fn octets(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(jwk, name)?).ok()
}

/// A big-endian number without its leading zeros.
fn unsigned(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    let bytes = octets(jwk, name)?;
    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

const RSA: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// Members of private and symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const MIN_RSA_BITS: usize = 2048;
const MAX_RSA_BITS: usize = 8192;
