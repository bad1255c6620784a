//! Why a request to S3 can't be described, in S3's own codes and words.

use ::http::StatusCode;

use crate::sigv4::BodyError;

/// Why a request to S3 can't be described. `Display` is S3's own message, where it has one
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    /// A part of S3 that isn't served.
    #[error("A header you provided implies functionality that is not implemented")]
    NotImplemented,
    /// An operation or a kind of resource that isn't served, by its name.
    #[error("{0} is not implemented")]
    NotServed(&'static str),
    /// A header that isn't known, by its name.
    #[error("A header you provided implies functionality that is not implemented: {0}")]
    UnknownHeader(Box<str>),
    /// A query parameter that isn't known for the operation, by its name.
    #[error("A query parameter you provided implies functionality that is not implemented: {0}")]
    UnknownSubresource(Box<str>),
    /// The method isn't one of this subresource.
    #[error("The specified method is not allowed against this resource.")]
    MethodNotAllowed,
    /// A path or a query that can't be decoded, or a key that a backend could read as another.
    #[error("Couldn't parse the specified URI.")]
    InvalidUri,
    /// A bucket's name breaks S3's rules.
    #[error("The specified bucket is not valid.")]
    InvalidBucketName,
    /// A key of more than 1024 bytes.
    #[error("Your key is too long")]
    KeyTooLong,
    /// A parameter or header with a value that can't be used.
    #[error("{0}")]
    InvalidArgument(&'static str),
    /// A request that S3 refuses as it is.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// More tags than a resource may have, or one that is none.
    #[error("{0}")]
    InvalidTag(&'static str),
    /// A body that isn't the operation's XML.
    #[error(
        "The XML you provided was not well-formed or did not validate against our published schema"
    )]
    MalformedXml,
    /// A body that must be there and isn't.
    #[error("Request Body is empty")]
    MissingRequestBody,
    /// A body that isn't what was said of it.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A checksum that is none.
    #[error("The {0} you specified was invalid.")]
    InvalidDigest(&'static str),
    /// A form's policy that isn't one.
    #[error("Invalid Policy: {0}.")]
    PolicyDocument(&'static str),
    /// A form that its policy doesn't allow.
    #[error("{0}")]
    NotByPolicy(Box<str>),
    /// The fields of a form are more than may be before its file.
    #[error("Your POST request fields preceding the upload file were too large.")]
    FieldsTooLong,
    /// A form that doesn't say how long it is.
    #[error("You must provide the Content-Length HTTP header.")]
    MissingContentLength,
    /// An object that is smaller than a form's policy allows.
    #[error("Your proposed upload is smaller than the minimum allowed object size.")]
    EntityTooSmall,
    /// An object that is too large.
    #[error("Your proposed upload exceeds the maximum allowed size")]
    EntityTooLarge,
    /// A body that has to be read whole and is larger than that.
    #[error("Your request was too big.")]
    MaxMessageLengthExceeded,
    /// A policy that can't be a bucket's.
    #[error("{0}")]
    MalformedPolicy(Box<str>),
    /// A policy of more than [`super::MAX_POLICY`] bytes.
    #[error("Policy exceeds the maximum allowed document size.")]
    PolicyTooLarge,
    /// There is no policy to tell.
    #[error("The bucket policy does not exist")]
    NoSuchBucketPolicy,
    /// A policy that its own author couldn't change any more, who didn't say that he knows.
    #[error(
        "The policy would take from you the right to put another one: to do so all the same, send x-amz-confirm-remove-self-bucket-access: true"
    )]
    LocksOut,
    /// The bucket isn't that of the account that the caller expects.
    #[error("Access Denied")]
    OtherOwner,
    /// The backend's answer isn't S3's.
    #[error("We encountered an internal error. Please try again.")]
    BackendAnswer,
}

