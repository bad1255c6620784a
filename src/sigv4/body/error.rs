//! Why a body isn't what it has to be.

/// Why a body isn't what it has to be. `Display` is S3's own message, where it has one; none quotes the
/// body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It isn't of the SHA-256 that `x-amz-content-sha256` says.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    ContentSha256,
    /// A checksum, by its name, isn't the body's.
    #[error("The {0} you specified did not match what we received.")]
    Checksum(&'static str),
    /// A chunk's signature, or the trailer's, isn't the one that the secret makes.
    #[error(
        "The signature of a chunk or of the trailer does not match the one we calculated. Check your key and signing method."
    )]
    Signature,
    /// It isn't in the form of chunks.
    #[error("The body is not well-formed aws-chunked: {0}.")]
    Framing(&'static str),
    /// It ended early, or has more or fewer bytes than `x-amz-decoded-content-length` says.
    #[error("The body does not have the number of bytes that x-amz-decoded-content-length says.")]
    Length,
    /// It isn't a form that puts one file.
    #[error("The body of your POST request is not well-formed multipart/form-data: {0}.")]
    Form(&'static str),
    /// What follows the chunks isn't the trailer that was announced.
    #[error("The trailer is not well-formed or not the one that was announced: {0}.")]
    Trailer(&'static str),
}

impl BodyError {
    /// A stable code for metrics and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::ContentSha256 => "body_digest_mismatch",
            Self::Checksum(_) => "s3_bad_digest",
            Self::Signature => "chunk_signature_mismatch",
            Self::Framing(_) => "chunks_malformed",
            Self::Length => "decoded_length_mismatch",
            Self::Form(_) => "form_malformed",
            Self::Trailer(_) => "trailer_malformed",
        }
    }
}
