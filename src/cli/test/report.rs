//! What came of the cases, and how it is told.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{case::Case, coverage::Coverage};
use crate::{
    cli::{asked::NotAsked, explain_text::steps_as_text},
    config::{
        Position,
        cases::{Effect, Expect, PolicyLayer},
    },
    gate::{Decision, Denial, EngineVerdict, Grounds, Outcome, Refusal, Step, Trail},
    iam::{Layer, StatementRef},
};

/// What the gate said of a case.
#[derive(Debug)]
pub(super) enum Got {
    /// It was decided.
    Decided(Box<Decided>),
    /// The case can't be run.
    Broken(String),
}

/// A decision, as tests look at it.
#[derive(Debug, Default)]
pub(super) struct Decided {
    allowed: bool,
    reason: &'static str,
    detail: Option<String>,
    statements: Vec<String>,
    layers: Vec<&'static str>,
    role: Option<String>,
    refused: Vec<String>,
    unknown: Vec<String>,
    engines: Vec<EngineVerdict>,
    trail: Vec<Step>,
}

/// A case that was run.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) file: PathBuf,
    pub(super) position: Position,
    pub(super) name: String,
    line: String,
    caller: String,
    got: Got,
    /// What isn't as it should be: expected, and what came.
    pub(super) wrong: Vec<(String, String)>,
}

/// Everything that was run.
pub(super) struct Report {
    pub(super) ran: Vec<Ran>,
    /// If it was asked for.
    pub(super) coverage: Option<Coverage>,
    /// The percentage that it must reach.
    pub(super) least: Option<u8>,
    /// YAML that isn't named as tests are.
    pub(super) passed_over: Vec<PathBuf>,
}

impl Got {
    /// The gate's decision about a request.
    pub(super) fn of(decision: Decision) -> Self {
        let role = decision.assumed.as_deref().and_then(|assumed| assumed.session.principal.role());
        let role = role.map(|role| role.arn.as_str().to_owned());
        let mut got = match &decision.outcome {
            Outcome::Allow(permit) => {
                let mut decided = Decided::allowed(permit.grounds());
                let refused = permit.answer().merge.iter().flat_map(|merge| &merge.refused);
                decided.refused = refused.map(|item| item.key.clone()).collect();
                decided
            }
            Outcome::Answer(answer) => Decided::allowed(&answer.grounds),
            Outcome::Change(permit) => Decided::allowed(permit.grounds()),
            Outcome::Deny(denial) => Decided::denied(denial),
        };
        (got.role, got.engines) = (role, decision.heard.engines);
        got.trail = steps(decision.trail);
        Self::Decided(Box::new(got))
    }

    /// Allowed in IAM's terms.
    pub(super) fn allowed(grounds: &Grounds, role: Option<String>, trail: Trail) -> Self {
        Self::Decided(Box::new(Decided { role, trail: steps(trail), ..Decided::allowed(grounds) }))
    }

    /// Denied in IAM's terms, or before.
    pub(super) fn denied(denial: &Denial, role: Option<String>, trail: Trail) -> Self {
        Self::Decided(Box::new(Decided { role, trail: steps(trail), ..Decided::denied(denial) }))
    }

    /// Refused before any decision, or not even a request.
    pub(super) fn not_asked(error: NotAsked) -> Self {
        match error {
            NotAsked::Usage(message) => Self::Broken(message),
            NotAsked::Refused(error) => Self::Decided(Box::new(Decided {
                reason: error.reason(),
                detail: Some(error.to_string()),
                ..Decided::default()
            })),
        }
    }

    /// The case can't be run.
    pub(super) fn broken(message: String) -> Self {
        Self::Broken(message)
    }
}

fn steps(trail: Trail) -> Vec<Step> {
    match trail {
        Trail::On(steps) => steps,
        Trail::Off => Vec::new(),
    }
}

impl Decided {
    fn allowed(grounds: &Grounds) -> Self {
        let (statements, policies) = match grounds {
            Grounds::Statements(statements) => (statements.as_slice(), &[][..]),
            Grounds::Permit(policies) => (&[][..], policies.as_slice()),
            Grounds::Both(statements, policies) => (statements.as_slice(), policies.as_slice()),
            _ => (&[][..], &[][..]),
        };
        let layer = |statement: &StatementRef| statement.policy.kind().layer().described();
        Self {
            allowed: true,
            reason: grounds.reason(),
            layers: statements.iter().map(layer).collect(),
            statements: statements
                .iter()
                .map(StatementRef::label)
                .chain(policies.iter().cloned())
                .collect(),
            ..Self::default()
        }
    }

