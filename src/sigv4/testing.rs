//! Requests as callers send them, and the signer of the AWS SDKs to sign them with.

use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

use super::{Form, Head, Scratch, SigV4Error, Signed, SigningKey, parse::hex, sha256};
use crate::clock::Time;

/// The key of AWS's examples.
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// 2013-05-24T00:00:00Z, the time of S3's examples.
pub(crate) const NOW: Time = Time::from_secs(1_369_353_600);

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
}

impl Sent {
    /// A request without headers.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let method = method.parse().unwrap();
        Self { method, target: target.to_owned(), headers: HeaderMap::new() }
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    /// The same with this header instead of others of that name.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.headers.remove(name);
        self.with(name, value)
    }

    /// The same without this header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// The same with this target.
    pub(crate) fn to(self, target: &str) -> Self {
        Self { target: target.to_owned(), ..self }
    }

    /// The same with `from` replaced by `to` in the target.
    pub(crate) fn retarget(self, from: &str, to: &str) -> Self {
        assert!(self.target.contains(from), "{from} in {}", self.target);
        let target = self.target.replacen(from, to, 1);
        self.to(&target)
    }

    /// The same with `from` replaced by `to` in `Authorization`.
    pub(crate) fn resigned(self, from: &str, to: &str) -> Self {
        let text = self.authorization().to_owned();
        assert!(text.contains(from), "{from} in {text}");
        self.set("authorization", &text.replacen(from, to, 1))
    }

    /// What `Authorization` says.
    pub(crate) fn authorization(&self) -> &str {
        self.headers["authorization"].to_str().unwrap()
    }

    /// The raw path and query.
    pub(crate) fn parts(&self) -> (&str, Option<&str>) {
        match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&self.target, None),
        }
    }

    /// The head as it is verified.
    pub(crate) fn head(&self) -> Head<'_> {
        let (path, query) = self.parts();
        Head { method: &self.method, path, query, headers: &self.headers }
    }

    /// Reads and proves the signature with the key that the secret and the claimed scope come to,
    /// as the gate does it.
    pub(crate) fn verify(&self, secret: &str, form: Form, body: &[u8]) -> Result<(), SigV4Error> {
        let signed = Signed::parse(self.head())?.expect("it is signed");
        let key = SigningKey::derive(secret.as_bytes(), signed.scope());
        let hash = (form == Form::Other).then(|| sha256(body));
        signed.verify(&key, form, hash.as_ref(), &mut Scratch::default())
    }

    /// Whether its time is right.
    pub(crate) fn check_time(&self, now: Time) -> Result<(), SigV4Error> {
        Signed::parse(self.head())?.expect("it is signed").check_time(now)
    }
}

/// The SDKs' signer, with its settings.
#[derive(Clone, Debug)]
pub(crate) struct Sdk<'a> {
    /// S3, or another service.
    pub(crate) form: Form,
    pub(crate) service: &'a str,
    /// Access key id and secret.
    pub(crate) key: (&'a str, &'a str),
    /// In the query and for how many seconds, else in the headers.
    pub(crate) presigned: Option<u64>,
    pub(crate) token: Option<&'a str>,
    /// The body; none is an unsigned payload.
    pub(crate) body: Option<&'a [u8]>,
    pub(crate) time: Time,
}

impl Sdk<'_> {
    /// S3's, in the headers, of an empty body.
    pub(crate) fn s3() -> Self {
        Self {
            form: Form::S3,
            service: "s3",
            key: (ACCESS_KEY_ID, SECRET),
            presigned: None,
            token: None,
            body: Some(b""),
            time: NOW,
        }
    }

    /// Another service's.
    pub(crate) fn other() -> Self {
        Self { form: Form::Other, service: "dynamodb", ..Self::s3() }
    }

    /// S3's, in the query.
    pub(crate) fn presigned(seconds: u64) -> Self {
        Self { presigned: Some(seconds), body: None, ..Self::s3() }
    }

    /// Signs `sent` as it is.
    pub(crate) fn sign(&self, sent: &Sent) -> Sent {
        let mut settings = SigningSettings::default();
        if self.form == Form::S3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        if let Some(seconds) = self.presigned {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(seconds));
        }
        let token = self.token.map(str::to_owned);
        let identity = Credentials::new(self.key.0, self.key.1, token, None, "test").into();
        let time = Duration::from_millis(u64::try_from(self.time.millis()).unwrap());
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(self.service)
            .time(SystemTime::UNIX_EPOCH + time)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let host = sent.headers["host"].to_str().unwrap();
        let url = format!("https://{host}{}", sent.target);
        let headers = sent
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), std::str::from_utf8(value.as_bytes()).unwrap()));
        let body = self.body.map_or(SignableBody::UnsignedPayload, SignableBody::Bytes);
        let request = SignableRequest::new(sent.method.as_str(), &url, headers, body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let mut signed = Request::builder().uri(&url).body(()).unwrap();
        *signed.headers_mut() = sent.headers.clone();
        instructions.apply_to_request_http1x(&mut signed);
        Sent {
            method: sent.method.clone(),
            target: signed.uri().path_and_query().unwrap().to_string(),
            headers: signed.headers().clone(),
        }
    }
}

/// A request to sign.
pub(crate) fn get(target: &str) -> Sent {
    Sent::new("GET", target).with("host", "examplebucket.s3.amazonaws.com")
}

/// A hash in hexadecimal digits.
pub(crate) fn hex_text(hash: &[u8; 32]) -> String {
    hex(hash).iter().map(|byte| char::from(*byte)).collect()
}
