//! Reading a list of revocations.

use std::borrow::Cow;

use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Entry, RevocationList};
use crate::clock::Time;

/// What is wrong with a list, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListError {
    /// The line, from 1.
    pub line: usize,
    /// The column, in bytes from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// One line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'t> {
    #[serde(borrow)]
    jti: Option<Cow<'t, str>>,
    #[serde(borrow)]
    origin_jti: Option<Cow<'t, str>>,
    #[serde(borrow)]
    sub: Option<Cow<'t, str>>,
    #[serde(borrow)]
    role: Option<Cow<'t, str>>,
    #[serde(borrow)]
    issuer: Option<Cow<'t, str>>,
    #[serde(borrow)]
    before: Option<Cow<'t, str>>,
    /// For whoever reads the file.
    #[serde(borrow, rename = "note")]
    _note: Option<Cow<'t, str>>,
}

/// Which map an entry belongs to.
enum Kind {
    Token,
    SignIn,
    Subject,
    Role,
}

pub(super) fn parse(text: &str) -> Result<RevocationList, Vec<ListError>> {
    let mut list = RevocationList::default();
    let (mut errors, mut count) = (Vec::new(), 0);
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        count += 1;
        let error = |(column, message)| ListError { line: number, column, message };
        if count > MAX_ENTRIES {
            let message = format!("more than {MAX_ENTRIES} entries: leave out what has expired");
            errors.push(error((1, message)));
            break;
        }
        match entry(line) {
            Ok((kind, key, entry)) => {
                let map = match kind {
                    Kind::Token => &mut list.tokens,
                    Kind::SignIn => &mut list.sign_ins,
                    Kind::Subject => &mut list.subjects,
                    Kind::Role => &mut list.roles,
                };
                let entries = map.entry(key).or_default();
                // Of one that is listed again and again the latest counts, as any of them would.
                match entries.iter_mut().find(|known| known.issuer == entry.issuer) {
                    Some(known) => known.before = known.before.max(entry.before),
                    None => entries.push(entry),
                }
            }
            Err(wrong) => errors.push(error(wrong)),
        }
        if errors.len() == MAX_ERRORS {
            break;
        }
    }
    if errors.is_empty() { Ok(list) } else { Err(errors) }
}

/// The entry of a line, or the column and what is wrong there.
fn entry(line: &str) -> Result<(Kind, Box<str>, Entry), (usize, String)> {
    let read: Line<'_> = serde_json::from_str(line).map_err(|error| {
        let text = error.to_string();
        // Every line is its reader's first.
        let message = text.split(" at line ").next().unwrap_or_default().to_owned();
        (error.column().max(1), message)
    })?;
    let Line { jti, origin_jti, sub, role, issuer, before, _note } = read;
    let wrong = |message: &str| (1, message.to_owned());
    let (kind, key) = match (jti, origin_jti, sub, role) {
        (Some(key), None, None, None) => (Kind::Token, key),
        (None, Some(key), None, None) => (Kind::SignIn, key),
        (None, None, Some(key), None) => (Kind::Subject, key),
        (None, None, None, Some(key)) => (Kind::Role, key),
        _ => return Err(wrong("must have exactly one of jti, origin_jti, sub and role")),
    };
    let before = before.map(|text| {
        let moment = OffsetDateTime::parse(&text, &Rfc3339).ok();
        let millis = moment.map(|moment| moment.unix_timestamp_nanos().div_euclid(1_000_000));
        millis.and_then(|millis| i64::try_from(millis).ok()).map(Time::from_millis)
    });
    let before = match (&kind, before) {
        (_, Some(None)) => {
            return Err(wrong("`before` must be a moment such as 2026-01-31T12:00:00Z"));
        }
        (Kind::Subject | Kind::Role, None) => {
            return Err(wrong("needs `before`: what was issued before that moment is revoked"));
        }
        (Kind::Token | Kind::SignIn, Some(_)) => {
            return Err(wrong("`before` goes with sub and role: one token is revoked as a whole"));
        }
        (_, before) => before.flatten(),
    };
    match kind {
        Kind::Role if issuer.is_some() => return Err(wrong("a role has no issuer")),
        Kind::Role if !is_role(&key) => {
            return Err(wrong("`role` must be a role's ARN: arn:aws:iam::123456789012:role/NAME"));
        }
        _ if key.is_empty() || key.len() > MAX_KEY => {
            return Err(wrong("an empty value, or one of more than 2048 bytes"));
        }
        _ => {}
    }
    Ok((kind, key.into(), Entry { issuer: issuer.map(Into::into), before }))
}

fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", _, "iam", "", _, resource] if resource.starts_with("role/"))
}

/// Entries of a list: about 16 MB in memory.
const MAX_ENTRIES: usize = 100_000;
const MAX_ERRORS: usize = 20;
/// Bytes of an id: those of the longest ARN.
const MAX_KEY: usize = 2048;
