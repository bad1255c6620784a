//! The policy folders: what AWS exports, read as it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    cedar::{self, TypeNames},
    config::{
        At, Position, Problem, Settings,
        json::{Step, locate},
    },
    iam::{Account, AccountFile, FileKind, JsonPath, JsonStep, MAX_FILE_BYTES},
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
    pub(super) shadow: Option<ShadowFiles>,
}

/// The files of `shadow_policies`.
#[derive(Debug, Default)]
pub(super) struct ShadowFiles {
    pub(super) account: Vec<(FileKind, PolicyFile)>,
    cedar: Vec<PolicyFile>,
}

/// A file and its text.
#[derive(Debug)]
pub(super) struct PolicyFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// What the policy files say.
pub(super) struct Policies {
    pub(super) account: Account,
    pub(super) pools: Vec<IdentityPool>,
    pub(super) groups: Vec<(String, Groups)>,
    pub(super) cedar: Option<cedar::Policies>,
    /// Roles and Cedar's policies of `shadow_policies`.
    pub(super) shadow: Option<(Account, Option<cedar::Policies>)>,
    pub(super) warnings: Vec<Problem>,
}

/// Reads the policy files that `settings` name. Missing folders are empty.
///
/// # Errors
/// Every file that can't be read.
pub fn read_policies(settings: &Settings) -> Result<PolicyFiles, Vec<Problem>> {
    let (mut problems, mut unread) = (Vec::new(), Vec::new());
    let mut folder = |path: &Path, position: Position| {
        read_folder(path).unwrap_or_else(|(path, error)| {
            let message = format!("can't read {}: {error}", path.display());
            problems.push(Problem::error(&settings.file, position, message));
            Vec::new()
        })
    };
    let At { value: policies, position } = &settings.policies;
    let mut account_files = |policies: &Path, position: Position| {
        let of = |(name, kind): (&str, FileKind)| {
            folder(&policies.join(name), position).into_iter().map(move |file| (kind, file))
        };
        FOLDERS.into_iter().flat_map(of).collect::<Vec<_>>()
    };
    let account = account_files(policies, *position);
    let shadow_account = |shadow: &At<PathBuf>| account_files(&shadow.value, shadow.position);
    let of_shadow = settings.shadow_policies.as_ref().map(shadow_account);
    let pools = folder(&settings.identity_pools.value, settings.identity_pools.position);
    let mut cedar = |path: &Path, position: Position| {
        super::cedar::read(path).unwrap_or_else(|(path, error)| {
            let message = format!("can't read {}: {error}", path.display());
            unread.push(Problem::error(&settings.file, position, message));
            Vec::new()
        })
    };
    let of_cedar = cedar(&policies.join("cedar"), *position);
    let shadow = settings.shadow_policies.as_ref().zip(of_shadow).map(|(at, account)| {
        ShadowFiles { account, cedar: cedar(&at.value.join("cedar"), at.position) }
    });
    if let Some(At { value, position }) = &settings.shadow_policies
        && !value.is_dir()
    {
        let message = format!("{} is not a folder", value.display());
        unread.push(Problem::error(&settings.file, *position, message));
    }
    problems.extend(unread);
    let id = settings.aws.as_ref().map(|aws| aws.account.clone());
    let of_shadow = shadow.iter().flat_map(|shadow| &shadow.account);
    let needs_id = |(kind, _): &&(FileKind, PolicyFile)| {
        matches!(kind, FileKind::Resources | FileKind::Organization)
    };
    if let (None, Some((_, file))) = (&id, account.iter().chain(of_shadow).find(needs_id)) {
        let message = format!(
            "aws.account is missing: {} says what is of this account and what of another",
            file.path.display()
        );
        problems.push(Problem::error(&settings.file, *position, message));
    }
    let mut groups = Vec::new();
    for pool in &settings.user_pools {
        let Some(At { value: path, position }) = &pool.groups else { continue };
        match read_file(path) {
            Ok(file) => groups.push((pool.id.clone(), file)),
            Err(error) => {
                let message = format!("can't read {}: {error}", path.display());
                problems.push(Problem::error(&settings.file, *position, message));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(PolicyFiles { id, account, pools, groups, cedar: of_cedar, shadow }),
        false => Err(problems),
    }
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
    /// Every file, for the hash over a configuration.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        let shadow = self.shadow.iter();
        let account = self.account.iter().chain(shadow.clone().flat_map(|s| &s.account));
        account
            .map(|(_, file)| file)
            .chain(&self.pools)
            .chain(self.groups.iter().map(|(_, file)| file))
            .chain(&self.cedar)
            .chain(shadow.flat_map(|s| &s.cedar))
            .map(|file| (file.path.as_path(), file.text.as_str()))
    }

    /// The files that have policies of resources.
    pub(super) fn resources(&self) -> impl Iterator<Item = (&Path, &str)> {
        let of_resources = self.account.iter().filter(|(kind, _)| *kind == FileKind::Resources);
        of_resources.map(|(_, file)| (file.path.as_path(), file.text.as_str()))
    }

    /// What they say, or every problem at its line and column.
    pub(super) fn parse(&self, types: &TypeNames) -> Result<Policies, Vec<Problem>> {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let account = account_of(&self.account, self.id.as_deref(), &mut problems);
        let mut cedar = |files: &[PolicyFile], problems: &mut Vec<Problem>| {
            let loaded = super::cedar::load(files, types);
            let (policies, more) = loaded.map_err(|found| problems.extend(found)).ok()??;
            warnings.extend(more);
            Some(policies)
        };
        let of_cedar = cedar(&self.cedar, &mut problems);
        let shadow = self.shadow.as_ref().and_then(|shadow| {
            let account = account_of(&shadow.account, self.id.as_deref(), &mut problems);
            let cedar = cedar(&shadow.cedar, &mut problems);
            Some((account?, cedar))
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
                Ok(Policies { account, pools, groups, cedar: of_cedar, shadow, warnings })
            }
            _ => Err(problems),
        }
    }
}

/// The account of these files.
fn account_of(
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

impl PolicyFile {
    pub(super) fn problem(&self, path: &JsonPath, message: &str) -> Problem {
        let (line, column) = locate(&self.text, &steps(path));
        Problem::error(&self.path, Position { line, column }, message.to_owned())
    }
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

/// The JSON files of a folder and the folders in it, in the order of their names. Names that begin
/// with a dot are passed over: Kubernetes keeps its own copies of a mount under such. Others than
/// JSON and notes are errors.
fn read_folder(folder: &Path) -> Result<Vec<PolicyFile>, (PathBuf, io::Error)> {
    let mut files = Vec::new();
    for path in list_files(folder, &|path| !is_note(path))? {
        if !is_json(&path) {
            // A policy under another name would decide nothing, and be thought to.
            let error =
                io::Error::other("only files that end in .json are read; move it elsewhere");
            return Err((path, error));
        }
        let file = read_file(&path).map_err(|error| (path, error))?;
        files.push(file);
    }
    Ok(files)
}

/// The paths of the files of a folder and the folders in it, but for notes.
pub(super) fn list_folder(folder: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    list_files(folder, &|path| !is_note(path))
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// What is for people to read may lie beside the files.
fn is_note(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md" || extension == "txt")
}

/// The same of the files that are `wanted`.
pub(super) fn list_files(
    folder: &Path,
    wanted: &dyn Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 1)];
    while let Some((folder, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            // A link to a folder above, most likely.
            let error = io::Error::other(format!("folders are nested deeper than {MAX_DEPTH}"));
            return Err((folder, error));
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => match folder.is_symlink() {
                // What it should lead to may be what forbids.
                true => return Err((folder, io::Error::other("it is a link that leads nowhere"))),
                false => continue,
            },
            Err(error) => return Err((folder, error)),
        };
        for entry in entries {
            let path = entry.map_err(|error| (folder.clone(), error))?.path();
            let hidden = path.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            if path.is_dir() {
                open.push((path, depth + 1));
            } else if wanted(&path) {
                found.push(path);
            }
            if found.len() + open.len() > MAX_FILES {
                let error = io::Error::other(format!("more than {MAX_FILES} files"));
                return Err((folder, error));
            }
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn read_file(path: &Path) -> io::Result<PolicyFile> {
    let metadata = fs::metadata(path)?;
    // Opening a FIFO would wait for its writer.
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let size = metadata.len();
    if size > MAX_BYTES {
        return Err(io::Error::other(format!("{size} bytes are more than {MAX_BYTES}")));
    }
    Ok(PolicyFile { path: path.to_owned(), text: fs::read_to_string(path)? })
}

/// The folders that an account is loaded from.
pub(super) const FOLDERS: [(&str, FileKind); 4] = [
    ("roles", FileKind::Roles),
    ("managed", FileKind::Managed),
    ("resources", FileKind::Resources),
    ("organization", FileKind::Organization),
];
/// Files of a policy folder.
const MAX_FILES: usize = 50_000;
/// Levels of a policy folder, itself among them.
const MAX_DEPTH: usize = 8;
/// Bytes of one policy file.
const MAX_BYTES: u64 = MAX_FILE_BYTES as u64;
