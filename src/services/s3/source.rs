//! `x-amz-copy-source`: what a copy reads.

use super::{
    S3Error,
    address::{Bucket, COMPONENT, KEY, Key, decode, encode},
};

/// The object a copy reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) bucket: Bucket,
    pub(super) key: Key,
    pub(super) version_id: Option<String>,
}

impl Source {
    /// Reads the header: an optional slash, `bucket/key`, an optional `?versionId=`, which is
    /// split off before the rest is decoded once
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>).
    pub(super) fn read(value: &str) -> Result<Self, S3Error> {
        let raw = value.strip_prefix('/').unwrap_or(value);
        let (path, version_id) = match raw.split_once('?') {
            None => (raw, None),
            Some((path, query)) => {
                let version = query.strip_prefix("versionId=").ok_or(INVALID)?;
                (path, Some(check_version(&decode(version)?)?))
            }
        };
        let path = decode(path)?;
        if path.starts_with("arn:") {
            return Err(S3Error::NotServed("A copy from an access point"));
        }
        let (bucket, key) = path.split_once('/').ok_or(INVALID)?;
        if key.is_empty() {
            return Err(INVALID);
        }
        Ok(Self { bucket: Bucket::new(bucket)?, key: Key::new(key)?, version_id })
    }

    /// `bucket/key`: what `s3:x-amz-copy-source` is compared with.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.bucket.as_str(), self.key.as_str())
    }

    /// The header as it goes upstream.
    pub(super) fn encoded(&self) -> String {
        let mut text = format!("{}/{}", self.bucket.as_str(), encode(self.key.as_str(), &KEY));
        if let Some(version) = &self.version_id {
            text.push_str("?versionId=");
            text.push_str(&encode(version, &COMPONENT));
        }
        text
    }
}

/// Checks a version id, which S3 makes and callers only repeat.
pub(super) fn check_version(version_id: &str) -> Result<String, S3Error> {
    if version_id.is_empty() {
        return Err(S3Error::InvalidArgument("Version id cannot be the empty string"));
    }
    if version_id.len() > MAX_VERSION || !version_id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(S3Error::InvalidArgument("Invalid version id specified"));
    }
    Ok(version_id.to_owned())
}

const INVALID: S3Error = S3Error::InvalidArgument(
    "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
);

/// The longest version id, in bytes.
const MAX_VERSION: usize = 1024;

#[cfg(test)]
mod tests;
