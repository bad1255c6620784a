//! Amazon DynamoDB: what a request would do with tables, items and indexes.

mod json;
mod schema;
mod value;

pub use schema::{KeyAttribute, KeySchema, SchemaError, SchemaFuture, TableSchema, TableSchemas};
pub use value::Kind;
