//! Identity ids, derived from pool, provider and subject, so that nothing needs to be stored.

use aws_lc_rs::{constant_time, digest, hmac, rand};

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

    /// `region:uuid`, the region being the one in front of the pool's id.
    pub fn id(&self, pool: &str, provider: &str, subject: &str) -> String {
        let parts = framed(&[LABEL, pool, provider, subject]);
        let mut uuid = [0u8; 16];
        match &self.0 {
            Some(key) => copy(hmac::sign(key, &parts).as_ref(), &mut uuid),
            None => copy(digest::digest(&digest::SHA256, &parts).as_ref(), &mut uuid),
        }
        identity_id(pool, u128::from_be_bytes(uuid))
    }

    /// A new guest's id: the first half of the uuid is random, the second a MAC over pool and first
    /// half. Nothing is stored, and nobody else can make one, least of all out of a user's id. None
    /// without a key.
    pub fn guest(&self, pool: &str) -> Option<String> {
        let mut random = [0u8; 8];
        rand::fill(&mut random).ok()?;
        self.guest_of(pool, u64::from_be_bytes(random))
    }

    /// Was `id` given to a guest of `pool`?
    pub fn is_guest(&self, pool: &str, id: &str) -> bool {
        // Only what is written exactly as it was given comes out the same.
        let first = id.split_once(':').and_then(|(_, uuid)| {
            let digits: String = uuid.chars().filter(|c| *c != '-').take(16).collect();
            u64::from_str_radix(&digits, 16).ok()
        });
        first.and_then(|first| self.guest_of(pool, first)).is_some_and(|ours| {
            constant_time::verify_slices_are_equal(ours.as_bytes(), id.as_bytes()).is_ok()
        })
    }

    fn guest_of(&self, pool: &str, first: u64) -> Option<String> {
        let key = self.0.as_ref()?;
        let first = u128::from(first) << 64;
        // The MAC is over the half as it is written, its version included.
        let written = identity_id(pool, first);
        let mut mac = [0u8; 16];
        copy(hmac::sign(key, &framed(&[GUEST_LABEL, pool, &written])).as_ref(), &mut mac);
        Some(identity_id(pool, first | (u128::from_be_bytes(mac) >> 64)))
    }
}

/// A pool's identity id with the bits of `number`, but for those that a uuid of version 4 and
/// variant 1 has fixed (RFC 9562), like the ids that Amazon Cognito gives.
fn identity_id(pool: &str, number: u128) -> String {
    let number = (number & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
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
const GUEST_LABEL: &str = "poolgate guest id 1";
