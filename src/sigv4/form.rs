//! The signature of a form: over its policy, and in its fields (S3 API Reference, "Authenticating
//! Requests in Browser-Based Uploads Using POST (AWS Signature Version 4)").

use std::sync::Arc;

use super::parse::{ALGORITHM, amz_time, unhex};
use super::{Scope, SigV4Error, SigningKey, verify::MAX_SKEW};
use crate::clock::Time;

/// What the signature of a form claims.
pub struct SignedForm<'f> {
    access_key_id: &'f str,
    session_token: Option<&'f str>,
    scope: Scope,
    signature: [u8; 32],
    time: Time,
    day: &'f str,
    policy: &'f str,
}

impl std::fmt::Debug for SignedForm<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedForm").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl<'f> SignedForm<'f> {
    /// What the signature of a form claims whose fields have these values, by their names in lower
    /// case; `None` if none of them is a signature's.
    ///
    /// # Errors
    /// [`SigV4Error::MalformedForm`], [`SigV4Error::UnsupportedAlgorithm`].
    pub fn parse(value: impl Fn(&str) -> Option<&'f str>) -> Result<Option<Self>, SigV4Error> {
        // Signature Version 2.
        if ["awsaccesskeyid", "signature"].into_iter().any(|name| value(name).is_some()) {
            return Err(SigV4Error::UnsupportedAlgorithm);
        }
        if !FIELDS.into_iter().any(|(name, _)| value(name).is_some()) {
            return Ok(None);
        }
        let malformed = SigV4Error::MalformedForm;
        let [policy, algorithm, credential, date, signature] =
            FIELDS.map(|(name, missing)| value(name).ok_or(malformed(missing)));
        if algorithm? != ALGORITHM {
            return Err(SigV4Error::UnsupportedAlgorithm);
        }
        let (access_key_id, scope) =
            Scope::of_credential(credential?).ok_or(malformed("x-amz-credential can't be read"))?;
        let date = date?;
        let (time, _) = amz_time(date).ok_or(malformed("x-amz-date can't be read"))?;
        Ok(Some(Self {
            access_key_id,
            session_token: value("x-amz-security-token"),
            scope,
            signature: unhex(signature?).ok_or(malformed("x-amz-signature can't be read"))?,
            time,
            day: date.get(..8).unwrap_or_default(),
            policy: policy?,
        }))
    }

    /// Whose key it claims to be made with.
    pub fn access_key_id(&self) -> &str {
        self.access_key_id
    }

    /// The session token of temporary credentials.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token
    }

    /// Day, region and service.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When it says it was made.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Whether it is of the day of its scope, and not from the future. How long it is good for is in the
    /// policy.
    ///
    /// # Errors
    /// [`SigV4Error::ScopeDate`], [`SigV4Error::PresignedNotYet`].
    pub fn check_time(&self, now: Time) -> Result<(), SigV4Error> {
        if self.day != self.scope.date() {
            return Err(SigV4Error::ScopeDate);
        }
        match self.time > now.plus_secs(MAX_SKEW) {
            true => Err(SigV4Error::PresignedNotYet),
            false => Ok(()),
        }
    }

    /// Proves the signature with the key of its scope.
    ///
    /// # Errors
    /// [`SigV4Error::Mismatch`]
    pub fn verify(&self, key: &Arc<(Scope, SigningKey)>) -> Result<(), SigV4Error> {
        match key.1.verifies(self.policy.as_bytes(), &self.signature) {
            true => Ok(()),
            false => Err(SigV4Error::Mismatch),
        }
    }
}

/// The fields that a signature has, all of them, and what to say of one that is missing.
const FIELDS: [(&str, &str); 5] = [
    ("policy", "policy is missing"),
    ("x-amz-algorithm", "x-amz-algorithm is missing"),
    ("x-amz-credential", "x-amz-credential is missing"),
    ("x-amz-date", "x-amz-date is missing"),
    ("x-amz-signature", "x-amz-signature is missing"),
];

#[cfg(test)]
mod tests;
