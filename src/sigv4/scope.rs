//! The scope of a signature: day, region and service.

use std::fmt;

/// `yyyymmdd/region/service/aws4_request`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    text: Box<str>,
    region: u8,
    service: u8,
}

impl Scope {
    /// Splits `access key id/scope`; `None` if it isn't that.
    pub(super) fn of_credential(credential: &str) -> Option<(&str, Self)> {
        // The access key comes first and has no slash; what has more parts is no scope.
        let (key, scope) = credential.split_once('/')?;
        let key_fits = (1..=MAX_KEY).contains(&key.len())
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        key_fits.then(|| Self::parse(scope)).flatten().map(|scope| (key, scope))
    }

    /// Reads `yyyymmdd/region/service/aws4_request`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (date, region, service) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next() != Some("aws4_request") || parts.next().is_some() {
            return None;
        }
        let name = |text: &str| {
            (1..=MAX_NAME).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let dated = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
        if !dated || !name(region) || !name(service) {
            return None;
        }
        let (region, service) = (region.len(), service.len());
        Some(Self {
            text: text.into(),
            region: u8::try_from(region).ok()?,
            service: u8::try_from(service).ok()?,
        })
    }

    /// The day, `yyyymmdd`.
    pub fn date(&self) -> &str {
        self.text.get(..8).unwrap_or_default()
    }

    /// The region.
    pub fn region(&self) -> &str {
        self.text.get(9..9 + usize::from(self.region)).unwrap_or_default()
    }

    /// The service.
    pub fn service(&self) -> &str {
        let start = 10 + usize::from(self.region);
        self.text.get(start..start + usize::from(self.service)).unwrap_or_default()
    }

    /// The whole scope.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.text)
    }
}

/// The longest access key id, `AccessKeyIdType` of the IAM API.
const MAX_KEY: usize = 128;
const MAX_NAME: usize = 64;
