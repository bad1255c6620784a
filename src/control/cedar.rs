//! Cedar's files in a policy folder: `cedar/*.cedar`, `*.cedarschema`, `entities.json`,
//! `template-links.json`.

use std::path::Path;

use super::files::{PolicyFile, Unread, list_files, read_file};
use crate::{
    cedar::{self, File, Files, LoadError, Place, Policies, TypeNames, Types},
    config::{self, Position, Problem},
};

/// Reads every file of `folder`; none if it isn't there.
pub(super) fn read(folder: &Path) -> Result<Vec<PolicyFile>, Unread> {
    list_files(folder, &|_| true)?.iter().map(|path| read_file(path)).collect()
}

/// The policies in `files`, and warnings; none without files.
///
/// # Errors
/// Every problem, at its line and column.
pub(super) fn load(
    files: &[PolicyFile],
    types: &TypeNames,
) -> Result<Option<(Policies, Vec<Problem>)>, Vec<Problem>> {
    let Some(first) = files.first() else { return Ok(None) };
    let names: Vec<String> = files.iter().map(|file| file.path.display().to_string()).collect();
    let (mut sorted, mut problems) = (Files::default(), Vec::new());
    for (file, name) in files.iter().zip(&names) {
        let of = File { name, text: &file.text };
        let base = file.path.file_name().unwrap_or_default().to_string_lossy();
        let place = match base.as_ref() {
            "entities.json" => &mut sorted.entities,
            "template-links.json" => &mut sorted.links,
            base if base.ends_with(".cedar") => {
                sorted.policies.push(of);
                continue;
            }
            base if base.ends_with(".cedarschema") || base.ends_with(".cedarschema.json") => {
                sorted.schemas.push(of);
                continue;
            }
            _ => {
                // A policy under another name would decide nothing, and be thought to.
                let message = "is none of *.cedar, *.cedarschema, *.cedarschema.json, entities.json, template-links.json";
                problems.push(Problem::error(&file.path, Position::START, message));
                continue;
            }
        };
        if let Some(other) = place.replace(of) {
            let message = format!("{} is there too", other.name);
            problems.push(Problem::error(&file.path, Position::START, message));
        }
    }
    let types = match Types::new(types) {
        Ok(types) => types,
        Err(name) => {
            let message = format!("{name} can't be the name of an entity type");
            return Err(vec![Problem::error(&first.path, Position::START, message)]);
        }
    };
    let at = |error: &LoadError| {
        let found = names.iter().position(|name| *name == error.file);
        let file = found.and_then(|at| files.get(at)).unwrap_or(first);
        match &error.place {
            Place::Offset(offset) => {
                let position = Position::of_offset(&file.text, *offset);
                Problem::error(&file.path, position, error.to_string())
            }
            Place::Path(path) => file.problem(path, &error.to_string()),
        }
    };
    match (cedar::Policies::load(&sorted, types), problems.is_empty()) {
        (Ok(policies), true) => {
            let warning =
                |error: &LoadError| Problem { severity: config::Severity::Warning, ..at(error) };
            let warnings = policies.warnings().iter().map(warning).collect();
            Ok(Some((policies, warnings)))
        }
        (loaded, _) => {
            problems.extend(loaded.err().iter().flatten().map(at));
            Err(problems)
        }
    }
}

/// The names of the entity types.
pub(super) fn type_names(settings: &config::CedarTypes) -> TypeNames {
    TypeNames {
        principal: settings.principal.clone(),
        group: settings.group.clone(),
        guest: settings.guest.clone(),
        role: settings.role.clone(),
        action: settings.action.clone(),
        application: settings.application.clone(),
        resource: settings.resource.clone(),
    }
}

/// Routes that ask Cedar where there is nothing to ask; and policies that nobody asks.
pub(super) fn check(
    settings: &config::Settings,
    has: bool,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    let asks = |route: &&config::Route| route.engines.cedar != config::EngineMode::Off;
    let asking = settings.routes.iter().find(asks);
    let folder = settings.policies.value.join("cedar");
    if let (Some(store), false) = (&settings.cedar.policy_store, has) {
        let message = format!("{} has no policies for the store", folder.display());
        problems.push(Problem::error(&settings.file, store.position, message));
    }
    match asking {
        Some(route) => {
            let (name, folder) = (&route.name, folder.display());
            if !has {
                let message = format!("route `{name}` asks Cedar, and {folder} has no policies");
                problems.push(Problem::error(&settings.file, route.position, message));
            }
        }
        None if has
            && settings.cedar.policy_store.is_none()
            && settings.listen.ext_authz.is_none() =>
        {
            let message = "no route asks Cedar (engines.cedar): its policies decide nothing";
            warnings.push(Problem::warning(&folder, Position::START, message));
        }
        None => {}
    }
}
