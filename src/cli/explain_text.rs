//! A decision as text for people. Programs read the JSON.

use serde_json::Value;

use crate::gate::{Decision, Outcome, STATEMENT_CONSIDERED, Step};

/// The trail and the outcome of the request that `line` names.
pub(super) fn as_text(line: &str, decision: &Decision) -> String {
    let mut text = format!("{line}\n");
    push_steps(&mut text, decision.trail.steps());
    match &decision.outcome {
        Outcome::Allow(permit) => {
            text.push_str(&format!("\nALLOW ({})\n", permit.grounds().reason()));
        }
        Outcome::Answer(answer) => {
            text.push_str(&format!("\nALLOW ({})\n", answer.grounds.reason()));
        }
        Outcome::Deny(denial) => {
            text.push_str(&format!("\nDENY ({})\n  {}\n", denial.reason, denial.detail));
            push_value(&mut text, &denial.found, 2);
        }
    }
    text
}

/// The steps alone.
pub(super) fn steps_as_text(steps: &[Step]) -> String {
    let mut text = String::new();
    push_steps(&mut text, steps);
    text
}

/// The steps, under the names of their stages.
fn push_steps(text: &mut String, steps: &[Step]) {
    let mut stage = "";
    for step in steps {
        if step.stage != stage {
            text.push_str(&format!("\n{}\n", step.stage));
            stage = step.stage;
        }
        if step.what == STATEMENT_CONSIDERED {
            push_statement(text, &step.found);
        } else {
            text.push_str(&format!("  {}\n", step.what));
            push_value(text, &step.found, 4);
        }
    }
}

/// A statement in one line, and each of its conditions in one of its own.
fn push_statement(text: &mut String, statement: &Value) {
    let word = |name: &str| statement.get(name).and_then(Value::as_str).unwrap_or_default();
    let place = match statement.get("sid").and_then(Value::as_str) {
        Some(sid) => format!("{}/{sid}", word("policy")),
        None => {
            let index = statement.get("statement").map(Value::to_string).unwrap_or_default();
            format!("{}[{index}]", word("policy"))
        }
    };
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

/// Values in quotes; `(absent)` and `(unknown)` are none.
fn quoted(values: Option<&Value>) -> String {
    match values {
        Some(Value::Array(values)) if values.is_empty() => "(no values)".to_owned(),
        Some(Value::Array(values)) => {
            values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
        }
        Some(Value::String(word)) if word == "(absent)" || word == "(unknown)" => word.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
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

#[cfg(test)]
#[path = "explain_text_tests.rs"]
mod tests;
