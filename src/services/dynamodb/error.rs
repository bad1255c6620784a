//! Why a request to DynamoDB can't be described, in DynamoDB's own codes and words.

use super::partiql::PartiqlError;

/// Why a request to DynamoDB can't be described. `Display` is what the caller is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DynamoDbError {
    /// `X-Amz-Target` names no operation, or the request isn't one of this protocol.
    #[error("The requested operation is not recognized by the service.")]
    UnknownOperation,
    /// The body isn't JSON of the shape that the operation has, or can be read in two ways.
    #[error("{0}")]
    Serialization(&'static str),
    /// A member without which nobody can tell what the request is about.
    #[error("{0}")]
    Validation(String),
    /// An ARN of another account, whose own policies would have to allow it as well.
    #[error("{0} is not in this account: no resource-based policy allows it")]
    ForeignArn(Box<str>),
    /// A statement of PartiQL that isn't understood, and so can't be allowed.
    #[error("The statement can't be authorized: {0}")]
    Statement(#[from] PartiqlError),
    /// There is no policy, or not the one that the caller expects.
    #[error("There is no resource-based policy of this resource, or not of the expected revision")]
    PolicyNotFound,
    /// A shard iterator that doesn't say which stream it is of.
    #[error("The shard iterator can't be authorized: it doesn't name its stream")]
    ShardIterator,
}

impl DynamoDbError {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownOperation => "dynamodb_unknown_operation",
            Self::Serialization(_) => "dynamodb_serialization",
            Self::Validation(_) => "dynamodb_validation",
            Self::ForeignArn(_) => "dynamodb_foreign_arn",
            Self::Statement(error) => error.reason(),
            Self::PolicyNotFound => "dynamodb_policy_not_found",
            Self::ShardIterator => "dynamodb_shard_iterator",
        }
    }

    /// The exception that says so.
    pub fn exception(&self) -> &'static str {
        match self {
            Self::UnknownOperation => "com.amazon.coral.service#UnknownOperationException",
            Self::Serialization(_) => "com.amazon.coral.service#SerializationException",
            Self::Validation(_) => "com.amazon.coral.validate#ValidationException",
            Self::PolicyNotFound => "com.amazonaws.dynamodb.v20120810#PolicyNotFoundException",
            Self::ForeignArn(_) | Self::Statement(_) | Self::ShardIterator => ACCESS_DENIED,
        }
    }
}

/// What is answered to whoever may not do something.
pub(super) const ACCESS_DENIED: &str = "com.amazon.coral.service#AccessDeniedException";
