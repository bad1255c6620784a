//! The table is consistent, and is the one that the documentation shows.

use std::{collections::BTreeSet, fs};

use super::*;

/// A row as `docs/s3.md` has it.
fn line(row: &Row) -> String {
    let verb = format!("{:?}", row.verb).to_uppercase();
    let path = match row.level {
        Level::Service => "/",
        Level::ObjectLambda => "/WriteGetObjectResponse",
        Level::Bucket => "/B",
        Level::Object => "/B/K",
    };
    let mut query: Vec<_> = row.selectors.iter().chain(row.required).copied().collect();
    if row.name == "ListObjectsV2" {
        query = vec!["list-type=2"];
    }
    let question = if query.is_empty() { "" } else { "?" };
    let source = if row.copies { " from `x-amz-copy-source`" } else { "" };
    let short = |action: &'static str| action.strip_prefix("s3:").unwrap_or(action);
    let need = |need: &Need| match need.plain == need.versioned {
        true => format!("`{}`", short(need.plain)),
        false => format!("`{}` / `{}`", short(need.plain), short(need.versioned)),
    };
    let mut needs: Vec<_> = row.needs.iter().map(need).collect();
    if row.copies {
        needs.push("of the source `GetObject` / `GetObjectVersion`".to_owned());
    }
    let more = |family: &Family| match family {
        Family::AclWith(_) => Some("acl"),
        Family::Tagging => Some("tags"),
        Family::Lock => Some("lock"),
        Family::Bypass => Some("bypass"),
        Family::NewBucket => Some("new bucket"),
        Family::Acl | Family::Copy | Family::ObjectLambda => None,
    };
    let more: Vec<_> = row.families.iter().filter_map(more).collect();
    format!(
        "| {} | `{verb} {path}{question}{}`{source} | {} | {} |",
        row.name,
        query.join("&"),
        needs.join(", "),
        more.join(", ")
    )
}

#[test]
fn the_documentation_has_the_whole_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/s3.md");
    let page = fs::read_to_string(path).unwrap();
    let verbs = ["GET", "HEAD", "PUT", "POST", "DELETE"].map(|verb| format!(" | `{verb} /"));
    let is_row = |line: &&str| verbs.iter().any(|verb| line.contains(verb));
    let documented: BTreeSet<&str> = page.lines().filter(is_row).collect();
    let rows: BTreeSet<String> = rows().filter(|row| !row.needs.is_empty()).map(line).collect();
    let expected: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    let missing: Vec<_> = expected.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&expected).collect();
    assert!(missing.is_empty() && stale.is_empty(), "missing {missing:#?}\nstale {stale:#?}");
    for row in super::rows().filter(|row| row.needs.is_empty()) {
        assert!(page.contains(row.name), "{}", row.name);
    }
}

#[test]
fn no_two_rows_are_the_same_request() {
    let mut seen = BTreeSet::new();
    let mut names = BTreeSet::new();
    for row in rows() {
        let mut selectors = row.selectors.to_vec();
        selectors.sort_unstable();
        let request = (format!("{:?} {:?}", row.verb, row.level), selectors, row.copies);
        assert!(seen.insert(request), "{}", row.name);
        assert!(names.insert(row.name), "{}", row.name);
    }
}

#[test]
fn rows_are_whole() {
    for row in rows() {
        let all: Vec<_> = row.selectors.iter().chain(row.parameters).collect();
        let unique: BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), unique.len(), "{}", row.name);
        assert!(row.required.iter().all(|name| row.parameters.contains(name)), "{}", row.name);
        assert!(!row.parameters.iter().any(|name| selects(name)), "{}", row.name);
        // A version is asked about where there can be one.
        let versioned = row.needs.iter().any(|need| need.plain != need.versioned);
        let named = row.parameters.contains(&"versionId") || row.reads == Reads::Delete;
        assert!(!versioned || named, "{}", row.name);
        for need in row.needs {
            assert!(need.plain.contains(':') && need.versioned.contains(':'), "{}", row.name);
        }
        assert!(!row.copies || row.families.contains(&Family::Copy), "{}", row.name);
    }
}
