//! The user pool's signing keys, kept in a folder so that tokens outlive a restart.
//!
//! Cognito signs ID and access tokens with different keys and publishes both; which is which
//! can't be told from the key set. A file `id-N.pem` or `access-N.pem` (PKCS#8, mode 0600) holds a
//! key; the highest number of each kind signs, all are published. Making an RSA key takes long
//! enough to be felt, so missing ones are made on threads of their own while the server starts.

use super::user_pool::StandinError;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// What becomes of the keys that no longer sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retired {
    /// They stay in the key set: their tokens are good until they expire.
    Published,
    /// They are deleted: their tokens are no longer good.
    Dropped,
}

/// The keys at one moment.
#[derive(Debug)]
pub(super) struct KeyRing {
    pub(super) id: SigningKey,
    pub(super) access: SigningKey,
    /// The key set as served.
    pub(super) jwks: String,
}

/// A private key and the name it is published under.
#[derive(Debug)]
pub struct SigningKey {
    pub(super) kid: String,
    pair: KeyPair,
}

impl SigningKey {
    /// A new key of 2048 bits that is kept nowhere, and its public part as a JWK. Takes long enough to
    /// be felt.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn fresh() -> Result<(Self, Value), StandinError> {
        let encoding = EncodingKey::from_rsa_pem(fresh_pem()?.as_bytes());
        Self::of(&encoding.map_err(|_| StandinError::Crypto)?).ok_or(StandinError::Crypto)
    }

    /// The compact JWS of a payload. The header has `kid` and `alg` only, as Cognito's.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn sign(&self, payload: &Value) -> Result<String, StandinError> {
        let header = json!({ "kid": self.kid, "alg": "RS256" }).to_string();
        let mut text = URL_SAFE_NO_PAD.encode(header);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(payload.to_string(), &mut text);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &rand::SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| StandinError::Crypto)?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut text);
        Ok(text)
    }

    /// Reads a PEM file's key.
    fn load(path: &Path) -> Result<(Self, Value), StandinError> {
        let pem = fs::read(path).map_err(|error| StandinError::io(path, error))?;
        let broken = || StandinError::BadKey(path.to_owned());
        let encoding = EncodingKey::from_rsa_pem(&pem).map_err(|_| broken())?;
        Self::of(&encoding).ok_or_else(broken)
    }

    /// The key, and what is published of it; none if it isn't one that signs with RS256.
    fn of(encoding: &EncodingKey) -> Option<(Self, Value)> {
        let pair = KeyPair::from_der(encoding.as_bytes()).ok()?;
        let hash = digest::digest(&digest::SHA256, pair.public_key().as_ref());
        let kid = STANDARD.encode(hash);
        let jwk = Jwk::from_encoding_key(encoding, Algorithm::RS256).ok()?;
        let AlgorithmParameters::RSA(rsa) = jwk.algorithm else { return None };
        let published = json!({
            "alg": "RS256", "e": rsa.e, "kid": kid, "kty": "RSA", "n": rsa.n, "use": "sig"
        });
        Some((Self { kid, pair }, published))
    }
}

/// Makes what is missing in the folder, ID and access key at once, and reads it all.
pub(super) fn open(folder: &Path) -> Result<Arc<KeyRing>, StandinError> {
    let missing: Vec<PathBuf> = KINDS
        .iter()
        .filter(|kind| numbered(folder, kind).is_ok_and(|files| files.is_empty()))
        .map(|kind| file(folder, kind, 1))
        .collect();
    make_all(missing)?;
    read(folder)
}

/// Adds a new pair, which signs from now on.
pub(super) fn rotate(folder: &Path, retired: Retired) -> Result<Arc<KeyRing>, StandinError> {
    let mut old = Vec::new();
    let mut new = Vec::new();
    for kind in KINDS {
        let files = numbered(folder, kind)?;
        let highest = files.last().map_or(0, |(number, _)| *number);
        new.push(file(folder, kind, highest.saturating_add(1)));
        old.extend(files.into_iter().map(|(_, path)| path));
    }
    make_all(new)?;
    if retired == Retired::Dropped {
        for path in old {
            fs::remove_file(&path).map_err(|error| StandinError::io(&path, error))?;
        }
    }
    read(folder)
}

/// Reads a secret of 32 bytes from a file in the folder, made at first use.
pub(super) fn secret(path: &Path) -> Result<[u8; 32], StandinError> {
    if !path.exists() {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| StandinError::Crypto)?;
        write_private(path, STANDARD.encode(bytes).as_bytes())?;
    }
    let text = fs::read_to_string(path).map_err(|error| StandinError::io(path, error))?;
    let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| StandinError::BadKey(path.to_owned()))
}

fn read(folder: &Path) -> Result<Arc<KeyRing>, StandinError> {
    let mut published = Vec::new();
    let mut signing = Vec::new();
    for kind in KINDS {
        let mut latest = None;
        for (_, path) in numbered(folder, kind)? {
            let (key, public) = SigningKey::load(&path)?;
            published.push(public);
            latest = Some(key);
        }
        signing.push(latest.ok_or_else(|| StandinError::BadKey(file(folder, kind, 1)))?);
    }
    let mut signing = signing.into_iter();
    let (Some(id), Some(access)) = (signing.next(), signing.next()) else {
        return Err(StandinError::Crypto);
    };
    Ok(Arc::new(KeyRing { id, access, jwks: json!({ "keys": published }).to_string() }))
}

/// The files of a kind, in order of their numbers. Other files are none of ours.
fn numbered(folder: &Path, kind: &str) -> Result<Vec<(u32, PathBuf)>, StandinError> {
    let entries = fs::read_dir(folder).map_err(|error| StandinError::io(folder, error))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| StandinError::io(folder, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        let number = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
        let number = number.and_then(|rest| rest.strip_suffix(".pem")).map(str::parse);
        if let Some(Ok(number)) = number {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

fn file(folder: &Path, kind: &str, number: u32) -> PathBuf {
    folder.join(format!("{kind}-{number}.pem"))
}

/// Makes a key for each path, all at once.
fn make_all(paths: Vec<PathBuf>) -> Result<(), StandinError> {
    let threads: Vec<_> =
        paths.into_iter().map(|path| thread::spawn(move || make_rsa_key(&path))).collect();
    threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| StandinError::Crypto)?)
}

/// Makes a new RSA key of 2048 bits and writes it into a PEM file (PKCS#8) that only its owner may
/// read. Takes long enough to be felt.
///
/// # Errors
/// If the file can't be written, or the system has no randomness.
pub fn make_rsa_key(path: &Path) -> Result<(), StandinError> {
    write_private(path, fresh_pem()?.as_bytes())
}

/// A new key as PEM.
fn fresh_pem() -> Result<String, StandinError> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| StandinError::Crypto)?;
    let der = pair.as_der().map_err(|_| StandinError::Crypto)?;
    let text = STANDARD.encode(der.as_ref());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, content: &[u8]) -> Result<(), StandinError> {
    let failed = |error| StandinError::io(path, error);
    let draft = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&draft).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)
}

const KINDS: [&str; 2] = ["id", "access"];
