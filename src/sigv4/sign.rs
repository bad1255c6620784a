//! Signing requests to backends, by the signer of the AWS SDKs.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, RANGE};
use ::http::uri::PathAndQuery;
use ::http::{HeaderMap, HeaderValue, Method};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

use super::parse::hex_text;
use crate::clock::Time;

/// Signs requests to a backend with its own credentials.
#[derive(Clone)]
pub struct Signer {
    credentials: Credentials,
    region: String,
    service: Cow<'static, str>,
}

/// What is signed of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedPayload {
    /// Nothing.
    Unsigned,
    /// Its SHA-256.
    Sha256([u8; 32]),
    /// Nothing, and it comes in chunks, with a checksum in a trailer.
    UnsignedTrailer,
}

/// A request can't be signed: a header or the target isn't text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request can't be signed")]
pub struct SignError;

impl Signer {
    /// A signer with these credentials, for S3.
    pub fn new(
        access_key_id: &str,
        secret_access_key: &str,
        session_token: Option<&str>,
        region: &str,
    ) -> Self {
        let token = session_token.map(str::to_owned);
        let credentials =
            Credentials::new(access_key_id, secret_access_key, token, None, "configuration");
        Self { credentials, region: region.to_owned(), service: Cow::Borrowed(S3) }
    }

    /// The same for another service, as credential scopes name it.
    #[must_use]
    pub fn of_service(self, service: impl Into<Cow<'static, str>>) -> Self {
        Self { service: service.into(), ..self }
    }

    /// Signs a request, in its headers. Signed are the headers that no hop changes and that
    /// mean something to AWS: `host`, `x-amz-*`, `content-type`, `content-md5`, `range`, `if-*`.
    ///
    /// # Errors
    /// [`SignError`]
    pub fn sign(
        &self,
        method: &Method,
        target: &PathAndQuery,
        headers: &mut HeaderMap,
        payload: SignedPayload,
        now: Time,
    ) -> Result<(), SignError> {
        let hash = match payload {
            SignedPayload::Unsigned => "UNSIGNED-PAYLOAD".to_owned(),
            SignedPayload::Sha256(hash) => hex_text(&hash),
            SignedPayload::UnsignedTrailer => UNSIGNED_TRAILER.to_owned(),
        };
        let mut settings = SigningSettings::default();
        // "Create a signed AWS API request" (IAM User Guide): all but S3 encode the path twice.
        settings.percent_encoding_mode = match &*self.service {
            S3 => PercentEncodingMode::Single,
            _ => PercentEncodingMode::Double,
        };
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let millis = u64::try_from(now.millis()).unwrap_or_default();
        let time: SystemTime = UNIX_EPOCH + Duration::from_millis(millis);
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(time)
            .settings(settings)
            .build()
            .map_err(|_| SignError)?
            .into();
        let signed = headers
            .iter()
            .filter(|(name, _)| is_signed(name))
            .map(|(name, value)| value.to_str().map(|value| (name.as_str(), value)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| SignError)?;
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).ok_or(SignError)?;
        // The signer wants a whole URL; its host goes unread, since there is a header.
        let url = format!("http://{host}{target}");
        let body = SignableBody::Precomputed(hash);
        let request = SignableRequest::new(method.as_str(), url, signed.into_iter(), body)
            .map_err(|_| SignError)?;
        let output = sign(request, &params).map_err(|_| SignError)?;
        let (instructions, _) = output.into_parts();
        for header in instructions.into_parts().0 {
            let mut value = HeaderValue::from_str(header.value()).map_err(|_| SignError)?;
            let name = HeaderName::from_static(header.name());
            value.set_sensitive(header.sensitive() || name == AUTHORIZATION);
            headers.insert(name, value);
        }
        match headers.contains_key(AUTHORIZATION) {
            true => Ok(()),
            false => Err(SignError),
        }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("access_key_id", &self.credentials.access_key_id())
            .field("region", &self.region)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// What `x-amz-content-sha256` says of chunks that aren't signed.
pub const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

fn is_signed(name: &HeaderName) -> bool {
    let text = name.as_str();
    *name == HOST
        || *name == CONTENT_TYPE
        || *name == RANGE
        || text == "content-md5"
        || text.starts_with("x-amz-")
        || text.starts_with("if-")
}

const S3: &str = "s3";

#[cfg(test)]
mod tests;
