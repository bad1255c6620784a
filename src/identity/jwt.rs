//! `jwt:<claim>` for policies: the claims of the token that a session came from.
//!
//! They are read from the token when a policy asks for one: a session has no copy of them.

use std::sync::Arc;

use serde_json::Value;

use crate::iam::{Context, Lookup};
use crate::token::{ClaimValue, Members, VerifiedToken, words};

use super::claims::scalar;
use super::error::AssumeError;

/// Scalars are single-valued, arrays of scalars and the words of `scope` multi-valued; what is no such
/// thing, or too long, is unknown.
pub(super) struct JwtClaims(Arc<Members>);

impl JwtClaims {
    /// The claims of `token`.
    ///
    /// # Errors
    /// [`AssumeError::ClaimsOverLimit`]: too many claims, too long a name, or two claims that differ in
    /// case only, of which neither can be meant, since context keys have no case.
    pub(super) fn of(token: &VerifiedToken) -> Result<Self, AssumeError> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in token.claims.iter() {
            let known = names.iter().any(|other| other.eq_ignore_ascii_case(name));
            if known || names.len() >= MAX_CLAIMS || name.len() > MAX_CLAIM_NAME {
                return Err(AssumeError::ClaimsOverLimit);
            }
            names.push(name);
        }
        Ok(Self(Arc::clone(token.claims.all())))
    }
}

impl Context for JwtClaims {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        let Some(wanted) = key.strip_prefix("jwt:") else { return Lookup::Absent };
        let mut claims = self.0.iter();
        match claims.find(|(name, _)| name.eq_ignore_ascii_case(wanted)) {
            None | Some((_, ClaimValue::Null)) => Lookup::Absent,
            Some(("scope", ClaimValue::Text(scope))) => {
                let words = words(scope).take(MAX_VALUES + 1);
                many(words.map(str::to_owned).collect())
            }
            Some((_, ClaimValue::Nested(Value::Array(items)))) if items.len() <= MAX_VALUES => {
                let one = |item| scalar(ClaimValue::from(item)).map(|text| text.into_owned());
                items.iter().map(one).collect::<Option<_>>().map_or(Lookup::Unknown, many)
            }
            Some((_, value)) => match scalar(value) {
                Some(text) if text.len() <= MAX_VALUE => Lookup::One(text),
                _ => Lookup::Unknown,
            },
        }
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

fn many(values: Vec<String>) -> Lookup<'static> {
    let fit = values.len() <= MAX_VALUES && values.iter().all(|value| value.len() <= MAX_VALUE);
    if fit { Lookup::Many(values.into()) } else { Lookup::Unknown }
}

const MAX_CLAIMS: usize = 128;
const MAX_CLAIM_NAME: usize = 256;
const MAX_VALUES: usize = 128;
const MAX_VALUE: usize = 1024;
