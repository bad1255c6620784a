//! A decision as text for people. Programs read the JSON.

use serde_json::Value;

use super::statement_text;
use crate::{
    gate::{Decision, Grounds, LAYERS_ASKED, Outcome, STATEMENT_CONSIDERED, Step, statement_label},
    iam::StatementRef,
};

/// The trail and the outcome of the request that `line` names.
pub(super) fn as_text(line: &str, decision: &Decision, statements: Statements) -> String {
    let mut text = format!("{line}\n");
    push_steps(&mut text, decision.trail.steps(), statements);
    match &decision.outcome {
        Outcome::Allow(permit) => {
            let found = decision.outcome.found();
            let but = if found.is_null() { "" } else { ", but for what is refused" };
            text.push_str(&format!("\nALLOW ({}){but}\n", permit.grounds().reason()));
            push_value(&mut text, &found, 2);
        }
        Outcome::Answer(answer) => {
            text.push_str(&format!("\nALLOW ({})\n", answer.grounds.reason()));
        }
        Outcome::Change(permit) => {
            text.push_str(&format!("\nALLOW ({})\n", permit.grounds().reason()));
        }
        Outcome::Deny(denial) => {
            text.push_str(&format!("\nDENY ({})\n  {}\n", denial.reason, denial.detail));
            push_value(&mut text, &denial.found, 2);
        }
    }
    for step in deciding(decision) {
        let Some(written) = statement_text::of_step(&step.found) else { continue };
        text.push_str(&format!("\n{}\n", written.place));
        for line in written.text.lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

/// Which statements are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statements {
    /// Those about the action, how many others there are, and what shows them.
    OfTheAction(&'static str),
    /// Every one.
    All,
}

/// The steps in which the statements that decide were considered, each once.
pub(super) fn deciding(decision: &Decision) -> Vec<&Step> {
    let mut labels: Vec<String> = Vec::new();
    if let Some(Grounds::Statements(all) | Grounds::Both(all, _)) = decision.outcome.grounds() {
        labels.extend(all.iter().map(StatementRef::label));
    }
    if let Outcome::Deny(denial) = &decision.outcome {
        let found = denial.found.get("first").unwrap_or(&denial.found);
        labels.extend(found.get("statement").and_then(Value::as_str).map(str::to_owned));
    }
    let mut steps: Vec<&Step> = Vec::new();
    for step in decision.trail.steps().iter().filter(|step| step.what == STATEMENT_CONSIDERED) {
        let matched = step.found.get("result").and_then(Value::as_str) != Some("false");
        let place =
            |step: &Step| ["file", "path", "statement"].map(|name| step.found.get(name).cloned());
        if matched
            && labels.contains(&statement_label(&step.found))
            && !steps.iter().any(|known| place(known) == place(step))
        {
            steps.push(step);
        }
    }
    steps
}

/// The steps alone, as a failing test has them.
pub(super) fn steps_as_text(steps: &[Step]) -> String {
    let mut text = String::new();
    push_steps(&mut text, steps, Statements::OfTheAction("explain --all"));
    text
}

/// The steps, under the names of their stages.
fn push_steps(text: &mut String, steps: &[Step], statements: Statements) {
    let (mut stage, mut others) = ("", 0);
    for step in steps {
        let considered = step.what == STATEMENT_CONSIDERED;
        let other = step.found.get("action").and_then(Value::as_str) == Some("false");
        if considered && other && statements != Statements::All {
            others += 1;
            continue;
        }
        if !considered {
            push_others(text, &mut others, statements);
        }
        if step.stage != stage {
            text.push_str(&format!("\n{}\n", step.stage));
            stage = step.stage;
        }
        if considered {
            push_statement(text, &step.found);
        } else if step.what == LAYERS_ASKED {
            push_layers(text, &step.found);
        } else {
            text.push_str(&format!("  {}\n", step.what));
            push_value(text, &step.found, 4);
        }
    }
    push_others(text, &mut others, statements);
}

/// How many statements weren't shown.
fn push_others(text: &mut String, others: &mut usize, statements: Statements) {
    let Statements::OfTheAction(shows) = statements else { return };
    match std::mem::take(others) {
        0 => {}
        1 => text.push_str(&format!("  1 statement is about other actions ({shows} shows it)\n")),
        many => {
            let line =
                format!("  {many} statements are about other actions ({shows} shows them)\n");
            text.push_str(&line);
        }
    }
}

/// The layers in force, one a line.
fn push_layers(text: &mut String, layers: &Value) {
    for layer in layers.as_array().into_iter().flatten() {
        let word = |name: &str| layer.get(name).and_then(Value::as_str);
        let (layer, answer) = (word("layer").unwrap_or_default(), word("answer"));
        text.push_str(&format!("  {layer}: {}\n", answer.unwrap_or_default()));
    }
}

/// A statement in one line, and each of its conditions in one of its own.
fn push_statement(text: &mut String, statement: &Value) {
    let word = |name: &str| statement.get(name).and_then(Value::as_str).unwrap_or_default();
    let place = statement_label(statement);
    let found =
        match ["principal", "action", "resource"].iter().find(|&&part| word(part) == "false") {
            Some(part) => format!("no, another {part}"),
            None => match word("result") {
                "true" => "yes".to_owned(),
                "false" => "no, by its conditions".to_owned(),
                _ => "not known, and so never an allow and always a deny".to_owned(),
            },
        };
    text.push_str(&format!("  {:<5} {place}: {found}\n", word("effect")));
    if let Some((place, element, patterns)) = statement_text::other_resources(statement) {
        let shown: Vec<String> = patterns.iter().take(MAX_PATTERNS).map(|p| quote(p)).collect();
        let more = match patterns.len().saturating_sub(MAX_PATTERNS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text.push_str(&format!("    {place}: {element} {}{more}\n", shown.join(", ")));
    }
    if let Some(means) = statement.get("means").and_then(Value::as_str) {
        text.push_str(&format!("    principal: {means}\n"));
    }
    let substituted = statement.get("substituted").and_then(Value::as_array);
    for resource in substituted.into_iter().flatten() {
        let resource = resource.as_str().map_or_else(|| quoted_one(resource), str::to_owned);
        text.push_str(&format!("    resource with its variables' values: {resource}\n"));
    }
    let conditions = statement.get("conditions").and_then(Value::as_array);
    for condition in conditions.into_iter().flatten() {
        let word = |name: &str| condition.get(name).and_then(Value::as_str).unwrap_or_default();
        text.push_str(&format!(
            "    {} {}: request {}, policy {} → {}\n",
            word("operator"),
            word("key"),
            quoted(condition.get("request")),
            quoted(condition.get("policy")),
            word("result"),
        ));
    }
}

/// Values in quotes; what is in brackets is none.
fn quoted(values: Option<&Value>) -> String {
    match values {
        Some(Value::Array(values)) if values.is_empty() => "(no values)".to_owned(),
        Some(Value::Array(values)) => values.iter().map(quoted_one).collect::<Vec<_>>().join(", "),
        Some(value) => quoted_one(value),
        None => String::new(),
    }
}

fn quoted_one(value: &Value) -> String {
    match value {
        Value::Null => "(absent)".to_owned(),
        Value::Object(members) => match members.iter().next() {
            Some((state, Value::String(text))) => format!("{} ({state})", quote(text)),
            Some((state, _)) => format!("({state})"),
            None => String::new(),
        },
        value => value.to_string(),
    }
}

fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

/// A value as indented lines of `name: value`.
fn push_value(text: &mut String, value: &Value, indent: usize) {
    let pad = " ".repeat(indent);
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, value) in members {
                push_member(text, &pad, name, value, indent);
            }
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Object(members) => {
                        let parts = members.iter().map(|(n, v)| format!("{n} {}", plain(v)));
                        let parts: Vec<String> = parts.collect();
                        text.push_str(&format!("{pad}- {}\n", parts.join(", ")));
                    }
                    _ => text.push_str(&format!("{pad}- {}\n", plain(item))),
                }
            }
        }
        _ => text.push_str(&format!("{pad}{}\n", plain(value))),
    }
}

fn push_member(text: &mut String, pad: &str, name: &str, value: &Value, indent: usize) {
    match value {
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            text.push_str(&format!("{pad}{name}: {}\n", items.join(", ")));
        }
        Value::Object(_) => {
            text.push_str(&format!("{pad}{name}:\n"));
            push_value(text, value, indent + 2);
        }
        _ => text.push_str(&format!("{pad}{name}: {}\n", plain(value))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Patterns of a statement about other resources that are shown.
const MAX_PATTERNS: usize = 8;

#[cfg(test)]
#[path = "explain_text_tests.rs"]
mod tests;
