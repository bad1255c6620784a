//! What is wrong with a policy document, where, and what to write instead.

use std::fmt;

use super::PolicyKind;
use crate::iam::json::JsonPath;
use crate::iam::variable::VariableError;

/// One error of a policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// Where it is.
    pub path: JsonPath,
    /// What it is.
    pub problem: PolicyProblem,
}

/// What is wrong. Its `Display` is a sentence that says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// The text is no JSON.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// A name occurs twice in an object.
    #[error("the member {0:?} is written twice: keep one of them")]
    DuplicateMember(String),
    /// A name that this object doesn't have.
    #[error("unknown member {member:?}: {advice}")]
    UnknownMember {
        /// The name as written.
        member: String,
        /// What may be written.
        advice: String,
    },
    /// A member that must be there isn't.
    #[error("{0} is missing: {1}")]
    MissingMember(&'static str, &'static str),
    /// Two members of which only one may be there.
    #[error("{0} and {1} exclude each other: keep one of them")]
    Conflict(&'static str, &'static str),
    /// A member that this kind of policy can't have.
    #[error("{member} isn't allowed in {}: remove it", kind.described())]
    NotAllowed {
        /// The name.
        member: &'static str,
        /// The kind of policy.
        kind: PolicyKind,
    },
    /// `NotPrincipal` in a statement that allows: everyone else could be anyone.
    #[error(
        "NotPrincipal isn't supported with Allow, it would let in everyone else, without credentials too: write who is allowed in Principal"
    )]
    AllowsAllBut,
    /// An Allow in a resource control policy.
    #[error(
        "a resource control policy can only deny: write \"Deny\" (RCPFullAWSAccess, which allows everything, is in force anyway)"
    )]
    ControlAllows,
    /// Another type was expected.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What to write.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A list that needs an item has none.
    #[error("the list is empty: write at least one {0}")]
    EmptyList(&'static str),
    /// Neither of the two versions.
    #[error("unknown policy version {0:?}: write \"2012-10-17\" (or \"2008-10-17\")")]
    Version(String),
    /// A character that a `Sid` can't have.
    #[error("Sid {0:?} may have letters and digits only")]
    Sid(String),
    /// A `Sid` that another statement has.
    #[error("Sid {0:?} is used by an earlier statement: give each statement its own")]
    DuplicateSid(String),
    /// Neither `Allow` nor `Deny`.
    #[error("unknown effect {0:?}: write \"Allow\" or \"Deny\"")]
    Effect(String),
    /// No pattern of an action.
    #[error(
        "{0:?} is no action: write \"*\" or \"service:Name\", with * and ? only after the colon"
    )]
    Action(String),
    /// No pattern of a resource.
    #[error("{written:?} is no resource: {advice}")]
    Resource {
        /// As written.
        written: String,
        /// What to write.
        advice: &'static str,
    },
    /// No principal.
    #[error("{written:?} is no principal: {advice}")]
    Principal {
        /// As written.
        written: String,
        /// What to write.
        advice: &'static str,
    },
    /// No condition operator.
    #[error(
        "unknown condition operator {0:?}: write one such as \"StringEquals\", \"ArnLikeIfExists\" or \"ForAnyValue:StringLike\""
    )]
    Operator(String),
    /// No name of a context key.
    #[error("{0:?} is no context key: write one such as \"aws:SourceIp\", without variables")]
    Key(String),
    /// A value that the operator can't compare.
    #[error("{written:?} can't be compared: {advice}")]
    Value {
        /// As written.
        written: String,
        /// What to write.
        advice: &'static str,
    },
    /// A malformed policy variable.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// More than this program accepts.
    #[error("more than {limit} {what}: split it up")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// How many are accepted.
        limit: usize,
    },
}

impl PolicyError {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match &self.problem {
            PolicyProblem::Syntax(_) => "json_syntax",
            PolicyProblem::DuplicateMember(_) => "duplicate_member",
            PolicyProblem::UnknownMember { .. } => "unknown_member",
            PolicyProblem::MissingMember(..) => "missing_member",
            PolicyProblem::Conflict(..) => "conflicting_members",
            PolicyProblem::NotAllowed { .. } => "member_not_allowed",
            PolicyProblem::AllowsAllBut => "not_principal_allows",
            PolicyProblem::ControlAllows => "control_allows",
            PolicyProblem::WrongType { .. } => "wrong_type",
            PolicyProblem::EmptyList(_) => "empty_list",
            PolicyProblem::Version(_) => "invalid_version",
            PolicyProblem::Sid(_) => "invalid_sid",
            PolicyProblem::DuplicateSid(_) => "duplicate_sid",
            PolicyProblem::Effect(_) => "invalid_effect",
            PolicyProblem::Action(_) => "invalid_action",
            PolicyProblem::Resource { .. } => "invalid_resource",
            PolicyProblem::Principal { .. } => "invalid_principal",
            PolicyProblem::Operator(_) => "invalid_operator",
            PolicyProblem::Key(_) => "invalid_context_key",
            PolicyProblem::Value { .. } => "invalid_value",
            PolicyProblem::Variable(_) => "invalid_variable",
            PolicyProblem::Limit { .. } => "limit_exceeded",
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.steps().is_empty() {
            write!(f, "{}", self.problem)
        } else {
            write!(f, "{}: {}", self.path, self.problem)
        }
    }
}

impl std::error::Error for PolicyError {}
