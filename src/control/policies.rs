//! The policy folders: what AWS exports, read as it is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;

use super::{
    files::{PolicyFile, Unread, is_json, list_files, read_file, read_folder},
    shadow::{self, ShadowFiles},
};
use crate::{
    cedar::{self, TypeNames},
    config::{At, Position, Problem, Settings, json::Step, suggest::suggestion},
    iam::{Account, AccountFile, FileKind, JsonPath, JsonStep},
    identity::{Groups, IdentityPool},
};

/// The policy files of a configuration, as text.
#[derive(Debug, Default)]
pub struct PolicyFiles {
    /// The account that they are of.
    id: Option<String>,
    pub(super) account: Vec<(FileKind, PolicyFile)>,
    pub(super) pools: Vec<PolicyFile>,
    /// By user pool id.
    pub(super) groups: Vec<(String, PolicyFile)>,
    cedar: Vec<PolicyFile>,
    /// What is wrong with those of `shadow_policies` refuses nothing else.
    pub(super) shadow: Option<Result<ShadowFiles, Vec<Problem>>>,
}

/// What the policy files say.
pub(super) struct Policies {
    pub(super) account: Account,
    pub(super) pools: Vec<IdentityPool>,
    pub(super) groups: Vec<(String, Groups)>,
    pub(super) cedar: Option<cedar::Policies>,
    pub(super) warnings: Vec<Problem>,
}

/// Reads the policy files that `settings` name. Missing folders are empty.
///
/// # Errors
/// Every file that can't be read, but for those of `shadow_policies`.
pub fn read_policies(settings: &Settings) -> Result<PolicyFiles, Vec<Problem>> {
    let At { value: policies, position } = &settings.policies;
    let mut problems = Vec::new();
    let account = read_account(settings, policies, *position, &mut problems);
    let At { value: folder, position: of_pools } = &settings.identity_pools;
    let pools = read_folder(folder).unwrap_or_else(|unread| {
        problems.push(unread.problem(&settings.file, *of_pools));
        Vec::new()
    });
    let cedar = super::cedar::read(&policies.join("cedar")).unwrap_or_else(|unread| {
        problems.push(unread.problem(&settings.file, *position));
        Vec::new()
    });
    problems.extend(without_owner(settings, &account, *position));
    let mut groups = Vec::new();
    for pool in &settings.user_pools {
        let Some(At { value: path, position }) = &pool.groups else { continue };
        let there = fs::metadata(path).map_err(|error| Unread::Named(path.clone(), error));
        match there.and_then(|_| read_file(path)) {
            Ok(file) => groups.push((pool.id.clone(), file)),
            Err(unread) => problems.push(unread.problem(&settings.file, *position)),
        }
    }
    let id = settings.aws.as_ref().map(|aws| aws.account.clone());
    let shadow = shadow::read(settings);
    match problems.is_empty() {
        true => Ok(PolicyFiles { id, account, pools, groups, cedar, shadow }),
        false => {
            problems.extend(shadow.and_then(Result::err).into_iter().flatten());
            Err(problems)
        }
    }
}

/// What is wrong where the configuration names a folder that is none.
pub(super) fn not_a_folder(named: &At<PathBuf>) -> Option<String> {
    let folder = &named.value;
    (!folder.is_dir()).then(|| format!("{} is not a folder", folder.display()))
}

/// A folder of policies that is named, and isn't there, may come later: until then there are none.
pub(super) fn warn_of_none(settings: &Settings) -> Option<Problem> {
    let named = Some(&settings.policies).filter(|_| settings.policies_named)?;
    let message = format!("{}: there are no policies", not_a_folder(named)?);
    Some(Problem::warning(&settings.file, named.position, message))
}

/// The files of `folder` that an account is loaded from; the configuration names it at `position`.
pub(super) fn read_account(
    settings: &Settings,
    folder: &Path,
    position: Position,
    problems: &mut Vec<Problem>,
) -> Vec<(FileKind, PolicyFile)> {
    let mut files = Vec::new();
    for (name, kind) in FOLDERS {
        match read_folder(&folder.join(name)) {
            Ok(found) => files.extend(found.into_iter().map(|file| (kind, file))),
            Err(unread) => problems.push(unread.problem(&settings.file, position)),
        }
    }
    files
}

/// Warnings of folders beside those that are read which hold policies: misspelt, most likely, so that
/// their policies decide nothing.
pub(super) fn warn_of_folders(settings: &Settings, policies: &Path) -> Vec<Problem> {
    let named = settings.user_pools.iter().filter_map(|pool| pool.groups.as_ref());
    let mut named: Vec<&Path> = named.map(|groups| groups.value.as_path()).collect();
    named.push(&settings.identity_pools.value);
    named.extend(settings.shadow_policies.iter().map(|shadow| shadow.value.as_path()));
    let known = || FOLDERS.iter().map(|(name, _)| *name).chain(OTHER_FOLDERS);
    let mut warnings = Vec::new();
    for entry in fs::read_dir(policies).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let passed_over = name.starts_with('.') || known().any(|known| known == name);
        if passed_over || !path.is_dir() || named.iter().any(|named| named.starts_with(&path)) {
            continue;
        }
        let policy = |path: &Path| is_json(path) || path.extension().is_some_and(|e| e == "cedar");
        if list_files(&path, &policy).is_ok_and(|found| !found.is_empty()) {
            let meant = suggestion(&name, known());
            let message = format!("no such folder is read, its policies decide nothing{meant}");
            warnings.push(Problem::warning(&path, Position::START, message));
        }
    }
    warnings.sort_by(|a, b| a.file.cmp(&b.file));
    warnings
}

