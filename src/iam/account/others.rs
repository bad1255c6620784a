//! What has no export of its own: the policies of resources, and those of an organization.

use std::collections::HashMap;

use super::error::AccountProblem;
use super::load::{Detail, Loader};
use crate::iam::arn::Arn;
use crate::iam::document::PolicyKind;
use crate::iam::json::Node;
use crate::iam::organization::Organization;
use crate::iam::set::PolicySet;

/// A resource's policy, and the file that has it.
pub(super) struct OfResource<'n> {
    file: &'n str,
    pub(super) policy: PolicySet,
}

impl<'n> Loader<'n> {
    /// `{ "Resource": ARN, "Policy": document }`.
    pub(super) fn resource(
        &mut self,
        detail: &Detail<'n>,
        known: &mut HashMap<String, OfResource<'n>>,
    ) {
        let Detail { file, path, node, .. } = detail;
        self.subject = None;
        let advice = "a file of resources/ has Resource and Policy";
        self.only(detail, &["Resource", "Policy"], advice);
        for name in ["Resource", "Policy"] {
            if node.member(name).is_none() {
                self.error(file, path, AccountProblem::MissingOfResource(name));
            }
        }
        let (Some(resource), Some(document)) = (node.member("Resource"), node.member("Policy"))
        else {
            return;
        };
        let at = path.key("Resource");
        let Some(text) = resource.text() else {
            return self.wrong_type(file, &at, "a string", resource);
        };
        let name = match Arn::parse(text) {
            Ok(arn) => describe(&arn),
            Err(error) => return self.error(file, &at, error.into()),
        };
        let Some(name) = name else {
            let expected = "a bucket, a table or a stream of a table".to_owned();
            let problem = AccountProblem::WrongArn { arn: text.to_owned(), expected };
            return self.error(file, &at, problem);
        };
        if let Some(earlier) = known.get(text) {
            let (arn, earlier) = (text.to_owned(), earlier.file.to_owned());
            return self.error(file, &at, AccountProblem::Duplicate { arn, earlier });
        }
        let at = path.key("Policy");
        if let Some(policy) = self.policy(file, &at, (&name, &name), PolicyKind::Resource, document)
        {
            known.insert(text.to_owned(), OfResource { file, policy: policy.into() });
        }
    }

    /// `{ "ServiceControlPolicies": [level…], "ResourceControlPolicies": [level…] }`.
    pub(super) fn organization(&mut self, detail: &Detail<'n>, organization: &mut Organization) {
        self.subject = None;
        let advice =
            "a file of organization/ has ServiceControlPolicies and ResourceControlPolicies";
        self.only(detail, &[SERVICE_CONTROL, RESOURCE_CONTROL], advice);
        let Organization { service_control, resource_control } = organization;
        let kind = PolicyKind::ServiceControl;
        self.levels(detail, (SERVICE_CONTROL, "SCP", kind), service_control);
        let kind = PolicyKind::ResourceControl;
        self.levels(detail, (RESOURCE_CONTROL, "RCP", kind), resource_control);
    }

    fn levels(
        &mut self,
        detail: &Detail<'n>,
        (member, short, kind): (&'static str, &str, PolicyKind),
        known: &mut Vec<PolicySet>,
    ) {
        let Detail { file, path, node, .. } = detail;
        let path = path.key(member);
        let levels = self.list(file, &path, node.member(member));
        if !levels.is_empty() && !known.is_empty() {
            return self.error(file, &path, AccountProblem::LevelsTwice(member));
        }
        for (level, documents) in levels.iter().enumerate() {
            let path = path.index(level);
            let mut policies = Vec::new();
            let Node::List(documents) = documents else {
                self.wrong_type(file, &path, "a list of documents", documents);
                continue;
            };
            for (place, document) in documents.iter().enumerate() {
                let name = format!("{short}[{level}][{place}]");
                let (path, named) = (path.index(place), (name.as_str(), name.as_str()));
                policies.extend(self.policy(file, &path, named, kind, document));
            }
            known.push(policies.into());
        }
    }

    /// Refuses members of other names.
    fn only(&mut self, detail: &Detail<'n>, allowed: &[&str], advice: &'static str) {
        let Detail { file, path, node, .. } = detail;
        self.unique_members(file, path, node);
        let Node::Object(members) = node else { return };
        for (member, _) in members.iter().filter(|(name, _)| !allowed.contains(&name.as_str())) {
            let problem = AccountProblem::UnknownMember { member: member.clone(), advice };
            self.error(file, &path.key(member), problem);
        }
    }
}

/// What decisions call the policy of `arn`; none for what has none.
pub(super) fn describe(arn: &Arn) -> Option<String> {
    let whole = |name: &str| !name.is_empty() && !name.contains(['/', '*', '?', ':']);
    let resource = arn.resource();
    match arn.service() {
        "s3" => (arn.region().is_empty() && arn.account().is_empty() && whole(resource))
            .then(|| format!("policy of bucket {resource}")),
        "dynamodb" if !arn.region().is_empty() && !arn.account().is_empty() => {
            let below = resource.strip_prefix("table/")?;
            match below.split_once("/stream/") {
                None => whole(below).then(|| format!("policy of table {below}")),
                Some((table, stream)) => (whole(table) && !stream.is_empty())
                    .then(|| format!("policy of stream {table}/{stream}")),
            }
        }
        _ => None,
    }
}

const SERVICE_CONTROL: &str = "ServiceControlPolicies";
const RESOURCE_CONTROL: &str = "ResourceControlPolicies";
