//! `Arn*` operators: six parts, each matched by itself.
//!
//! A `*` doesn't cross a colon of the first five. `ArnEquals` is `ArnLike`. What has fewer than six
//! parts is no ARN and like none.

use crate::iam::arn::six_parts;
use crate::iam::document::Version;
use crate::iam::observe::Shown;
use crate::iam::pattern::{Atom, Case, glob};
use crate::iam::scope::{Scope, Unknowns};
use crate::iam::truth::Truth;
use crate::iam::variable::{Resolved, Template, VariableError, Wildcards, split_colons};

/// A value of an `Arn*` operator.
#[derive(Clone, Debug)]
pub(super) enum ArnValue {
    /// The policy wrote the five colons; a variable stays within its part.
    Parts(Box<[Template; 6]>),
    /// Fewer colons, but variables that may bring them: `${aws:PrincipalArn}`.
    Whole(Template),
    /// Fewer than six parts.
    NoArn(Template),
}

impl ArnValue {
    pub(super) fn parse(text: &str, version: Version) -> Result<Self, VariableError> {
        let whole = Template::parse(text, version, Wildcards::Active)?;
        let parts = split_colons(text, version)
            .iter()
            .map(|part| Template::parse(part, version, Wildcards::Active))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(match <[Template; 6]>::try_from(parts) {
            Ok(parts) => Self::Parts(Box::new(parts)),
            Err(_) if whole.has_variables() => Self::Whole(whole),
            Err(_) => Self::NoArn(whole),
        })
    }

    pub(super) fn matches(&self, text: &str, scope: Scope<'_>, unknowns: &mut Unknowns) -> Truth {
        let Some(parts) = six_parts(text) else { return Truth::False };
        match self {
            Self::NoArn(_) => Truth::False,
            Self::Parts(templates) => {
                Truth::all(templates.iter().zip(parts).map(|(template, part)| {
                    template.matches(part, Case::Sensitive, scope, unknowns)
                }))
            }
            Self::Whole(template) => {
                let resolved = template.resolve(scope);
                if resolved.is_null() {
                    Truth::False
                } else if resolved.is_unknown() {
                    resolved.report(unknowns);
                    Truth::Unknown
                } else {
                    matches_resolved(&resolved, parts).into()
                }
            }
        }
    }

    /// The templates that it is made of.
    pub(super) fn templates(&self) -> &[Template] {
        match self {
            Self::Parts(templates) => &**templates,
            Self::Whole(template) | Self::NoArn(template) => std::slice::from_ref(template),
        }
    }

    /// As compared, for explanations.
    pub(super) fn shown(&self, scope: Scope<'_>) -> Shown {
        match self {
            Self::Parts(templates) => {
                let parts = templates.iter().map(|part| part.resolve(scope).shown());
                parts.reduce(|all, part| all.join(":", part)).unwrap_or(Shown::plain(""))
            }
            Self::Whole(template) | Self::NoArn(template) => template.resolve(scope).shown(),
        }
    }
}

/// Splits the substituted text at its first five colons and matches part by part.
fn matches_resolved(resolved: &Resolved<'_>, parts: [&str; 6]) -> bool {
    let mut patterns: Vec<Vec<Atom<'_>>> = vec![Vec::new()];
    for atom in (0..).map_while(|step| resolved.atom(step)) {
        match atom {
            Atom::Text(text) => {
                for (position, piece) in text.splitn(7 - patterns.len(), ':').enumerate() {
                    if position > 0 {
                        patterns.push(Vec::new());
                    }
                    if let Some(pattern) = patterns.last_mut() {
                        pattern.push(Atom::Text(piece));
                    }
                }
            }
            wildcard => {
                if let Some(pattern) = patterns.last_mut() {
                    pattern.push(wildcard);
                }
            }
        }
    }
    patterns.len() == parts.len()
        && patterns
            .iter()
            .zip(parts)
            .all(|(pattern, part)| glob(|step| pattern.get(step).copied(), part, Case::Sensitive))
}
