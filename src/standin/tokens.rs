//! The tokens of one sign-in, with the claims that Cognito's have.
//!
//! Claims: "Understanding the identity (ID) token" and "Understanding the access token" in the
//! Amazon Cognito developer guide. `auth_time` and `origin_jti` are those of the sign-in and stay
//! the same in every refresh.

use super::directory::{Directory, User};
use super::keys::KeyRing;
use super::user_pool::StandinError;
use crate::clock::Time;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A sign-in, which is also what a refresh token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SignIn {
    pub(super) username: String,
    pub(super) client: String,
    /// Seconds since the epoch.
    pub(super) auth_time: i64,
    pub(super) origin_jti: String,
}

/// An ID and an access token.
pub(super) struct Pair {
    pub(super) id: String,
    pub(super) access: String,
}

/// Signs both tokens.
pub(super) fn issue(
    directory: &Directory,
    issuer: &str,
    ring: &KeyRing,
    user: &User,
    sign_in: &SignIn,
    now: Time,
) -> Result<Pair, StandinError> {
    let groups = directory.claims_of(user);
    let event = uuid()?;
    let common = |token_use: &str| -> Result<Map<String, Value>, StandinError> {
        let mut claims = Map::new();
        claims.insert("sub".into(), user.sub.as_str().into());
        if !groups.groups.is_empty() {
            claims.insert("cognito:groups".into(), json!(groups.groups));
        }
        claims.insert("iss".into(), issuer.into());
        claims.insert("origin_jti".into(), sign_in.origin_jti.as_str().into());
        claims.insert("event_id".into(), event.as_str().into());
        claims.insert("token_use".into(), token_use.into());
        claims.insert("auth_time".into(), sign_in.auth_time.into());
        claims.insert("exp".into(), now.plus_secs(LIFETIME).secs().into());
        claims.insert("iat".into(), now.secs().into());
        claims.insert("jti".into(), uuid()?.into());
        Ok(claims)
    };
    let mut id = common("id")?;
    id.insert("aud".into(), sign_in.client.as_str().into());
    id.insert("cognito:username".into(), user.name.as_str().into());
    id.insert("email".into(), user.email.as_str().into());
    id.insert("email_verified".into(), true.into());
    if !groups.roles.is_empty() {
        id.insert("cognito:roles".into(), json!(groups.roles));
    }
    if let Some(role) = groups.preferred_role {
        id.insert("cognito:preferred_role".into(), role.into());
    }
    let mut access = common("access")?;
    access.insert("client_id".into(), sign_in.client.as_str().into());
    access.insert("username".into(), user.name.as_str().into());
    access.insert("scope".into(), "aws.cognito.signin.user.admin".into());
    Ok(Pair {
        id: ring.id.sign(&Value::Object(id))?,
        access: ring.access.sign(&Value::Object(access))?,
    })
}

/// A refresh token: the sign-in, sealed with AES-256-GCM for this user pool.
pub(super) fn seal(key: &[u8; 32], pool: &str, sign_in: &SignIn) -> Result<String, StandinError> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| StandinError::Crypto)?;
    let mut sealed = serde_json::to_vec(sign_in).map_err(|_| StandinError::Crypto)?;
    let nonce = key
        .seal_in_place_append_tag(Aad::from(pool.as_bytes()), &mut sealed)
        .map_err(|_| StandinError::Crypto)?;
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(nonce.as_ref()), URL_SAFE_NO_PAD.encode(sealed)))
}

/// The sign-in of a refresh token, unless the token was made elsewhere, altered or has expired.
pub(super) fn open(key: &[u8; 32], pool: &str, token: &str, now: Time) -> Option<SignIn> {
    let (nonce, sealed) = token.split_once('.')?;
    let nonce = Nonce::try_assume_unique_for_key(&URL_SAFE_NO_PAD.decode(nonce).ok()?).ok()?;
    let mut sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let plain = key.open_in_place(nonce, Aad::from(pool.as_bytes()), &mut sealed).ok()?;
    let sign_in: SignIn = serde_json::from_slice(plain).ok()?;
    let ends = Time::from_secs(sign_in.auth_time).plus_secs(REFRESH_LIFETIME);
    (now < ends).then_some(sign_in)
}

/// A random (version 4) uuid.
pub(super) fn uuid() -> Result<String, StandinError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| StandinError::Crypto)?;
    let bits = u128::from_be_bytes(bytes);
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or("");
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

/// Seconds that ID and access tokens last.
pub(super) const LIFETIME: i64 = 3600;
/// Seconds that a refresh token lasts: Cognito's default of 30 days.
const REFRESH_LIFETIME: i64 = 30 * 24 * 3600;
