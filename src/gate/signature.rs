//! Requests signed with temporary credentials.
//!
//! The order is AWS's: the credentials, the clock, then the signature, and of services other than
//! S3 the body, which is read whole. A body that S3 is sent is proven as it is streamed.

use std::{cell::RefCell, sync::Arc};

use serde_json::json;

use super::{
    Denial, Presented, Refusal, Rules, Trail, body::Reading, credentials::CredentialError,
};
use crate::{
    clock::Time,
    services::Proof,
    sigv4::{Form, Kind, Payload, Scope, Scratch, SigV4Error, Signed, SignedForm},
};

/// What a signature proved.
pub(super) struct Proven {
    /// The credentials it was made with.
    pub(super) presented: Arc<Presented>,
    /// What the body has to be, if it wasn't read.
    pub(super) proof: Proof,
    /// How it was sent.
    pub(super) kind: Kind,
    /// When it was made.
    pub(super) time: Time,
}

/// Proves `signed`. A body that has to be read may have `limit` bytes.
pub(super) async fn prove(
    rules: &Rules,
    signed: &Signed<'_>,
    form: Form,
    (reading, limit): (&mut Reading<'_>, usize),
    now: Time,
    trail: &mut Trail,
) -> Result<Proven, Denial> {
    let proven = check(rules, signed, form, (reading, limit), now).await;
    note(signed.scope(), &proven, trail);
    proven
}

/// Proves the signature of a form.
pub(super) fn prove_form(
    rules: &Rules,
    signed: &SignedForm<'_>,
    now: Time,
    trail: &mut Trail,
) -> Result<Proven, Denial> {
    let proven = check_form(rules, signed, now);
    note(signed.scope(), &proven, trail);
    proven
}

fn note(scope: &Scope, proven: &Result<Proven, Denial>, trail: &mut Trail) {
    trail.note("authenticate", || match proven {
        Ok(proven) => {
            let grant = &proven.presented.grant;
            let found = json!({
                "access_key_id": proven.presented.access_key_id,
                "scope": scope.to_string(),
                "identity": grant.identity,
                "expires": grant.expires.rfc3339(),
            });
            ("signature verified".to_owned(), found)
        }
        Err(denial) => {
            let found = json!({ "reason": denial.reason, "error": denial.detail });
            ("signature refused".to_owned(), found)
        }
    });
}

fn check_form(rules: &Rules, signed: &SignedForm<'_>, now: Time) -> Result<Proven, Denial> {
    let presented = present(rules, signed.access_key_id(), signed.session_token(), now)?;
    signed.check_time(now)?;
    if signed.scope().service() != "s3" {
        return Err(SigV4Error::Mismatch.into());
    }
    signed.verify(&presented.signing_key(signed.scope()))?;
    Ok(Proven { presented, proof: Proof::NONE, kind: Kind::Form, time: signed.time() })
}

/// The credentials that a request was signed with.
pub(super) fn present(
    rules: &Rules,
    access_key_id: &str,
    session_token: Option<&str>,
    now: Time,
) -> Result<Arc<Presented>, Denial> {
    let credentials = rules.credentials.as_ref().ok_or(CredentialError::UnknownKey)?;
    let token = session_token.ok_or(CredentialError::UnknownKey)?;
    let presented = credentials.present(rules, access_key_id, token, now)?;
    rules.check_session(&presented.assumed, Some(presented.grant.issued))?;
    Ok(presented)
}

async fn check(
    rules: &Rules,
    signed: &Signed<'_>,
    form: Form,
    (reading, limit): (&mut Reading<'_>, usize),
    now: Time,
) -> Result<Proven, Denial> {
    let presented = present(rules, signed.access_key_id(), signed.session_token(), now)?;
    signed.check_time(now)?;
    let key = presented.signing_key(signed.scope());
    let verify = |hash: Option<&[u8; 32]>| {
        SCRATCH.with_borrow_mut(|scratch| signed.verify(&key.1, form, hash, scratch))
    };
    let proof = match (signed.payload(), form) {
        (Payload::Chunked(_), Form::Other) => return Err(SigV4Error::StreamingPayload.into()),
        (stated, Form::S3) => {
            verify(None)?;
            match stated {
                Payload::Sha256(hash) => Proof::sha256(hash),
                Payload::Chunked(form) => Proof::chunked(signed.chunks(form, &key)?),
                Payload::Unsigned | Payload::Unstated => Proof::NONE,
            }
        }
        (stated, Form::Other) => {
            // Where the hash is stated, the signature can be proven first: nobody else's body is kept.
            let expected = match stated {
                Payload::Sha256(hash) => Some(hash),
                _ => None,
            };
            expected.as_ref().map_or(Ok(()), |hash| verify(Some(hash)))?;
            reading.whole(limit).await.map_err(|e| Denial::from(e).limited(limit))?;
            let hash = reading.hash().await?;
            match expected {
                Some(expected) if expected != hash => {
                    return Err(SigV4Error::ContentSha256Mismatch.into());
                }
                Some(_) => {}
                None => verify(Some(&hash))?,
            }
            Proof::NONE
        }
    };
    Ok(Proven { presented, proof, kind: signed.kind(), time: signed.time() })
}

impl From<SigV4Error> for Denial {
    fn from(error: SigV4Error) -> Self {
        let detail = error.to_string();
        Self::new(error.reason(), Refusal::Signature(error), detail)
    }
}

thread_local! {
    /// Each data thread's own, so that verifying allocates nothing. It grows to a few times the
    /// largest head, which `limits.headers` bounds.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}
