//! The documentation says what the program does: every reason is listed, every link leads
//! somewhere, every whole configuration passes `poolgate check`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and docs/*.md, with their text.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = files(&root().join("docs")).into_iter();
    let pages: Vec<_> = docs
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .chain([root().join("README.md")])
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    assert!(pages.len() > 5, "where are the docs?");
    pages
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// The codes in `text`: string literals of lower-case letters, digits and `_`.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    let is_code = |text: &&str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split('"').skip(1).step_by(2).filter(is_code)
}

/// The codes that the function bodies `fn reason` of a source file can return, and those that
/// denials and answers are made with.
fn reasons(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for body in source.split("fn reason(").skip(1) {
        // Formatted code ends a method at the first brace of its own depth.
        let body = body.split("\n    }\n").next().unwrap();
        found.extend(codes(body).map(str::to_owned));
    }
    for made in ["Denial::new(", "problem(", "Problem::new("] {
        for arguments in source.split(made).skip(1) {
            // The first literal before the arguments end.
            let arguments = arguments.split([')', ';']).next().unwrap();
            found.extend(codes(arguments).take(1).map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_reason_is_listed() {
    let docs: String = pages().into_iter().map(|(_, text)| text).collect();
    let mut all = BTreeSet::new();
    let src = root().join("src");
    for path in files(&src) {
        let name = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        if name.ends_with(".rs") && !name.contains("tests") {
            all.extend(reasons(&fs::read_to_string(&path).unwrap()));
        }
    }
    // Of each kind of place one, so that a scan that finds nothing is noticed.
    for known in ["implicit_deny", "expired", "no_route", "missing_token", "not_ready", "upgrade"] {
        assert!(all.contains(known), "the scan doesn't find {known}: {all:?}");
    }
    let missing: Vec<&String> =
        all.iter().filter(|reason| !docs.contains(&format!("`{reason}`"))).collect();
    assert!(missing.is_empty(), "reasons that no page lists: {missing:?}");
}

#[test]
fn every_reason_of_a_decision_is_on_its_page() {
    let page = fs::read_to_string(root().join("docs/decisions.md")).unwrap();
    for file in [
        "src/gate/decide.rs",
        "src/gate/decision.rs",
        "src/gate/demands.rs",
        "src/gate/engines.rs",
        "src/gate/named.rs",
        "src/gate/authenticate.rs",
        "src/gate/bound.rs",
        "src/token/error.rs",
        "src/token/dpop.rs",
        "src/identity/error.rs",
        "src/services/mod.rs",
        "src/iam/verdict.rs",
        "src/upstream/error.rs",
    ] {
        let source = fs::read_to_string(root().join(file)).unwrap();
        let found = reasons(&source);
        assert!(!found.is_empty(), "{file}");
        for reason in found {
            assert!(page.contains(&format!("`{reason}`")), "{file}: {reason}");
        }
    }
}

#[test]
fn no_reason_of_the_page_is_made_up() {
    let sources: Vec<String> = files(&root().join("src"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let page = fs::read_to_string(root().join("docs/decisions.md")).unwrap();
    let listed: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" |").next())
        .flat_map(|cell| cell.split('`').step_by(2))
        .filter(|code| {
            !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        })
        .collect();
    assert!(listed.len() > 50 && listed.contains("mapped_roles"), "{listed:?}");
    for reason in listed {
        // What the upstream does is behind the decision, and nothing that a test of policies meets.
        let behind = reason.starts_with("upstream_") || reason == "request_unsendable";
        assert!(
            behind || poolgate::gate::REASONS.contains(&reason),
            "gate::REASONS lacks {reason}"
        );
        let literal = format!("\"{reason}\"");
        assert!(sources.iter().any(|source| source.contains(&literal)), "{reason}");
    }
}

/// Requests to the simulator and what it answers stand one below the other.
#[test]
fn simulations_are_answered_as_the_page_says() {
    let page = fs::read_to_string(root().join("docs/simulate.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```jsonl\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty() && blocks.len().is_multiple_of(2), "{} blocks", blocks.len());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.jsonl");
    for pair in blocks.chunks(2) {
        fs::write(&file, pair[0]).unwrap();
        let answered = Command::new(env!("CARGO_BIN_EXE_poolgate"))
            .arg("simulate")
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&answered.stdout), pair[1]);
    }
}

/// The mix of the page is one, and its options are those that there are.
#[test]
fn load_is_called_as_the_page_says() {
    let page = fs::read_to_string(root().join("docs/load.md")).unwrap();
    let mix = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let mix = poolgate::config::mix::load(Path::new("mix.yaml"), mix).unwrap();
    assert!(mix.len() > 1);
    let help =
        Command::new(env!("CARGO_BIN_EXE_poolgate")).args(["load", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let options = |text: &str| -> BTreeSet<String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_option = |word: &&str| {
            word.strip_prefix("--")
                .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        };
        text.split(|c: char| !is_name(c)).filter(is_option).map(str::to_owned).collect()
    };
    let mut known = options(&help);
    for of_every_command in ["--help", "--version"] {
        assert!(known.remove(of_every_command), "{known:?}");
    }
    assert_eq!(options(&page), known);
}

/// Targets of Markdown links.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut checked = 0;
    for (page, text) in pages() {
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            assert!(target.exists(), "{}: {link}", page.display());
            if !fragment.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let known = headings.map(anchor).any(|anchor| anchor == fragment);
                assert!(known, "{}: {link} names no heading", page.display());
            }
            checked += 1;
        }
    }
    assert!(checked >= 5, "only {checked} links");
}

/// How a heading is addressed.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
            _ => None,
        })
        .collect()
}

