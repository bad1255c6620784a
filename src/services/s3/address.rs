//! Buckets, keys and what of them is refused; decoding once and encoding anew.
//!
//! A key is decoded exactly once and authorized as those bytes. S3 takes almost any key; stand-ins
//! that keep objects in files, and HTTP stacks on the way to them, resolve dot segments, collapse
//! slashes and turn backslashes. A key that such a program could read as another one is refused.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::S3Error;

/// A bucket's name that keeps S3's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bucket(Box<str>);

/// An object's key that means the same to every program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(Box<str>);

/// What a path addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// `/`: the service.
    Service,
    /// A bucket.
    Bucket(Bucket),
    /// An object, there or not.
    Object(Bucket, Key),
}

impl Bucket {
    /// Checks a name
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
    pub(super) fn new(name: &str) -> Result<Self, S3Error> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = name.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        if !(3..=63).contains(&name.len())
            || !bytes.iter().all(|&b| plain(b) || b == b'.' || b == b'-')
            || !ends.into_iter().flatten().all(|&b| plain(b))
            || name.contains("..")
            || name.parse::<std::net::Ipv4Addr>().is_ok()
        {
            return Err(S3Error::InvalidBucketName);
        }
        // These aren't buckets, and policies name them by other ARNs.
        match name {
            _ if name.ends_with("--x-s3") => Err(S3Error::NotServed("A directory bucket")),
            _ if name.ends_with("-s3alias") || name.ends_with("--ol-s3") => {
                Err(S3Error::NotServed("An access point"))
            }
            _ => Ok(Self(name.into())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Key {
    /// Checks a decoded key.
    pub(super) fn new(key: &str) -> Result<Self, S3Error> {
        if key.len() > MAX_KEY {
            return Err(S3Error::KeyTooLong);
        }
        let mut segments = key.split('/').peekable();
        while let Some(segment) = segments.next() {
            // An empty last segment is the slash of a folder marker.
            let empty = segment.is_empty() && (segments.peek().is_some() || key == "/");
            if empty || segment == "." || segment == ".." {
                return Err(S3Error::InvalidUri);
            }
        }
        if key.is_empty() || key.chars().any(is_refused) {
            return Err(S3Error::InvalidUri);
        }
        Ok(Self(key.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Address {
    /// Reads a raw path, path-style or, where the host names a `bucket`, all key.
    pub(super) fn read(path: &str, bucket: Option<&str>) -> Result<Self, S3Error> {
        let rest = path.strip_prefix('/').ok_or(S3Error::InvalidUri)?;
        let (bucket, key) = match bucket {
            Some(bucket) => (Cow::Borrowed(bucket), rest),
            None if rest.is_empty() => return Ok(Self::Service),
            None => {
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                (decode(bucket)?, key)
            }
        };
        let bucket = Bucket::new(&bucket)?;
        if key.is_empty() {
            return Ok(Self::Bucket(bucket));
        }
        Ok(Self::Object(bucket, Key::new(&decode(key)?)?))
    }

    pub(super) fn bucket(&self) -> Option<&Bucket> {
        match self {
            Self::Service => None,
            Self::Bucket(bucket) | Self::Object(bucket, _) => Some(bucket),
        }
    }

    /// The path that addresses it, path-style.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Service => "/".to_owned(),
            Self::Bucket(bucket) => format!("/{}", bucket.as_str()),
            Self::Object(bucket, key) => {
                format!("/{}/{}", bucket.as_str(), encode(key.as_str(), &KEY))
            }
        }
    }
}

/// Checks the prefix of a listing: it may end anywhere, but must not lead out of the bucket or be
/// read as another one (s3s-fs removes leading slashes).
pub(super) fn check_prefix(prefix: &str) -> Result<(), S3Error> {
    let (folders, last) = prefix.rsplit_once('/').unwrap_or(("", prefix));
    let folder = |segment: &str| segment.is_empty() || segment == "." || segment == "..";
    let led_out = prefix.contains('/') && folders.split('/').any(folder);
    if led_out || last == ".." || prefix.chars().any(is_refused) {
        return Err(S3Error::InvalidUri);
    }
    Ok(())
}

/// Decodes percent-escapes once. `+` stays what it is.
pub(super) fn decode(raw: &str) -> Result<Cow<'_, str>, S3Error> {
    let escapes = raw.split('%').skip(1).all(|after| {
        matches!(after.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    });
    if !escapes {
        return Err(S3Error::InvalidUri);
    }
    percent_decode_str(raw).decode_utf8().map_err(|_invalid| S3Error::InvalidUri)
}

/// Percent-encodes everything in `set`.
pub(super) fn encode(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

fn is_refused(c: char) -> bool {
    c.is_control() || c == '\\'
}

/// All but RFC 3986's unreserved characters.
pub(super) const COMPONENT: AsciiSet =
    NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// In keys, slashes stay.
pub(super) const KEY: AsciiSet = COMPONENT.remove(b'/');

/// The longest key, in bytes of UTF-8.
const MAX_KEY: usize = 1024;

#[cfg(test)]
mod tests;
