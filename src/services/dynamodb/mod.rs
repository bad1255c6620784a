//! Amazon DynamoDB: what a request would do with tables, items and indexes.
//!
//! A request is one JSON body, which goes upstream byte for byte as it was judged. It is described as
//! accesses, one a table or an entry of a transaction, each with its context keys; whose rows it is
//! about, the schema of the table has to say.

mod access;
mod call;
mod catalog;
mod description;
mod error;
mod expression;
mod items;
mod json;
mod keys;
mod members;
mod name;
mod operation;
mod partiql;
mod resource_policy;
mod schema;
#[cfg(test)]
mod testing;
mod value;

pub use access::Access;
pub use call::{Call, Described, Input};
pub use catalog::CATALOG;
pub use description::DescriptionError;
pub use error::DynamoDbError;
pub use name::Place;
pub(crate) use name::is_table_name;
pub use partiql::PartiqlError;
pub use resource_policy::PolicyCall;
pub use schema::{KeyAttribute, KeySchema, SchemaError, SchemaFuture, TableSchema, TableSchemas};
pub use value::Kind;

/// What `X-Amz-Target` begins with, before the operation's name.
pub const TARGET_PREFIX: &str = "DynamoDB_20120810.";
/// The same, for tables' streams.
pub const STREAMS_TARGET_PREFIX: &str = "DynamoDBStreams_20120810.";