    fn denied(denial: &Denial) -> Self {
        let found = denial.found.get("first").unwrap_or(&denial.found);
        let texts = |name: &str| -> Vec<String> {
            match found.get(name) {
                Some(Value::String(text)) => vec![text.clone()],
                Some(Value::Array(items)) => {
                    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                _ => Vec::new(),
            }
        };
        let layer = found.get("layer").and_then(Value::as_str);
        let known = ALL_LAYERS.iter().map(|layer| layer.described());
        Self {
            reason: denial.reason,
            detail: Some(denial.detail.clone()),
            statements: [texts("statement"), texts("policies")].concat(),
            layers: known.filter(|described| Some(*described) == layer).collect(),
            refused: match &denial.refusal {
                Refusal::Items(merge) => {
                    merge.refused.iter().map(|item| item.key.clone()).collect()
                }
                _ => Vec::new(),
            },
            unknown: texts("unknown_context_keys"),
            ..Self::default()
        }
    }

    fn effect(&self) -> Effect {
        if self.allowed { Effect::Allow } else { Effect::Deny }
    }

    /// What Cedar said, if it was asked. Of several items, one that Cedar doesn't allow.
    fn cedar(&self) -> Option<&'static str> {
        let mut said = self.engines.iter().filter(|engine| engine.engine == "cedar");
        let not = said.clone().find(|engine| engine.verdict != "allow");
        not.or_else(|| said.next()).map(|engine| engine.verdict)
    }

    /// What isn't as `expect` says.
    fn wrong(&self, expect: &Expect) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let mut differ = |expected: String, came: String| wrong.push((expected, came));
        if expect.effect != self.effect() {
            differ(expect.effect.as_str().to_owned(), self.effect().as_str().to_owned());
        }
        if let Some(reason) = expect.reason.as_ref().filter(|reason| reason.value != self.reason) {
            differ(format!("reason {}", reason.value), format!("reason {}", self.reason));
        }
        for statement in expect.statements.iter().filter(|s| !self.statements.contains(s)) {
            differ(
                format!("statement {statement}"),
                format!("statement {}", list(&self.statements)),
            );
        }
        if let Some(layer) = expect.layer.map(described)
            && !self.layers.contains(&layer)
        {
            differ(format!("layer {layer}"), format!("layer {}", list(&self.layers)));
        }
        if let Some(role) = &expect.role {
            let came = self.role.as_deref().unwrap_or("none");
            if came != role && came.rsplit('/').next() != Some(role.as_str()) {
                differ(format!("role {role}"), format!("role {came}"));
            }
        }
        for (what, expected, came) in [
            ("refused", &expect.refused, &self.refused),
            ("unknown", &expect.unknown, &self.unknown),
        ] {
            let Some(expected) = expected else { continue };
            // Context keys have no case; items have.
            let fold = |items: &[String]| match what {
                "unknown" => sorted(items.iter().map(|key| key.to_ascii_lowercase())),
                _ => sorted(items.iter().cloned()),
            };
            if fold(expected) != fold(came) {
                differ(format!("{what} {}", list(expected)), format!("{what} {}", list(came)));
            }
        }
        if let Some(cedar) = expect.cedar.map(|cedar| cedar.as_str())
            && self.cedar() != Some(cedar)
        {
            let came = self.cedar().unwrap_or("not asked");
            differ(format!("Cedar {cedar}"), format!("Cedar {came}"));
        }
        wrong
    }

    fn json(&self) -> Value {
        json!({
            "decision": self.effect().as_str(),
            "reason": self.reason,
            "detail": self.detail,
            "statements": self.statements,
            "layers": self.layers,
            "role": self.role,
            "refused": self.refused,
            "unknown": self.unknown,
            "cedar": self.cedar(),
        })
    }
}

impl Ran {
    /// What `case` came to.
    pub(super) fn new(file: &Path, case: &Case<'_>, got: Got) -> Self {
        let wrong = match &got {
            Got::Decided(decided) => decided.wrong(case.expect),
            Got::Broken(message) => {
                vec![(case.expect.effect.as_str().to_owned(), message.clone())]
            }
        };
        Self {
            file: file.to_owned(),
            position: case.position,
            name: case.name.clone(),
            line: case.line(),
            caller: case.caller().to_owned(),
            got,
            wrong,
        }
    }

    /// Whether everything is as it should be.
    pub(super) fn passes(&self) -> bool {
        self.wrong.is_empty()
    }

    /// The steps of its decision.
    pub(super) fn steps(&self) -> &[Step] {
        match &self.got {
            Got::Decided(decided) => &decided.trail,
            Got::Broken(_) => &[],
        }
    }

    /// What the engines said, where there are several.
    pub(super) fn engines(&self) -> &[EngineVerdict] {
        match &self.got {
            Got::Decided(decided) => &decided.engines,
            Got::Broken(_) => &[],
        }
    }

