//! What each layer of policies came to, as `explain` tells it.

use serde_json::{Value, json};

use super::{STATEMENT_CONSIDERED, Step, statement_label};
use crate::iam::{Denial, Layer, Layers, PolicySet, StatementRef, Verdict};

/// The layers in force, in the order in which they are asked, each with what it came to. `considered`
/// are the steps in which their statements were.
pub(super) fn told(layers: &Layers<'_>, verdict: &Verdict, considered: &[Step]) -> Value {
    let identified = layers.principal.arn().is_some();
    let one = |set: &PolicySet| (set.policies().len(), 1);
    let levels = |sets: &[PolicySet]| {
        let policies = sets.iter().map(|set| set.policies().len()).sum::<usize>();
        (!sets.is_empty() && layers.controlled()).then_some((policies, sets.len()))
    };
    let all = [
        (Layer::ServiceControl, levels(layers.service_control).filter(|_| identified)),
        (Layer::ResourceControl, levels(layers.resource_control)),
        (Layer::Resource, layers.resource.map(one)),
        (Layer::Identity, Some(one(layers.identity)).filter(|_| identified)),
        (Layer::Boundary, layers.boundary.map(one)),
        (Layer::Session, layers.session.map(one)),
    ];
    let told = all.into_iter().filter_map(|(layer, set)| {
        let decides = verdict.denial().filter(|denial| denial.layer == layer);
        // A layer without policies is told if it is why nothing is allowed.
        let (policies, levels) = set.or(decides.map(|_| (0, 0)))?;
        let answer = match decides {
            Some(denial) => deciding(denial),
            None => Said::of(layer, considered).answer(layer, levels, verdict),
        };
        Some(json!({ "layer": layer.described(), "policies": policies, "answer": answer }))
    });
    Value::Array(told.collect())
}

/// What the layer says that decides.
fn deciding(denial: &Denial) -> String {
    match (&denial.statement, denial.level) {
        (Some(statement), _) => format!("denied by {}", statement.label()),
        (None, _) if !denial.unknown_keys.is_empty() => {
            format!("can't be told without {}", denial.unknown_keys.join(", "))
        }
        (None, Some(level)) => nothing_at(denial.layer, level),
        (None, None) => "nothing allows it".to_owned(),
    }
}

/// The statements of a layer that match.
struct Said<'s> {
    denies: Option<&'s Step>,
    /// With their levels.
    allows: Vec<(Option<u64>, &'s Step)>,
    may_allow: Option<&'s Step>,
}

impl<'s> Said<'s> {
    fn of(layer: Layer, considered: &'s [Step]) -> Self {
        let word = |step: &'s Step, name: &str| step.found.get(name).and_then(Value::as_str);
        let own = considered.iter().filter(|step| {
            step.what == STATEMENT_CONSIDERED && word(step, "layer") == Some(layer.described())
        });
        let mut said = Self { denies: None, allows: Vec::new(), may_allow: None };
        for step in own {
            match (word(step, "effect"), word(step, "result")) {
                (_, Some("false") | None) => {}
                (Some("Deny"), _) => said.denies = said.denies.or(Some(step)),
                (_, Some("true")) => {
                    let level = step.found.get("level").and_then(Value::as_u64);
                    said.allows.push((level, step));
                }
                _ => said.may_allow = said.may_allow.or(Some(step)),
            }
        }
        said
    }

    /// What a layer of so many levels comes to that doesn't decide a denial.
    fn answer(&self, layer: Layer, levels: usize, verdict: &Verdict) -> String {
        if let Some(step) = self.denies {
            return format!("denied by {}", statement_label(&step.found));
        }
        let silent = (0..levels).find(|level| {
            let here = |of: &Option<u64>| of.is_none_or(|of| usize::try_from(of) == Ok(*level));
            !self.allows.iter().any(|(of, _)| here(of))
        });
        // Of several levels the last one's first, as grounds have it.
        let first = self.allows.iter().rev().max_by_key(|(level, _)| *level);
        match (layer, first, silent) {
            (_, Some((_, step)), None) => format!("allowed by {}", statement_label(&step.found)),
            // What isn't denied there is allowed, or others have to.
            (Layer::ResourceControl | Layer::Resource, ..) => "nothing denies it".to_owned(),
            (Layer::ServiceControl, _, Some(level)) => nothing_at(layer, level),
            _ => match (granted(verdict), self.may_allow) {
                (Some(granted), _) => {
                    format!("not needed: {} grants it to the caller", granted.label())
                }
                (None, Some(step)) => {
                    let label = statement_label(&step.found);
                    format!("{label} would allow it, and hangs on what isn't known")
                }
                (None, None) => "nothing allows it".to_owned(),
            },
        }
    }
}

/// The statement of the resource's policy that an allow stands on.
fn granted(verdict: &Verdict) -> Option<&StatementRef> {
    let Verdict::Allow(grounds) = verdict else { return None };
    grounds.statements().find(|statement| statement.policy.kind().layer() == Layer::Resource)
}

/// Levels are called as the names of their policies begin.
fn nothing_at(layer: Layer, level: usize) -> String {
    let short = if layer == Layer::ServiceControl { "SCP" } else { "RCP" };
    format!("nothing in {short}[{level}] allows it")
}
