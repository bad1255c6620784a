//! TLS for listeners, with certificates from files.

use std::{io, path::Path, sync::Arc};

use tokio_rustls::rustls::{
    self, RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

/// Whether callers need a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are asked for one; without, they are served too. One that doesn't hold is refused.
    Request,
    /// Without one there is no connection.
    Require,
}

/// What is wrong with a listener's certificates or key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file can't be read, or has nothing of the kind in PEM.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        error: String,
    },
    /// The two don't belong together, or the key is of a kind that isn't supported.
    #[error("the certificate and its key can't be used: {0}")]
    Pair(#[from] rustls::Error),
    /// The authorities of callers' certificates can't be read, or can't be authorities.
    #[error("{path}: can't be the authorities of callers' certificates: {error}")]
    Clients {
        /// The file.
        path: String,
        /// What is wrong.
        error: String,
    },
}

impl TlsError {
    /// Whether it is about callers' certificates.
    pub fn is_of_clients(&self) -> bool {
        matches!(self, Self::Clients { .. })
    }
}

/// The TLS settings of a listener: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1. `clients` are the authorities of
/// callers' certificates, which are not asked for without.
///
/// # Errors
/// What is wrong with the files.
pub fn server_config(
    cert: &Path,
    key: &Path,
    clients: Option<(&Path, ClientAuth)>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let failed =
        |path: &Path, error: String| TlsError::File { path: path.display().to_string(), error };
    let certs = read_certificates(cert).map_err(|error| failed(cert, error))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|e| failed(key, e.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = match clients {
        None => WebPkiClientVerifier::no_client_auth(),
        Some((path, auth)) => client_verifier(path, auth, &provider)
            .map_err(|error| TlsError::Clients { path: path.display().to_string(), error })?,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certs, key_der)?;
    // Whoever offers HTTP/1.0 alone would be refused in the handshake, and is served in clear.
    config.alpn_protocols = ["h2", "http/1.1", "http/1.0"].map(|name| name.into()).to_vec();
    Ok(Arc::new(config))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certs = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| error.to_string())?;
    match certs.is_empty() {
        true => Err(io::Error::other("no certificate in PEM").to_string()),
        false => Ok(certs),
    }
}

/// What verifies callers' certificates. One that can't be an authority is an error: a file that was
/// meant to trust it would trust less than it says.
fn client_verifier(
    path: &Path,
    auth: ClientAuth,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(path)? {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = match auth {
        ClientAuth::Request => builder.allow_unauthenticated(),
        ClientAuth::Require => builder,
    };
    builder.build().map_err(|error| error.to_string())
}
