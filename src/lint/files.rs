//! From the files of an account to findings, role by role.

use std::collections::{HashMap, HashSet};

use super::{
    Lint,
    judge::{Finding, Judge},
};
use crate::iam::{
    FileKind, PolicyKind, Written, WrittenFile, WrittenLevel, WrittenManaged, WrittenRole,
};

/// What the rest of the configuration says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// Where the gate is, if it says so.
    pub home: Option<Home<'a>>,
    /// The prefixes of the actions that routes have of their own naming.
    pub services: &'a [String],
    /// Every role, by ARN, that an identity pool or a group gives; none if tokens may name others.
    pub roles: Option<&'a HashSet<String>>,
}

/// Partition, region and account that requests are of.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// `aws`, as a rule.
    pub partition: &'a str,
    /// The region.
    pub region: &'a str,
    /// The account id.
    pub account: &'a str,
}

/// The ARNs of managed policies that roles have.
#[derive(Default)]
struct Used {
    attached: HashSet<String>,
    /// As boundaries.
    bounding: HashSet<String>,
}

/// Lints the policies of an account: the kinds and texts of its files, which have been loaded without
/// an error.
pub fn lint_account(files: &[(FileKind, &str)], given: Given<'_>) -> Vec<Finding> {
    let mut judge = Judge::new(given);
    let mut kept: Vec<(usize, WrittenFile)> = Vec::new();
    let mut alone = Vec::new();
    for (number, (kind, text)) in files.iter().enumerate() {
        // A role of its own file is read when its turn comes: ten thousand at once would take room.
        if *kind == FileKind::Roles && !EXPORTED.iter().any(|name| text.contains(name)) {
            alone.push((number, *text));
        } else {
            kept.push((number, WrittenFile::read(*kind, text)));
        }
    }
    let managed = kept.iter().flat_map(|(_, file)| &file.managed);
    let managed: HashMap<&str, &WrittenManaged> =
        managed.map(|managed| (managed.arn.as_str(), managed)).collect();
    let mut used = Used::default();
    for (number, text) in alone {
        judge.file = number;
        for role in WrittenFile::read(FileKind::Roles, text).roles {
            judge.role(&role, &managed, &mut used);
        }
    }
    for (number, file) in &kept {
        judge.file = *number;
        for role in &file.roles {
            judge.role(role, &managed, &mut used);
        }
    }
    for (number, file) in &kept {
        judge.file = *number;
        for WrittenManaged { arn, path, policy } in &file.managed {
            let (attached, bounds) = (used.attached.contains(arn), used.bounding.contains(arn));
            judge.policy(policy, None, None);
            judge.covered(None, &[policy], &[], None);
            // What is a boundary only allows nothing by itself.
            if attached || !bounds {
                judge.rights(policy, None);
            }
            if !attached && !bounds {
                let message =
                    format!("no role has {arn}, which decides nothing: attach it, or drop it");
                judge.add(Lint::UnusedPolicy, path.clone(), message);
            }
        }
        if let Some((arn, policy)) = &file.resource {
            judge.elsewhere(arn);
            judge.policy(policy, None, Some(arn));
            judge.covered(None, &[policy], &[], None);
        }
        for WrittenLevel { path, kind, policies } in &file.levels {
            if *kind == PolicyKind::ServiceControl {
                judge.level(path, policies);
            }
            for policy in policies {
                judge.policy(policy, None, None);
                judge.covered(None, &[policy], &[], None);
            }
        }
    }
    judge.findings
}

impl Judge<'_> {
    fn role(
        &mut self,
        role: &WrittenRole,
        managed: &HashMap<&str, &WrittenManaged>,
        used: &mut Used,
    ) {
        let name = Some(role.name.as_str());
        self.roles.insert(role.arn.clone());
        for policy in role.trust.iter().chain(&role.inline) {
            self.policy(policy, name, None);
        }
        for policy in &role.inline {
            self.rights(policy, name);
        }
        let own: Vec<&Written> = role.inline.iter().collect();
        let attached = role.attached.iter().filter_map(|arn| managed.get(arn.as_str()));
        let attached: Vec<&Written> = attached.map(|managed| &managed.policy).collect();
        let boundary = role.boundary.as_ref().and_then(|arn| managed.get(arn.as_str()));
        self.covered(name, &own, &attached, boundary.map(|managed| &managed.policy));
        used.attached.extend(role.attached.iter().cloned());
        used.bounding.extend(role.boundary.clone());
        if self.given.roles.is_some_and(|roles| !roles.contains(&role.arn)) {
            let message = format!(
                "no identity pool, rule or group gives the role {}: only who asks AWS STS for it by name gets it",
                role.name
            );
            self.add(Lint::UnusedRole, role.path.clone(), message);
        }
    }
}

/// A text without any of these is of one role.
const EXPORTED: [&str; 2] = ["\"RoleDetailList\"", "\"Policies\""];