impl S3Error {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotImplemented => "s3_not_implemented",
            Self::NotServed(_) => "s3_not_served",
            Self::UnknownHeader(_) => "s3_unknown_header",
            Self::UnknownSubresource(_) => "s3_unknown_subresource",
            Self::MethodNotAllowed => "s3_method_not_allowed",
            Self::InvalidUri => "s3_invalid_uri",
            Self::InvalidBucketName => "s3_invalid_bucket_name",
            Self::KeyTooLong => "s3_key_too_long",
            Self::InvalidArgument(_) => "s3_invalid_argument",
            Self::InvalidRequest(_) => "s3_invalid_request",
            Self::InvalidTag(_) => "s3_invalid_tag",
            Self::MalformedXml => "s3_malformed_xml",
            Self::MissingRequestBody => "s3_missing_request_body",
            Self::Body(error) => error.reason(),
            Self::InvalidDigest(_) => "s3_invalid_digest",
            Self::PolicyDocument(_) => "s3_policy_document",
            Self::NotByPolicy(_) => "s3_not_by_policy",
            Self::FieldsTooLong => "s3_fields_too_long",
            Self::MissingContentLength => "s3_missing_content_length",
            Self::EntityTooSmall => "s3_entity_too_small",
            Self::EntityTooLarge => "s3_entity_too_large",
            Self::MaxMessageLengthExceeded => "s3_message_too_long",
            Self::MalformedPolicy(_) => "s3_malformed_policy",
            Self::PolicyTooLarge => "s3_policy_too_large",
            Self::NoSuchBucketPolicy => "s3_no_bucket_policy",
            Self::LocksOut => "s3_policy_locks_out",
            Self::OtherOwner => "s3_other_owner",
            Self::BackendAnswer => "s3_backend_answer",
        }
    }

    /// S3's error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotImplemented
            | Self::NotServed(_)
            | Self::UnknownHeader(_)
            | Self::UnknownSubresource(_) => "NotImplemented",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::InvalidUri => "InvalidURI",
            Self::InvalidBucketName => "InvalidBucketName",
            Self::KeyTooLong => "KeyTooLongError",
            Self::InvalidArgument(_) => "InvalidArgument",
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::InvalidTag(_) => "InvalidTag",
            Self::MalformedXml => "MalformedXML",
            Self::MissingRequestBody => "MissingRequestBodyError",
            Self::Body(BodyError::ContentSha256) => "XAmzContentSHA256Mismatch",
            Self::Body(BodyError::Checksum(_)) => "BadDigest",
            Self::Body(BodyError::Signature) => "SignatureDoesNotMatch",
            Self::Body(BodyError::Framing(_)) => "InvalidRequest",
            Self::Body(BodyError::Length) => "IncompleteBody",
            Self::Body(BodyError::Form(_)) => "MalformedPOSTRequest",
            Self::Body(BodyError::Trailer(_)) => "MalformedTrailerError",
            Self::InvalidDigest(_) => "InvalidDigest",
            Self::PolicyDocument(_) => "InvalidPolicyDocument",
            Self::NotByPolicy(_) => "AccessDenied",
            Self::FieldsTooLong => "MaxPostPreDataLengthExceededError",
            Self::MissingContentLength => "MissingContentLength",
            Self::EntityTooSmall => "EntityTooSmall",
            Self::EntityTooLarge => "EntityTooLarge",
            Self::MaxMessageLengthExceeded => "MaxMessageLengthExceeded",
            Self::MalformedPolicy(_) => "MalformedPolicy",
            Self::PolicyTooLarge => "PolicyTooLarge",
            Self::NoSuchBucketPolicy => "NoSuchBucketPolicy",
            Self::LocksOut | Self::OtherOwner => "AccessDenied",
            Self::BackendAnswer => "InternalError",
        }
    }

    /// The status that goes with it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotImplemented
            | Self::NotServed(_)
            | Self::UnknownHeader(_)
            | Self::UnknownSubresource(_) => StatusCode::NOT_IMPLEMENTED,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoSuchBucketPolicy => StatusCode::NOT_FOUND,
            Self::LocksOut
            | Self::OtherOwner
            | Self::NotByPolicy(_)
            | Self::Body(BodyError::Signature) => StatusCode::FORBIDDEN,
            Self::MissingContentLength => StatusCode::LENGTH_REQUIRED,
            Self::BackendAnswer => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
