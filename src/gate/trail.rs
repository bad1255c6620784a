//! The explain trail: what each stage looked at and what it found.

use serde::Serialize;
use serde_json::{Value, json};

/// One step of a stage.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// `authenticate`, `assume`, `describe` or `decide`.
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

/// Notes what IAM's evaluation considered.
impl crate::iam::Observer for Trail {
    fn statement(&mut self, considered: &crate::iam::Considered<'_>) {
        self.note("decide", || {
            let conditions: Vec<Value> = considered
                .conditions()
                .map(|c| {
                    json!({ "operator": c.operator, "key": c.key, "request": c.request, "policy": c.policy, "result": c.truth.as_str() })
                })
                .collect();
            let found = json!({
                "policy": considered.policy, "sid": considered.sid, "effect": considered.effect.as_str(),
                "action": considered.action.as_str(), "resource": considered.resource.as_str(),
                "conditions": conditions,
            });
            ("statement considered".to_owned(), found)
        });
    }
}