    /// Everything about a case that fails, in lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.line.clone()];
        let wrong = self.wrong.iter();
        lines.extend(wrong.map(|(expected, came)| format!("expected {expected}, came {came}")));
        if let Got::Decided(decided) = &self.got {
            if !decided.statements.is_empty() {
                lines.push(format!("decided by {}", list(&decided.statements)));
            }
            lines.push(match &decided.detail {
                Some(detail) => format!("{}: {detail}", decided.reason),
                None => decided.reason.to_owned(),
            });
            if NEEDS_BACKEND.contains(&decided.reason) {
                lines.push(
                    "a test asks no backend: name the table and its keys under `tables` of the route"
                        .to_owned(),
                );
            }
        }
        lines
    }
}

impl Report {
    /// Whether all cases pass, and enough statements were matched.
    pub(super) fn passes(&self) -> bool {
        self.ran.iter().all(Ran::passes) && self.covers_enough()
    }

    fn covers_enough(&self) -> bool {
        match (&self.coverage, self.least) {
            (Some(coverage), Some(least)) => coverage.percent() >= f64::from(least),
            _ => true,
        }
    }

    /// For people; with the trails of what fails if `explain`.
    pub(super) fn text(&self, explain: bool) -> String {
        let mut text = String::new();
        let failed: Vec<&Ran> = self.ran.iter().filter(|ran| !ran.passes()).collect();
        for ran in &failed {
            let (file, line) = (ran.file.display(), ran.position.line);
            text.push_str(&format!("FAIL {}\n  {file}:{line}\n", ran.name));
            for line in ran.lines() {
                text.push_str(&format!("  {line}\n"));
            }
            if explain {
                for line in steps_as_text(ran.steps()).lines() {
                    text.push_str(&format!("    {line}\n"));
                }
            }
            text.push('\n');
        }
        for path in &self.passed_over {
            if !path.ends_with("poolgate.yaml") {
                let path = path.display();
                text.push_str(&format!("{path} is passed over: tests are named …_test.yaml\n"));
            }
        }
        if let Some(coverage) = &self.coverage {
            text.push_str(&coverage.text());
            if let (false, Some(least)) = (self.covers_enough(), self.least) {
                text.push_str(&format!("  fewer than {least}%\n"));
            }
            text.push('\n');
        }
        let passed = self.ran.len() - failed.len();
        text.push_str(&format!("{passed} passed, {} failed\n", failed.len()));
        if !failed.is_empty() && !explain {
            text.push_str("Why: --explain, with --filter and a part of the name\n");
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let case = |ran: &Ran| {
            let wrong = ran.wrong.iter();
            let wrong = wrong.map(|(expected, came)| json!({ "expected": expected, "came": came }));
            let (got, error) = match &ran.got {
                Got::Decided(decided) => (decided.json(), None),
                Got::Broken(message) => (Value::Null, Some(message)),
            };
            json!({
                "file": ran.file.display().to_string(),
                "line": ran.position.line,
                "name": ran.name,
                "caller": ran.caller,
                "does": ran.line,
                "passes": ran.passes(),
                "wrong": wrong.collect::<Vec<_>>(),
                "got": got,
                "error": error,
                // Trails are long; those that pass have nothing to explain.
                "trail": if ran.passes() { &[] } else { ran.steps() },
            })
        };
        let failed = self.ran.iter().filter(|ran| !ran.passes()).count();
        json!({
            "passes": self.passes(),
            "passed": self.ran.len() - failed,
            "failed": failed,
            "cases": self.ran.iter().map(case).collect::<Vec<_>>(),
            "coverage": self.coverage.as_ref().map(Coverage::json),
        })
    }
}

fn described(layer: PolicyLayer) -> &'static str {
    let layer = match layer {
        PolicyLayer::Identity => Layer::Identity,
        PolicyLayer::Boundary => Layer::Boundary,
        PolicyLayer::Session => Layer::Session,
        PolicyLayer::Resource => Layer::Resource,
        PolicyLayer::ServiceControl => Layer::ServiceControl,
        PolicyLayer::ResourceControl => Layer::ResourceControl,
    };
    layer.described()
}

fn list(items: &[impl AsRef<str>]) -> String {
    match items {
        [] => "none".to_owned(),
        _ => items.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "),
    }
}

fn sorted(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut items: Vec<String> = items.collect();
    items.sort();
    items
}

const ALL_LAYERS: [Layer; 7] = [
    Layer::Identity,
    Layer::Boundary,
    Layer::Session,
    Layer::Trust,
    Layer::Resource,
    Layer::ServiceControl,
    Layer::ResourceControl,
];

/// Reasons of denials that only a backend could make go away.
const NEEDS_BACKEND: [&str; 2] = ["table_schema_unavailable", "table_schemas_busy"];
