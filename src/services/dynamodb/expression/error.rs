//! Why an expression isn't read.

/// Why an expression isn't read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::services::dynamodb) enum ExpressionError {
    /// More bytes than an expression may have.
    #[error("the expression has more than 4096 bytes")]
    TooLong,
    /// Parentheses or functions in each other, deeper than is read.
    #[error("the expression is nested too deep")]
    TooDeep,
    /// Something that can't be there.
    #[error("the expression has a syntax error at byte {at}, or is of a form that isn't read")]
    Syntax {
        /// Where, in bytes from its start.
        at: usize,
    },
    /// `((…))`, which DynamoDB refuses as well.
    #[error("the expression has redundant parentheses")]
    RedundantParentheses,
    /// A clause of an update that is there twice.
    #[error("a clause of the update is there twice")]
    RepeatedClause,
    /// `#name` without a name.
    #[error("the attribute name {0} is not defined")]
    UnknownName(Box<str>),
    /// `:value` without a value.
    #[error("the attribute value {0} is not defined")]
    UnknownValue(Box<str>),
    /// A placeholder without its `#` or `:`.
    #[error("{0} can't be a placeholder")]
    Stray(Box<str>),
    /// An equality with what can't be a key.
    #[error("the attribute value {0} can't be a key")]
    NoKey(Box<str>),
    /// An attribute that two parts of a key condition are about.
    #[error("the key condition names an attribute twice")]
    RepeatedKey,
    /// More conditions than a key has attributes.
    #[error("the key condition has more parts than a key can have attributes")]
    TooManyKeys,
}
