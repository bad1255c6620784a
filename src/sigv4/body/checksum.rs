//! The checksums that S3 knows, computed piece by piece.

use aws_lc_rs::digest;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};

/// An algorithm that a checksum of S3 may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// CRC-32 of ISO-HDLC.
    Crc32,
    /// CRC-32C.
    Crc32c,
    /// CRC-64 of NVMe.
    Crc64Nvme,
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// A checksum that is being computed.
pub struct Hasher(State);

enum State {
    /// And how many bytes it has.
    Crc(Box<crc_fast::Digest>, usize),
    Md5(Box<Md5>),
    Sha(Box<digest::Context>),
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
    ];

    /// That of the header `name`, in lower case.
    pub fn of_header(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.header() == name)
    }

    /// The header, or the trailer, that such a checksum is sent in.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Md5 => "x-amz-checksum-md5",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
            Self::Sha512 => "x-amz-checksum-sha512",
        }
    }

    /// Its name in S3's messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    /// How many bytes such a checksum has.
    pub fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// Begins to compute one.
    pub fn hasher(self) -> Hasher {
        let crc = |algorithm| State::Crc(Box::new(crc_fast::Digest::new(algorithm)), self.length());
        let sha = |algorithm| State::Sha(Box::new(digest::Context::new(algorithm)));
        Hasher(match self {
            Self::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            Self::Md5 => State::Md5(Box::default()),
            Self::Sha1 => sha(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => sha(&digest::SHA256),
            Self::Sha512 => sha(&digest::SHA512),
        })
    }
}

impl Hasher {
    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Crc(crc, _) => crc.update(bytes),
            State::Md5(md5) => md5.update(bytes),
            State::Sha(sha) => sha.update(bytes),
        }
    }

    /// The checksum of what it has taken so far.
    pub fn finish(&self) -> Vec<u8> {
        match &self.0 {
            State::Crc(crc, bytes) => {
                let big_endian = crc.finalize().to_be_bytes();
                big_endian.into_iter().skip(8 - bytes).collect()
            }
            State::Md5(md5) => md5.clone().finalize().to_vec(),
            State::Sha(sha) => sha.as_ref().clone().finish().as_ref().to_vec(),
        }
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher").finish_non_exhaustive()
    }
}
