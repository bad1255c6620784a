//! Bodies in chunks, as the SDKs make them.

use aws_lc_rs::{
    digest,
    hmac::{HMAC_SHA256, Key, sign},
};
use crc_fast::{CrcAlgorithm, checksum};

use super::client::{Caller, Payload, Request, base64, sha256};

pub(crate) const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
pub(crate) const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
pub(crate) const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
pub(crate) const FORMS: [&str; 3] = [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER];

/// An upload in one of the forms of chunks.
#[derive(Clone)]
pub(crate) struct Upload<'u> {
    pub(crate) form: &'u str,
    pub(crate) target: &'u str,
    pub(crate) method: &'u str,
    pub(crate) body: &'u [u8],
    /// Bytes of a chunk.
    pub(crate) chunk: usize,
    /// The checksum of the trailer.
    pub(crate) checksum: &'u str,
    pub(crate) headers: Vec<(&'u str, &'u str)>,
}

impl<'u> Upload<'u> {
    pub(crate) fn new(form: &'u str, body: &'u [u8]) -> Self {
        Self {
            form,
            target: "/files/own/x",
            method: "PUT",
            body,
            chunk: 64 << 10,
            checksum: "crc32",
            headers: vec![("content-encoding", "aws-chunked")],
        }
    }

    /// Head and body, as `caller` sends them. `length` is what is said to be in the chunks.
    pub(crate) fn signed(&self, caller: &Caller, length: usize) -> (String, Vec<u8>) {
        let (length, trailer) = (length.to_string(), format!("x-amz-checksum-{}", self.checksum));
        let mut request = Request::new(self.method, self.target);
        request.payload = Payload::Said(self.form);
        request.headers.clone_from(&self.headers);
        request = request.with("x-amz-decoded-content-length", &length);
        if self.form != SIGNED {
            request = request.with("x-amz-trailer", &trailer);
        }
        let head = caller.head(&request);
        let mut chain = Chain::of(caller, &head);
        let signed = self.form != UNSIGNED_TRAILER;
        let mut body = Vec::new();
        for chunk in self.body.chunks(self.chunk).chain([&b""[..]]) {
            body.extend_from_slice(format!("{:x}", chunk.len()).as_bytes());
            if signed {
                body.extend_from_slice(b";chunk-signature=");
                body.extend_from_slice(chain.chunk(chunk).as_bytes());
            }
            body.extend_from_slice(b"\r\n");
            body.extend_from_slice(chunk);
            if !chunk.is_empty() {
                body.extend_from_slice(b"\r\n");
            }
        }
        if self.form != SIGNED {
            let line = format!("{trailer}:{}", sum(self.checksum, self.body));
            body.extend_from_slice(format!("{line}\r\n").as_bytes());
            if signed {
                let signature = chain.trailer(&line);
                body.extend_from_slice(
                    format!("x-amz-trailer-signature:{signature}\r\n").as_bytes(),
                );
            }
        }
        body.extend_from_slice(b"\r\n");
        (format!("{head}content-length: {}\r\n\r\n", body.len()), body)
    }
}

/// A checksum as headers and trailers have it.
pub(crate) fn sum(name: &str, body: &[u8]) -> String {
    let crc = |algorithm| checksum(algorithm, body);
    let sha = |algorithm| digest::digest(algorithm, body).as_ref().to_vec();
    let four = |crc: u64| u32::try_from(crc).unwrap().to_be_bytes().to_vec();
    base64(&match name {
        "crc32" => four(crc(CrcAlgorithm::Crc32IsoHdlc)),
        "crc32c" => four(crc(CrcAlgorithm::Crc32Iscsi)),
        "crc64nvme" => crc(CrcAlgorithm::Crc64Nvme).to_be_bytes().to_vec(),
        "sha1" => sha(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        "sha256" => sha(&digest::SHA256),
        other => panic!("{other}"),
    })
}

/// The signatures of chunks, by the caller's secret.
struct Chain {
    key: Vec<u8>,
    /// What every text to sign has: time and scope.
    at: String,
    previous: String,
}

impl Chain {
    fn of(caller: &Caller, head: &str) -> Self {
        let after = |mark: &str, end: char| {
            let (_, rest) = head.split_once(mark).unwrap();
            rest.split(end).next().unwrap().trim().to_owned()
        };
        let scope = after(&format!("{}/", caller.access_key_id), ',');
        let date = after("x-amz-date: ", '\r');
        let start = format!("AWS4{}", caller.secret).into_bytes();
        let key = scope.split('/').fold(start, |key, part| mac(&key, part));
        Self { key, at: format!("{date}\n{scope}"), previous: after("Signature=", '\r') }
    }

    fn chunk(&mut self, chunk: &[u8]) -> String {
        let (nothing, hash) = (sha256(b""), sha256(chunk));
        self.next(&format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{nothing}\n{hash}",
            self.at, self.previous
        ))
    }

    fn trailer(&mut self, line: &str) -> String {
        let hash = sha256(format!("{line}\n").as_bytes());
        self.next(&format!("AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{hash}", self.at, self.previous))
    }

    fn next(&mut self, text: &str) -> String {
        self.previous = mac(&self.key, text).iter().map(|byte| format!("{byte:02x}")).collect();
        self.previous.clone()
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}
