//! Globs: `*` is any run of characters, `?` exactly one Unicode scalar value; everything else is
//! itself, line breaks included.
//!
//! The matcher is the iterative two-pointer one: it goes back to the last `*` only, so its time is
//! bounded by pattern length × text length, whatever the pattern; there is no recursion and no
//! regular expression.

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
pub(super) fn glob<'a>(atom: impl Fn(usize) -> Option<Atom<'a>>, text: &str, case: Case) -> bool {
    let (mut step, mut at) = (0, 0);
    // The step after the last star, and where in the text that star ends for now.
    let mut star: Option<(usize, usize)> = None;
    loop {
        match atom(step) {
            None if at == text.len() => return true,
            None => {}
            Some(Atom::Any) => {
                step += 1;
                if atom(step).is_none() {
                    return true;
                }
                star = Some((step, at));
                continue;
            }
            Some(Atom::One) => {
                if let Some(next) = next_scalar(text, at) {
                    at = next;
                    step += 1;
                    continue;
                }
            }
            Some(Atom::Text(literal)) if starts_with(text, at, literal, case) => {
                at += literal.len();
                step += 1;
                continue;
            }
            Some(Atom::Text(_)) => {}
        }
        let Some((after, ends)) = star else { return false };
        let Some(next) = next_scalar(text, ends) else { return false };
        star = Some((after, next));
        (step, at) = (after, next);
    }
}

fn starts_with(text: &str, at: usize, literal: &str, case: Case) -> bool {
    let (text, literal) = (text.as_bytes().get(at..).unwrap_or_default(), literal.as_bytes());
    match case {
        Case::Sensitive => text.starts_with(literal),
        Case::Ignored => {
            text.get(..literal.len()).is_some_and(|head| head.eq_ignore_ascii_case(literal))
        }
    }
}

/// The offset after the scalar value at `at`; none at the end of `text`.
fn next_scalar(text: &str, at: usize) -> Option<usize> {
    // Only whole literals and whole scalars are stepped over, so `at` is always a boundary; a
    // literal that is a whole `str` can't end inside a scalar of a text that is valid UTF-8.
    text.get(at..)?.chars().next().map(|scalar| at + scalar.len_utf8())
}
