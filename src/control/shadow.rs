//! `shadow_policies`: policies that decide nothing. Whatever is wrong with their files, those in force
//! are loaded all the same, beside the last good shadow or none.

use std::{path::PathBuf, sync::Arc};

use super::{
    cedar,
    files::PolicyFile,
    policies::{account_of, hash, not_a_folder, read_account, without_owner},
};
use crate::{
    config::{At, CedarTypes, EngineMode, Problem, Settings},
    gate::{Cedar, Shadow},
    iam::FileKind,
    telemetry::Metrics,
};

/// The files of `shadow_policies`.
#[derive(Debug)]
pub(super) struct ShadowFiles {
    pub(super) account: Vec<(FileKind, PolicyFile)>,
    cedar: Vec<PolicyFile>,
}

/// A shadow, and what it was loaded from.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) shadow: Arc<Shadow>,
    /// A hash over its files.
    pub(super) hash: String,
    place: Place,
}

/// Where files lie, and what gives them their meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    folder: PathBuf,
    account: Option<String>,
    types: CedarTypes,
}

/// The shadow of a generation.
#[derive(Default)]
pub(super) struct Shadowed {
    /// The one that is asked.
    pub(super) loaded: Option<Loaded>,
    /// Why it isn't that of the files.
    pub(super) problems: Vec<Problem>,
    /// What is worth a warning in the files.
    pub(super) warnings: Vec<Problem>,
}

/// Reads the folder of `shadow_policies`; none where it isn't set.
///
/// # Errors
/// What can't be read.
pub(super) fn read(settings: &Settings) -> Option<Result<ShadowFiles, Vec<Problem>>> {
    let named = settings.shadow_policies.as_ref()?;
    let At { value: folder, position } = named;
    if let Some(message) = not_a_folder(named) {
        return Some(Err(vec![Problem::error(&settings.file, *position, message)]));
    }
    let mut problems = Vec::new();
    let account = read_account(settings, folder, *position, &mut problems);
    problems.extend(without_owner(settings, &account, *position));
    let cedar = cedar::read(&folder.join("cedar")).unwrap_or_else(|unread| {
        problems.push(unread.problem(&settings.file, *position));
        Vec::new()
    });
    Some(if problems.is_empty() { Ok(ShadowFiles { account, cedar }) } else { Err(problems) })
}

/// What `files` say; where something is wrong with them, `last`, if it is of the same folder.
pub(super) fn load(
    settings: &Settings,
    files: Option<&Result<ShadowFiles, Vec<Problem>>>,
    last: Option<&Loaded>,
) -> Shadowed {
    let (Some(At { value: folder, .. }), Some(files)) = (&settings.shadow_policies, files) else {
        return Shadowed::default();
    };
    let account = settings.aws.as_ref().map(|aws| aws.account.clone());
    let place = Place { folder: folder.clone(), account, types: settings.cedar.clone() };
    match files.as_ref().map_err(Clone::clone).and_then(|files| parse(settings, files, &place)) {
        Ok((loaded, warnings)) => Shadowed { loaded: Some(loaded), warnings, problems: Vec::new() },
        Err(problems) => {
            let loaded = last.filter(|last| last.place == place).cloned();
            Shadowed { loaded, problems, warnings: Vec::new() }
        }
    }
}

fn parse(
    settings: &Settings,
    files: &ShadowFiles,
    place: &Place,
) -> Result<(Loaded, Vec<Problem>), Vec<Problem>> {
    let mut problems = Vec::new();
    let account = account_of(&files.account, place.account.as_deref(), &mut problems);
    let types = cedar::type_names(&place.types);
    let of_cedar = cedar::load(&files.cedar, &types).unwrap_or_else(|found| {
        problems.extend(found);
        None
    });
    let asks = |route: &&crate::config::Route| route.engines.cedar != EngineMode::Off;
    if let (Some(route), Some(at)) = (settings.routes.iter().find(asks), &settings.shadow_policies)
        && files.cedar.is_empty()
    {
        let message = format!("route `{}` asks Cedar, and this folder has no `cedar`", route.name);
        problems.push(Problem::error(&settings.file, at.position, message));
    }
    let (Some(account), []) = (account, problems.as_slice()) else { return Err(problems) };
    let (of_cedar, warnings) = of_cedar.unzip();
    let shadow = Arc::new(Shadow { account, cedar: of_cedar.map(Cedar::new) });
    let all = files.account.iter().map(|(_, file)| file).chain(&files.cedar);
    let hash = hash(all.map(|file| (file.path.as_path(), file.text.as_str())));
    let place = place.clone();
    Ok((Loaded { shadow, hash, place }, warnings.unwrap_or_default()))
}

/// Tells in the log and in a metric whether the shadow in force is the one of the files.
pub fn tell_shadow(metrics: &Metrics, problems: &[Problem], kept: bool) {
    let stays = if kept { "the last good ones stay" } else { "there are none" };
    for problem in problems {
        tracing::error!(%problem, "shadow policies refused; {stays}");
    }
    metrics.shadow_refused.set(i64::from(!problems.is_empty()));
}
