//! Temporary credentials: with which keys they are made, and with which backends are called.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::map::Map;
use super::problem::At;
use super::reach::Domain;
use super::read::{Section, section};
use super::route::{Route, Service};
use super::secret::{Secret, read_file, read_variable};
use super::value::{AccessKeyId, KeyId, Region, Span, VariableName};

/// How temporary credentials are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The first seals, all open.
    pub keys: Vec<CredentialKey>,
    /// How long credentials of an identity last.
    pub duration: Duration,
    /// The PEM of the RSA key that signs the identity pools' own tokens.
    pub token_key: Option<At<Secret>>,
}

/// A key that temporary credentials are sealed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialKey {
    /// Its name, which stands in what it sealed.
    pub id: String,
    /// Its 32 bytes.
    pub key: Secret,
}

/// How S3's requests name buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3 {
    /// Hosts of which the names below are buckets, in lower case.
    pub domains: Vec<String>,
}

/// Credentials that upstream requests are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// The access key id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
    /// The session token, of temporary ones.
    pub session_token: Option<Secret>,
    /// The region, if it isn't that of `aws`.
    pub region: Option<String>,
}

impl Section for Credentials {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let doc = "Keys that credentials are sealed with. The first seals, all open.";
        let keys: Option<Vec<CredentialKey>> = map.some("keys", doc);
        let doc = "How long credentials of an identity last.";
        let duration = map.bounded("duration", "1h", ["1s", "12h"], doc);
        let doc = "The RSA key (PEM) that signs the pools' own tokens: GetOpenIdToken needs it.";
        let token_key = map.optional("token_key", doc);
        let (keys, Span(duration)) = (keys?, duration?);
        for (index, key) in keys.iter().enumerate() {
            if keys.iter().take(index).any(|earlier| earlier.id == key.id) {
                map.error(Some("keys"), format!("two keys have the id `{}`", key.id));
                return None;
            }
        }
        Some(Self { keys, duration, token_key: token_key? })
    }
}

impl Section for CredentialKey {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let id = map.required("id", "Its name, which stands in what it sealed.");
        let doc = "A file that holds the key: 32 bytes in base64.";
        let file = map.optional::<PathBuf>("file", doc);
        let doc = "An environment variable that holds it.";
        let env = map.optional::<VariableName>("env", doc);
        let KeyId(id) = id?;
        let (name, text) = match (file?, env?) {
            (Some(file), None) => ("file", read_file(&file)),
            (None, Some(VariableName(name))) => ("env", read_variable(map, &name)),
            _ => {
                map.error(None, "must have exactly one of `file` and `env`");
                return None;
            }
        };
        match text.and_then(|text| key(&text)) {
            Ok(key) => Some(Self { id, key }),
            Err(message) => {
                map.error(Some(name), message);
                None
            }
        }
    }
}

impl Section for S3 {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let doc =
            "Hosts below which the names are buckets: `s3.localhost` for BUCKET.s3.localhost.";
        let domains = map.list::<Domain>("domains", doc);
        Some(Self { domains: domains?.into_iter().map(|Domain(domain)| domain).collect() })
    }
}

impl S3 {
    /// Domains are of use to a route of S3 only, and take what is below them from every other.
    pub(super) fn check(&self, map: &mut Map<'_, '_>, routes: &[Route]) {
        let of_s3 = |route: &Route| route.service == Service::S3;
        if !self.domains.is_empty() && !routes.iter().any(of_s3) {
            map.warning(Some("s3"), "there is no route of `service: s3` for these domains");
        }
        let below = |host: &str, domain: &str| {
            host.strip_suffix(domain).is_some_and(|name| name.is_empty() || name.ends_with('.'))
        };
        for route in routes.iter().filter(|route| !of_s3(route)) {
            let host = route.r#match.as_ref().and_then(|matching| matching.host.as_deref());
            let domain =
                host.and_then(|host| self.domains.iter().find(|domain| below(host, domain)));
            if let (Some(host), Some(domain)) = (host, domain) {
                let name = &route.name;
                let message = format!("{host} of route `{name}` is a bucket's below {domain}");
                map.error(Some("s3"), message);
            }
        }
    }
}

impl Section for Sign {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let id = map.required("access_key_id", "The access key id.");
        let secret = map.required("secret_access_key", "Its secret.");
        let token = map.optional("session_token", "The session token of temporary credentials.");
        let region = map.optional("region", "The region, if it isn't the one of `aws`.");
        let AccessKeyId(access_key_id) = id?;
        Some(Self {
            access_key_id,
            secret_access_key: secret?,
            session_token: token?,
            region: region?.map(|Region(region)| region),
        })
    }
}

section!(Credentials, CredentialKey, S3, Sign);

/// The 32 bytes that `text` is the base64 of.
fn key(text: &[u8]) -> Result<Secret, String> {
    let wrong = || "must be 32 bytes in base64, as `openssl rand -base64 32` prints".to_owned();
    let bytes = STANDARD.decode(text.trim_ascii()).map_err(|_| wrong())?;
    match bytes.len() {
        32 => Ok(Secret::exactly(bytes)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests;
