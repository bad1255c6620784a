//! Tokens that are bound to a key or a certificate: whoever shows one has to prove to have that.
//!
//! A binding that a token has (`cnf`) is always proven, whatever the route says and wherever the
//! token comes from; one that can't be proven here is no good. With a cached token too: a proof is
//! for one request.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{BoundTokens, Challenge, Denial, Question, Refusal, Trail};
use crate::{
    http::{ClientCertificate, DPOP},
    token::{DpopError, DpopProof, DpopRequest, TokenCache, VerifiedToken},
};

/// How a token was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown<'q> {
    /// By itself.
    Alone,
    /// In the scheme `DPoP`, as this text.
    WithProof(&'q str),
}

/// Why a token isn't taken from who shows it. Messages name the check, and nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BoundError {
    /// The scheme `DPoP` and a token that isn't bound to a key.
    #[error("the token is not bound to a key; send it as Authorization: Bearer")]
    NotBound,
    /// The route takes bound tokens only.
    #[error("this route takes only tokens that are bound to a key (DPoP) or a client certificate")]
    Required,
    /// `cnf` has something else than `jkt` and `x5t#S256`, or nothing.
    #[error("the token is bound in a way that can't be proven here")]
    Unknown,
    /// A token that is bound to a key, shown as a bearer token (RFC 9449 §7.1).
    #[error("the token is bound to a key; send it as Authorization: DPoP, with a proof")]
    ShownAlone,
    /// No client certificate.
    #[error("the token is bound to a client certificate, and the connection has none")]
    NoCertificate,
    /// Another client certificate (RFC 8705 §3).
    #[error("the token is bound to another client certificate than the connection's")]
    OtherCertificate,
    /// The proof is no good.
    #[error(transparent)]
    Proof(#[from] DpopError),
}

impl BoundError {
    /// A stable code for metrics, logs and documentation.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NotBound => "token_not_bound",
            Self::Required => "bound_token_required",
            Self::Unknown => "unknown_confirmation",
            Self::ShownAlone => "dpop_required",
            Self::NoCertificate => "client_certificate_missing",
            Self::OtherCertificate => "client_certificate_mismatch",
            Self::Proof(error) => error.reason(),
        }
    }

    fn challenge(&self, shown: Shown<'_>) -> Challenge {
        match (self, shown) {
            (Self::Proof(_), _) => Challenge::DpopProof,
            (_, Shown::WithProof(_)) => Challenge::Dpop,
            (Self::Required | Self::ShownAlone, Shown::Alone) => Challenge::Both,
            (_, Shown::Alone) => Challenge::Bearer,
        }
    }
}

/// Demands that whoever shows `token` proves to have what it is bound to.
///
/// # Errors
/// What is missing, worded in the scheme in which the token was shown.
pub(super) fn demand_possession(
    (demanded, tokens): (BoundTokens, &TokenCache),
    question: &Question,
    token: &VerifiedToken,
    shown: Shown<'_>,
    trail: &mut Trail,
) -> Result<(), Denial> {
    let denied = |error: BoundError| {
        Denial::new(error.reason(), Refusal::InvalidCredential, error.to_string())
            .challenged(error.challenge(shown))
            .with(found(token, question.certificate.as_ref()))
    };
    let Some(confirmation) = token.claims.confirmation() else {
        return match (shown, demanded) {
            (Shown::WithProof(_), _) => Err(denied(BoundError::NotBound)),
            (Shown::Alone, BoundTokens::Require) => Err(denied(BoundError::Required)),
            (Shown::Alone, BoundTokens::Verify) => Ok(()),
        };
    };
    let certificate = question.certificate.as_deref();
    demand_certificate(token, certificate).map_err(denied)?;
    match (confirmation.key, shown) {
        (None, Shown::Alone) => {}
        (None, Shown::WithProof(_)) => return Err(denied(BoundError::NotBound)),
        (Some(_), Shown::Alone) => return Err(denied(BoundError::ShownAlone)),
        (Some(key), Shown::WithProof(text)) => {
            let request = DpopRequest {
                method: question.method.as_str(),
                uri: &question.uri(),
                token: text,
                key,
                now: question.now,
            };
            prove(question, &request, tokens).map_err(|error| denied(error.into()))?;
        }
    }
    trail.note("authenticate", || {
        ("proven to have what the token is bound to".to_owned(), found(token, None))
    });
    Ok(())
}

/// Demands of a token that is shown as a parameter that it may be: nothing proves a key there.
///
/// # Errors
/// If it is bound to anything but the caller's certificate.
pub(super) fn demand_possession_of_parameter(
    token: &VerifiedToken,
    certificate: Option<&ClientCertificate>,
) -> Result<(), BoundError> {
    demand_certificate(token, certificate)?;
    match token.claims.confirmation().and_then(|confirmation| confirmation.key) {
        Some(_) => Err(BoundError::ShownAlone),
        None => Ok(()),
    }
}

/// The certificate the token is bound to, if it is; and that it is bound to nothing unknown.
fn demand_certificate(
    token: &VerifiedToken,
    certificate: Option<&ClientCertificate>,
) -> Result<(), BoundError> {
    let Some(confirmation) = token.claims.confirmation() else { return Ok(()) };
    if confirmation.unknown {
        return Err(BoundError::Unknown);
    }
    match (confirmation.certificate, certificate) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(BoundError::NoCertificate),
        (Some(bound), Some(shown)) if bound != shown.thumbprint => {
            Err(BoundError::OtherCertificate)
        }
        (Some(_), Some(_)) => Ok(()),
    }
}

/// The one proof of the request.
fn prove(
    question: &Question,
    request: &DpopRequest<'_>,
    tokens: &TokenCache,
) -> Result<(), DpopError> {
    let mut proofs = question.headers.get_all(DPOP).iter();
    let (Some(proof), None) = (proofs.next(), proofs.next()) else {
        return Err(DpopError::Missing);
    };
    let proof = proof.to_str().map_err(|_| DpopError::Malformed("it is not ASCII"))?;
    let proof = DpopProof::verify(proof, request)?;
    tokens.replays().admit(&proof, request.now)
}

/// What the token is bound to, and which certificate there is; for operators. Thumbprints are no
/// secrets.
fn found(token: &VerifiedToken, certificate: Option<&Arc<ClientCertificate>>) -> Value {
    let mut found = json!({ "bound_to": bound_to(token) });
    if let (Some(certificate), Some(members)) = (certificate, found.as_object_mut()) {
        let thumbprint = certificate.thumbprint.to_string();
        members.insert("client_certificate".to_owned(), thumbprint.into());
    }
    found
}

/// The members of the token's `cnf`, with thumbprints as they are and nothing of what isn't known.
pub(super) fn bound_to(token: &VerifiedToken) -> Option<Value> {
    let confirmation = token.claims.confirmation()?;
    let print = |print: Option<crate::http::Thumbprint>| print.map(|print| print.to_string());
    let mut bound = serde_json::Map::new();
    for (name, print) in
        [("jkt", print(confirmation.key)), ("x5t#S256", print(confirmation.certificate))]
    {
        bound.extend(print.map(|print| (name.to_owned(), Value::String(print))));
    }
    if confirmation.unknown {
        bound.insert("unknown".to_owned(), true.into());
    }
    Some(Value::Object(bound))
}
