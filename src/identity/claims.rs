//! Claims as role rules and principal tags see them: an ID token shows all of them, an access token
//! only those that mean the same in both.

use std::borrow::Cow;

use serde_json::Value;

use crate::token::{ClaimValue, TokenKind, VerifiedToken};

use super::error::AssumeError;
use super::groups::{GroupRoles, Groups};

/// A claim.
#[derive(Debug)]
pub(super) enum Claim<'a> {
    /// The token surely has none.
    Absent,
    /// An ID token may have it, this access token doesn't tell.
    Unknown,
    /// Its value.
    Known(ClaimValue<'a>),
    /// Derived from groups: one role, or a list.
    Derived(Vec<&'a str>),
}

/// The claims of one token, with the roles that come from it.
pub(super) struct Claims<'a> {
    token: &'a VerifiedToken,
    pub(super) roles: GroupRoles,
}

impl<'a> Claims<'a> {
    pub(super) fn of(
        token: &'a VerifiedToken,
        groups: Option<&Groups>,
    ) -> Result<Self, AssumeError> {
        let roles = match (token.kind, token.claims.groups(), groups) {
            (TokenKind::Access, None, _) => GroupRoles::default(),
            (TokenKind::Access, Some(_), None) => return Err(AssumeError::GroupsNotConfigured),
            (TokenKind::Access, Some(names), Some(groups)) => {
                groups.roles(&names).map_err(AssumeError::UnknownGroup)?
            }
            _ => written(token)?,
        };
        Ok(Self { token, roles })
    }

    pub(super) fn claim(&self, name: &str) -> Claim<'_> {
        if self.token.kind != TokenKind::Access {
            return self
                .token
                .claims
                .get(name)
                .filter(|value| *value != ClaimValue::Null)
                .map_or(Claim::Absent, Claim::Known);
        }
        match (name, self.token.claims.get(name)) {
            (ROLES, _) if self.roles.roles.is_empty() => Claim::Absent,
            (ROLES, _) => Claim::Derived(self.roles.roles.iter().map(String::as_str).collect()),
            (PREFERRED, _) => match &self.roles.preferred {
                None => Claim::Absent,
                Some(role) => Claim::Derived(vec![role]),
            },
            // The groups are in both tokens: none here is none.
            (GROUPS, None) => Claim::Absent,
            // These say something else in an access token than in the user's ID token.
            ("aud" | "token_use" | "jti" | "exp" | "iat", _) | (_, None) => Claim::Unknown,
            (_, Some(value)) => Claim::Known(value),
        }
    }
}

/// `cognito:preferred_role` and `cognito:roles` as an ID token has them.
fn written(token: &VerifiedToken) -> Result<GroupRoles, AssumeError> {
    let preferred = match token.claims.get(PREFERRED) {
        None | Some(ClaimValue::Null) => None,
        Some(ClaimValue::Text(role)) => Some(role.to_owned()),
        Some(_) => return Err(AssumeError::InvalidClaim(PREFERRED)),
    };
    let roles = match token.claims.get(ROLES) {
        None | Some(ClaimValue::Null) => Vec::new(),
        Some(ClaimValue::Text(roles)) => {
            roles.split(',').map(str::trim).filter(|r| !r.is_empty()).map(str::to_owned).collect()
        }
        Some(ClaimValue::Nested(Value::Array(roles))) => roles
            .iter()
            .map(|role| role.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .ok_or(AssumeError::InvalidClaim(ROLES))?,
        Some(_) => return Err(AssumeError::InvalidClaim(ROLES)),
    };
    Ok(GroupRoles { preferred, roles })
}

/// A string, boolean or number as text.
pub(super) fn scalar(value: ClaimValue<'_>) -> Option<Cow<'_, str>> {
    match value {
        ClaimValue::Text(text) => Some(Cow::Borrowed(text)),
        ClaimValue::Bool(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
        ClaimValue::Number(number) => Some(Cow::Owned(number.to_string())),
        ClaimValue::Null | ClaimValue::Nested(_) => None,
    }
}

const GROUPS: &str = "cognito:groups";
pub(super) const ROLES: &str = "cognito:roles";
pub(super) const PREFERRED: &str = "cognito:preferred_role";
