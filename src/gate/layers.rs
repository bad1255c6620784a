//! What each layer of policies came to, as `explain` tells it.

use serde_json::{Value, json};

use crate::iam::{Layer, Layers, PolicySet, StatementRef, Verdict};

/// The layers in force, in the order in which they are asked, each with its answer: of a denial, only
/// that of the layer which decides.
pub(super) fn told(layers: &Layers<'_>, verdict: &Verdict) -> Value {
    let policies = |sets: &[PolicySet]| sets.iter().map(|set| set.policies().len()).sum::<usize>();
    let of = |set: Option<&PolicySet>| set.map(|set| set.policies().len());
    let levels = |sets: &[PolicySet]| (!sets.is_empty()).then(|| policies(sets));
    let identified = layers.principal.arn().is_some();
    let all = [
        (Layer::ServiceControl, levels(layers.service_control).filter(|_| identified)),
        (Layer::ResourceControl, levels(layers.resource_control)),
        (Layer::Resource, of(layers.resource)),
        (Layer::Identity, of(Some(layers.identity)).filter(|_| identified)),
        (Layer::Boundary, of(layers.boundary)),
        (Layer::Session, of(layers.session)),
    ];
    let told = all.into_iter().filter_map(|(layer, policies)| {
        // A layer without policies is told if it is why nothing is allowed.
        let decides = verdict.denial().is_some_and(|denial| denial.layer == layer);
        let policies = policies.or(decides.then_some(0))?;
        let answer = answer(layer, verdict);
        let described = layer.described();
        Some(json!({ "layer": described, "policies": policies, "answer": answer }))
    });
    Value::Array(told.collect())
}

/// What a layer says; none if that isn't known, or if it has nothing to say.
fn answer(layer: Layer, verdict: &Verdict) -> Option<String> {
    let grounds = match verdict {
        Verdict::Allow(grounds) => grounds,
        Verdict::ExplicitDeny(denial) | Verdict::ImplicitDeny(denial) => {
            return (denial.layer == layer).then(|| match &denial.statement {
                Some(statement) => format!("denied by {}", statement.label()),
                None if denial.unknown_keys.is_empty() => "nothing allows it".to_owned(),
                None => format!("can't be told without {}", denial.unknown_keys.join(", ")),
            });
        }
    };
    let of = |layer: Layer| grounds.statements().find(|s| s.policy.kind().layer() == layer);
    match (of(layer).map(StatementRef::label), of(Layer::Resource)) {
        (Some(label), _) => Some(format!("allowed by {label}")),
        (None, _) if layer == Layer::ResourceControl => Some("nothing denies it".to_owned()),
        (None, Some(granted)) if layer != Layer::ServiceControl => {
            Some(format!("not needed: {} grants it to the caller", granted.label()))
        }
        (None, None) if layer == Layer::Resource => Some("nothing denies it".to_owned()),
        (None, _) => None,
    }
}
