//! Bodies on their way up with their checksum behind them: one chunk of `aws-chunked`, and the trailer.
//!
//! One chunk of any size is what the SDK for Go sends too. So the length is known beforehand, and nothing
//! has to be cut or kept.

use ::http::{HeaderMap, HeaderName, HeaderValue, header};
use bytes::Bytes;

use crate::sigv4::Algorithm;

/// A body of so many bytes with a checksum in its trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailed {
    pub(super) algorithm: Algorithm,
    pub(super) length: u64,
}

impl Trailed {
    /// What comes before the body.
    pub(super) fn before(self) -> Bytes {
        match self.length {
            0 => Bytes::new(),
            length => format!("{length:x}\r\n").into(),
        }
    }

    /// What comes behind it, with its checksum in Base64.
    pub(super) fn behind(self, checksum: &str) -> Bytes {
        let end = if self.length == 0 { "" } else { "\r\n" };
        format!("{end}0\r\n{}:{checksum}\r\n\r\n", self.algorithm.header()).into()
    }

    /// How many bytes that is in all.
    pub(super) fn whole(self) -> u64 {
        let checksum = "=".repeat(self.algorithm.length().div_ceil(3) * 4);
        let around = self.before().len() + self.behind(&checksum).len();
        self.length.saturating_add(around as u64)
    }

    /// Makes the headers of the body those of the chunk and its trailer.
    pub(super) fn announce(self, headers: &mut HeaderMap) {
        // As S3's documentation has it, before the coding of the object.
        let mut coding = b"aws-chunked".to_vec();
        for value in headers.get_all(header::CONTENT_ENCODING) {
            coding.push(b',');
            coding.extend_from_slice(value.as_bytes());
        }
        if let Ok(coding) = HeaderValue::try_from(coding) {
            headers.insert(header::CONTENT_ENCODING, coding);
        }
        headers.insert(header::CONTENT_LENGTH, self.whole().into());
        for (name, value) in [
            ("x-amz-decoded-content-length", self.length.into()),
            ("x-amz-trailer", HeaderValue::from_static(self.algorithm.header())),
            ("x-amz-sdk-checksum-algorithm", HeaderValue::from_static(self.algorithm.name())),
        ] {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests;
