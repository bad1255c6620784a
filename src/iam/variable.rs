//! Policy variables, and the text they stand in.
//!
//! `${key}` and `${key, 'default'}` stand for the value of a single-valued context key;
//! `${*}`, `${?}` and `${$}` for the character itself
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>). They
//! exist in documents of `Version` 2012-10-17 only; before, `${` is literal text.
//!
//! INVARIANT: a value is substituted as literal text. Claims are chosen by users, so a `*` in one
//! must never become a wildcard; nor can a value add parts to an ARN whose parts the policy wrote.

use std::borrow::Cow;
use std::fmt;

use super::document::Version;
use super::facts::Lookup;
use super::observe::{Shown, Variables};
use super::pattern::{Atom, Case, MAX_OPEN_RUN, glob};
use super::scope::{Scope, Unknowns};
use super::truth::Truth;

/// Most variables in one value; bounds the work of substitution.
pub const MAX_VARIABLES: usize = 8;

/// A value of a policy, parsed into text, wildcards and variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Box<[Piece]>,
    variables: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    One,
    Any,
    Variable(Box<Variable>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Variable {
    /// Its place among the variables of the template.
    slot: usize,
    /// As written, for denials.
    name: Box<str>,
    /// In lower case, for look-ups.
    key: Box<str>,
    default: Option<Box<str>>,
}

/// What `*` and `?` mean in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wildcards {
    /// Wildcards.
    Active,
    /// Themselves: `StringEquals`.
    Literal,
}

/// Why a variable can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// `${}`.
    #[error("a policy variable names no context key: write ${{aws:PrincipalTag/name}}")]
    NoKey,
    /// `${a${b}}`.
    #[error("policy variables can't be nested: write one context key between ${{ and }}")]
    Nested,
    /// Neither `${key}` nor `${key, 'default'}`.
    #[error("a default is written after a comma and a space, in quotes: ${{key, 'default'}}")]
    Default,
    /// More than [`MAX_OPEN_RUN`].
    #[error("more than {MAX_OPEN_RUN} bytes with a ? between two *: write fewer, or drop a *")]
    OpenRun,
    /// More than [`MAX_VARIABLES`].
    #[error("more than {MAX_VARIABLES} policy variables in one value")]
    TooMany,
}

impl Template {
    /// Parses `text` under the rules of `version`.
    pub(super) fn parse(
        text: &str,
        version: Version,
        wildcards: Wildcards,
    ) -> Result<Self, VariableError> {
        let mut draft = Draft::default();
        for span in spans(text, version) {
            match span {
                Span::Text(text) => draft.push_text(text, wildcards),
                Span::Reference(inner) => draft.push_reference(inner)?,
            }
        }
        draft.finish()
    }

    /// The text that whatever matches begins with, and whether it is all of it.
    pub(super) fn beginning(&self) -> (&str, bool) {
        match &*self.pieces {
            [] => ("", true),
            [Piece::Text(text)] => (text, true),
            [Piece::Text(text), ..] => (text, false),
            _ => ("", false),
        }
    }

    /// The keys of its variables, as written.
    pub(super) fn variable_names(&self) -> impl Iterator<Item = &str> {
        self.variables().map(|variable| &*variable.name)
    }

    pub(super) fn has_variables(&self) -> bool {
        self.variables > 0
    }

    /// Does `text` match? A null variable matches nothing; an unknown one may be any text.
    pub(super) fn matches(
        &self,
        text: &str,
        case: Case,
        scope: Scope<'_>,
        unknowns: &mut Unknowns,
    ) -> Truth {
        if self.variables == 0 {
            return self.matches_fixed(text, case).into();
        }
        let resolved = self.resolve(scope);
        let truth = resolved.matches(text, case);
        if truth == Truth::Unknown {
            resolved.report(unknowns);
        }
        truth
    }

    /// Does `text` match this template, which has no variables?
    pub(super) fn matches_fixed(&self, text: &str, case: Case) -> bool {
        let atom = |step: usize| match self.pieces.get(step)? {
            Piece::Text(text) => Some(Atom::Text(text)),
            Piece::One => Some(Atom::One),
            Piece::Any => Some(Atom::Any),
            // Not reached; and a text that nothing equals, were it.
            Piece::Variable(_) => Some(Atom::Text("\u{0}\u{0}")),
        };
        glob(atom, text, case)
    }