/// What is wrong where nothing says whose resources and organization `files` are about.
pub(super) fn without_owner(
    settings: &Settings,
    files: &[(FileKind, PolicyFile)],
    position: Position,
) -> Option<Problem> {
    let needs_id = |(kind, _): &&(FileKind, PolicyFile)| {
        matches!(kind, FileKind::Resources | FileKind::Organization)
    };
    let (None, Some((_, file))) = (&settings.aws, files.iter().find(needs_id)) else { return None };
    let message = format!(
        "aws.account is missing: {} says what is of this account and what of another",
        file.path.display()
    );
    Some(Problem::error(&settings.file, position, message))
}

/// What is wrong with the files of these folders; of a folder that can't be read, nothing.
pub(super) fn problems_in(policies: &Path, pools: &Path) -> Vec<Problem> {
    let folder = |path: &Path| read_folder(path).unwrap_or_default();
    let of = |(name, kind): (&str, FileKind)| {
        folder(&policies.join(name)).into_iter().map(move |file| (kind, file))
    };
    let files = PolicyFiles {
        account: FOLDERS.into_iter().flat_map(of).collect(),
        pools: folder(pools),
        // Cedar's need the configuration's names of entity types.
        ..PolicyFiles::default()
    };
    files.parse(&TypeNames::default()).err().unwrap_or_default()
}

impl PolicyFiles {
    /// Every file but those of `shadow_policies`, for the hash over a configuration.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        let account = self.account.iter().map(|(_, file)| file);
        account
            .chain(&self.pools)
            .chain(self.groups.iter().map(|(_, file)| file))
            .chain(&self.cedar)
            .map(|file| (file.path.as_path(), file.text.as_str()))
    }

    /// The files that have policies of resources.
    pub(super) fn resources(&self) -> impl Iterator<Item = (&Path, &str)> {
        let of_resources = self.account.iter().filter(|(kind, _)| *kind == FileKind::Resources);
        of_resources.map(|(_, file)| (file.path.as_path(), file.text.as_str()))
    }

    /// What they say, or every problem at its line and column.
    pub(super) fn parse(&self, types: &TypeNames) -> Result<Policies, Vec<Problem>> {
        let mut problems = Vec::new();
        let account = account_of(&self.account, self.id.as_deref(), &mut problems);
        let cedar = super::cedar::load(&self.cedar, types).unwrap_or_else(|found| {
            problems.extend(found);
            None
        });
        let mut pools: Vec<IdentityPool> = Vec::new();
        for file in &self.pools {
            match IdentityPool::parse(&file.text) {
                Ok(pool) if pools.iter().any(|known| known.id() == pool.id()) => {
                    let message = format!("another file has the identity pool {} too", pool.id());
                    problems.push(Problem::error(&file.path, Position::START, message));
                }
                Ok(pool) => pools.push(pool),
                Err(errors) => problems.extend(
                    errors.iter().map(|error| file.problem(&error.path, &error.to_string())),
                ),
            }
        }
        let mut groups = Vec::new();
        for (id, file) in &self.groups {
            match Groups::parse(&file.text) {
                Ok(parsed) => groups.push((id.clone(), parsed)),
                Err(errors) => problems.extend(
                    errors.iter().map(|error| file.problem(&error.path, &error.to_string())),
                ),
            }
        }
        match account {
            Some(account) if problems.is_empty() => {
                let (cedar, warnings) = cedar.unzip();
                let warnings = warnings.unwrap_or_default();
                Ok(Policies { account, pools, groups, cedar, warnings })
            }
            _ => Err(problems),
        }
    }
}

/// The account of these files.
pub(super) fn account_of(
    files: &[(FileKind, PolicyFile)],
    id: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<Account> {
    let names: Vec<String> = files.iter().map(|(_, f)| f.path.display().to_string()).collect();
    let sources: Vec<AccountFile<'_>> = files
        .iter()
        .zip(&names)
        .map(|((kind, file), name)| AccountFile { name, kind: *kind, text: &file.text })
        .collect();
    Account::load(&sources, id)
        .map_err(|errors| {
            problems.extend(errors.iter().map(|error| {
                let at = names.iter().position(|name| *name == error.file);
                match at.and_then(|at| files.get(at)) {
                    Some((_, file)) => file.problem(&error.path, &error.message()),
                    None => {
                        let path = Path::new(&error.file);
                        Problem::error(path, Position::START, error.message())
                    }
                }
            }));
        })
        .ok()
}

pub(super) fn steps(path: &JsonPath) -> Vec<Step<'_>> {
    path.steps()
        .iter()
        .map(|step| match step {
            JsonStep::Key(key) => Step::Key(key),
            JsonStep::Index(index) => Step::Index(*index),
        })
        .collect()
}

/// A SHA-256 over files and their names.
pub(super) fn hash<'a>(files: impl Iterator<Item = (&'a Path, &'a str)>) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut add = |part: &str| {
        // Length-prefixed, so that no two sets of files read the same.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    };
    for (path, text) in files {
        add(&path.to_string_lossy());
        add(text);
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folders that an account is loaded from.
pub(super) const FOLDERS: [(&str, FileKind); 4] = [
    ("roles", FileKind::Roles),
    ("managed", FileKind::Managed),
    ("resources", FileKind::Resources),
    ("organization", FileKind::Organization),
];
/// Those that are read elsewhere, or by other commands.
const OTHER_FOLDERS: [&str; 4] = ["cedar", "identity-pools", "user-pools", "tests"];
