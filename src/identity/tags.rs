//! Principal tags from claims ("attributes for access control").

use crate::iam::Fact;

use super::claims::{Claim, Claims, scalar};
use super::error::AssumeError;
use super::mapping::Login;
use super::pool::IdentityPool;
use super::trail::{Step, Trail};

/// The tags of a login, in the order of the mapping. A claim that is missing gives no tag; one that
/// is no single value, or that an access token doesn't tell, gives an unknown one.
pub(super) fn tags(
    pool: &IdentityPool,
    login: &Login<'_>,
    claims: &Claims<'_>,
    trail: &mut dyn Trail,
) -> Result<Vec<(String, Fact)>, AssumeError> {
    let of = |key: &str| pool.tags.iter().find(|(known, _)| known == key).map(|(_, tags)| tags);
    let Some(mapping) = of(&login.mapping).or_else(|| of(&login.provider)) else {
        return Ok(Vec::new());
    };
    let mut tags = Vec::new();
    for (key, claim) in &mapping.0 {
        let fact = match claims.claim(claim) {
            Claim::Absent => None,
            Claim::Unknown => Some(Fact::Unknown),
            Claim::Derived(roles) => Some(match roles.as_slice() {
                [only] if claim == super::claims::PREFERRED => Fact::One((*only).to_owned()),
                _ => Fact::Unknown,
            }),
            Claim::Known(value) => {
                Some(scalar(value).map_or(Fact::Unknown, |value| Fact::One(value.into_owned())))
            }
        };
        let state = match &fact {
            None => "absent",
            Some(Fact::Unknown) => "unknown",
            Some(_) => "set",
        };
        trail.step(Step::Tag { key: key.clone(), claim: claim.clone(), state });
        match fact {
            None => {}
            Some(Fact::One(value)) if !is_value(&value) => {
                return Err(AssumeError::InvalidTag(key.clone()));
            }
            Some(fact) => tags.push((key.clone(), fact)),
        }
    }
    Ok(tags)
}

/// The values that AWS STS takes for session tags (`[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}`).
pub(super) fn is_value(value: &str) -> bool {
    value.chars().count() <= 256
        && value.chars().all(|c| {
            c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
        })
}
