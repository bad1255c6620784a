//! The policy documents of a request: compiled, named as IAM names them, with their statements'
//! places in the text.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::SimulateError;
use crate::iam::compile::Policy;
use crate::iam::document::PolicyKind;
use crate::iam::set::PolicySet;
use crate::iam::verdict::Layer;

/// The members of a request that hold documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Member {
    /// `PolicyInputList`
    Identity,
    /// `PermissionsBoundaryPolicyInputList`
    Boundary,
    /// `SessionPolicyInputList`
    Session,
    /// `ResourcePolicy`
    Resource,
    /// `ServiceControlPolicyInputList`
    ServiceControl,
    /// `ResourceControlPolicyInputList`
    ResourceControl,
}

impl Member {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "PolicyInputList",
            Self::Boundary => "PermissionsBoundaryPolicyInputList",
            Self::Session => "SessionPolicyInputList",
            Self::Resource => "ResourcePolicy",
            Self::ServiceControl => "ServiceControlPolicyInputList",
            Self::ResourceControl => "ResourceControlPolicyInputList",
        }
    }

    /// Whether it is a list of levels, root first, each a list of documents.
    pub const fn has_levels(self) -> bool {
        matches!(self, Self::ServiceControl | Self::ResourceControl)
    }

    pub(super) const fn of(layer: Layer) -> Self {
        match layer {
            Layer::Identity | Layer::Trust => Self::Identity,
            Layer::Boundary => Self::Boundary,
            Layer::Session => Self::Session,
            Layer::Resource => Self::Resource,
            Layer::ServiceControl => Self::ServiceControl,
            Layer::ResourceControl => Self::ResourceControl,
        }
    }

    const fn kind(self) -> PolicyKind {
        match self {
            Self::Identity => PolicyKind::Inline,
            Self::Boundary => PolicyKind::Boundary,
            Self::Session => PolicyKind::Session,
            Self::Resource => PolicyKind::Resource,
            Self::ServiceControl => PolicyKind::ServiceControl,
            Self::ResourceControl => PolicyKind::ResourceControl,
        }
    }

    /// What IAM calls the policies, in `SourcePolicyType` and in the keys of `EvalDecisionDetails`.
    pub(super) const fn described(self) -> &'static str {
        match self {
            Self::Identity => "IAM Policy",
            Self::Boundary => "Permissions Boundary Policy",
            Self::Session => "Session Policy",
            Self::Resource => "Resource Policy",
            Self::ServiceControl => "Service Control Policy",
            Self::ResourceControl => "Resource Control Policy",
        }
    }

    /// `PolicyInputList.1`; in lists of levels with the level's number, `….2.1`; `ResourcePolicy`.
    fn label(self, level: usize, place: usize) -> String {
        let (name, level, place) = (self.name(), level + 1, place + 1);
        match self {
            Self::Resource => name.to_owned(),
            _ if self.has_levels() => format!("{name}.{level}.{place}"),
            _ => format!("{name}.{place}"),
        }
    }
}

/// The documents of one member, level by level. A member without levels has one.
#[derive(Clone, Debug)]
pub struct Documents {
    member: Member,
    sets: Vec<PolicySet>,
    sources: Vec<Vec<Source>>,
}

/// Where a policy comes from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) id: String,
    /// Of its statements; none where the text isn't known.
    pub(super) places: Vec<Place>,
}

/// Where a statement begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: Position,
    pub(super) end: Position,
}

/// A place in a document, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl Documents {
    /// Compiles documents, level by level.
    ///
    /// # Errors
    /// The first document that can't be understood.
    pub fn compile<'d, L>(
        member: Member,
        levels: impl IntoIterator<Item = L>,
    ) -> Result<Self, SimulateError>
    where
        L: IntoIterator<Item = &'d str>,
    {
        let (mut sets, mut sources) = (Vec::new(), Vec::new());
        for (number, level) in levels.into_iter().enumerate() {
            let (mut policies, mut of_level) = (Vec::new(), Vec::new());
            for (place, text) in level.into_iter().enumerate() {
                let id = member.label(number, place);
                match Policy::parse(&id, member.kind(), text) {
                    Ok(policy) => policies.push(Arc::new(policy)),
                    Err(errors) => return Err(SimulateError::Document { at: id, errors }),
                }
                of_level.push(Source { id, places: places(text) });
            }
            sets.push(PolicySet::from(policies));
            sources.push(of_level);
        }
        Ok(Self { member, sets, sources })
    }

    /// Policies that are compiled already, by their own names.
    pub fn known(member: Member, sets: &[PolicySet]) -> Self {
        let named = |policy: &Arc<Policy>| {
            let id = policy.name().to_owned();
            Source { id, places: Vec::new() }
        };
        let sources = sets.iter().map(|set| set.policies().iter().map(named).collect());
        Self { member, sources: sources.collect(), sets: sets.to_vec() }
    }

    /// These and, in the same level, `more`.
    pub fn and(&self, more: &Self) -> Self {
        let policies = |documents: &Self| {
            documents.sets.iter().flat_map(|set| set.policies().to_vec()).collect::<Vec<_>>()
        };
        let all: PolicySet = policies(self).into_iter().chain(policies(more)).collect();
        let sources = self.sources.iter().chain(&more.sources).flatten().cloned().collect();
        Self { member: self.member, sets: vec![all], sources: vec![sources] }
    }

    /// Of which member they are.
    pub fn member(&self) -> Member {
        self.member
    }

    /// The policies, level by level.
    pub(super) fn sets(&self) -> &[PolicySet] {
        &self.sets
    }

    pub(super) fn source(&self, level: usize, place: usize) -> Option<&Source> {
        self.sources.get(level)?.get(place)
    }

    /// The context keys that their statements ask for, as written first, each once, in order.
    pub fn context_keys(&self) -> Vec<&str> {
        let policies = self.sets.iter().flat_map(PolicySet::policies);
        let statements = policies.flat_map(|policy| policy.statements());
        let mut seen = std::collections::HashSet::new();
        statements
            .flat_map(|statement| statement.context_keys())
            .filter(|key| seen.insert(key.to_ascii_lowercase()))
            .collect()
    }
}

#[derive(Deserialize)]
struct Outline<'d> {
    #[serde(borrow, rename = "Statement")]
    statement: &'d RawValue,
}

/// The places of a document's statements, as IAM tells them: the first is just behind the opening
/// brace, the last just behind the closing one.
fn places(text: &str) -> Vec<Place> {
    let Ok(Outline { statement }) = serde_json::from_str(text) else { return Vec::new() };
    let statements: Vec<&RawValue> = match statement.get().starts_with('[') {
        true => serde_json::from_str(statement.get()).unwrap_or_default(),
        false => vec![statement],
    };
    let mut at = Position { line: 1, column: 1 };
    let mut read = 0;
    let mut go_to = |end: usize| {
        for character in text.get(read..end).unwrap_or_default().chars() {
            at = match character {
                '\n' => Position { line: at.line + 1, column: 1 },
                _ => Position { column: at.column + 1, ..at },
            };
        }
        read = end;
        at
    };
    statements
        .into_iter()
        .filter_map(|statement| {
            // It is a part of the text.
            let start = statement.get().as_ptr().addr().checked_sub(text.as_ptr().addr())?;
            let (start, end) = (go_to(start + 1), go_to(start + statement.get().len()));
            Some(Place { start, end })
        })
        .collect()
}
