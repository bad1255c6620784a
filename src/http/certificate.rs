//! The certificate a caller proved to have, as far as decisions need it.
//!
//! Who ended TLS has verified it: its chain, its times, and that the caller has its key. Nothing of
//! it is ever taken from a header that a caller could have written.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::{SpiffeError, SpiffeId};

/// A SHA-256: of a certificate (RFC 8705 §3.1), or of a key as RFC 7638 writes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The thumbprint of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(sum)
    }

    /// Reads one in base64url without padding, its one canonical text.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A caller's verified leaf certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The SHA-256 of its DER: what `x5t#S256` names.
    pub thumbprint: Thumbprint,
    /// Its one URI name, if that is a SPIFFE id.
    pub spiffe_id: Option<SpiffeId>,
}

/// Why a certificate can't be a caller's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not an X.509 certificate of version 3.
    #[error("the client's certificate can't be read: {0}")]
    Malformed(String),
    /// A URI name of the scheme `spiffe` beside others (X509-SVID §2).
    #[error("the client's certificate has a SPIFFE id beside other URI names")]
    SeveralUris,
    /// A URI name of the scheme `spiffe` that is no SPIFFE id.
    #[error("the client's certificate has a SPIFFE id that is none: {0}")]
    SpiffeId(SpiffeError),
}

impl ClientCertificate {
    /// Reads the leaf certificate that a TLS handshake has verified.
    ///
    /// # Errors
    /// What it must not have: who says to be a workload, and not which, is nobody.
    pub fn of(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate = CertificateDer::from(der);
        let certificate = EndEntityCert::try_from(&certificate)
            .map_err(|error| CertificateError::Malformed(error.to_string()))?;
        let mut uris = certificate.valid_uri_names();
        let (first, second) = (uris.next(), uris.next());
        let is_spiffe = |uri: &&str| {
            uri.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
        };
        let mut all = first.into_iter().chain(second).chain(uris);
        let spiffe_id = match (all.find(is_spiffe), second) {
            (None, _) => None,
            (Some(_), Some(_)) => return Err(CertificateError::SeveralUris),
            (Some(uri), None) => Some(SpiffeId::parse(uri).map_err(CertificateError::SpiffeId)?),
        };
        Ok(Self { thumbprint: Thumbprint::of(der), spiffe_id })
    }
}

const SCHEME: &str = "spiffe:";

#[cfg(test)]
mod tests;
