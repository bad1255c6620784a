//! HTML forms that put an object (PostObject), as the PutObject that they are.
//!
//! After S3's "Browser-Based Uploads Using POST" (S3 API Reference). The fields become the headers that
//! say the same, so that a form is judged, forwarded and proven like any other upload.

mod policy;

use std::borrow::Cow;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::utf8_percent_encode;

use super::{
    S3Error,
    address::{Address, Bucket, COMPONENT, Key},
    content::{tagging, tagging_encoded},
    xml::write,
};
use crate::{clock::Time, http::Field};

/// A form that puts an object: its fields before the file. `Debug` shows none of their values.
pub struct PostForm {
    bucket: Bucket,
    key: Key,
    /// Whether the host names the bucket.
    hosted: bool,
    /// Names in lower case, each once; without the file.
    fields: Vec<(String, String)>,
}

/// What a form wants to be answered when its object is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostAnswer {
    /// 200, 201 or 204.
    pub status: u16,
    /// The object's address.
    pub location: String,
    redirect: Option<String>,
    bucket: String,
    key: String,
}

impl std::fmt::Debug for PostForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.fields.iter().map(|(name, _)| name).collect();
        f.debug_struct("PostForm")
            .field("key", &self.key)
            .field("fields", &names)
            .finish_non_exhaustive()
    }
}

impl PostForm {
    /// The form with these `fields`, the file last, that was posted to `path`; or to `/`, where the host
    /// names the `bucket`.
    ///
    /// # Errors
    /// What S3 would say of it.
    pub fn of(fields: Vec<Field>, path: &str, bucket: Option<&str>) -> Result<Self, S3Error> {
        let hosted = bucket.is_some();
        let Address::Bucket(bucket) = Address::read(path, bucket)? else {
            return Err(S3Error::MethodNotAllowed);
        };
        let mut filename = None;
        let mut named: Vec<(String, String)> = Vec::new();
        for field in fields {
            let name = field.name.to_ascii_lowercase();
            if name == "file" {
                // A field of that name that is no file has nothing that could be stored.
                filename = Some(field.filename.ok_or(NO_FILE)?);
                continue;
            }
            if field.filename.is_some() {
                return Err(NO_FILE);
            }
            if named.iter().any(|(known, _)| *known == name) {
                return Err(S3Error::InvalidArgument("A field of the form may be given once only"));
            }
            named.push((name, field.value));
        }
        let filename = filename.ok_or(NO_FILE)?;
        // A field may have the name many times, which has to fit where the fields themselves had to.
        let named_in = |value: &str| value.matches(FILENAME).count() * filename.len();
        let whole = named.iter().map(|(_, value)| value.len() + named_in(value));
        if whole.sum::<usize>() > MAX_FIELDS {
            return Err(S3Error::FieldsTooLong);
        }
        for (name, value) in &mut named {
            // What signs is over these as they are.
            if !matches!(name.as_str(), "policy" | "x-amz-signature") {
                *value = value.replace(FILENAME, &filename);
            }
        }
        let key = named.iter().find(|(name, _)| name == "key").map(|(_, value)| value.as_str());
        let key = key.filter(|key| !key.is_empty()).ok_or(S3Error::InvalidArgument(
            "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields.",
        ))?;
        let key = Key::new(key)?;
        if named.iter().any(|(name, value)| name == "bucket" && value != bucket.as_str()) {
            return Err(S3Error::InvalidArgument("The field bucket names another bucket"));
        }
        Ok(Self { bucket, key, hosted, fields: named })
    }

    /// The value of a field, by its name in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Checks the form, with a file of `length` bytes, against the policy that it was signed with.
    ///
    /// # Errors
    /// [`S3Error::PolicyDocument`] if that isn't one; [`S3Error::NotByPolicy`],
    /// [`S3Error::EntityTooLarge`] and [`S3Error::EntityTooSmall`] if it doesn't allow the form.
    pub fn check_policy(&self, now: Time, length: u64) -> Result<(), S3Error> {
        policy::check(self, now, length)
    }

