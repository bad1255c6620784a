//! Identity ids, derived from pool, provider and subject, so that nothing needs to be stored.

use aws_lc_rs::{digest, hmac};

/// Derives identity ids. The key is never rotated: another key gives everyone another identity.
pub struct IdentityIds(Option<hmac::Key>);

impl std::fmt::Debug for IdentityIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "IdentityIds(keyed)" } else { "IdentityIds(no key)" })
    }
}

impl IdentityIds {
    /// With a key, ids are HMAC-SHA-256 and can't be computed by outsiders; without, SHA-256.
    pub fn new(key: Option<&[u8]>) -> Self {
        Self(key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// Have ids a key?
    pub fn keyed(&self) -> bool {
        self.0.is_some()
    }

    /// `region:uuid`, the region being the one in front of the pool's id.
    pub fn id(&self, pool: &str, provider: &str, subject: &str) -> String {
        let parts = framed(&[LABEL, pool, provider, subject]);
        let mut uuid = [0u8; 16];
        match &self.0 {
            Some(key) => copy(hmac::sign(key, &parts).as_ref(), &mut uuid),
            None => copy(digest::digest(&digest::SHA256, &parts).as_ref(), &mut uuid),
        }
        // Version 4 and variant 1 (RFC 9562), like the ids that Amazon Cognito gives.
        let number =
            (u128::from_be_bytes(uuid) & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let region = pool.split_once(':').map_or(pool, |(region, _)| region);
        let low = |shift: u32, mask: u128| (number >> shift) & mask;
        format!(
            "{region}:{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            low(96, 0xffff_ffff),
            low(80, 0xffff),
            low(64, 0xffff),
            low(48, 0xffff),
            low(0, 0xffff_ffff_ffff)
        )
    }
}

/// Every part after its length, so that no two lists of parts make the same bytes.
pub(super) fn framed(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

fn copy(from: &[u8], to: &mut [u8; 16]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Keeps these hashes apart from any other use of the key.
const LABEL: &str = "poolgate identity id 1";
