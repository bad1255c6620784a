//! Which role a token gets, in the order that Amazon Cognito documents.

use std::fmt;

use serde_json::Value;

use crate::iam::Truth;
use crate::token::{ClaimValue, IssuerKind, TokenKind, VerifiedToken};

use super::claims::{Claim, Claims, scalar};
use super::error::AssumeError;
use super::pool::{Ambiguity, IdentityPool, MatchType, RoleMapping, Rule};
use super::trail::{Step, Trail};

/// Why a role was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleChoice {
    /// The provider has no mapping: the pool's role.
    Default,
    /// It is the token's preferred role, or that of its groups.
    Preferred,
    /// A rule, by its number from 1.
    Rule(usize),
    /// The mapping didn't decide: the pool's role.
    Ambiguous,
    /// The caller asked for it.
    Custom,
    /// It is sealed in temporary credentials.
    Sealed,
    /// The caller is a guest: the pool's role for those.
    Guest,
}

impl fmt::Display for RoleChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default role"),
            Self::Preferred => f.write_str("preferred role"),
            Self::Rule(number) => write!(f, "rule {number}"),
            Self::Ambiguous => f.write_str("default role, the mapping being ambiguous"),
            Self::Custom => f.write_str("custom role"),
            Self::Sealed => f.write_str("role of the temporary credentials"),
            Self::Guest => f.write_str("role for guests"),
        }
    }
}

/// A token matched to a provider of the pool.
pub(super) struct Login<'a> {
    /// The key in `Logins` and `PrincipalTags`.
    pub(super) provider: String,
    /// The key in `RoleMappings`.
    pub(super) mapping: String,
    pub(super) subject: &'a str,
    pub(super) user_pool: bool,
}

impl<'a> Login<'a> {
    pub(super) fn of(pool: &IdentityPool, token: &'a VerifiedToken) -> Result<Self, AssumeError> {
        let client = token.client.as_deref().or(token.claims.client_id());
        let (provider, mapping) = match (&token.issuer.kind, token.kind) {
            (_, TokenKind::ClientCredentials) => return Err(AssumeError::ClientCredentials),
            (IssuerKind::UserPool { id, region }, TokenKind::Id | TokenKind::Access) => {
                let name = user_pool_name(region, id);
                let known = pool
                    .user_pools
                    .iter()
                    .find(|p| p.name == name && Some(p.client.as_str()) == client);
                let client = &known.ok_or(AssumeError::UnsupportedProvider)?.client;
                let mapping = format!("{name}:{client}");
                (name, mapping)
            }
            (IssuerKind::Oidc, TokenKind::Oidc) => {
                let issuer = token.claims.issuer();
                let name = provider_of(issuer).ok_or(AssumeError::UnsupportedProvider)?;
                let social =
                    pool.social.iter().any(|(n, app)| n == name && Some(app.as_str()) == client);
                if !social && !pool.oidc.iter().any(|known| known == name) {
                    return Err(AssumeError::UnsupportedProvider);
                }
                (name.to_owned(), name.to_owned())
            }
            // A load balancer's token holds user info, not what an identity provider signed.
            _ => return Err(AssumeError::UnsupportedProvider),
        };
        let subject =
            token.claims.subject().filter(|s| !s.is_empty()).ok_or(AssumeError::NoSubject)?;
        let user_pool = matches!(token.issuer.kind, IssuerKind::UserPool { .. });
        Ok(Self { provider, mapping, subject, user_pool })
    }
}

/// The provider of a token, as `Logins` names it; none for tokens that no `Logins` can hold.
pub fn provider_name(token: &VerifiedToken) -> Option<String> {
    match &token.issuer.kind {
        IssuerKind::UserPool { id, region } => Some(user_pool_name(region, id)),
        IssuerKind::Oidc => provider_of(token.claims.issuer()).map(str::to_owned),
        IssuerKind::Alb { .. } => None,
    }
}

/// Whatever the user pool's issuer is.
fn user_pool_name(region: &str, id: &str) -> String {
    format!("cognito-idp.{region}.{}/{id}", suffix(region))
}

/// The provider's name: the issuer without its scheme. Plain `http` is for stand-ins on this machine.
pub(super) fn provider_of(issuer: &str) -> Option<&str> {
    let local = ["127.0.0.1", "localhost", "[::1]"];
    issuer.strip_prefix("https://").or_else(|| {
        let name = issuer.strip_prefix("http://")?;
        let host = name.split(['/', '?']).next()?;
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        local.contains(&host).then_some(name)
    })
}

