//! The policies of buckets and tables that are put through the gate, on routes that keep them
//! (`resource_policies: stored`): validated and permitted here, written by whoever has the files.
//!
//! INVARIANT: a [`PolicyPermit`] is made in this file alone, from [`Grounds`]; its fields are
//! private.

use std::{path::PathBuf, sync::Arc};

use ::http::HeaderMap;
use serde_json::json;

use super::{
    Answer, Content, Denial, Grounds, Outcome, PolicyContent, Refusal, ResourcePolicies, Route,
    Rules, context::RequestContext,
};
use crate::{
    iam::{Action, Arn, AttachError, Check, PolicyProblem, Resource, Session},
    services::{
        Body,
        dynamodb::{DynamoDbError, PolicyCall},
        s3::{self, S3Error},
    },
    sigv4::sha256,
};

/// A policy in force as it was put, and the file that has it.
#[derive(Clone, Debug)]
pub struct StoredPolicy {
    /// The file.
    pub file: PathBuf,
    /// The document.
    pub text: Arc<str>,
}

/// Leave to change the policy of one bucket, table or stream. Whoever writes it has no other input.
///
/// ```compile_fail,E0451
/// use poolgate::gate::{Grounds, PolicyPermit};
/// fn forge(permit: PolicyPermit) -> PolicyPermit {
///     PolicyPermit { grounds: Grounds::PublicRoute, ..permit }
/// }
/// ```
#[derive(Debug)]
pub struct PolicyPermit {
    grounds: Grounds,
    resource: Arn,
    change: PolicyChange,
    expected: Option<ExpectedRevision>,
}

/// What becomes of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyChange {
    /// This document, which was validated, is the policy from now on.
    Put(Arc<str>),
    /// There is none any more.
    Delete,
}

/// The policy that has to be there for a change to take place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedRevision {
    /// None.
    NoPolicy,
    /// The one of this revision.
    Of(String),
}

impl PolicyPermit {
    /// Why it is allowed.
    pub fn grounds(&self) -> &Grounds {
        &self.grounds
    }

    /// Whose policy is changed.
    pub fn resource(&self) -> &Arn {
        &self.resource
    }

    /// What becomes of it.
    pub fn change(&self) -> &PolicyChange {
        &self.change
    }

    /// Whether the policy that is there, if one is, is the one that the caller means.
    pub fn expects(&self, now: Option<&StoredPolicy>) -> bool {
        match (&self.expected, now) {
            (None, _) => true,
            (Some(ExpectedRevision::NoPolicy), now) => now.is_none(),
            (Some(ExpectedRevision::Of(_)), None) => false,
            (Some(ExpectedRevision::Of(id)), Some(now)) => *id == revision(&now.text),
        }
    }
}

