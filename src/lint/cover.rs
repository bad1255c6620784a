//! Statements that others make superfluous: those that a Deny takes back, and those that are said
//! already.
//!
//! A statement without conditions covers another if each action and each resource of that one is
//! matched by one of its own, the wildcards of the other taken as text that only a `*` matches. So
//! what is found is so, and not everything that is so is found.

use std::{borrow::Cow, cell::Cell, collections::HashMap};

use super::{
    Lint,
    judge::{Judge, Of},
};
use crate::iam::{
    Clause, Effect, Glob, PrincipalsSource, Sense, Sourced, StatementSource, Written, split_colons,
};

/// A statement without conditions, compiled.
struct Cover<'a> {
    of: Of<'a>,
    actions: Vec<Pattern<'a>>,
    resources: Vec<Vec<Pattern<'a>>>,
}

/// A pattern as written, and compiled.
struct Pattern<'a> {
    text: Cow<'a, str>,
    glob: Glob,
}

impl Judge<'_> {
    /// Compares the statements of `own`, the policies of one role or of nobody in particular, with
    /// those of `own` and of `others`, which are in force beside them; those of `ceiling` only deny.
    pub(super) fn covered(
        &mut self,
        role: Option<&str>,
        own: &[&Written],
        others: &[&Written],
        ceiling: Option<&Written>,
    ) {
        let statements = |policies: &[&'_ Written]| -> usize {
            policies.iter().map(|policy| policy.statements.len()).sum()
        };
        if statements(own) == 0 || statements(own) + statements(others) < 2 && ceiling.is_none() {
            return;
        }
        let left = Cell::new(MOST_COMPARISONS);
        let mut covers: Vec<Cover<'_>> = Vec::new();
        let all = own.iter().chain(others).map(|policy| (*policy, false));
        for (policy, only_denies) in all.chain(ceiling.map(|policy| (policy, true))) {
            for statement in &policy.statements {
                let skipped = only_denies && statement.effect == Effect::Allow;
                let alike = covers.iter().filter(|c| c.of.statement.effect == statement.effect);
                if alike.count() < MOST_COVERS && !skipped {
                    covers.extend(Cover::new(Of { policy, statement, role }));
                }
            }
        }
        let mut seen: HashMap<String, Of<'_>> = HashMap::new();
        for policy in own {
            for statement in &policy.statements {
                let of = Of { policy, statement, role };
                let path = &statement.path;
                let mut denies = covers.iter().filter(|c| c.of.statement.effect == Effect::Deny);
                if statement.effect == Effect::Allow
                    && let Some(denies) = denies.find(|cover| cover.covers(of, &left))
                {
                    let message = format_args!(
                        "{} denies all of this: it never allows anything; drop one of the two, or narrow the Deny",
                        denies.of.called()
                    );
                    self.report(Lint::ShadowedStatement, of, path, message);
                    continue;
                }
                let same = *seen.entry(fingerprint(of)).or_insert(of);
                let same = (!std::ptr::eq(same.statement, statement)).then_some(same);
                let mine = covers.iter().position(|c| std::ptr::eq(c.of.statement, statement));
                let wider = same.or_else(|| {
                    let found = covers.iter().enumerate().find(|(at, cover)| {
                        // Of two that cover each other the first stays.
                        let mutual = |mine: usize| {
                            mine < *at
                                && covers.get(mine).is_some_and(|mine| mine.covers(cover.of, &left))
                        };
                        cover.of.statement.effect == statement.effect
                            && cover.covers(of, &left)
                            && !mine.is_some_and(mutual)
                    });
                    found.map(|(_, cover)| cover.of)
                });
                if let Some(other) = wider {
                    let message =
                        format_args!("{} says all of this already: drop it", other.called());
                    self.report(Lint::RedundantStatement, of, path, message);
                }
            }
        }
    }
}

impl<'a> Cover<'a> {
    fn new(of: Of<'a>) -> Option<Self> {
        let StatementSource { actions, resources, conditions, .. } = of.statement;
        let only = |clause: &&Clause| clause.sense == Sense::Only;
        let (actions, resources) =
            (actions.as_ref().filter(only)?, resources.as_ref().filter(only)?);
        let text = |value: &'a Sourced| Pattern::new(value.text.as_str().into());
        conditions.is_empty().then(|| Self {
            of,
            actions: actions.values.iter().map(text).collect(),
            resources: resources.values.iter().map(|value| parts(of, &value.text)).collect(),
        })
    }

    /// `left` are the comparisons that may still be made.
    fn covers(&self, of: Of<'_>, left: &Cell<usize>) -> bool {
        if std::ptr::eq(self.of.statement, of.statement) || !self.covers_principals(of) {
            return false;
        }
        self.covers_actions(of, left) && self.covers_resources(of, left)
    }

