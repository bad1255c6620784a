//! Why a signature is refused.

/// Why a signature is refused. Messages never quote the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// The `Authorization` header isn't `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
    #[error("the authorization header is malformed; {0}")]
    MalformedHeader(&'static str),
    /// A presigned query lacks a parameter, has one twice, or has one that can't be read.
    #[error("the query of the presigned request is malformed; {0}")]
    MalformedQuery(&'static str),
    /// A form lacks a field of its signature, or has one that can't be read.
    #[error("the signature of the form is malformed; {0}")]
    MalformedForm(&'static str),
    /// One signature in the header, and one in the query.
    #[error("the request is signed in its header and in its query; sign it once")]
    SignedTwice,
    /// Another algorithm, Signature Version 4A among them.
    #[error(
        "the signing algorithm isn't supported, nor is Signature Version 4A; sign with AWS4-HMAC-SHA256"
    )]
    UnsupportedAlgorithm,
    /// Neither `X-Amz-Date` nor `Date` tells when it was signed.
    #[error("the request doesn't say when it was signed; send X-Amz-Date")]
    MissingDate,
    /// The scope's date isn't that of the signature.
    #[error("the date in the credential scope differs from the date of the signature")]
    ScopeDate,
    /// Signed more than 15 minutes from now.
    #[error("the difference between the request time and the current time is too large")]
    TimeSkewed,
    /// A presigned request from the future.
    #[error("the request is not valid yet")]
    PresignedNotYet,
    /// A presigned request whose time is over.
    #[error("the request has expired")]
    PresignedExpired,
    /// `X-Amz-Expires` is not 1 to 604800 seconds.
    #[error("X-Amz-Expires must be from 1 to 604800 seconds")]
    ExpiresOutOfRange,
    /// `host`, or an `x-amz-*` header that is there, isn't signed.
    #[error("there were headers present in the request which were not signed")]
    HeadersNotSigned,
    /// A header that was signed isn't there.
    #[error("a header that was signed is not in the request")]
    SignedHeaderMissing,
    /// S3 demands `x-amz-content-sha256` with a signed header.
    #[error("missing required header for this request: x-amz-content-sha256")]
    MissingContentSha256,
    /// `x-amz-content-sha256` is none of its forms.
    #[error(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a SHA-256 in hex, or a form of chunked payload"
    )]
    ContentSha256,
    /// The body isn't what `x-amz-content-sha256` says.
    #[error("the provided x-amz-content-sha256 header does not match what was computed")]
    ContentSha256Mismatch,
    /// A form of chunks that isn't S3's, or not one that such a request may have.
    #[error(
        "this form of chunked payload (STREAMING-…) is not supported here; send the payload's SHA-256 or none"
    )]
    StreamingPayload,
    /// Chunks, and not how many bytes are in them.
    #[error("a chunked payload needs x-amz-decoded-content-length, the number of bytes in it")]
    DecodedLength,
    /// A trailer that was announced is none of S3's checksums, or there is one too many or too few.
    #[error("the value specified in the x-amz-trailer header is not supported")]
    Trailer,
    /// The signature isn't the one that the secret makes.
    #[error(
        "the request signature we calculated does not match the signature you provided; check your key and signing method"
    )]
    Mismatch,
}

impl SigV4Error {
    /// A stable code for metrics and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::MalformedHeader(_) => "signature_malformed",
            Self::MalformedQuery(_) => "presigned_malformed",
            Self::MalformedForm(_) => "form_signature_malformed",
            Self::SignedTwice => "several_credentials",
            Self::UnsupportedAlgorithm => "signature_algorithm",
            Self::MissingDate => "signature_date_missing",
            Self::ScopeDate => "signature_scope_date",
            Self::TimeSkewed => "request_time_skewed",
            Self::PresignedNotYet => "presigned_not_yet",
            Self::PresignedExpired => "presigned_expired",
            Self::ExpiresOutOfRange => "presigned_expires",
            Self::HeadersNotSigned => "headers_not_signed",
            Self::SignedHeaderMissing => "signed_header_missing",
            Self::MissingContentSha256 => "content_sha256_missing",
            Self::ContentSha256 => "content_sha256_malformed",
            Self::ContentSha256Mismatch => "body_digest_mismatch",
            Self::StreamingPayload => "streaming_payload",
            Self::DecodedLength => "decoded_length_missing",
            Self::Trailer => "trailer_unsupported",
            Self::Mismatch => "signature_mismatch",
        }
    }
}
