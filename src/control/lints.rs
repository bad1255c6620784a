//! The lints of a configuration's policies, at their places. Only `poolgate check` asks for them: a
//! reload doesn't wait for what refuses nothing.

use std::collections::{HashMap, HashSet};

use super::{
    files::PolicyFile,
    policies::{PolicyFiles, steps},
};
use crate::{
    config::{ActionRule, Position, Problem, Settings, json::locate_all},
    iam::{FileKind, partition},
    identity::{Groups, IdentityPool, RoleMapping},
    lint::{Finding, Given, Home, lint_account, lint_identity_pool},
};

/// What lints find in `files`, the policy files of `settings`, which were built from without an error:
/// in the order of the files and of their lines.
pub fn lint_policies(settings: &Settings, files: &PolicyFiles) -> Vec<Problem> {
    let home = settings.aws.as_ref().map(|aws| Home {
        partition: partition(&aws.region),
        region: &aws.region,
        account: &aws.account,
    });
    let roles = given_roles(files);
    let actions = settings.routes.iter().flat_map(|route| &route.actions);
    let prefix = |action: &ActionRule| action.action.split(':').next().map(str::to_owned);
    let services: Vec<String> = actions.filter_map(prefix).collect();
    let given = Given { home, services: &services, roles: roles.as_ref() };
    let mut problems = of_account(&files.account, given);
    if let Some(Ok(shadow)) = &files.shadow {
        // Roles are given by what is in force.
        problems.extend(of_account(&shadow.account, Given { roles: None, ..given }));
    }
    let pools: Vec<&PolicyFile> = files.pools.iter().collect();
    let found = pools.iter().enumerate();
    let found = found.flat_map(|(number, file)| lint_identity_pool(number, &file.text)).collect();
    problems.extend(at_their_places(&pools, found));
    problems
}

fn of_account(files: &[(FileKind, PolicyFile)], given: Given<'_>) -> Vec<Problem> {
    let texts: Vec<(FileKind, &str)> =
        files.iter().map(|(kind, file)| (*kind, file.text.as_str())).collect();
    let files: Vec<&PolicyFile> = files.iter().map(|(_, file)| file).collect();
    at_their_places(&files, lint_account(&texts, given))
}

fn at_their_places(files: &[&PolicyFile], findings: Vec<Finding>) -> Vec<Problem> {
    let mut of_file: HashMap<usize, Vec<Finding>> = HashMap::new();
    for finding in findings {
        of_file.entry(finding.file).or_default().push(finding);
    }
    let mut problems = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let Some(findings) = of_file.remove(&number) else { continue };
        let paths: Vec<_> = findings.iter().map(|finding| steps(&finding.path)).collect();
        let paths: Vec<&[_]> = paths.iter().map(Vec::as_slice).collect();
        let places = locate_all(&file.text, &paths);
        let mut here: Vec<Problem> = findings
            .iter()
            .zip(places)
            .map(|(Finding { lint, message, .. }, (line, column))| {
                let position = Position { line, column };
                let kind = (lint.id(), lint.severity());
                Problem::lint(&file.path, position, kind, message.clone())
            })
            .collect();
        here.sort_by_key(|problem| (problem.line, problem.column));
        problems.extend(here);
    }
    problems
}

/// Every role that a pool, a rule or a group gives. None where a user pool's tokens may name others:
/// where roles come from tokens, and what the pool's groups are isn't configured.
fn given_roles(files: &PolicyFiles) -> Option<HashSet<String>> {
    let mut roles = HashSet::new();
    for file in &files.pools {
        let pool = IdentityPool::parse(&file.text).ok()?;
        roles.extend(pool.roles().into_iter().map(str::to_owned));
        for (provider, mapping) in pool.role_mappings() {
            let of = |id: &str| provider.contains(&format!("/{id}:"));
            let known = files.groups.iter().any(|(id, _)| of(id));
            if matches!(mapping, RoleMapping::Token(_)) && !known {
                return None;
            }
        }
    }
    for (_, file) in &files.groups {
        roles.extend(Groups::parse(&file.text).ok()?.every_role().map(str::to_owned));
    }
    (!files.pools.is_empty()).then_some(roles)
}
