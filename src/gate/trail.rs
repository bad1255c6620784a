//! The explain trail: what each stage looked at and what it found.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    iam::{Considered, Interest, Observer, Seen, Shown, Truth, Variables},
    identity,
};

/// One step of a stage.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// `route`, `cors`, `authenticate`, `limit`, `assume`, `describe` or `decide`.
    pub stage: &'static str,
    /// What was done, as a short phrase.
    pub what: String,
    /// What it found. Never a secret, a token or a credential.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub found: Value,
}

/// Where the stages note their steps, if anyone listens.
#[derive(Debug)]
pub enum Trail {
    /// Nobody listens; nothing is built.
    Off,
    /// The steps so far.
    On(Vec<Step>),
}

impl Trail {
    /// Notes a step; `step` is only called if someone listens.
    pub fn note(&mut self, stage: &'static str, step: impl FnOnce() -> (String, Value)) {
        if let Self::On(steps) = self {
            let (what, found) = step();
            steps.push(Step { stage, what, found });
        }
    }

    /// Whether someone listens.
    pub fn is_on(&self) -> bool {
        matches!(self, Self::On(_))
    }

    /// The steps noted.
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::Off => &[],
            Self::On(steps) => steps,
        }
    }
}

/// What the steps are called in which IAM considers a statement.
pub const STATEMENT_CONSIDERED: &str = "statement considered";

/// What the step is called that tells what each layer came to.
pub const LAYERS_ASKED: &str = "layers";

/// How the statement of such a step is called: `policy/Sid`, or `policy[index]`.
pub fn statement_label(found: &Value) -> String {
    let word = |name: &str| found.get(name).and_then(Value::as_str);
    let policy = word("policy").unwrap_or_default();
    match word("sid") {
        Some(sid) => format!("{policy}/{sid}"),
        None => {
            let index = found.get("statement").map(Value::to_string).unwrap_or_default();
            format!("{policy}[{index}]")
        }
    }
}

/// Notes what IAM's evaluation considered.
impl Observer for Trail {
    fn statement(&mut self, considered: &Considered<'_>) {
        self.note("decide", || {
            let conditions: Vec<Value> = considered
                .conditions
                .iter()
                .map(|seen| {
                    json!({
                        "operator": seen.operator, "key": seen.key, "request": request(&seen.request),
                        "policy": seen.values.iter().map(shown).collect::<Vec<_>>(), "result": truth(seen.truth),
                    })
                })
                .collect();
            let source = considered.policy.source();
            let found = json!({
                "file": source.map(|source| &*source.file),
                "path": source.map(|source| source.path.to_string()),
                "layer": considered.policy.kind().layer().described(),
                "level": considered.level,
                "policy": considered.policy.name(),
                "statement": considered.index,
                "sid": considered.sid,
                "effect": format!("{:?}", considered.effect),
                "principal": considered.principal.map(truth),
                "means": considered.means,
                "action": truth(considered.action),
                "resource": considered.resource.map(truth),
                "substituted": considered.substituted.iter().map(shown).collect::<Vec<_>>(),
                "conditions": conditions,
                "result": truth(considered.truth),
            });
            (STATEMENT_CONSIDERED.to_owned(), found)
        });
    }

    fn interest(&self) -> Interest {
        match self {
            Self::Off => Interest::Nothing,
            Self::On(_) => Interest::Everything,
        }
    }
}

/// Notes the steps from a token to a role.
impl identity::Trail for Trail {
    fn step(&mut self, step: identity::Step) {
        self.note("assume", || (step.to_string(), Value::Null));
    }
}

/// What a policy's value came to: text, or an object that says why there is none.
fn shown(shown: &Shown) -> Value {
    match shown.variables {
        Variables::Known => json!(shown.text),
        Variables::Null => json!({ "null": shown.text }),
        Variables::Unknown => json!({ "unknown": shown.text }),
    }
}

fn truth(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    }
}

fn request(seen: &Seen) -> Value {
    match seen {
        Seen::Absent => Value::Null,
        Seen::Unknown => json!({ "unknown": true }),
        Seen::One(value) => json!(value),
        Seen::Many(values) => json!(values),
    }
}
