//! Signing requests to backends.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, RANGE};
use ::http::uri::PathAndQuery;
use ::http::{HeaderMap, HeaderValue, Method};
use arc_swap::{ArcSwapOption, Guard};
use aws_lc_rs::hmac;

use super::canonical::{Scratch, Slash};
use super::parse::{ALGORITHM, Kind, Payload, Signed, Stamp, hex};
use super::{Form, Head, Scope, SigningKey};
use crate::clock::Time;
use crate::http::visible;

/// Signs requests to a backend with its own credentials.
#[derive(Clone)]
pub struct Signer {
    access_key_id: String,
    secret_access_key: String,
    session_token: Result<Option<HeaderValue>, SignError>,
    region: String,
    service: Cow<'static, str>,
    /// The key of the day, which four HMACs make.
    today: Arc<ArcSwapOption<Today>>,
}

type Today = (Scope, SigningKey);

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
    /// A signer with these credentials, for S3. A session token that can't stand in a header signs nothing.
    pub fn new(
        access_key_id: &str,
        secret_access_key: &str,
        session_token: Option<&str>,
        region: &str,
    ) -> Self {
        let session_token = session_token.map(|token| {
            let mut value = HeaderValue::from_str(token).map_err(|_| SignError)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
            session_token: session_token.transpose(),
            region: region.to_owned(),
            service: Cow::Borrowed(S3),
            today: Arc::default(),
        }
    }

    /// The same for another service, as credential scopes name it.
    #[must_use]
    pub fn of_service(self, service: impl Into<Cow<'static, str>>) -> Self {
        Self { service: service.into(), today: Arc::default(), ..self }
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
        let stamp = now.amz_date().ok_or(SignError)?;
        let stated = match payload {
            SignedPayload::Unsigned => HeaderValue::from_static("UNSIGNED-PAYLOAD"),
            SignedPayload::Sha256(hash) => {
                HeaderValue::from_bytes(&hex(hash)).map_err(|_| SignError)?
            }
            SignedPayload::UnsignedTrailer => HeaderValue::from_static(UNSIGNED_TRAILER),
        };
        headers.insert(AMZ_DATE, HeaderValue::from_bytes(&stamp).map_err(|_| SignError)?);
        headers.insert(CONTENT_SHA256, stated.clone());
        if let Some(token) = self.session_token.clone()? {
            headers.insert(SECURITY_TOKEN, token);
        }
        headers.remove(AUTHORIZATION);
        let names = names(headers)?;
        let today = self.today(&stamp)?;
        let (scope, key) = today.as_deref().ok_or(SignError)?;
        // What whoever verifies it will take it to claim.
        let claims = Signed {
            head: Head { method, path: target.path(), query: target.query(), headers },
            access_key_id: Cow::Borrowed(&self.access_key_id),
            session_token: None,
            scope: scope.clone(),
            signed_headers: Cow::Owned(names),
            signature: [0; 32],
            kind: Kind::Header,
            time: now,
            stamp,
            payload: Payload::Unstated,
        };
        let form = if self.service == S3 { Form::S3 } else { Form::Other };
        let signature = SCRATCH.with_borrow_mut(|scratch| {
            // As the path is sent, to the letter.
            let text = claims.text_to_sign(form, Slash::Encoded, stated.as_bytes(), scratch);
            Ok(key.sign(text.map_err(|_| SignError)?))
        })?;
        let mut authorization = self.authorization(scope, &claims.signed_headers, &signature)?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        Ok(())
    }

    fn authorization(
        &self,
        scope: &Scope,
        names: &str,
        signature: &hmac::Tag,
    ) -> Result<HeaderValue, SignError> {
        let signature = hex(signature);
        let parts: [&[u8]; 9] = [
            ALGORITHM.as_bytes(),
            b" Credential=",
            self.access_key_id.as_bytes(),
            b"/",
            scope.as_str().as_bytes(),
            b", SignedHeaders=",
            names.as_bytes(),
            b", Signature=",
            &signature,
        ];
        HeaderValue::from_maybe_shared(bytes::Bytes::from(parts.concat())).map_err(|_| SignError)
    }

    /// The scope and the key of the day of `stamp`.
    fn today(&self, stamp: &Stamp) -> Result<Guard<Option<Arc<Today>>>, SignError> {
        let day = stamp.first_chunk::<8>().ok_or(SignError)?;
        let known = self.today.load();
        if known.as_ref().is_some_and(|today| today.0.date().as_bytes() == day) {
            return Ok(known);
        }
        let day = str::from_utf8(day).map_err(|_| SignError)?;
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let scope = Scope::parse(&scope).ok_or(SignError)?;
        let key = SigningKey::derive(self.secret_access_key.as_bytes(), &scope);
        let today = Arc::new((scope, key));
        self.today.store(Some(Arc::clone(&today)));
        Ok(Guard::from_inner(Some(today)))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("access_key_id", &self.access_key_id)
            .field("region", &self.region)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// The names of the headers to sign, in their order.
fn names(headers: &HeaderMap) -> Result<String, SignError> {
    let mut names: Vec<&str> =
        headers.keys().filter(|name| is_signed(name)).map(HeaderName::as_str).collect();
    let is_text = |name: &&str| headers.get_all(*name).iter().all(|v| visible(v).is_some());
    if !headers.contains_key(HOST) || !names.iter().all(is_text) {
        return Err(SignError);
    }
    names.sort_unstable();
    Ok(names.join(";"))
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

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

const S3: &str = "s3";
const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

#[cfg(test)]
mod tests;
