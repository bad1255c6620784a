//! A statement as its file has it.

use std::{fs, path::Path};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::config::json::{Step, locate, written};

/// Where a statement is written, and how.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// `file:line:column`.
    pub(super) place: String,
    /// Its JSON, without the indentation of its file.
    pub(super) text: String,
}

/// The statement of a step of the trail in which one was considered, read from its file again. None if
/// it is in no file, or not there any more.
pub(super) fn of_step(found: &Value) -> Option<Written> {
    let text = |name: &str| found.get(name).and_then(Value::as_str);
    let (file, path) = (text("file")?, text("path")?);
    let index = usize::try_from(found.get("statement")?.as_u64()?).ok()?;
    let json = fs::read_to_string(Path::new(file)).ok()?;
    let mut path = steps(path)?;
    let document = written(&json, &path)?;
    // What the API prints has documents as percent-encoded strings.
    if document.starts_with('"') {
        let (line, column) = locate(&json, &path);
        let text: String = serde_json::from_str(document).ok()?;
        let text = percent_decode_str(&text).decode_utf8().ok()?;
        let found = statement(&text, Vec::new(), index)?.0;
        return Some(Written { place: format!("{file}:{line}:{column}"), text: plain(found) });
    }
    let (found, whole) = statement(&json, std::mem::take(&mut path), index)?;
    let (line, column) = locate(&json, &whole);
    Some(Written { place: format!("{file}:{line}:{column}"), text: plain(found) })
}

/// Of a step in which a statement was found to be about other resources: where it is, `Resource` or
/// `NotResource`, and that element's values as they are written.
pub(super) fn other_resources(found: &Value) -> Option<(String, &'static str, Vec<String>)> {
    if found.get("resource").and_then(Value::as_str) != Some("false") {
        return None;
    }
    let written = of_step(found)?;
    let statement: Value = serde_json::from_str(&written.text).ok()?;
    let (element, value) = ["Resource", "NotResource"]
        .into_iter()
        .find_map(|name| statement.get(name).map(|value| (name, value)))?;
    let values = match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().into_iter().collect::<Vec<_>>(),
    };
    Some((written.place, element, values.into_iter().map(str::to_owned).collect()))
}

/// The statement in the document that `path` leads to, and its own path: `Statement` may be one.
fn statement<'t, 'p>(
    json: &'t str,
    mut path: Vec<Step<'p>>,
    index: usize,
) -> Option<(&'t str, Vec<Step<'p>>)> {
    path.push(Step::Key("Statement"));
    let found = written(json, &path)?;
    if !found.starts_with('[') {
        return (index == 0).then_some((found, path));
    }
    path.push(Step::Index(index));
    Some((written(json, &path)?, path))
}

/// The steps of a path such as `RolePolicyList[0].PolicyDocument`.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let mut pieces = part.split('[');
        steps.extend(pieces.next().filter(|key| !key.is_empty()).map(Step::Key));
        for piece in pieces {
            steps.push(Step::Index(piece.strip_suffix(']')?.parse().ok()?));
        }
    }
    Some(steps)
}

/// `text` without the indentation that all its lines but the first have.
fn plain(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let least = text.lines().skip(1).filter(|l| !l.trim().is_empty()).map(indent).min();
    let cut = |line: &str| line.get(least.unwrap_or(0)..).unwrap_or(line.trim_start()).to_owned();
    let first = text.lines().take(1).map(str::to_owned);
    first.chain(text.lines().skip(1).map(cut)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(text: &str, path: &str, index: usize) -> Option<Written> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let name = file.path().to_str().unwrap();
        let step = json!({ "file": name, "path": path, "statement": index });
        let mut written = of_step(&step)?;
        written.place = written.place.replace(name, "f");
        Some(written)
    }

    #[test]
    fn a_statement_is_found_where_it_is_written() {
        let file = "{\n  \"L\": [ {\n    \"D\": { \"Statement\": [\n      { \"Sid\": \"A\" },\n      \
                    {\n        \"Sid\": \"B\"\n      }\n    ] }\n  } ]\n}";
        let second = found(file, "L[0].D", 1).unwrap();
        assert_eq!(second.place, "f:5:7");
        assert_eq!(second.text, "{\n  \"Sid\": \"B\"\n}");
        assert_eq!(found(file, "L[0].D", 2), None);
        assert_eq!(found(file, "L[1].D", 0), None);
        let one = found(r#"{ "Statement": { "Sid": "C" } }"#, "", 0).unwrap();
        assert_eq!((one.place.as_str(), one.text.as_str()), ("f:1:16", r#"{ "Sid": "C" }"#));
        let encoded = r#"{"D":"%7B%22Statement%22%3A%7B%22Sid%22%3A%22D%22%7D%7D"}"#;
        let encoded = found(encoded, "D", 0).unwrap();
        assert_eq!((encoded.place.as_str(), encoded.text.as_str()), ("f:1:6", r#"{"Sid":"D"}"#));
    }
}
