//! Signing keys: what a secret comes to for one day, region and service.

use aws_lc_rs::hmac;

use super::Scope;

/// The key that requests of one scope are signed with.
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// Derives the key: four HMACs, which is why it is worth keeping.
    pub fn derive(secret: &[u8], scope: &Scope) -> Self {
        let sign = |key: &[u8], text: &str| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
        };
        let day = sign(&[b"AWS4", secret].concat(), scope.date());
        let region = sign(day.as_ref(), scope.region());
        let service = sign(region.as_ref(), scope.service());
        let key = sign(service.as_ref(), "aws4_request");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }

    /// The signature of `text`.
    pub(super) fn sign(&self, text: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, text)
    }

    /// Whether `signature` is that of `text`, in a time that doesn't tell how much of it is right.
    pub(super) fn verifies(&self, text: &[u8], signature: &[u8; 32]) -> bool {
        hmac::verify(&self.0, text, signature).is_ok()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}
