//! Which files are tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::config::{
    self, Problem,
    cases::{self, TestFile},
};

/// What was found in the folders.
pub(super) struct Found {
    /// Files with tests, in order.
    pub(super) files: Vec<PathBuf>,
    /// YAML beside them that isn't named as tests are.
    pub(super) passed_over: Vec<PathBuf>,
}

/// The tests in `paths`: files whose names end in `_test.yaml` or `_test.yml`, in folders and those
/// below; a file that is named itself may be called anything.
///
/// # Errors
/// A path that can't be read, or no test at all.
pub(super) fn tests(paths: &[PathBuf]) -> Result<Found, String> {
    let mut found = Found { files: Vec::new(), passed_over: Vec::new() };
    for path in paths {
        let failed = |error| format!("{}: {error}", path.display());
        let metadata = fs::metadata(path).map_err(failed)?;
        if !metadata.is_dir() {
            found.files.push(path.clone());
            continue;
        }
        let before = found.files.len();
        walk(path, 0, &mut found)?;
        if found.files.len() == before {
            let path = path.display();
            return Err(format!("{path} has no tests: their names end in _test.yaml"));
        }
    }
    found.files.sort();
    found.files.dedup();
    found.passed_over.sort();
    Ok(found)
}

/// Reads a file of tests.
///
/// # Errors
/// Every problem.
pub(super) fn load(path: &Path) -> Result<TestFile, Vec<Problem>> {
    cases::load(path, &config::read_text(path)?)
}

fn walk(folder: &Path, depth: usize, found: &mut Found) -> Result<(), String> {
    let failed = |error| format!("{}: {error}", folder.display());
    if depth > MAX_DEPTH {
        return Err(format!("{}: folders are more than {MAX_DEPTH} deep", folder.display()));
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        // A link may lead round in a circle: folders are followed only where they are.
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&path, depth + 1, found)?;
        } else if let Some(stem) = name.strip_suffix(".yaml").or(name.strip_suffix(".yml")) {
            match stem.ends_with("_test") {
                true => found.files.push(path),
                false => found.passed_over.push(path),
            }
        }
    }
    Ok(())
}

const MAX_DEPTH: usize = 16;