/// What tells a policy from another: the same for the same text, after a restart too.
pub fn revision(text: &str) -> String {
    sha256(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What a route that keeps policies does with them. The body of none of these goes upstream.
const OPERATIONS: [Action; 7] = [
    PUT_BUCKET_POLICY,
    Action::fixed("s3:DeleteBucketPolicy"),
    GET_BUCKET_POLICY,
    Action::fixed("s3:GetBucketPolicyStatus"),
    Action::fixed("dynamodb:PutResourcePolicy"),
    Action::fixed("dynamodb:GetResourcePolicy"),
    Action::fixed("dynamodb:DeleteResourcePolicy"),
];
const PUT_BUCKET_POLICY: Action = Action::fixed("s3:PutBucketPolicy");
const GET_BUCKET_POLICY: Action = Action::fixed("s3:GetBucketPolicy");

/// Actions that would change a policy which decides here. A backend that took it would neither
/// enforce it, nor would anyone else.
const CHANGES: [Action; 4] = [
    PUT_BUCKET_POLICY,
    Action::fixed("s3:DeleteBucketPolicy"),
    Action::fixed("dynamodb:PutResourcePolicy"),
    Action::fixed("dynamodb:DeleteResourcePolicy"),
];

/// Whether an operation of these checks is answered here: it is about a policy and nothing else.
pub(super) fn is_kept(route: &Route, checks: &[Check]) -> bool {
    route.resource_policies == ResourcePolicies::Stored
        && !checks.is_empty()
        && checks.iter().all(|check| OPERATIONS.contains(&check.action))
}

/// Denies what would change a policy elsewhere than here.
pub(super) fn refuse_elsewhere(route: &Route, checks: &[Check]) -> Result<(), Denial> {
    let changes = checks.iter().any(|check| CHANGES.contains(&check.action));
    if !changes || is_kept(route, checks) {
        return Ok(());
    }
    let detail = match route.resource_policies {
        ResourcePolicies::Denied => {
            "resource-based policies aren't changed through here: \
             they are files in the folder of policies"
        }
        ResourcePolicies::Stored => {
            "a resource-based policy isn't taken along with something else: put it by itself"
        }
    };
    Err(Denial::new("resource_policies_not_stored", Refusal::AccessDenied, detail))
}

/// A permitted operation on a policy, and who asks for it.
pub(super) struct Permitted<'a> {
    pub(super) rules: &'a Rules,
    pub(super) grounds: Grounds,
    pub(super) session: &'a Session,
    /// What was allowed.
    pub(super) check: Check,
    pub(super) context: &'a RequestContext<'a>,
}

impl Permitted<'_> {
    /// What becomes of an operation on a bucket's policy.
    pub(super) fn of_bucket(self, headers: &HeaderMap, body: &Body) -> Result<Outcome, Denial> {
        let Resource::Arn(bucket) = self.check.resource.clone() else {
            return Err(S3Error::InvalidBucketName.into());
        };
        s3::check_owner(headers, self.rules.account_id.as_deref())?;
        match self.check.action.name() {
            "PutBucketPolicy" => {
                let put = s3::PutPolicy::read(headers, body)?;
                let attached = self.rules.account.attachable(&bucket, &put.text);
                let policy = attached.map_err(|error| malformed(&error))?;
                if !put.confirmed && !self.stays_allowed(&policy) {
                    return Err(S3Error::LocksOut.into());
                }
                Ok(self.change(bucket, PolicyChange::Put(put.text), None))
            }
            "DeleteBucketPolicy" => Ok(self.change(bucket, PolicyChange::Delete, None)),
            "GetBucketPolicy" => {
                let stored = self.rules.resource_policies.get(bucket.as_str());
                let stored = stored.ok_or(S3Error::NoSuchBucketPolicy)?;
                let content = PolicyContent::Bucket(Arc::clone(&stored.text));
                Ok(self.answer(content))
            }
            _ => Err(S3Error::NotServed("GetBucketPolicyStatus").into()),
        }
    }

    /// What becomes of an operation on the policy of a table or a stream.
    pub(super) fn of_table(self, call: PolicyCall) -> Result<Outcome, Denial> {
        let stored = |arn: &Arn| self.rules.resource_policies.get(arn.as_str());
        match call {
            PolicyCall::Put { resource, policy, expected, confirmed } => {
                let attached = self.rules.account.attachable(&resource, &policy);
                let set = attached.map_err(|error| {
                    let message = format!("The policy document is invalid: {error}");
                    Denial::from(DynamoDbError::Validation(message)).told(&error)
                })?;
                if !confirmed && !self.stays_allowed(&set) {
                    return Err(DynamoDbError::Validation(LOCKS_OUT.to_owned()).into());
                }
                Ok(self.change(resource, PolicyChange::Put(policy.into()), expected.map(expects)))
            }
            PolicyCall::Delete { resource, expected } => {
                Ok(self.change(resource, PolicyChange::Delete, expected.map(expects)))
            }
            PolicyCall::Get { resource } => {
                let stored = stored(&resource).ok_or(DynamoDbError::PolicyNotFound)?;
                let (policy, revision) = (Arc::clone(&stored.text), revision(&stored.text));
                Ok(self.answer(PolicyContent::Resource { policy, revision }))
            }
        }
    }

    /// Whether the caller could put another policy if `policy` were in force.
    fn stays_allowed(&self, policy: &crate::iam::PolicySet) -> bool {
        let Self { rules, session, check, context, .. } = self;
        rules.account.evaluate_under(policy, session, check, *context).is_allow()
    }

    fn answer(self, content: PolicyContent) -> Outcome {
        let content = Content::Policy(content);
        Outcome::Answer(Box::new(Answer { grounds: self.grounds, content }))
    }

    fn change(
        self,
        resource: Arn,
        change: PolicyChange,
        expected: Option<ExpectedRevision>,
    ) -> Outcome {
        let grounds = self.grounds;
        Outcome::Change(Box::new(PolicyPermit { grounds, resource, change, expected }))
    }
}

impl Denial {
    /// The same, with what is wrong with a policy.
    fn told(self, error: &AttachError) -> Self {
        self.with(json!({ "policy": error.reason() }))
    }
}

fn expects(revision: String) -> ExpectedRevision {
    match revision.as_str() {
        NO_POLICY => ExpectedRevision::NoPolicy,
        _ => ExpectedRevision::Of(revision),
    }
}

/// What S3 says of a policy, and then where and why.
fn malformed(error: &AttachError) -> Denial {
    let words = match error {
        AttachError::Syntax(_) => "Policies must be valid JSON and the first byte must be '{'",
        AttachError::Resource { .. } | AttachError::NoPolicy(_) => "Policy has invalid resource",
        AttachError::UnknownRole { .. } => "Invalid principal in policy",
        AttachError::Policy(error) => match &error.problem {
            PolicyProblem::Action(_) => "Policy has invalid action",
            PolicyProblem::Resource { .. } => "Policy has invalid resource",
            PolicyProblem::Principal { .. } => "Invalid principal in policy",
            PolicyProblem::Effect(_) => "Invalid effect in policy",
            PolicyProblem::MissingMember(..) => "Missing required field in policy",
            _ => "Invalid policy syntax.",
        },
    };
    Denial::from(S3Error::MalformedPolicy(format!("{words} ({error})").into())).told(error)
}

/// For an expected revision: that there is no policy (PutResourcePolicy, `ExpectedRevisionId`).
const NO_POLICY: &str = "NO_POLICY";
const LOCKS_OUT: &str = "The policy would take from the caller the right to put another one: to do \
                         so all the same, set ConfirmRemoveSelfResourceAccess";
