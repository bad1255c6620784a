//! Grants sealed into session tokens.
//!
//! A session token is the base64 of
//!
//! ```text
//! version (1) | length of the key id (1) | key id | nonce (12) | ciphertext and tag
//! ```
//!
//! AES-256-GCM-SIV (RFC 8452), since nonces are random and a repeated one must not give anything
//! away. Version, key id and access key id are its associated data, so that a token opens only beside
//! the access key id it was made with. The secret access key is derived from the same configured key
//! by HKDF (RFC 5869) under another label, and bound to the key id and the access key id: neither half
//! of a pair of credentials fits any other.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{self, HKDF_SHA256, Prk, Salt};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clock::Time;

use super::access_key::{SecretAccessKey, TemporaryCredentials, fresh_id, is_id};
use super::encoding::{decode, encode};
use super::error::StsError;
use super::grant::Grant;

/// A configured key, to seal with or only to open.
#[derive(Clone)]
pub struct SealingKey {
    /// Its id, which session tokens name: 1 to 32 letters, digits, `-` and `_`.
    pub id: String,
    /// Its bytes.
    pub bytes: [u8; 32],
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Seals grants with the first of its keys and opens what any of them has sealed.
pub struct Sealer {
    keys: Vec<Derived>,
}

/// What was in a session token.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What was granted.
    pub grant: Grant,
    /// What requests must be signed with.
    pub secret: SecretAccessKey,
}

/// One configured key, ready for use.
struct Derived {
    id: String,
    root: Prk,
    cipher: RandomizedNonceKey,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

impl Sealer {
    /// A sealer with these keys, the first of which seals.
    ///
    /// # Errors
    /// [`StsError::Keys`] without a key, for an id that is no id, and for one that is there twice.
    pub fn new(keys: &[SealingKey]) -> Result<Self, StsError> {
        let mut derived: Vec<Derived> = Vec::with_capacity(keys.len());
        for key in keys {
            if !is_key_id(&key.id) || derived.iter().any(|known| known.id == key.id) {
                return Err(StsError::Keys);
            }
            derived.push(Derived::new(key)?);
        }
        if derived.is_empty() { Err(StsError::Keys) } else { Ok(Self { keys: derived }) }
    }

    /// Fresh credentials for `grant`.
    ///
    /// # Errors
    /// [`StsError::PackedPolicyTooLarge`] if the session token would be over
    /// [`MAX_SESSION_TOKEN_BYTES`]; [`StsError::Crypto`].
    pub fn seal(&self, grant: &Grant) -> Result<TemporaryCredentials, StsError> {
        let key = self.keys.first().ok_or(StsError::Keys)?;
        let access_key_id = fresh_id()?;
        let mut sealed = encode(grant);
        // Far over: not worth the cipher.
        if sealed.len() > MAX_SESSION_TOKEN_BYTES {
            return Err(StsError::PackedPolicyTooLarge);
        }
        let nonce = key
            .cipher
            .seal_in_place_append_tag(Aad::from(key.bound_to(&access_key_id)), &mut sealed)
            .map_err(|_| StsError::Crypto)?;
        let mut token = vec![VERSION, u8::try_from(key.id.len()).map_err(|_| StsError::Keys)?];
        token.extend_from_slice(key.id.as_bytes());
        token.extend_from_slice(nonce.as_ref());
        token.append(&mut sealed);
        let session_token = STANDARD.encode(token);
        if session_token.len() > MAX_SESSION_TOKEN_BYTES {
            return Err(StsError::PackedPolicyTooLarge);
        }
        let secret_access_key = key.secret(&access_key_id)?;
        let expires = Time::from_secs(grant.expires.secs());
        Ok(TemporaryCredentials { access_key_id, secret_access_key, session_token, expires })
    }

    /// What was sealed in `session_token` beside `access_key_id`.
    ///
    /// # Errors
    /// [`StsError::InvalidToken`] for everything that was not sealed by one of the keys for this
    /// access key id; then [`StsError::Expired`].
    pub fn open(
        &self,
        access_key_id: &str,
        session_token: &str,
        now: Time,
    ) -> Result<Opened, StsError> {
        if !is_id(access_key_id) || session_token.len() > MAX_SESSION_TOKEN_BYTES {
            return Err(StsError::InvalidToken);
        }
        let token = STANDARD.decode(session_token).map_err(|_| StsError::InvalidToken)?;
        let (key, nonce, sealed) = self.parts(&token).ok_or(StsError::InvalidToken)?;
        let mut sealed = sealed.to_vec();
        let plain = key
            .cipher
            .open_in_place(Nonce::from(nonce), Aad::from(key.bound_to(access_key_id)), &mut sealed)
            .map_err(|_| StsError::InvalidToken)?;
        let grant = decode(plain).ok_or(StsError::InvalidToken)?;
        if now >= grant.expires {
            return Err(StsError::Expired);
        }
        Ok(Opened { secret: key.secret(access_key_id)?, grant })
    }

    /// Key, nonce and what was sealed.
    fn parts<'t>(&self, token: &'t [u8]) -> Option<(&Derived, &'t [u8; NONCE], &'t [u8])> {
        let (&[version, length], rest) = token.split_first_chunk()?;
        let (id, rest) = rest.split_at_checked(usize::from(length))?;
        let (nonce, sealed) = rest.split_first_chunk()?;
        let key = self.keys.iter().find(|key| key.id.as_bytes() == id)?;
        (version == VERSION).then_some((key, nonce, sealed))
    }
}

impl Derived {
    fn new(key: &SealingKey) -> Result<Self, StsError> {
        let root = Salt::new(HKDF_SHA256, SALT).extract(&key.bytes);
        let sealing: [u8; 32] = expand(&root, &[SEALING])?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM_SIV, &sealing);
        Ok(Self { id: key.id.clone(), root, cipher: cipher.map_err(|_| StsError::Crypto)? })
    }

    /// What a session token is bound to: with two lengths that are fixed, no two lists of parts
    /// make the same bytes.
    fn bound_to(&self, access_key_id: &str) -> Vec<u8> {
        let length = u8::try_from(self.id.len()).unwrap_or(u8::MAX);
        [&[VERSION, length], self.id.as_bytes(), access_key_id.as_bytes()].concat()
    }

    /// 30 bytes, which are 40 characters of base64, like the secrets that AWS gives.
    fn secret(&self, access_key_id: &str) -> Result<SecretAccessKey, StsError> {
        let bytes: [u8; 30] = expand(&self.root, &[SECRET, &self.bound_to(access_key_id)])?;
        Ok(SecretAccessKey(STANDARD.encode(bytes)))
    }
}

/// `N` bytes for a purpose.
fn expand<const N: usize>(root: &Prk, info: &[&[u8]]) -> Result<[u8; N], StsError> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut bytes = [0; N];
    root.expand(info, Length(N))
        .and_then(|okm| okm.fill(&mut bytes))
        .map_err(|_| StsError::Crypto)?;
    Ok(bytes)
}

fn is_key_id(id: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=32).contains(&id.len()) && id.bytes().all(word)
}

/// Longest session token, in bytes. AWS promises no limit; clients and proxies that have one take
/// about this much in a header.
pub const MAX_SESSION_TOKEN_BYTES: usize = 4096;

const VERSION: u8 = 2;
const NONCE: usize = 12;
/// Keep what is derived here apart from any other use of the key, and one use from the other.
const SALT: &[u8] = b"poolgate temporary credentials 1";
const SEALING: &[u8] = b"seal session tokens";
const SECRET: &[u8] = b"secret access key";

#[cfg(test)]
mod tests;