/// Every page is reached from the README, so that none is forgotten.
#[test]
fn the_readme_links_every_page() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (page, _) in pages() {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let known = name == "README.md" || readme.contains(&format!("docs/{name}"));
        assert!(known, "{name}");
    }
}

/// What the page shows of Envoy's filter is what is printed, line by line.
#[test]
fn envoys_filter_is_the_one_that_is_printed() {
    let page = fs::read_to_string(root().join("docs/envoy.md")).unwrap();
    let shown = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("poolgate.yaml");
    let text = "listen:\n  proxy: { address: \"127.0.0.1:8080\" }\n  ext_authz: { address: \"127.0.0.1:9191\" }\n\
                routes:\n  - name: orders\n    service: execute-api\n    match: { path: /orders/ }\n    \
                engines: { iam: off }\n    upstream: { url: \"http://127.0.0.1:3000\" }\n";
    fs::write(&config, text).unwrap();
    let snippet = Command::new(env!("CARGO_BIN_EXE_poolgate"))
        .args(["snippet", "envoy", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let printed = String::from_utf8(snippet.stdout).unwrap();
    assert!(snippet.status.success(), "{}", String::from_utf8_lossy(&snippet.stderr));
    let printed: BTreeSet<&str> = printed.lines().map(str::trim).collect();
    let shown: Vec<&str> = shown.lines().map(str::trim).collect();
    assert!(shown.len() > 8 && shown.contains(&"failure_mode_allow: false"), "{shown:?}");
    for line in shown {
        assert!(printed.contains(line), "not printed: {line}");
    }
}

#[test]
fn whole_configurations_pass_the_check() {
    let mut checked = 0;
    for (page, text) in pages() {
        let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let whole = |block: &&str| {
            let has = |section: &str| block.lines().any(|line| line.starts_with(section));
            has("listen:") && has("routes:")
        };
        for block in blocks.filter(whole) {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            fs::create_dir_all(path("policies/identity-pools")).unwrap();
            let pool = r#"{ "IdentityPoolId": "eu-west-1:7c5b0000-0000-4000-8000-000000000000" }"#;
            fs::write(path("policies/identity-pools/pool.json"), pool).unwrap();
            fs::write(path("identity"), "of 32 bytes and of no other use..").unwrap();
            let secrets = format!("{}/", folder.path().display());
            let config = block.replace("/run/secrets/", &secrets);
            fs::write(path("poolgate.yaml"), config).unwrap();
            let check = Command::new(env!("CARGO_BIN_EXE_poolgate"))
                .args(["check", "--config"])
                .arg(path("poolgate.yaml"))
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&check.stdout);
            assert!(check.status.success(), "{}:\n{block}\n{said}", page.display());
            checked += 1;
        }
    }
    assert!(checked >= 1, "no example is whole");
}
