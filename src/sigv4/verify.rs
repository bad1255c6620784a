//! Proving a signature.

use aws_lc_rs::digest;

use super::canonical::{self, Scratch, Slash};
use super::parse::{ALGORITHM, Kind, Payload, Signed, hex};
use super::{SigV4Error, SigningKey};
use crate::clock::Time;

/// How a service's requests are put into canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// S3: the path encoded once, the body as `x-amz-content-sha256` says.
    S3,
    /// All others: the path encoded twice, the body as it is.
    Other,
}

impl Signed<'_> {
    /// Whether the signature's time is acceptable at the moment `now`: within 15 minutes of it, of
    /// a presigned request until it expires. The scope must be of the same day.
    ///
    /// # Errors
    /// [`SigV4Error::ScopeDate`], [`SigV4Error::TimeSkewed`], [`SigV4Error::PresignedNotYet`],
    /// [`SigV4Error::PresignedExpired`].
    pub fn check_time(&self, now: Time) -> Result<(), SigV4Error> {
        if self.stamp.get(..8) != Some(self.scope.date().as_bytes()) {
            return Err(SigV4Error::ScopeDate);
        }
        let ahead = self.time > now.plus_secs(MAX_SKEW);
        match self.kind {
            Kind::Header | Kind::Form if ahead || self.time.plus_secs(MAX_SKEW) < now => {
                Err(SigV4Error::TimeSkewed)
            }
            Kind::Presigned { .. } if ahead => Err(SigV4Error::PresignedNotYet),
            Kind::Presigned { expires } => {
                let seconds = i64::try_from(expires.as_secs()).unwrap_or(0);
                match self.time.plus_secs(seconds) < now {
                    true => Err(SigV4Error::PresignedExpired),
                    false => Ok(()),
                }
            }
            Kind::Header | Kind::Form => Ok(()),
        }
    }

    /// Proves the signature with the key of its scope. `body` is the SHA-256 of the body, which
    /// services other than S3 sign, whatever `x-amz-content-sha256` says; of S3 it is for the
    /// caller to compare with what that header says ([`Signed::payload`]).
    ///
    /// # Errors
    /// [`SigV4Error::Mismatch`], [`SigV4Error::HeadersNotSigned`],
    /// [`SigV4Error::SignedHeaderMissing`], [`SigV4Error::MissingContentSha256`].
    pub fn verify(
        &self,
        key: &SigningKey,
        form: Form,
        body: Option<&[u8; 32]>,
        scratch: &mut Scratch,
    ) -> Result<(), SigV4Error> {
        let stated = self.head.headers.get("x-amz-content-sha256").map(|value| value.as_bytes());
        let hashed = body.map(hex);
        // A presigned URL may say what the body has to be; then that is what was signed.
        let hoisted = match self.payload {
            Payload::Sha256(hash) => Some(hex(hash)),
            _ => None,
        };
        let payload: &[u8] = match (form, stated, self.kind, &hashed) {
            (Form::S3, Some(stated), ..) => stated,
            (Form::S3, None, Kind::Presigned { .. }, _) => match &hoisted {
                Some(hash) => hash,
                None => b"UNSIGNED-PAYLOAD",
            },
            // Whatever the header says: a body that isn't signed would be anyone's.
            (Form::Other, _, _, Some(hash)) => hash,
            _ => return Err(SigV4Error::MissingContentSha256),
        };
        self.prove(key, form, Slash::Plain, payload, scratch).or_else(|error| {
            // Both spellings are the same key to S3, and either may have been signed.
            let slashed = form == Form::S3 && has_encoded_slash(self.head.path);
            match error {
                SigV4Error::Mismatch if slashed => {
                    self.prove(key, form, Slash::Encoded, payload, scratch)
                }
                _ => Err(error),
            }
        })
    }

    fn prove(
        &self,
        key: &SigningKey,
        form: Form,
        slash: Slash,
        payload: &[u8],
        scratch: &mut Scratch,
    ) -> Result<(), SigV4Error> {
        let text = self.text_to_sign(form, slash, payload, scratch)?;
        match key.verifies(text, &self.signature) {
            true => Ok(()),
            false => Err(SigV4Error::Mismatch),
        }
    }

    /// What is signed: when, for which scope, and the hash of the canonical request.
    pub(super) fn text_to_sign<'s>(
        &self,
        form: Form,
        slash: Slash,
        payload: &[u8],
        scratch: &'s mut Scratch,
    ) -> Result<&'s [u8], SigV4Error> {
        canonical::write(self, form, slash, payload, scratch)?;
        let Scratch { request, to_sign, .. } = scratch;
        let hash = digest::digest(&digest::SHA256, request);
        to_sign.clear();
        for line in [ALGORITHM.as_bytes(), &self.stamp, self.scope.as_str().as_bytes()] {
            to_sign.extend_from_slice(line);
            to_sign.push(b'\n');
        }
        to_sign.extend_from_slice(&hex(hash.as_ref()));
        Ok(to_sign)
    }
}

/// The SHA-256 of a body.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    hash
}

fn has_encoded_slash(path: &str) -> bool {
    path.as_bytes().windows(3).any(|three| three.eq_ignore_ascii_case(b"%2f"))
}

/// How far a signature's time may be from now, in seconds.
pub(super) const MAX_SKEW: i64 = 15 * 60;

#[cfg(test)]
mod tests;
