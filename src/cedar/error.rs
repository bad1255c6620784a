//! What can be wrong with policies when they are loaded, and with a request when it is decided.

use crate::iam::JsonPath;

/// Where in a file something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At this byte.
    Offset(usize),
    /// At this value of a JSON file.
    Path(JsonPath),
}

/// One thing that is wrong with the files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LoadError {
    /// The file, as [`super::File`] names it.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong, and what to do about it.
    pub message: String,
    pub(super) kind: Kind,
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Policy,
    Schema,
    Invalid,
    Entity,
    Link,
    Action,
    Limit,
}

impl LoadError {
    pub(super) fn new(kind: Kind, file: &str, place: Place, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place, message: message.into(), kind }
    }

    /// A stable code for logs and documentation.
    pub fn reason(&self) -> &'static str {
        match self.kind {
            Kind::Policy => "cedar_policy_syntax",
            Kind::Schema => "cedar_schema",
            Kind::Invalid => "cedar_policy_invalid",
            Kind::Entity => "cedar_entity",
            Kind::Link => "cedar_template_link",
            Kind::Action => "cedar_action",
            Kind::Limit => "cedar_limit",
        }
    }
}

/// Why a request can't be decided; it is then denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CedarError {
    /// The schema has no action for it.
    #[error("the schema has no action for {0}")]
    NoAction(String),
    /// The action doesn't apply to this type of principal or resource.
    #[error("the schema's action {0} doesn't apply to {1}")]
    NotApplicable(String, String),
    /// The caller isn't what the schema says.
    #[error("the caller doesn't conform to the schema: {0}")]
    Principal(String),
    /// The caller's groups and claims aren't known, and this policy hangs on them.
    #[error(
        "the caller's groups and claims are not in its credentials, and the policy `{0}` hangs on them"
    )]
    UnknownPrincipal(String),
    /// Nobody told what the principal is, beside its name, and this policy hangs on that.
    #[error(
        "nobody told the attributes and parents of the principal, and the policy `{0}` hangs on them"
    )]
    NamedPrincipal(String),
    /// Nobody told what the resource is, beside its name, and this policy hangs on that.
    #[error(
        "nobody told the attributes and parents of the resource, and the policy `{0}` hangs on them"
    )]
    NamedResource(String),
    /// The request isn't what the schema says.
    #[error("the request doesn't conform to the schema: {0}")]
    Request(String),
    /// Policies failed to evaluate.
    #[error("policies failed to evaluate: {}", .0.join("; "))]
    Evaluation(Vec<String>),
}

impl CedarError {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoAction(_) => "cedar_no_action",
            Self::NotApplicable(..) => "cedar_not_applicable",
            Self::UnknownPrincipal(_) | Self::NamedPrincipal(_) => "cedar_unknown_principal",
            Self::NamedResource(_) => "cedar_unknown_resource",
            Self::Principal(_) | Self::Request(_) | Self::Evaluation(_) => "cedar_error",
        }
    }
}
