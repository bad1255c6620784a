//! What was looked at on the way to a role, for `poolgate explain`. Never holds a claim's value.

use std::fmt;

use crate::iam::Truth;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The provider that the token was matched to.
    Provider(String),
    /// The role mapping in force: `none`, `Token` or `Rules`.
    Mapping(&'static str),
    /// A rule, by its number from 1.
    Rule {
        /// From 1.
        number: usize,
        /// The claim it asks for.
        claim: String,
        /// Does it match? Unknown where an access token can't tell.
        matched: Truth,
    },
    /// The claims `cognito:preferred_role` and `cognito:roles`, or what groups make of them.
    TokenRoles {
        /// Is there a preferred role?
        preferred: bool,
        /// How many roles.
        roles: usize,
    },
    /// The mapping didn't decide; what `AmbiguousRoleResolution` says.
    Ambiguous(&'static str),
    /// The role.
    Role(String),
    /// The identity.
    Identity(String),
    /// A principal tag and the claim it is taken from.
    Tag {
        /// The tag's key.
        key: String,
        /// The claim.
        claim: String,
        /// `set`, `absent` or `unknown`.
        state: &'static str,
    },
    /// The trust policy was asked.
    Trust {
        /// For which action.
        action: &'static str,
        /// Its answer.
        allowed: bool,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider(name) => write!(f, "login of provider {name}"),
            Self::Mapping(kind) => write!(f, "role mapping: {kind}"),
            Self::Rule { number, claim, matched } => {
                let matched = match matched {
                    Truth::True => "matches",
                    Truth::False => "does not match",
                    Truth::Unknown => "can't be told from an access token",
                };
                write!(f, "rule {number} on claim {claim}: {matched}")
            }
            Self::TokenRoles { preferred, roles } => {
                write!(
                    f,
                    "preferred role: {}; roles: {roles}",
                    if *preferred { "yes" } else { "no" }
                )
            }
            Self::Ambiguous(resolution) => {
                write!(f, "undecided, AmbiguousRoleResolution: {resolution}")
            }
            Self::Role(arn) => write!(f, "role {arn}"),
            Self::Identity(id) => write!(f, "identity {id}"),
            Self::Tag { key, claim, state } => {
                write!(f, "principal tag {key} from claim {claim}: {state}")
            }
            Self::Trust { action, allowed } => {
                write!(
                    f,
                    "trust policy, {action}: {}",
                    if *allowed { "allowed" } else { "refused" }
                )
            }
        }
    }
}

/// Who wants to know the steps.
pub trait Trail {
    /// Takes one step, in order.
    fn step(&mut self, step: Step);
}

/// Nobody does.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTrail;

impl Trail for NoTrail {
    fn step(&mut self, _: Step) {}
}

impl Trail for Vec<Step> {
    fn step(&mut self, step: Step) {
        self.push(step);
    }
}
