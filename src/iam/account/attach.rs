//! A policy that is to become that of a bucket, a table or a stream: what its service asks of it
//! beyond the grammar.

use std::sync::Arc;

use super::Account;
use super::others::describe;
use crate::iam::arn::Arn;
use crate::iam::compile::Policy;
use crate::iam::document::{PolicyError, PolicyKind, PolicyProblem};
use crate::iam::evaluate::{Check, evaluate};
use crate::iam::facts::Context;
use crate::iam::json::{JsonPath, Node};
use crate::iam::layers::Layers;
use crate::iam::observe::NoObserver;
use crate::iam::session::Session;
use crate::iam::set::PolicySet;
use crate::iam::verdict::Verdict;

/// Why a document can't be the policy of a resource. Its `Display` says where, and what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// It is no JSON object.
    #[error("{0}")]
    Syntax(String),
    /// What has such a policy is a bucket, a table or a stream.
    #[error("{0:?} has no policy of its own: name a bucket, a table or a stream of a table")]
    NoPolicy(String),
    /// It isn't a resource-based policy. Of all errors, the first.
    #[error("{}{}", at(&.0.path), .0.problem)]
    Policy(PolicyError),
    /// A resource of somewhere else.
    #[error("{}{written:?} is not of {resource}: write that, or what is below it", at(.path))]
    Resource {
        /// Where it is written.
        path: JsonPath,
        /// As written.
        written: String,
        /// Whose policy it is to be.
        resource: String,
    },
    /// A role of this account that doesn't exist.
    #[error("{}{written:?} is no role of this account: name one that there is", at(.path))]
    UnknownRole {
        /// Where it is written.
        path: JsonPath,
        /// As written.
        written: String,
    },
}

impl AttachError {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "json_syntax",
            Self::NoPolicy(_) => "wrong_arn",
            Self::Policy(error) => error.reason(),
            Self::Resource { .. } => "foreign_resource",
            Self::UnknownRole { .. } => "unknown_role",
        }
    }
}

impl Account {
    /// `text` as the policy of `resource`. Beyond the grammar, a statement may be about that
    /// resource and what is below it alone, and may name no role of this account that isn't there,
    /// as AWS refuses both
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>).
    ///
    /// # Errors
    /// The first of what is wrong with it.
    pub fn attachable(&self, resource: &Arn, text: &str) -> Result<PolicySet, AttachError> {
        let name = describe(resource);
        let name = name.ok_or_else(|| AttachError::NoPolicy(resource.as_str().to_owned()))?;
        let policy = Policy::parse(&name, PolicyKind::Resource, text);
        let policy = policy.map_err(|errors| first(errors, text))?;
        // It was parsed a moment ago.
        let node = Node::parse(text).map_err(|error| AttachError::Syntax(error.to_string()))?;
        let root = JsonPath::root();
        for (path, statement) in each(&root, &node, "Statement") {
            for name in ["Resource", "NotResource"] {
                for (path, value) in each(&path, statement, name) {
                    let written = value.text().unwrap_or_default();
                    if !is_about(resource, written) {
                        let (written, resource) = (written.to_owned(), resource.as_str());
                        let resource = resource.to_owned();
                        return Err(AttachError::Resource { path, written, resource });
                    }
                }
            }
            for name in ["Principal", "NotPrincipal"] {
                let Some(principals) = statement.member(name) else { continue };
                for (path, value) in each(&path.key(name), principals, "AWS") {
                    let written = value.text().unwrap_or_default();
                    if self.lacks(written) {
                        let written = written.to_owned();
                        return Err(AttachError::UnknownRole { path, written });
                    }
                }
            }
        }
        Ok(Arc::new(policy).into())
    }

    /// What [`Account::evaluate`] would say if `policy` were that of the resource of `check`.
    pub fn evaluate_under(
        &self,
        policy: &PolicySet,
        session: &Session,
        check: &Check,
        context: &dyn Context,
    ) -> Verdict {
        let layers = Layers { resource: Some(policy), ..self.layers(session, &check.resource) };
        evaluate(&layers, check, context, &mut NoObserver)
    }

    /// Whether a principal would be a role of this account, and there is none.
    fn lacks(&self, principal: &str) -> bool {
        let Ok(arn) = Arn::parse(principal) else { return false };
        let own = arn.service() == "iam" && Some(arn.account()) == self.id.as_deref();
        own && arn.resource().starts_with("role/") && self.role(principal).is_none()
    }
}

/// The error that is told of several. What isn't even JSON has one.
fn first(errors: Vec<PolicyError>, text: &str) -> AttachError {
    let syntax = |error: String| AttachError::Syntax(error);
    match errors.into_iter().next() {
        Some(PolicyError { problem: PolicyProblem::Syntax(error), .. }) => syntax(error),
        Some(_) if !text.trim_ascii_start().starts_with('{') => {
            syntax("the document is no object".to_owned())
        }
        Some(error) => AttachError::Policy(error),
        None => syntax("the document can't be read".to_owned()),
    }
}

/// Whether a pattern is about `resource`, or what is below it: no wildcard may reach elsewhere. What
/// a policy of DynamoDB calls `*` is the resource it is attached to.
fn is_about(resource: &Arn, pattern: &str) -> bool {
    let rest = pattern.strip_prefix(resource.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || (pattern == "*" && resource.service() != "s3")
}

/// The values of a member that is one or a list of them, with their places.
fn each<'n>(at: &JsonPath, node: &'n Node, name: &str) -> Vec<(JsonPath, &'n Node)> {
    let at = at.key(name);
    match node.member(name) {
        None => Vec::new(),
        Some(Node::List(items)) => {
            items.iter().enumerate().map(|(index, item)| (at.index(index), item)).collect()
        }
        Some(one) => vec![(at, one)],
    }
}

fn at(path: &JsonPath) -> String {
    if path.steps().is_empty() { String::new() } else { format!("{path}: ") }
}
