//! Which statements no case has matched.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::{report::Ran, world::World};
use crate::{
    gate::STATEMENT_CONSIDERED,
    iam::{Effect, Policy},
};

/// The statements of the configurations, and which were matched.
pub(super) struct Coverage {
    statements: BTreeMap<Place, Statement>,
}

/// Where a statement stands: kind of engine or layer, file, place in the file, index.
type Place = (String, String, String, usize);

struct Statement {
    effect: &'static str,
    /// `policy/Sid` or `policy[index]`.
    label: String,
    matched: bool,
}

impl Coverage {
    /// What `ran` has matched of all that is in `worlds`.
    pub(super) fn of<'w>(worlds: impl Iterator<Item = &'w World>, ran: &[Ran]) -> Self {
        let mut statements = BTreeMap::new();
        for world in worlds {
            for policy in world.rules.account.policies() {
                add(policy, &mut statements);
            }
            for id in world.rules.cedar.iter().flat_map(|cedar| cedar.policies.ids()) {
                let place = (CEDAR.to_owned(), String::new(), id.clone(), 0);
                let statement = Statement { effect: CEDAR, label: id, matched: false };
                statements.insert(place, statement);
            }
        }
        let mut matched: HashSet<Place> = HashSet::new();
        for ran in ran {
            let considered = ran.steps().iter().filter(|step| step.what == STATEMENT_CONSIDERED);
            matched.extend(considered.filter_map(|step| place_of(&step.found)));
            let engines = ran.engines().iter().filter(|engine| engine.engine == "cedar");
            let decided = engines.flat_map(|engine| &engine.policies);
            let place = |id: &String| (CEDAR.to_owned(), String::new(), id.clone(), 0);
            matched.extend(decided.map(place));
        }
        for (place, statement) in &mut statements {
            statement.matched = matched.contains(place);
        }
        Self { statements }
    }

    /// How many percent of the statements were matched; all, if there are none.
    pub(super) fn percent(&self) -> f64 {
        let all = self.statements.len();
        let matched = self.statements.values().filter(|statement| statement.matched).count();
        match all {
            0 => 100.0,
            _ => {
                let of = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
                100.0 * of(matched) / of(all)
            }
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let all = self.statements.len();
        let missed: Vec<_> = self.statements.iter().filter(|(_, s)| !s.matched).collect();
        let (matched, percent) = (all - missed.len(), self.percent());
        let mut text = format!("coverage: {matched} of {all} statements, {percent:.1}%\n");
        for ((layer, file, _, _), Statement { effect, label, .. }) in missed {
            let file = if file.is_empty() { String::new() } else { format!(" in {file}") };
            match layer.as_str() {
                CEDAR => text.push_str(&format!("  never matched: {CEDAR} policy {label}\n")),
                _ => {
                    let line = format!("  never matched: {effect} {label}, {layer}{file}\n");
                    text.push_str(&line);
                }
            }
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let missed = self.statements.iter().filter(|(_, statement)| !statement.matched);
        let missed = missed.map(|((layer, file, path, index), statement)| {
            json!({
                "layer": layer, "file": file, "path": path, "index": index,
                "effect": statement.effect, "statement": statement.label,
            })
        });
        let missed: Vec<Value> = missed.collect();
        json!({
            "statements": self.statements.len(),
            "matched": self.statements.len() - missed.len(),
            "percent": self.percent(),
            "never_matched": missed,
        })
    }
}

fn add(policy: &Policy, statements: &mut BTreeMap<Place, Statement>) {
    let source = policy.source();
    let file = source.map(|source| source.file.to_string()).unwrap_or_default();
    let path = source.map(|source| source.path.to_string()).unwrap_or_default();
    let layer = policy.kind().layer().described();
    for (index, statement) in policy.statements().iter().enumerate() {
        let label = match statement.sid() {
            Some(sid) => format!("{}/{sid}", policy.name()),
            None => format!("{}[{index}]", policy.name()),
        };
        let effect = match statement.effect() {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        let place = (layer.to_owned(), file.clone(), path.clone(), index);
        statements.insert(place, Statement { effect, label, matched: false });
    }
}

/// The place of a statement that a step says was matched: an Allow that is true, a Deny that may be.
fn place_of(found: &Value) -> Option<Place> {
    let text = |name: &str| found.get(name).and_then(Value::as_str);
    let matched = match text("result")? {
        "true" => true,
        "unknown" => text("effect") == Some("Deny"),
        _ => false,
    };
    let index = usize::try_from(found.get("statement")?.as_u64()?).ok()?;
    let owned = |name: &str| text(name).unwrap_or_default().to_owned();
    matched.then(|| (owned("layer"), owned("file"), owned("path"), index))
}

const CEDAR: &str = "Cedar";
