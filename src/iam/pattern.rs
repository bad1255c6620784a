//! Globs: `*` is any run of characters, `?` exactly one Unicode scalar value; everything else is
//! itself, line breaks included.
//!
//! A pattern is runs of fixed length between stars. The first run stands at the beginning of the
//! text, the last at its end, and those between are each found as far left as possible, which is
//! right since every run has one length. Nothing is tried twice: the time is linear in the text, since
//! `str::find` is. Where a run between two stars has a `?` it is at most text × run, and
//! [`MAX_OPEN_RUN`] bounds the run. There is no recursion and no regular expression.

use std::borrow::Cow;
use std::ops::Range;

/// Most bytes of a run between two stars that has a `?` in it.
pub(super) const MAX_OPEN_RUN: usize = 256;

/// One step of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Atom<'a> {
    /// Exactly this text, in which nothing is a wildcard.
    Text(&'a str),
    /// `?`
    One,
    /// `*`
    Any,
}

/// How letters are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// Byte for byte.
    Sensitive,
    /// ASCII letters regardless of case: actions.
    Ignored,
}

/// Does the pattern whose steps `atom` gives, `None` after the last, match all of `text`?
pub(super) fn glob<'a>(
    atom: impl Fn(usize) -> Option<Atom<'a>>,
    mut text: &str,
    case: Case,
) -> bool {
    let mut first_star = 0;
    loop {
        match atom(first_star) {
            None => return text.is_empty(),
            Some(Atom::Any) => break,
            Some(step) => match behind(text, step, case) {
                Some(rest) => text = rest,
                None => return false,
            },
        }
        first_star += 1;
    }
    let (mut last_star, mut end) = (first_star, first_star + 1);
    while let Some(step) = atom(end) {
        if step == Atom::Any {
            last_star = end;
        }
        end += 1;
    }
    for place in (last_star + 1..end).rev() {
        let Some(rest) = atom(place).and_then(|step| before(text, step, case)) else {
            return false;
        };
        text = rest;
    }
    let mut from = first_star + 1;
    while from < last_star {
        let to = (from..last_star).find(|place| atom(*place) == Some(Atom::Any));
        let to = to.unwrap_or(last_star);
        match behind_run(text, from..to, &atom, case) {
            Some(rest) => text = rest,
            None => return false,
        }
        from = to + 1;
    }
    true
}

/// What of `text` is behind the first place at which the run of steps stands.
fn behind_run<'t, 'a>(
    text: &'t str,
    run: Range<usize>,
    atom: &impl Fn(usize) -> Option<Atom<'a>>,
    case: Case,
) -> Option<&'t str> {
    let steps = || run.clone().filter_map(atom);
    if case == Case::Sensitive
        && let Some(needle) = literal(steps())
    {
        return text.split_once(&*needle).map(|(_, rest)| rest);
    }
    let stands = |at: &str| {
        steps().try_fold(at.len(), |left, step| {
            let rest = at.get(at.len() - left..)?;
            behind(rest, step, case).map(str::len)
        })
    };
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.filter_map(|at| text.get(at..)).find_map(|at| {
        let left = stands(at)?;
        at.get(at.len() - left..)
    })
}

/// The steps as one text, if they are that. Takes memory only for more than one step, which only
/// variables make.
fn literal<'a>(mut steps: impl Iterator<Item = Atom<'a>>) -> Option<Cow<'a, str>> {
    let Some(Atom::Text(first)) = steps.next() else { return None };
    steps.try_fold(Cow::Borrowed(first), |mut all, step| match step {
        Atom::Text(more) => {
            all.to_mut().push_str(more);
            Some(all)
        }
        _ => None,
    })
}

/// What is behind `step`, if `text` begins with it.
fn behind<'t>(text: &'t str, step: Atom<'_>, case: Case) -> Option<&'t str> {
    match (step, case) {
        (Atom::Text(literal), Case::Sensitive) => text.strip_prefix(literal),
        (Atom::Text(literal), Case::Ignored) => {
            let (head, rest) = text.split_at_checked(literal.len())?;
            head.eq_ignore_ascii_case(literal).then_some(rest)
        }
        (Atom::One, _) => {
            let mut rest = text.chars();
            rest.next()?;
            Some(rest.as_str())
        }
        (Atom::Any, _) => None,
    }
}

/// What is before `step`, if `text` ends with it.
fn before<'t>(text: &'t str, step: Atom<'_>, case: Case) -> Option<&'t str> {
    match (step, case) {
        (Atom::Text(literal), Case::Sensitive) => text.strip_suffix(literal),
        (Atom::Text(literal), Case::Ignored) => {
            let (rest, tail) = text.split_at_checked(text.len().checked_sub(literal.len())?)?;
            tail.eq_ignore_ascii_case(literal).then_some(rest)
        }
        (Atom::One, _) => {
            let mut rest = text.chars();
            rest.next_back()?;
            Some(rest.as_str())
        }
        (Atom::Any, _) => None,
    }
}
