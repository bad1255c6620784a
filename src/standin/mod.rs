//! What `poolgate demo` stands in front of: a user pool, S3, DynamoDB and an API, served over
//! HTTP/1.1 like any backend, so that nothing in the gate knows that they are embedded.
//!
//! The user pool signs tokens as Amazon Cognito does (two RS256 keys, one for ID and one for
//! access tokens; no `typ` header) but knows a fixed list of users with a public password. It is
//! for demonstrations and tests and must not face a network that isn't trusted.
//!
//! Every input is bounded: connections, header and body sizes, and the time each may take; of the
//! DynamoDB's, only the sizes, for it comes with a server of its own.

mod directory;
mod dynamodb;
mod echo;
mod groups;
mod keys;
mod s3;
mod serve;
mod tokens;
mod user_pool;

pub use directory::{CLIENT_ID, Directory, PASSWORD, POOL_ID, User};
pub use dynamodb::DynamoDb;
pub use echo::Echo;
pub use groups::{Group, GroupClaims, group_claims};
pub use keys::{Retired, SigningKey, make_rsa_key};
pub use s3::S3;
pub use user_pool::{StandinError, UserPool};

#[cfg(test)]
mod tests;
