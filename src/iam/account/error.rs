//! What is wrong with an export.

use std::fmt;

use crate::iam::arn::ArnError;
use crate::iam::document::PolicyError;
use crate::iam::json::JsonPath;

/// One error of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountError {
    /// The file.
    pub file: String,
    /// Where in it. For a policy document that is a string, the string.
    pub path: JsonPath,
    /// The role or policy that it is in, of which a file may hold many.
    pub(super) subject: Option<Subject>,
    /// What it is.
    pub problem: AccountProblem,
}

/// A role or policy, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// `role Reader, policy Files`.
    pub(super) name: String,
    /// Where it begins, or its document.
    pub(super) path: JsonPath,
}

/// What is wrong. Its `Display` is a sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountProblem {
    /// The text is no JSON.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// Over [`super::MAX_FILE_BYTES`].
    #[error("larger than {} bytes: split it up, one role or policy a file", super::MAX_FILE_BYTES)]
    TooLarge,
    /// A member that must be there isn't.
    #[error("{0} is missing: copy it from the output of aws iam get-account-authorization-details")]
    Missing(&'static str),
    /// A member of a file that is no export.
    #[error("{0} is missing: write {{ \"Resource\": ARN, \"Policy\": document }}")]
    MissingOfResource(&'static str),
    /// A name that such a file doesn't have.
    #[error("unknown member {member:?}: {advice}")]
    UnknownMember {
        /// The name as written.
        member: String,
        /// What may be written.
        advice: &'static str,
    },
    /// Levels of an organization that another file has too.
    #[error("{0} are in another file already: write all levels into one list, root first")]
    LevelsTwice(&'static str),
    /// A name occurs twice in an object.
    #[error("the member {0:?} is written twice: keep one of them")]
    DuplicateMember(String),
    /// Another type was expected.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What to write.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// No ARN.
    #[error(transparent)]
    Arn(#[from] ArnError),
    /// The ARN of something else.
    #[error("{arn:?} isn't the ARN of {expected}")]
    WrongArn {
        /// The ARN.
        arn: String,
        /// What it should be of.
        expected: String,
    },
    /// Two inline policies of one name: decisions couldn't say which.
    #[error("another policy of this role is called {0:?} too: give each its own name")]
    DuplicateName(String),
    /// A number out of its range.
    #[error("MaxSessionDuration is {0}: write 3600 to 43200 seconds")]
    SessionDuration(String),
    /// A policy document that is a string, but not percent-encoded UTF-8.
    #[error("the document is a string that isn't percent-encoded UTF-8: write it as an object")]
    Encoding,
    /// Another role or policy has that ARN.
    #[error("{arn} is in {earlier} already: keep one of them")]
    Duplicate {
        /// The ARN.
        arn: String,
        /// The file that has it too.
        earlier: String,
    },
    /// A policy without default version.
    #[error(
        "no version of the policy is its default: DefaultVersionId must name one of PolicyVersionList"
    )]
    NoDefaultVersion,
    /// An attached policy that no file has.
    #[error(
        "the policy {0} is in no file: export it into the folder managed/ (aws iam get-account-authorization-details prints attached policies, AWS's own too)"
    )]
    UnknownPolicy(String),
    /// An error of a policy document. In a document that is a string, with its path inside.
    #[error("{0}")]
    Policy(PolicyMessage),
}

/// An error of a policy document, with or without the path inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyMessage {
    pub(super) error: PolicyError,
    pub(super) inside_string: bool,
}

impl AccountError {
    /// What it is, after the role or policy that it is in and the path from there:
    /// `role Reader, policy Files: Statement[0].Effect: …`.
    pub fn message(&self) -> String {
        let below = self.subject.as_ref().and_then(|subject| {
            let below = self.path.steps().strip_prefix(subject.path.steps())?;
            Some((format!("{}: ", subject.name), JsonPath(below.to_vec())))
        });
        let (name, path) = below.unwrap_or_else(|| (String::new(), self.path.clone()));
        let path = if path.steps().is_empty() { String::new() } else { format!("{path}: ") };
        format!("{name}{path}{}", self.problem)
    }

    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match &self.problem {
            AccountProblem::Syntax(_) => "json_syntax",
            AccountProblem::TooLarge => "file_too_large",
            AccountProblem::Missing(_) => "missing_member",
            AccountProblem::MissingOfResource(_) => "missing_member",
            AccountProblem::UnknownMember { .. } => "unknown_member",
            AccountProblem::LevelsTwice(_) => "duplicate_levels",
            AccountProblem::DuplicateMember(_) => "duplicate_member",
            AccountProblem::WrongType { .. } => "wrong_type",
            AccountProblem::Arn(error) => error.reason(),
            AccountProblem::WrongArn { .. } => "wrong_arn",
            AccountProblem::DuplicateName(_) => "duplicate_policy_name",
            AccountProblem::SessionDuration(_) => "invalid_session_duration",
            AccountProblem::Encoding => "document_encoding",
            AccountProblem::Duplicate { .. } => "duplicate_arn",
            AccountProblem::NoDefaultVersion => "no_default_version",
            AccountProblem::UnknownPolicy(_) => "unknown_policy",
            AccountProblem::Policy(message) => message.error.reason(),
        }
    }
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if !self.path.steps().is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.problem)
    }
}

impl std::error::Error for AccountError {}

impl fmt::Display for PolicyMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inside_string {
            write!(f, "in the document: {}", self.error)
        } else {
            write!(f, "{}", self.error.problem)
        }
    }
}
