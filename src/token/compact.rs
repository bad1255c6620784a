//! The compact form of a JWS (RFC 7515 §7.1): three base64url parts, a strict header.
//!
//! Refuses more or fewer parts (a JWE has five), padding and non-canonical base64, large parts,
//! duplicate members, `crit` (no extension is understood here, RFC 7515 §4.1.11), `b64` (RFC 7797),
//! JWE members, other media types in `typ` (RFC 8725 §3.11) and empty signatures. `jku`, `jwk`,
//! `x5u` and `x5c` are not even read: keys come from configuration alone.

use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};

use super::{
    Algorithm, ClaimValue, MAX_HEADER_BYTES, MAX_KID_BYTES, MAX_TOKEN_BYTES, Members, TokenError,
};

/// A token taken apart, nothing in it verified yet.
pub(crate) struct Compact<'t> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: String,
    pub(crate) header: Members,
    pub(crate) payload: Members,
    pub(crate) signature: Vec<u8>,
    /// The first two parts with their dot, as received: what is signed.
    pub(crate) signed: &'t str,
}

impl<'t> Compact<'t> {
    /// Takes `token` apart.
    pub(crate) fn parse(token: &'t str) -> Result<Self, TokenError> {
        let parts = Parts::parse(token, MAX_HEADER_BYTES)?;
        let (algorithm, kid) = read_header(&parts.header)?;
        // An Application Load Balancer pads its parts, against RFC 7515 §2; nobody else may.
        if parts.are_padded() && parts.header.get(SIGNER).is_none() {
            return Err(TokenError::Malformed("padded base64"));
        }
        let (payload, signature) = (parts.payload()?, parts.signature()?);
        let Parts { header, signed, .. } = parts;
        Ok(Self { algorithm, kid, header, payload, signature, signed })
    }
}

/// The three parts of a JWS; only its header has been read.
pub(super) struct Parts<'t> {
    pub(super) header: Members,
    head: &'t str,
    payload: &'t str,
    signature: &'t str,
    /// The first two parts with their dot, as received: what is signed.
    pub(super) signed: &'t str,
}

impl<'t> Parts<'t> {
    /// Takes `text` apart, whose header may have `max_header` decoded bytes. Padding is let pass.
    pub(super) fn parse(text: &'t str, max_header: usize) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Malformed("not three parts joined by dots"));
        };
        if header.len() > max_header.div_ceil(3) * 4 {
            return Err(TokenError::TooLarge);
        }
        let signed = text.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let head = header;
        let header = decode(head)?;
        if header.len() > max_header {
            return Err(TokenError::TooLarge);
        }
        let header = Members::parse(&header)
            .map_err(|_| TokenError::Malformed("the header is not a JSON object"))?;
        let has = |name: &&str| header.get(name).is_some();
        if ["crit", "b64"].iter().any(has) {
            return Err(TokenError::Malformed("the header demands an extension"));
        }
        if ["enc", "zip"].iter().any(has) {
            return Err(TokenError::Malformed("encrypted tokens are not accepted"));
        }
        Ok(Self { header, head, payload, signature, signed })
    }

    /// Whether a part ends as RFC 7515 §2 doesn't let it.
    pub(super) fn are_padded(&self) -> bool {
        [self.head, self.payload, self.signature].iter().any(|part| part.ends_with('='))
    }

    pub(super) fn payload(&self) -> Result<Members, TokenError> {
        Members::parse(&decode(self.payload)?)
            .map_err(|_| TokenError::Malformed("the payload is not a JSON object"))
    }

    pub(super) fn signature(&self) -> Result<Vec<u8>, TokenError> {
        let signature = decode(self.signature)?;
        match signature.is_empty() {
            true => Err(TokenError::Malformed("the signature is empty")),
            false => Ok(signature),
        }
    }
}

fn read_header(header: &Members) -> Result<(Algorithm, String), TokenError> {
    match header.get("typ") {
        None => {}
        Some(ClaimValue::Text(typ)) if TYPES.iter().any(|t| typ.eq_ignore_ascii_case(t)) => {}
        Some(_) => return Err(TokenError::Malformed("`typ` is not that of a JWT")),
    }
    let algorithm = match header.get("alg") {
        Some(ClaimValue::Text(alg)) => {
            Algorithm::parse(alg).ok_or(TokenError::UnsupportedAlgorithm)?
        }
        _ => return Err(TokenError::Malformed("`alg` is not a string")),
    };
    match header.get("kid") {
        Some(ClaimValue::Text(kid)) if is_key_id(kid) => Ok((algorithm, kid.to_owned())),
        _ => Err(TokenError::Malformed("`kid` is not a string of 1 to 128 printable characters")),
    }
}

/// Whether `kid` can be a key id here: 1 to 128 printable ASCII characters.
pub(crate) fn is_key_id(kid: &str) -> bool {
    (1..=MAX_KID_BYTES).contains(&kid.len()) && kid.bytes().all(|b| (0x20..0x7f).contains(&b))
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64URL.decode(part).map_err(|_| TokenError::Malformed("not base64url"))
}

/// The header member that names the load balancer that signed the token.
pub(crate) const SIGNER: &str = "signer";

const TYPES: [&str; 4] = ["JWT", "at+jwt", "application/jwt", "application/at+jwt"];

/// Trailing bits must be zero, so that one token has one text.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
