//! TLS for listeners, with certificates from files.

use std::{io, path::Path, sync::Arc};

use tokio_rustls::rustls::{
    self, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// What is wrong with a listener's certificate or key.
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
}

/// The TLS settings of a listener: TLS 1.2 and 1.3, HTTP/1.1.
///
/// # Errors
/// What is wrong with the files.
pub fn server_config(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let failed =
        |path: &Path, error: String| TlsError::File { path: path.display().to_string(), error };
    let certs = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| failed(cert, e.to_string()))?;
    if certs.is_empty() {
        return Err(failed(cert, io::Error::other("no certificate in PEM").to_string()));
    }
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|e| failed(key, e.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certs, key_der)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
