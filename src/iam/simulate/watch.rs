//! What one evaluation shows: the statements that match, what each layer comes to, and the context
//! keys that nobody gave.

use crate::iam::arn::Resource;
use crate::iam::document::Effect;
use crate::iam::facts::{Context, Facts, Lookup};
use crate::iam::observe::{Considered, Interest, Observer};
use crate::iam::scope::{Scope, Unknowns};
use crate::iam::truth::Truth;
use crate::iam::verdict::Layer;

/// Watches the evaluation of one action on one resource.
pub(super) struct Watch<'w> {
    resource: &'w Resource,
    given: &'w Facts,
    none: Facts,
    /// What layers and levels come to, in the order in which they were asked.
    pub(super) tallies: Vec<Tally>,
    /// The statements that match.
    pub(super) matched: Vec<Matched>,
    /// The keys that statements ask for which could match, and that weren't given: as written first.
    pub(super) missing: Vec<String>,
}

/// What a layer, or a level of it, comes to by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) layer: Layer,
    pub(super) allows: bool,
    pub(super) denies: bool,
}

/// A statement that allows, or that denies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matched {
    pub(super) effect: Effect,
    pub(super) layer: Layer,
    pub(super) level: usize,
    /// The policy's place in the level, and the statement's in the policy.
    pub(super) place: usize,
    pub(super) index: usize,
}

impl<'w> Watch<'w> {
    pub(super) fn new(resource: &'w Resource, given: &'w Facts) -> Self {
        let (tallies, matched) = (Vec::new(), Vec::new());
        Self { resource, given, none: Facts::new(), tallies, matched, missing: Vec::new() }
    }

    /// The layer, whatever its level: does it allow, and deny? None if it wasn't asked.
    pub(super) fn of(&self, layer: Layer) -> Option<Tally> {
        let levels = self.tallies.iter().filter(|tally| tally.layer == layer).copied();
        levels.reduce(|one, other| Tally {
            allows: one.allows && other.allows,
            denies: one.denies || other.denies,
            ..one
        })
    }

    fn missing_of(&mut self, considered: &Considered<'_>) {
        let Some(statement) = considered.policy.statements().get(considered.index) else { return };
        let absent = |key: &&str| {
            self.given.lookup(&key.to_ascii_lowercase()) == Lookup::Absent
                && !self.missing.iter().any(|known| known.eq_ignore_ascii_case(key))
        };
        let asked: Vec<&str> = statement.context_keys().filter(absent).collect();
        if asked.is_empty() {
            return;
        }
        // With any value for them, could it match?
        let open = Open(self.given);
        let scope = Scope { check: &self.none, session: &self.none, request: &open };
        let mut unknowns = Unknowns::none();
        let resource = statement.covers_resource(self.resource, scope, &mut unknowns);
        let mut conditions = statement.conditions.iter();
        let could_match = resource != Some(Truth::False)
            && conditions.all(|one| one.evaluate(scope, &mut unknowns) != Truth::False);
        if could_match {
            for key in asked {
                if !self.missing.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                    self.missing.push(key.to_owned());
                }
            }
        }
    }
}

impl Observer for Watch<'_> {
    fn layer(&mut self, layer: Layer) {
        self.tallies.push(Tally { layer, allows: false, denies: false });
    }

    fn statement(&mut self, considered: &Considered<'_>) {
        if considered.action == Truth::False || considered.principal == Some(Truth::False) {
            return;
        }
        self.missing_of(considered);
        // An Allow has to hold for sure, a Deny to be possible.
        let counts = match considered.effect {
            Effect::Allow => considered.truth == Truth::True,
            Effect::Deny => considered.truth != Truth::False,
        };
        let Some(tally) = self.tallies.last_mut().filter(|_| counts) else { return };
        match considered.effect {
            Effect::Allow => tally.allows = true,
            Effect::Deny => tally.denies = true,
        }
        let layer = tally.layer;
        let level = self.tallies.iter().filter(|tally| tally.layer == layer).count() - 1;
        let (effect, place, index) = (considered.effect, considered.place, considered.index);
        self.matched.push(Matched { effect, layer, level, place, index });
    }

    fn interest(&self) -> Interest {
        Interest::Matching
    }
}

/// What was given; everything else could be anything.
struct Open<'g>(&'g Facts);

impl Context for Open<'_> {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match self.0.lookup(key) {
            Lookup::Absent => Lookup::Unknown,
            found => found,
        }
    }
}
