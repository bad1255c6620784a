//! Amazon DynamoDB: what a request would do with tables, items and indexes.

mod description;
mod json;
mod schema;
mod value;

pub use description::DescriptionError;
pub use schema::{KeyAttribute, KeySchema, SchemaError, SchemaFuture, TableSchema, TableSchemas};
pub use value::Kind;

/// What `X-Amz-Target` begins with, before the operation's name.
pub const TARGET_PREFIX: &str = "DynamoDB_20120810.";
/// The same, for tables' streams.
pub const STREAMS_TARGET_PREFIX: &str = "DynamoDBStreams_20120810.";
