//! What can be wrong with the export of an identity pool or of a user pool's groups.

use std::fmt;

use crate::iam::JsonPath;

/// One thing that is wrong with an export, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolError {
    /// Where in the document.
    pub path: JsonPath,
    /// What.
    pub problem: PoolProblem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolProblem {
    /// Not JSON.
    #[error("not JSON: {0}; give what the AWS CLI prints")]
    Syntax(String),
    /// Longer than allowed.
    #[error("too large; at most {0} are allowed here")]
    TooLarge(usize),
    /// A member twice.
    #[error("given twice; keep one of them")]
    Duplicate,
    /// A member that must be there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// Another type or form.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A role mapping for a user pool without an app client never applies.
    #[error("the key of a user pool's role mapping ends with `:` and the app client's id")]
    MappingWithoutClient,
    /// `Token` for a provider whose claims are not Cognito's own.
    #[error(
        "`Token` is for user pools: what another provider's tokens say of roles is its own choice; use `Rules`"
    )]
    TokenMapping,
}

impl PoolProblem {
    /// A stable code for logs and documentation.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "syntax",
            Self::TooLarge(_) => "too_large",
            Self::Duplicate => "duplicate_member",
            Self::Missing(_) => "missing_member",
            Self::Expected(_) => "unexpected_value",
            Self::MappingWithoutClient => "mapping_without_client",
            Self::TokenMapping => "token_mapping",
        }
    }
}

impl PoolError {
    /// A stable code for logs and documentation.
    pub fn reason(&self) -> &'static str {
        self.problem.reason()
    }
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.steps().is_empty() {
            true => write!(f, "{}", self.problem),
            false => write!(f, "{}: {}", self.path, self.problem),
        }
    }
}

impl std::error::Error for PoolError {}
