//! A proof of the key that a token is bound to (DPoP, RFC 9449 §4.3), verified for one request.
//!
//! The key is in the proof, and only ever counts if its thumbprint is the token's `jkt`. That is
//! looked at before anything is computed with it, so that nobody chooses what a signature costs.
//! Nonces (§9) are not given out, and one in a proof is not read: replays are told by `jti`.

use serde_json::{Map, Value};

use super::claims::time;
use super::compact::Parts;
use super::{Algorithm, ClaimValue, MAX_PROOF_HEADER_BYTES, Members, TokenError, VerificationKey};
use crate::clock::Time;
use crate::http::{RequestUri, Thumbprint};

/// What a proof has to be about.
#[derive(Clone, Copy, Debug)]
pub struct DpopRequest<'a> {
    /// The request's method.
    pub method: &'a str,
    /// Where the caller sent it.
    pub uri: &'a RequestUri,
    /// The token that came with it, as it came.
    pub token: &'a str,
    /// The token's `jkt`.
    pub key: Thumbprint,
    /// When the request was read.
    pub now: Time,
}

/// A proof that holds for one request. It may be a replay: that is for
/// [`Replays`](super::Replays) to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopProof {
    key: Thumbprint,
    id: String,
    issued: Time,
}

/// Why a proof is refused. Messages name the check and never quote the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// The token came with no proof, or with several.
    #[error("the token needs one proof of its key, in the DPoP header")]
    Missing,
    /// Not a JWS in compact form, or not one of a proof.
    #[error("the DPoP proof is malformed: {0}")]
    Malformed(&'static str),
    /// `alg` isn't an accepted asymmetric algorithm.
    #[error("the DPoP proof's `alg` is not accepted; sign with ES256 or another of `algs`")]
    Algorithm,
    /// `jwk` isn't a public key for `alg`.
    #[error("the DPoP proof's `jwk` is not a public key for its `alg`")]
    Key,
    /// `jwk` isn't the key that the token is bound to.
    #[error("the DPoP proof is of another key than the token is bound to")]
    OtherKey,
    /// A claim is missing, or isn't what it has to be.
    #[error("the DPoP proof's claim `{0}` is missing or has the wrong type or length")]
    Claim(&'static str),
    /// `htm` is another method.
    #[error("the DPoP proof is for another method: `htm` must be the request's")]
    Method,
    /// `htu` is another URI.
    #[error("the DPoP proof is for another URI: `htu` must be scheme, host and path as requested")]
    Uri,
    /// `iat` is too far in the past or in the future.
    #[error("the DPoP proof was not made just now: make one for each request, and compare clocks")]
    Time,
    /// `ath` is another token's.
    #[error("the DPoP proof is for another token: `ath` must be the hash of the one it came with")]
    Token,
    /// The signature doesn't match.
    #[error("the DPoP proof's signature does not match its key")]
    Signature,
    /// It was shown before.
    #[error("the DPoP proof was used before: make one for each request, with a `jti` of its own")]
    Replayed,
}

impl DpopError {
    /// A stable code for metrics, logs and documentation.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "dpop_missing",
            Self::Malformed(_) => "dpop_malformed",
            Self::Algorithm => "dpop_algorithm",
            Self::Key => "dpop_key",
            Self::OtherKey => "dpop_other_key",
            Self::Claim(_) => "dpop_claim",
            Self::Method => "dpop_method",
            Self::Uri => "dpop_uri",
            Self::Time => "dpop_time",
            Self::Token => "dpop_token",
            Self::Signature => "dpop_signature",
            Self::Replayed => "dpop_replayed",
        }
    }
}

impl DpopProof {
    /// Verifies the proof `text` of a request. The signature comes last, since it costs most.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify(text: &str, request: &DpopRequest<'_>) -> Result<Self, DpopError> {
        let parts = Parts::parse(text, MAX_PROOF_HEADER_BYTES).map_err(malformed)?;
        if parts.are_padded() {
            return Err(DpopError::Malformed("padded base64"));
        }
        let (algorithm, jwk) = read_header(&parts.header)?;
        if thumbprint(jwk) != Some(request.key) {
            // What isn't a public key at all is told as that.
            VerificationKey::of_proof(jwk, algorithm).ok_or(DpopError::Key)?;
            return Err(DpopError::OtherKey);
        }
        let key = VerificationKey::of_proof(jwk, algorithm).ok_or(DpopError::Key)?;
        let claims = parts.payload().map_err(malformed)?;
        let (id, issued) = check_claims(&claims, request)?;
        let signature = parts.signature().map_err(malformed)?;
        key.verify(algorithm, parts.signed.as_bytes(), &signature)
            .map_err(|_| DpopError::Signature)?;
        Ok(Self { key: request.key, id: id.to_owned(), issued })
    }

    /// The thumbprint of its key.
    pub(super) fn key(&self) -> Thumbprint {
        self.key
    }

    /// `jti`, unique among the proofs of one key.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// `iat`.
    pub(super) fn issued(&self) -> Time {
        self.issued
    }
}

