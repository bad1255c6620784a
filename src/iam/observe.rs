//! Watching an evaluation: what explanations and simulations are made of.

use super::compile::Policy;
use super::document::Effect;
use super::truth::Truth;
use super::verdict::Layer;

/// Sees every statement as it is considered.
pub trait Observer {
    /// The policies of a layer that is set, or of one level of it, will be considered.
    fn layer(&mut self, layer: Layer) {
        let _ = layer;
    }

    /// A statement has been considered.
    fn statement(&mut self, considered: &Considered<'_>) {
        let _ = considered;
    }

    /// Whether every statement is to be considered and described, also those that can't change the
    /// answer any more.
    fn interest(&self) -> Interest {
        Interest::Everything
    }
}

/// How much an observer wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Nothing: the evaluation takes every short cut.
    Nothing,
    /// Every statement whose action and resource can match, also those that can't change the answer
    /// any more; not their conditions.
    Matching,
    /// Every statement and every condition.
    Everything,
}

/// Sees nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn interest(&self) -> Interest {
        Interest::Nothing
    }
}

/// One statement, as it was considered.
#[derive(Clone, Debug)]
pub struct Considered<'a> {
    /// The policy it is in.
    pub policy: &'a Policy,
    /// The level of control policies that it is in, from 0, root first; none of other layers.
    pub level: Option<usize>,
    /// That policy's place in its layer, or its level, from 0.
    pub place: usize,
    /// Its place in the policy, from 0.
    pub index: usize,
    /// Its `Sid`, if it has one.
    pub sid: Option<&'a str>,
    /// What it does.
    pub effect: Effect,
    /// Does its principal match? None if it has no such element.
    pub principal: Option<Truth>,
    /// How its principal means the caller, if it does: what it grants may stand in for other layers.
    pub means: Option<&'static str>,
    /// Does its action match?
    pub action: Truth,
    /// Does its resource match? None if it has no such element, or the action already didn't match.
    pub resource: Option<Truth>,
    /// Of its resources those with variables, with the values in their places; none are looked at if
    /// the action doesn't match.
    pub substituted: Vec<Shown>,
    /// Its conditions; none are looked at if the action or the resource don't match.
    pub conditions: Vec<ConditionSeen>,
    /// Does it match on the whole?
    pub truth: Truth,
}

/// One condition, with what was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionSeen {
    /// The operator as written.
    pub operator: String,
    /// The context key as written.
    pub key: String,
    /// Does it hold?
    pub truth: Truth,
    /// What the request has.
    pub request: Seen,
    /// The policy's values after substitution of variables.
    pub values: Vec<Shown>,
}

/// A value of a policy, its variables replaced by what they stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The value. Variables that stand for nothing are as written.
    pub text: String,
    /// Whether all its variables have a value.
    pub variables: Variables,
}

/// What the variables of a value stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// Text, all of them.
    Known,
    /// One has no value: the whole matches nothing.
    Null,
    /// One has a value that can't be observed here.
    Unknown,
}

impl Shown {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), variables: Variables::Known }
    }

    /// Both, one after the other, with `between` in between.
    pub(super) fn join(self, between: &str, next: Self) -> Self {
        let variables = match (self.variables, next.variables) {
            (Variables::Null, _) | (_, Variables::Null) => Variables::Null,
            (Variables::Unknown, _) | (_, Variables::Unknown) => Variables::Unknown,
            (Variables::Known, Variables::Known) => Variables::Known,
        };
        Self { text: self.text + between + &next.text, variables }
    }
}

/// The state of a context key in the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// There is no such key.
    Absent,
    /// It exists, its value can't be observed here.
    Unknown,
    /// Its one value.
    One(String),
    /// The values of a multi-valued key.
    Many(Vec<String>),
}