    /// Finds the values of the variables.
    pub(super) fn resolve<'s>(&'s self, scope: Scope<'s>) -> Resolved<'s> {
        let mut slots = [const { Slot::Unset }; MAX_VARIABLES];
        let (mut null, mut unknown) = (false, false);
        for (slot, variable) in slots.iter_mut().zip(self.variables()) {
            *slot = match scope.lookup(&variable.key) {
                Lookup::One(value) => Slot::Value(value),
                Lookup::Unknown => Slot::Unknown,
                // A variable takes single-valued keys only, and a default is for an absent key.
                Lookup::Many(_) => Slot::Null,
                Lookup::Absent => match &variable.default {
                    Some(default) => Slot::Value(Cow::Borrowed(&**default)),
                    None => Slot::Null,
                },
            };
            null |= matches!(slot, Slot::Null);
            unknown |= matches!(slot, Slot::Unknown);
        }
        Resolved { template: self, slots, null, unknown }
    }

    fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(&**variable),
            _ => None,
        })
    }
}

/// A template in the making.
#[derive(Default)]
struct Draft {
    pieces: Vec<Piece>,
    /// The text that the next piece goes on from.
    text: String,
    variables: usize,
}

impl Draft {
    fn push_text(&mut self, text: &str, wildcards: Wildcards) {
        if wildcards == Wildcards::Literal {
            return self.push_literal(text);
        }
        for part in text.split_inclusive(['*', '?']) {
            if let Some(literal) = part.strip_suffix('*') {
                self.push_literal(literal);
                // Two stars in a row are one.
                if !self.text.is_empty() || self.pieces.last() != Some(&Piece::Any) {
                    self.push(Piece::Any);
                }
            } else if let Some(literal) = part.strip_suffix('?') {
                self.push_literal(literal);
                self.push(Piece::One);
            } else {
                self.push_literal(part);
            }
        }
    }

    fn push_literal(&mut self, literal: &str) {
        self.text.push_str(literal);
    }

    fn push(&mut self, piece: Piece) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.text).into()));
        }
        self.pieces.push(piece);
    }

    fn finish(mut self) -> Result<Template, VariableError> {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.text).into()));
        }
        let runs = self.pieces.split(|piece| *piece == Piece::Any);
        let between = runs.clone().count().saturating_sub(1);
        let too_long = |run: &[Piece]| {
            let bytes = run.iter().map(|piece| match piece {
                Piece::Text(text) => text.len(),
                _ => 1,
            });
            run.contains(&Piece::One) && bytes.sum::<usize>() > MAX_OPEN_RUN
        };
        if runs.take(between).skip(1).any(too_long) {
            return Err(VariableError::OpenRun);
        }
        Ok(Template { pieces: self.pieces.into(), variables: self.variables })
    }

    fn push_reference(&mut self, inner: &str) -> Result<(), VariableError> {
        if matches!(inner, "*" | "?" | "$") {
            self.push_literal(inner);
            return Ok(());
        }
        let (key, default) = match inner.split_once(',') {
            None => (inner, None),
            Some((key, rest)) => {
                let default = rest.strip_prefix(" '").and_then(|rest| rest.strip_suffix('\''));
                (key, Some(default.ok_or(VariableError::Default)?.into()))
            }
        };
        if key.trim().is_empty() {
            return Err(VariableError::NoKey);
        }
        if key.contains("${") {
            return Err(VariableError::Nested);
        }
        if self.variables == MAX_VARIABLES {
            return Err(VariableError::TooMany);
        }
        let (name, key) = (key.into(), key.to_ascii_lowercase().into());
        let variable = Variable { slot: self.variables, name, key, default };
        self.push(Piece::Variable(Box::new(variable)));
        self.variables += 1;
        Ok(())
    }
}

/// A template whose variables have been looked up.
pub(super) struct Resolved<'s> {
    template: &'s Template,
    slots: [Slot<'s>; MAX_VARIABLES],
    null: bool,
    unknown: bool,
}

enum Slot<'s> {
    Unset,
    Value(Cow<'s, str>),
    Null,
    Unknown,
}

