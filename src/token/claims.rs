//! The claims of a token, strictly typed where RFC 7519, OpenID Connect or Cognito give a type.
//!
//! A time claim of the wrong type is refused, never taken as absent (the confusion of
//! CVE-2026-25537), and `exp` must be there. Other claims are kept as they are.

use std::sync::Arc;

use serde_json::Value;

use crate::clock::Time;

use super::{ClaimValue, Confirmation, Members, TokenError};

/// What a user-pool token is for (its `token_use`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenUse {
    /// An ID token: who the user is; its `aud` is the app client.
    Id,
    /// An access token: what the client may do; its `client_id` is the app client.
    Access,
}

/// The claims of one token. Registered claims have been type-checked; all are at hand by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    all: Arc<Members>,
    audiences: Vec<String>,
    expires: Time,
    issued_at: Option<Time>,
    not_before: Option<Time>,
    confirmation: Option<Confirmation>,
}

impl Claims {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] if it is not one JSON object without duplicate members, at most
    /// 16 deep; [`TokenError::InvalidClaim`] if `exp` is missing or a registered claim is mistyped.
    pub fn parse(payload: &[u8]) -> Result<Self, TokenError> {
        let members = Members::parse(payload)
            .map_err(|_| TokenError::Malformed("the payload is not a JSON object"))?;
        Self::new(members)
    }

    pub(crate) fn new(all: Members) -> Result<Self, TokenError> {
        for (name, value) in all.iter() {
            if !matches!(value, ClaimValue::Text(_))
                && let Some(name) = STRINGS.iter().find(|known| **known == name)
            {
                return Err(TokenError::InvalidClaim(name));
            }
        }
        if !matches!(all.get("iss"), Some(ClaimValue::Text(_))) {
            return Err(TokenError::InvalidClaim("iss"));
        }
        let expires = time(&all, "exp", f64::floor)?.ok_or(TokenError::InvalidClaim("exp"))?;
        let not_before = time(&all, "nbf", f64::ceil)?;
        let issued_at = time(&all, "iat", f64::ceil)?;
        let audiences = match all.get("aud") {
            Some(ClaimValue::Text(audience)) => vec![audience.to_owned()],
            other => strings(other).ok_or(TokenError::InvalidClaim("aud"))?,
        };
        strings(all.get(GROUPS)).ok_or(TokenError::InvalidClaim(GROUPS))?;
        let confirmation = all.get("cnf").map(Confirmation::read);
        let confirmation =
            confirmation.map(|read| read.ok_or(TokenError::InvalidClaim("cnf"))).transpose()?;
        Ok(Self { all: Arc::new(all), audiences, expires, issued_at, not_before, confirmation })
    }

    /// `iss`.
    pub fn issuer(&self) -> &str {
        self.text("iss").unwrap_or_default()
    }

    /// `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `exp`: the first moment at which the token is no longer accepted.
    pub fn expires(&self) -> Time {
        self.expires
    }

    /// `iat`.
    pub fn issued_at(&self) -> Option<Time> {
        self.issued_at
    }

    /// `nbf`.
    pub fn not_before(&self) -> Option<Time> {
        self.not_before
    }

    /// `aud`, as a list; empty if there is none.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// `client_id`, of access tokens.
    pub fn client_id(&self) -> Option<&str> {
        self.text("client_id")
    }

    /// `token_use`, of user-pool tokens; none if it is absent or another word.
    pub fn token_use(&self) -> Option<TokenUse> {
        match self.text("token_use")? {
            "id" => Some(TokenUse::Id),
            "access" => Some(TokenUse::Access),
            _ => None,
        }
    }

    /// The words of `scope`.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        words(self.text("scope").unwrap_or_default())
    }

    /// `cognito:groups`; none if the token has no such claim.
    pub fn groups(&self) -> Option<Vec<&str>> {
        let groups = self.all.get(GROUPS)?.as_array()?;
        Some(groups.iter().filter_map(Value::as_str).collect())
    }

    /// `cnf`: what whoever shows the token has to prove to have.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    /// A claim by its name.
    pub fn get(&self, name: &str) -> Option<ClaimValue<'_>> {
        self.all.get(name)
    }

    /// All claims, for whoever keeps them without the token.
    pub(crate) fn all(&self) -> &Arc<Members> {
        &self.all
    }

    /// All claims, as they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ClaimValue<'_>)> {
        self.all.iter()
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.all.bytes() + self.audiences.iter().map(|audience| 40 + audience.len()).sum::<usize>()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.all.get(name).and_then(ClaimValue::as_str)
    }
}

/// The words of a `scope`.
pub(crate) fn words(scope: &str) -> impl Iterator<Item = &str> {
    scope.split(' ').filter(|scope| !scope.is_empty())
}

/// The NumericDate `name` (RFC 7519 §2): a number of seconds, perhaps fractional, 0 to 2^53.
pub(super) fn time(
    all: &Members,
    name: &'static str,
    round: fn(f64) -> f64,
) -> Result<Option<Time>, TokenError> {
    let Some(value) = all.get(name) else { return Ok(None) };
    let invalid = TokenError::InvalidClaim(name);
    let ClaimValue::Number(value) = value else { return Err(invalid) };
    if let Some(seconds) = value.as_u64() {
        let seconds = i64::try_from(seconds).ok().filter(|s| *s <= 1 << 53).ok_or(invalid)?;
        return Ok(Some(Time::from_secs(seconds)));
    }
    let seconds =
        value.as_f64().filter(|s| (0.0..=9_007_199_254_740_992.0).contains(s)).ok_or(invalid)?;
    // In range by the filter above, so the conversion neither saturates nor loses the sign.
    Ok(Some(Time::from_millis(round(seconds * 1000.0) as i64)))
}

/// An array of strings; absent is empty; anything else is none.
fn strings(value: Option<ClaimValue<'_>>) -> Option<Vec<String>> {
    match value {
        None => Some(Vec::new()),
        Some(ClaimValue::Nested(Value::Array(items))) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        }
        Some(_) => None,
    }
}

const GROUPS: &str = "cognito:groups";

const STRINGS: [&str; 11] = [
    "sub",
    "jti",
    "origin_jti",
    "scope",
    "client_id",
    "token_use",
    "azp",
    "cognito:username",
    "username",
    "nonce",
    "cognito:preferred_role",
];