    fn covers_principals(&self, of: Of<'_>) -> bool {
        match (&self.of.statement.principals, &of.statement.principals) {
            (None, None) => true,
            (Some(mine), Some(other)) => {
                mine.sense == Sense::Only && mine.listed.is_none() || named(mine) == named(other)
            }
            _ => false,
        }
    }

    fn covers_actions(&self, of: Of<'_>, left: &Cell<usize>) -> bool {
        let Some(actions) = &of.statement.actions else { return false };
        let covers = |text: &str| {
            self.actions.iter().any(|pattern| {
                left.set(left.get().saturating_sub(1));
                left.get() > 0 && pattern.covers(&text.to_ascii_lowercase(), Glob::matches_action)
            })
        };
        match actions.sense {
            Sense::Only => actions.values.iter().all(|value| covers(&value.text)),
            Sense::AllBut => covers("*"),
        }
    }

    fn covers_resources(&self, of: Of<'_>, left: &Cell<usize>) -> bool {
        let Some(resources) = &of.statement.resources else { return false };
        let all = |text: &str| text == "*";
        if self.resources.iter().any(Vec::is_empty) {
            return true;
        }
        let mine = self.of.policy.version;
        let covers = |text: &str| {
            if all(text) || text.contains("${") && mine != of.policy.version {
                return false;
            }
            let others = split(of, text);
            self.resources.iter().any(|patterns| {
                left.set(left.get().saturating_sub(1));
                left.get() > 0
                    && patterns.iter().zip(&others).all(|(p, o)| p.covers(o, Glob::matches))
            })
        };
        resources.sense == Sense::Only && resources.values.iter().all(|value| covers(&value.text))
    }
}

impl<'a> Pattern<'a> {
    fn new(text: Cow<'a, str>) -> Self {
        let glob = Glob::new(&text);
        Self { text, glob }
    }

    /// Does it match whatever `other` matches?
    fn covers(&self, other: &str, matches: fn(&Glob, &str) -> bool) -> bool {
        if self.text == other || self.text == "*" {
            return true;
        }
        // Escapes would be read as wildcards here.
        if self.text.contains("${*") || self.text.contains("${?") {
            return false;
        }
        if !other.contains('*') {
            return matches(&self.glob, other);
        }
        let some = other.replace('*', "\u{1}\u{2}");
        matches(&self.glob, &some) && matches(&self.glob, &other.replace('*', ""))
    }
}

/// The six parts of a resource; no part for `*`.
fn parts<'a>(of: Of<'_>, text: &str) -> Vec<Pattern<'a>> {
    match text {
        "*" => Vec::new(),
        text => split(of, text).into_iter().map(|part| Pattern::new(part.into())).collect(),
    }
}

fn split(of: Of<'_>, text: &str) -> Vec<String> {
    let mut parts = split_colons(text, of.policy.version);
    parts.resize(6, "*".to_owned());
    parts
}

fn named(principals: &PrincipalsSource) -> (bool, Vec<&str>) {
    let names = principals.listed.iter().flatten().map(|(_, name)| name.text.as_str());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    (principals.sense == Sense::Only, names)
}

/// The same for two statements that say the same in another order.
fn fingerprint(of: Of<'_>) -> String {
    let StatementSource { effect, principals, actions, resources, conditions, .. } = of.statement;
    let clause = |clause: &Option<Clause>, lower: bool| {
        let text = |value: &Sourced| match lower {
            true => value.text.to_ascii_lowercase(),
            false => value.text.clone(),
        };
        let sense = clause.as_ref().map(|clause| clause.sense);
        let mut values: Vec<String> =
            clause.iter().flat_map(|clause| &clause.values).map(text).collect();
        values.sort_unstable();
        (sense, values)
    };
    let mut conditions: Vec<(String, String, Vec<&str>)> = conditions
        .iter()
        .map(|condition| {
            let mut values: Vec<&str> = condition.values.iter().map(|v| v.text.as_str()).collect();
            values.sort_unstable();
            let lower = |text: &str| text.to_ascii_lowercase();
            (lower(&condition.operator.text), lower(&condition.key.text), values)
        })
        .collect();
    conditions.sort_unstable();
    let principals = principals.as_ref().map(named);
    let (actions, resources) = (clause(actions, true), clause(resources, false));
    let version = of.policy.version;
    format!("{version:?} {effect:?} {principals:?} {actions:?} {resources:?} {conditions:?}")
}

/// Statements of one effect that others are compared with.
const MOST_COVERS: usize = 64;
/// Comparisons of two patterns, for one role.
const MOST_COMPARISONS: usize = 1_000_000;