impl Resolved<'_> {
    /// A variable of it is absent, without default, or multi-valued.
    pub(super) fn is_null(&self) -> bool {
        self.null
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// For explanations.
    pub(super) fn shown(&self) -> Shown {
        let variables = match (self.null, self.unknown) {
            (true, _) => Variables::Null,
            (false, true) => Variables::Unknown,
            (false, false) => Variables::Known,
        };
        Shown { text: self.to_string(), variables }
    }

    /// Adds the keys of its unknown variables.
    pub(super) fn report(&self, unknowns: &mut Unknowns) {
        for (slot, variable) in self.slots.iter().zip(self.template.variables()) {
            if matches!(slot, Slot::Unknown) {
                unknowns.add(&variable.name);
            }
        }
    }

    fn matches(&self, text: &str, case: Case) -> Truth {
        if self.is_null() {
            return Truth::False;
        }
        match (glob(|step| self.atom(step), text, case), self.is_unknown()) {
            (false, _) => Truth::False,
            (true, false) => Truth::True,
            (true, true) => Truth::Unknown,
        }
    }

    /// The step of that number; an unknown value may be any text.
    pub(super) fn atom(&self, step: usize) -> Option<Atom<'_>> {
        Some(match self.template.pieces.get(step)? {
            Piece::Text(text) => Atom::Text(text),
            Piece::One => Atom::One,
            Piece::Any => Atom::Any,
            Piece::Variable(variable) => match self.slots.get(variable.slot) {
                Some(Slot::Value(value)) => Atom::Text(value),
                _ => Atom::Any,
            },
        })
    }

    /// The literal texts one after the other, wildcards left out.
    pub(super) fn chars(&self) -> impl Iterator<Item = char> {
        (0..self.template.pieces.len()).filter_map(|step| self.atom(step)).flat_map(|atom| {
            match atom {
                Atom::Text(text) => text.chars(),
                Atom::One | Atom::Any => "".chars(),
            }
        })
    }
}

/// For explanations: substituted values in place; variables without one as they are written.
impl fmt::Display for Resolved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.template.pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::One => f.write_str("?")?,
                Piece::Any => f.write_str("*")?,
                Piece::Variable(variable) => match self.slots.get(variable.slot) {
                    Some(Slot::Value(value)) => f.write_str(value)?,
                    _ => write!(f, "${{{}}}", variable.name)?,
                },
            }
        }
        Ok(())
    }
}

/// A stretch of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span<'a> {
    /// Text, in which `$` has no meaning.
    Text(&'a str),
    /// What stands between `${` and `}`.
    Reference(&'a str),
}

/// Splits a value at its variables. An unclosed `${` is text.
pub(crate) fn spans(text: &str, version: Version) -> Vec<Span<'_>> {
    if version == Version::V2008 {
        return vec![Span::Text(text)];
    }
    let mut spans = Vec::new();
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once("${") {
        // A quoted default may contain a brace.
        let end = match (opened.find(", '"), opened.find('}')) {
            (Some(quote), Some(brace)) if quote < brace => {
                let closed = opened.get(quote + 3..).and_then(|default| default.find("'}"));
                Some(closed.map_or(brace, |at| quote + 3 + at + 1))
            }
            (_, brace) => brace,
        };
        let Some((inner, after)) = end.and_then(|end| opened.split_at_checked(end)) else { break };
        if !before.is_empty() {
            spans.push(Span::Text(before));
        }
        spans.push(Span::Reference(inner));
        rest = after.strip_prefix('}').unwrap_or(after);
    }
    if !rest.is_empty() {
        spans.push(Span::Text(rest));
    }
    spans
}

/// Splits a value at its first five colons, of which those inside variables don't count.
pub(crate) fn split_colons(text: &str, version: Version) -> Vec<String> {
    let mut parts = vec![String::new()];
    for span in spans(text, version) {
        match span {
            Span::Reference(inner) => {
                if let Some(part) = parts.last_mut() {
                    part.push_str("${");
                    part.push_str(inner);
                    part.push('}');
                }
            }
            Span::Text(text) => {
                for (position, piece) in text.splitn(7 - parts.len(), ':').enumerate() {
                    if position > 0 {
                        parts.push(String::new());
                    }
                    if let Some(part) = parts.last_mut() {
                        part.push_str(piece);
                    }
                }
            }
        }
    }
    parts
}
