//! Whether the files of logs can be where the configuration has them.

use std::path::Path;

use crate::config::{Problem, Settings, Sink};

/// What is wrong with the places of the decision log and the access log; makes no file. For a start, where that is
/// settled: a folder that goes later loses records, and must not refuse policies.
pub(super) fn problems(settings: &Settings) -> Vec<Problem> {
    let logs =
        [("decision_log", &settings.decision_log.sink), ("access_log", &settings.access_log.sink)];
    let problem = |(name, sink): (&str, &Sink)| {
        let Sink::File(path) = sink else { return None };
        let message = format!("{name}.path: {}", wrong(&path.value)?);
        Some(Problem::error(&settings.file, path.position, message))
    };
    logs.into_iter().filter_map(problem).collect()
}

fn wrong(path: &Path) -> Option<String> {
    if path.is_dir() {
        return Some(format!("{} is a folder; name a file", path.display()));
    }
    // Of a file in the working folder it is empty.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    (!folder.is_dir()).then(|| format!("{} is not a folder; make it first", folder.display()))
}