/// The thumbprint of a public key (RFC 7638 §3): `None` for a type that isn't known here.
pub fn thumbprint(jwk: &Map<String, Value>) -> Option<Thumbprint> {
    let member =
        |name: &str| jwk.get(name)?.as_str().map(|value| format!("\"{name}\":\"{value}\""));
    let names = match jwk.get("kty")?.as_str()? {
        "RSA" => &["e", "kty", "n"][..],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    // Nothing is escaped: values of keys have no character that would have to be, and a text with
    // one is no key.
    let members: Option<Vec<String>> = names.iter().map(|name| member(name)).collect();
    Some(Thumbprint::of(format!("{{{}}}", members?.join(",")).as_bytes()))
}

fn read_header(header: &Members) -> Result<(Algorithm, &Map<String, Value>), DpopError> {
    match header.get("typ") {
        Some(ClaimValue::Text(typ))
            if TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known)) => {}
        _ => return Err(DpopError::Malformed("`typ` is not dpop+jwt")),
    }
    let algorithm = header.get("alg").and_then(ClaimValue::as_str);
    let algorithm = algorithm.ok_or(DpopError::Malformed("`alg` is not a string"))?;
    let algorithm = Algorithm::parse(algorithm).ok_or(DpopError::Algorithm)?;
    let jwk = header.get("jwk").and_then(ClaimValue::as_object).ok_or(DpopError::Key)?;
    Ok((algorithm, jwk))
}

/// `jti` and `iat`, if the claims are about the request.
fn check_claims<'c>(
    claims: &'c Members,
    request: &DpopRequest<'_>,
) -> Result<(&'c str, Time), DpopError> {
    let text = |name: &'static str| {
        claims.get(name).and_then(ClaimValue::as_str).ok_or(DpopError::Claim(name))
    };
    let moment = |name: &'static str, round: fn(f64) -> f64| {
        time(claims, name, round).map_err(|_| DpopError::Claim(name))
    };
    let id = text("jti")?;
    if !(1..=MAX_ID).contains(&id.len()) {
        return Err(DpopError::Claim("jti"));
    }
    if text("htm")? != request.method {
        return Err(DpopError::Method);
    }
    if RequestUri::parse(text("htu")?).as_ref() != Some(request.uri) {
        return Err(DpopError::Uri);
    }
    let issued = moment("iat", f64::floor)?.ok_or(DpopError::Claim("iat"))?;
    // A proof needs neither, but what is there counts (RFC 7519 §4.1.4, §4.1.5).
    let expired = moment("exp", f64::floor)?.is_some_and(|at| request.now >= at);
    let not_yet = moment("nbf", f64::ceil)?.is_some_and(|at| request.now.plus_secs(AHEAD) < at);
    let age_is_fine =
        issued >= request.now.plus_secs(-PAST) && issued <= request.now.plus_secs(AHEAD);
    if !age_is_fine || expired || not_yet {
        return Err(DpopError::Time);
    }
    if text("ath")? != Thumbprint::of(request.token.as_bytes()).to_string() {
        return Err(DpopError::Token);
    }
    Ok((id, issued))
}

fn malformed(error: TokenError) -> DpopError {
    DpopError::Malformed(match error {
        TokenError::Malformed(what) => what,
        _ => "it is too large: at most 8 KiB, with a header of at most 2 KiB",
    })
}

const TYPES: [&str; 2] = ["dpop+jwt", "application/dpop+jwt"];

/// Longest `jti`, in bytes. RFC 9449 §4.2 asks for 96 random bits or a UUID.
const MAX_ID: usize = 256;

/// Seconds for which a proof is good.
pub(super) const PAST: i64 = 60;

/// Seconds by which a caller's clock may be ahead of ours.
pub(super) const AHEAD: i64 = 10;

#[cfg(test)]
pub(crate) mod tests;
