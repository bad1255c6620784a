//! `docs/configuration.md` says what the code does: its table of fields is the schema's, and its
//! examples load. `UPDATE_DOCS=1 cargo test config::docs` writes the table anew.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use super::{load_text, schema};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
const BEGIN: &str = "<!-- fields: written by a test from the definitions in src/config -->\n";
const END: &str = "<!-- end of fields -->\n";

#[test]
fn the_table_of_fields_is_the_schemas() {
    let text = std::fs::read_to_string(PATH).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (table, tail) = rest.split_once(END).unwrap();
    let expected = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PATH, format!("{head}{BEGIN}{expected}{END}{tail}")).unwrap();
    } else {
        assert_eq!(table, expected, "run UPDATE_DOCS=1 cargo test config::docs");
    }
}

#[test]
fn every_example_loads() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "of 32 bytes and of no other use..\n").unwrap();
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    std::fs::write(folder.path().join("credentials"), key).unwrap();
    let text = std::fs::read_to_string(PATH).unwrap();
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 3);
    for block in blocks {
        // An excerpt is completed with the sections that every file has.
        let mut text = block.to_owned();
        for (section, lines) in [
            ("listen:", "listen: { proxy: { address: \"127.0.0.1:8080\" } }\n"),
            (
                "routes:",
                "routes: [{ name: a, service: execute-api, engines: { iam: off }, upstream: { url: \"http://127.0.0.1:1\" } }]\n",
            ),
            ("aws:", "aws: { region: eu-west-1, account: \"123456789012\" }\n"),
        ] {
            if !block.lines().any(|line| line.starts_with(section)) {
                text.push_str(lines);
            }
        }
        let text = text.replace("/run/secrets/", &format!("{}/", folder.path().display()));
        let text = text.replace("/identity }", "/secret }").replace("/admin }", "/secret }");
        let loaded = load_text(Path::new("poolgate.yaml"), &text, &|_| Some("x".into()));
        assert!(loaded.is_ok(), "{text}\n{:#?}", loaded.err());
    }
}

/// The fields as Markdown, one line each.
fn reference() -> String {
    let mut out = String::from("| field | value | default | what it is |\n|---|---|---|---|\n");
    rows(&mut out, "", &schema());
    out
}

fn rows(out: &mut String, prefix: &str, object: &Value) {
    let required = |name: &str| {
        object["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name))
    };
    let Some(properties) = object["properties"].as_object() else { return };
    // By name, in whichever order serde_json keeps them.
    let sorted: std::collections::BTreeMap<_, _> = properties.iter().collect();
    for (name, field) in sorted {
        let path = format!("{prefix}{name}");
        let default = match &field["default"] {
            Value::Null if required(name) => "required".to_owned(),
            Value::Null => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let doc = field["description"].as_str().unwrap().replace('|', "\\|");
        writeln!(out, "| `{path}` | {} | {default} | {doc} |", kind(field)).unwrap();
        let is_secret = field["maxProperties"] == 1;
        if field["items"].is_object() {
            rows(out, &format!("{path}[]."), &field["items"]);
        } else if field["additionalProperties"].is_object() {
            rows(out, &format!("{path}.*."), &field["additionalProperties"]);
        } else if !is_secret {
            rows(out, &format!("{path}."), field);
        }
    }
}

fn kind(field: &Value) -> String {
    if let Some(words) = field["enum"].as_array() {
        let words: Vec<String> =
            words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect();
        return words.join(" ");
    }
    if field["type"] == serde_json::json!(["string", "null"]) {
        return "path or `null`".into();
    }
    let Some(kind) = field["type"].as_str() else {
        assert_eq!(field["type"], serde_json::json!(["string", "array"]));
        return "text, or list of text".into();
    };
    match kind {
        "object" if field["maxProperties"] == 1 => "secret".into(),
        "object" if field["additionalProperties"].is_object() => "mapping by name".into(),
        "object" => "mapping".into(),
        "array" if field["items"]["type"] == "object" => "list of mappings".into(),
        "array" => "list of text".into(),
        "string" => match field["pattern"].as_str() {
            None => "path".into(),
            Some("^[0-9]+(ms|s|m|h)$") => "duration".into(),
            Some("^[0-9]+(B|KiB|MiB|GiB)$") => "size".into(),
            Some(_) => "text".into(),
        },
        other => other.into(),
    }
}
