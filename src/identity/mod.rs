//! Identity pools: which role, which identity and which tags a verified token gets.
//!
//! [`IdentityPool::parse`] reads what the AWS CLI prints for a pool; [`Assume`] turns a token into
//! an IAM session, in the order that Amazon Cognito documents
//! (<https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html>).
//! Nothing here does I/O. Refused is every token whose role can't be told for sure: an unsupported
//! provider or client, an ambiguous mapping that says `Deny`, a rule on a claim that an access token
//! doesn't carry, a group that isn't known, a role whose trust policy says no.
//! `docs/identity-pools.md` lists what is decided where AWS is silent.

mod assume;
mod claims;
mod error;
mod groups;
mod ids;
mod json;
mod jwt;
mod mapping;
mod pool;
mod pool_error;
mod tags;
#[cfg(test)]
mod tests;
mod trail;
mod web_identity;

pub(crate) use assume::Counted;
pub use assume::{Assume, Assumed, AssumedRole, SESSION_NAME};
pub use error::{AssumeError, AwsError};
pub use groups::{GroupError, GroupRoles, Groups};
pub use ids::IdentityIds;
pub use mapping::{RoleChoice, provider_name};
pub use pool::{
    Ambiguity, IdentityPool, MAX_POOL_BYTES, MAX_RULES, MatchType, RoleMapping, Rule, TagMapping,
    UserPoolProvider,
};
pub use pool_error::{PoolError, PoolProblem};
pub use trail::{NoTrail, Step, Trail};
pub use web_identity::{WebIdentity, is_of_the_call};