    /// The PutObject that it is: path-style, with what the form says as headers. `received` are the
    /// request's own, of which those stay that say who is asking.
    ///
    /// # Errors
    /// What S3 would say of a field.
    pub fn put(&self, received: &HeaderMap) -> Result<(String, HeaderMap), S3Error> {
        let mut headers = HeaderMap::new();
        for name in ["user-agent", "referer", "traceparent"] {
            if let Some(value) = received.get(name) {
                headers.insert(name, value.clone());
            }
        }
        for (name, value) in &self.fields {
            let Some((name, value)) = header(name, value)? else { continue };
            // What signs for the backend takes ASCII alone, and S3 wants it.
            if !value.is_ascii() {
                return Err(UNUSABLE);
            }
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_invalid| UNUSABLE)?;
            // As whoever gets it reads it (RFC 9110 §5.5), so that it is judged as that too.
            let value = value.trim_matches([' ', '\t']);
            headers.insert(name, HeaderValue::from_str(value).map_err(|_invalid| UNUSABLE)?);
        }
        Ok((self.address().path(), headers))
    }

    /// What is answered when the object is there, at an address that begins with `base`: scheme and
    /// authority.
    pub fn answer(&self, base: &str) -> PostAnswer {
        let redirect = ["success_action_redirect", "redirect"];
        let redirect = redirect.into_iter().find_map(|name| self.field(name));
        // What isn't a page's address is as if it weren't there.
        let page = |url: &&str| {
            url.parse::<::http::Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
            })
        };
        let status = match self.field("success_action_status") {
            Some("200") => 200,
            Some("201") => 201,
            _ => 204,
        };
        let path = self.address().path();
        let path = match path.strip_prefix(&format!("/{}", self.bucket.as_str())) {
            Some(key) if self.hosted => key.to_owned(),
            _ => path,
        };
        PostAnswer {
            status,
            redirect: redirect.filter(page).map(str::to_owned),
            bucket: self.bucket.as_str().to_owned(),
            key: self.key.as_str().to_owned(),
            location: format!("{base}{path}"),
        }
    }

    fn address(&self) -> Address {
        Address::Object(self.bucket.clone(), self.key.clone())
    }
}

impl PostAnswer {
    /// Where the browser goes next: with the object's bucket, key and tag.
    pub fn redirect(&self, etag: &str) -> Option<String> {
        let url = self.redirect.as_ref()?;
        let (url, fragment) = match url.split_once('#') {
            Some((url, fragment)) => (url, format!("#{fragment}")),
            None => (url.as_str(), String::new()),
        };
        let sign = if url.contains('?') { '&' } else { '?' };
        let encode = |text| utf8_percent_encode(text, &COMPONENT);
        let (bucket, key, etag) = (encode(&self.bucket), encode(&self.key), encode(etag));
        Some(format!("{url}{sign}bucket={bucket}&key={key}&etag={etag}{fragment}"))
    }

    /// The body of a 201.
    pub fn xml(&self, etag: &str) -> String {
        let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>".to_owned();
        for (name, value) in [
            ("Location", self.location.as_str()),
            ("Bucket", &self.bucket),
            ("Key", &self.key),
            ("ETag", etag),
        ] {
            write(&mut xml, name, value);
        }
        xml.push_str("</PostResponse>");
        xml
    }
}

/// The header that says what a field does; `None` for a field that says nothing of the object.
fn header<'f>(name: &'f str, value: &'f str) -> Result<Option<(&'f str, Cow<'f, str>)>, S3Error> {
    let as_is = Cow::Borrowed(value);
    Ok(match name {
        "acl" => Some(("x-amz-acl", as_is)),
        "tagging" => {
            let tags = tagging(value.as_bytes())?;
            Some(("x-amz-tagging", tagging_encoded(&tags).into()))
        }
        "cache-control"
        | "content-disposition"
        | "content-encoding"
        | "content-language"
        | "content-md5"
        | "content-type"
        | "expires" => Some((name, as_is)),
        _ if SIGNING.contains(&name) => None,
        _ if name.starts_with("x-amz-") => {
            if !OBJECT.iter().any(|prefix| name.starts_with(prefix)) {
                return Err(S3Error::UnknownHeader(name.into()));
            }
            Some((name, as_is))
        }
        _ => None,
    })
}

/// What stands for the file's name.
const FILENAME: &str = "${filename}";
/// Bytes of all fields before the file: S3's 20 KB.
pub const MAX_FIELDS: usize = 20 << 10;

/// What fields of the object itself begin with.
const OBJECT: [&str; 6] = [
    "x-amz-checksum-",
    "x-amz-meta-",
    "x-amz-object-lock-",
    "x-amz-server-side-encryption",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

/// Fields that sign the form.
const SIGNING: [&str; 5] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-signature",
];

const NO_FILE: S3Error =
    S3Error::InvalidArgument("POST requires exactly one file upload per request.");
const UNUSABLE: S3Error = S3Error::InvalidArgument("A field of the form can't be a header");

#[cfg(test)]
mod tests;
