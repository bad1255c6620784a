//! An account: its roles, from what the AWS CLI prints, the policies of its resources, and what its
//! organization lets it do.
//!
//! A file holds one `RoleDetail` or one managed policy detail, or the whole output of
//! `aws iam get-account-authorization-details`
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>).
//! Unknown members are passed over, since AWS adds to them; policy documents are read strictly.
//! Refused: an attached policy or boundary that no file has (AWS's own managed policies included,
//! their documents are part of the export), and two roles or policies of the same ARN.

mod attach;
mod error;
mod load;
mod others;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

pub use attach::AttachError;
pub use error::{AccountError, AccountProblem};
pub(super) use load::decoded;

use super::arn::{Arn, Resource};
use super::compile::Policy;
use super::evaluate::{Check, evaluate};
use super::facts::Context;
use super::layers::Layers;
use super::observe::Observer;
use super::organization::Organization;
use super::session::{Role, Session};
use super::set::PolicySet;
use super::verdict::Verdict;

/// What a file holds, unless it is the output for the whole account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// One role.
    Roles,
    /// One managed policy.
    Managed,
    /// `{ "Resource": ARN, "Policy": document }`: the policy of a bucket, a table or a stream.
    Resources,
    /// `{ "ServiceControlPolicies": [level…], "ResourceControlPolicies": [level…] }`, a level being
    /// a list of documents, root first.
    Organization,
}

/// A file of an export.
#[derive(Clone, Copy, Debug)]
pub struct AccountFile<'a> {
    /// Its name, for errors.
    pub name: &'a str,
    /// What it holds.
    pub kind: FileKind,
    /// Its text.
    pub text: &'a str,
}

/// Most bytes of one file.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// Roles with their policies, the policies of resources, and those of the organization.
#[derive(Clone, Debug, Default)]
pub struct Account {
    id: Option<String>,
    roles: Vec<Arc<Role>>,
    by_arn: HashMap<String, usize>,
    resources: HashMap<String, PolicySet>,
    /// Those of `resources`.
    services: BTreeSet<String>,
    organization: Arc<Organization>,
}

impl Account {
    /// Loads all files together; a role may have its policies in another file. `id` is the account
    /// that resources belong to whose ARN doesn't say (S3's), and whose organization it is.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn load(files: &[AccountFile<'_>], id: Option<&str>) -> Result<Self, Vec<AccountError>> {
        load::account(files, id)
    }

    fn new(
        id: Option<String>,
        roles: Vec<Arc<Role>>,
        resources: HashMap<String, PolicySet>,
        organization: Arc<Organization>,
    ) -> Self {
        let place =
            |(position, role): (usize, &Arc<Role>)| (role.arn.as_str().to_owned(), position);
        let by_arn = roles.iter().enumerate().map(place).collect();
        let service = |arn: &String| arn.split(':').nth(2).map(str::to_owned);
        let services = resources.keys().filter_map(service).collect();
        Self { id, roles, by_arn, resources, services, organization }
    }

    /// The role of exactly that ARN, path included.
    pub fn role(&self, arn: &str) -> Option<&Arc<Role>> {
        self.roles.get(*self.by_arn.get(arn)?)
    }

    /// All roles, in the order of the files.
    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.iter()
    }

    /// Every policy that decides about requests, each once and in the order of the files: of roles,
    /// their boundaries, resources and the organization. Trust policies aren't among them.
    pub fn policies(&self) -> Vec<&Arc<Policy>> {
        let of_roles = self.roles.iter().flat_map(|role| {
            role.policies.policies().iter().chain(role.boundary.iter().flat_map(|b| b.policies()))
        });
        let mut resources: Vec<_> = self.resources.iter().collect();
        resources.sort_by_key(|(arn, _)| *arn);
        let of_resources = resources.into_iter().flat_map(|(_, set)| set.policies());
        let Organization { service_control, resource_control } = &*self.organization;
        let of_organization =
            service_control.iter().chain(resource_control).flat_map(|level| level.policies());
        let mut seen = HashSet::new();
        of_roles
            .chain(of_resources)
            .chain(of_organization)
            .filter(|policy| seen.insert(Arc::as_ptr(policy)))
            .collect()
    }

    /// The policy of exactly that bucket, table or stream.
    pub fn resource_policy(&self, arn: &str) -> Option<&PolicySet> {
        self.resources.get(arn)
    }

    /// Whether anything but roles' own policies may deny.
    pub fn has_guardrails(&self) -> bool {
        !self.services.is_empty() || !self.organization.is_empty()
    }

    /// Whether there is a policy of a resource of that service.
    pub fn has_resource_policies(&self, service: &str) -> bool {
        self.services.contains(service)
    }

    /// May `session` do what `check` says? Context keys are looked up in the check, then in the
    /// session, then in `context`, the request's.
    pub fn evaluate(
        &self,
        session: &Session,
        check: &Check,
        context: &dyn Context,
        observer: &mut dyn Observer,
    ) -> Verdict {
        evaluate(&self.layers(session, &check.resource), check, context, observer)
    }

    /// The policies that have a say in what `session` does with `resource`.
    pub fn layers<'a>(&'a self, session: &'a Session, resource: &'a Resource) -> Layers<'a> {
        let id = self.id.as_deref();
        let (owner, policy) = match resource {
            Resource::Any => (id, None),
            Resource::Arn(arn) => {
                let stated = Some(arn.account()).filter(|account| !account.is_empty());
                let policy = governing(arn).and_then(|governing| self.resources.get(governing));
                (stated.or(id), policy)
            }
        };
        // Of another account's organization nothing is known.
        let own = owner == id;
        let resource_control = if own { &*self.organization.resource_control } else { &[] };
        Layers { resource: policy, owner, resource_control, ..Layers::of(session) }
    }
}

/// The ARN whose policy decides about `arn`: an object's bucket; an index's table
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-considerations.html>).
/// Streams have their own, and what else is below a table (its backups, exports) has none.
fn governing(arn: &Arn) -> Option<&str> {
    let resource = arn.resource();
    let rest = match arn.service() {
        "s3" => resource.find('/').map_or("", |slash| resource.get(slash..).unwrap_or_default()),
        "dynamodb" => {
            let below = resource.strip_prefix("table/")?;
            match below.split_once('/') {
                None => "",
                Some((_, rest)) if rest.starts_with("stream/") => "",
                Some((_, rest)) if rest.starts_with("index/") => {
                    below.get(below.len() - rest.len() - 1..)?
                }
                Some(_) => return None,
            }
        }
        _ => return None,
    };
    arn.as_str().strip_suffix(rest)
}
