//! A query: decoded once, each name once.

use ::http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    S3Error,
    address::{COMPONENT, decode, encode},
};

/// The parameters of a request that go upstream, and the headers among them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// In the request's order; `?acl` has no value, `?acl=` an empty one.
    pairs: Vec<(String, Option<String>)>,
    /// Headers that a presigned URL carries as parameters: S3 reads `X-Amz-*` from either.
    pub(super) headers: HeaderMap,
}

impl Query {
    /// Reads a raw query. Parameters that only sign or name the operation (`x-id`) are left out.
    pub(super) fn read(raw: &str) -> Result<Self, S3Error> {
        let mut query = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = match pair.split_once('=') {
                Some((name, value)) => (form(name)?, Some(form(value)?)),
                None => (form(pair)?, None),
            };
            if seen.contains(&name) || seen.len() == MAX_PARAMETERS {
                return Err(REPEATED);
            }
            seen.push(name.clone());
            query.take(name, value)?;
        }
        Ok(query)
    }

    fn take(&mut self, name: String, value: Option<String>) -> Result<(), S3Error> {
        let lower = name.to_ascii_lowercase();
        if name == "x-id" || SIGNING.contains(&lower.as_str()) {
            return Ok(());
        }
        if !lower.starts_with("x-amz-") {
            self.pairs.push((name, value));
            return Ok(());
        }
        let unusable = S3Error::InvalidArgument("A header in the query can't be used");
        let header =
            HeaderName::from_bytes(lower.as_bytes()).map_err(|_invalid| unusable.clone())?;
        let value = value.unwrap_or_default();
        // As whoever gets it reads it (RFC 9110 §5.5), so that it is judged as that too.
        let value = value.trim_matches([' ', '\t']);
        let value = HeaderValue::from_str(value).map_err(|_invalid| unusable)?;
        // Names that differ in case alone are one header.
        match self.headers.insert(header, value) {
            None => Ok(()),
            Some(_) => Err(REPEATED),
        }
    }

    /// The names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a parameter is there, with or without a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// A parameter's value; that of `?acl` is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_deref().unwrap_or_default())
    }

    /// Takes the values of flags: `?acl=` is `?acl`.
    pub(super) fn plain_flags(&mut self, flags: impl Iterator<Item = &'static str>) {
        for flag in flags {
            for (name, value) in &mut self.pairs {
                if name == flag {
                    *value = None;
                }
            }
        }
    }

    /// The query as it goes upstream, with its `?`; empty if there are no parameters.
    pub(super) fn encoded(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.pairs {
            text.push(if text.is_empty() { '?' } else { '&' });
            text.push_str(&encode(name, &COMPONENT));
            if let Some(value) = value {
                text.push('=');
                text.push_str(&encode(value, &COMPONENT));
            }
        }
        text
    }
}

/// In a query `+` is a space, as in forms. NUL ends a string to some programs.
pub(super) fn form(text: &str) -> Result<String, S3Error> {
    // Spaces before escapes, so that %2B stays a plus.
    let decoded = decode(&text.replace('+', " "))?.into_owned();
    if decoded.contains('\0') {
        return Err(S3Error::InvalidUri);
    }
    Ok(decoded)
}

/// Parameters of a presigned URL that are spent here.
const SIGNING: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// More than any operation has.
const MAX_PARAMETERS: usize = 64;

/// Two parsers could each take another one.
const REPEATED: S3Error = S3Error::InvalidArgument("A query parameter may be given once only");

#[cfg(test)]
mod tests;