/// The ARN of the role that `claims` get, with `custom` as `CustomRoleArn`.
///
/// # Errors
/// [`AssumeError::Ambiguous`], [`AssumeError::UnknownClaim`], [`AssumeError::CustomRole`],
/// [`AssumeError::NoRole`].
pub(super) fn choose(
    pool: &IdentityPool,
    login: &Login<'_>,
    claims: &Claims<'_>,
    custom: Option<&str>,
    trail: &mut dyn Trail,
) -> Result<(String, RoleChoice), AssumeError> {
    let mapping = pool.mappings.iter().find(|(key, _)| *key == login.mapping).map(|(_, m)| m);
    let custom_of = |roles: Vec<&str>, asked: &str| {
        let known = roles.contains(&asked);
        known.then(|| (asked.to_owned(), RoleChoice::Custom)).ok_or(AssumeError::CustomRole)
    };
    let ambiguity = match mapping {
        None => {
            trail.step(Step::Mapping("none"));
            let role = pool.authenticated.as_deref();
            return match custom {
                Some(asked) => custom_of(role.into_iter().collect(), asked),
                None => Ok((role.ok_or(AssumeError::NoRole)?.to_owned(), RoleChoice::Default)),
            };
        }
        Some(RoleMapping::Token(ambiguity)) => {
            trail.step(Step::Mapping("Token"));
            let found = &claims.roles;
            trail.step(Step::TokenRoles {
                preferred: found.preferred.is_some(),
                roles: found.roles.len(),
            });
            if let Some(asked) = custom {
                return custom_of(found.roles.iter().map(String::as_str).collect(), asked);
            }
            if let Some(role) = &found.preferred {
                return Ok((role.clone(), RoleChoice::Preferred));
            }
            ambiguity
        }
        Some(RoleMapping::Rules(rules, ambiguity)) => {
            trail.step(Step::Mapping("Rules"));
            for (rule, number) in rules.iter().zip(1..) {
                let matched = matches(rule, &claims.claim(&rule.claim));
                trail.step(Step::Rule { number, claim: rule.claim.clone(), matched });
                match (matched, custom) {
                    (Truth::True, None) => {
                        return Ok((rule.role.clone(), RoleChoice::Rule(number)));
                    }
                    (Truth::True, Some(asked)) if asked == rule.role => {
                        return Ok((rule.role.clone(), RoleChoice::Custom));
                    }
                    (Truth::Unknown, None) => {
                        let claim = rule.claim.clone();
                        return Err(AssumeError::UnknownClaim { number, claim });
                    }
                    _ => {}
                }
            }
            if custom.is_some() {
                return Err(AssumeError::CustomRole);
            }
            ambiguity
        }
    };
    match ambiguity {
        Ambiguity::Deny => {
            trail.step(Step::Ambiguous("Deny"));
            Err(AssumeError::Ambiguous(login.mapping.clone()))
        }
        Ambiguity::AuthenticatedRole => {
            trail.step(Step::Ambiguous("AuthenticatedRole"));
            let role = pool.authenticated.clone().ok_or(AssumeError::NoRole)?;
            Ok((role, RoleChoice::Ambiguous))
        }
    }
}

/// Does a rule match a claim? Of a list, one element has to; for `NotEqual` none may be equal.
/// A claim that is missing, or is an object, never matches.
fn matches(rule: &Rule, claim: &Claim<'_>) -> Truth {
    let values: Vec<_> = match claim {
        Claim::Absent => return Truth::False,
        Claim::Unknown => return Truth::Unknown,
        Claim::Derived(roles) => roles.iter().map(|role| (*role).into()).collect(),
        Claim::Known(ClaimValue::Nested(Value::Array(items))) => {
            let Some(values) = items.iter().map(|item| scalar(item.into())).collect() else {
                return Truth::False;
            };
            values
        }
        Claim::Known(value) => match scalar(*value) {
            None => return Truth::False,
            Some(value) => vec![value],
        },
    };
    let wanted = rule.value.as_str();
    Truth::from(match rule.match_type {
        MatchType::Equals => values.iter().any(|value| value == wanted),
        MatchType::StartsWith => values.iter().any(|value| value.starts_with(wanted)),
        MatchType::Contains => values.iter().any(|value| value.contains(wanted)),
        MatchType::NotEqual => values.iter().all(|value| value != wanted),
    })
}

fn suffix(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}
