//! Amazon DynamoDB: what a request would do with tables, items and indexes.

#[cfg_attr(not(test), expect(dead_code, reason = "operations that have expressions come next"))]
mod expression;
mod json;
mod schema;
mod value;

pub use schema::{KeyAttribute, KeySchema, SchemaError, SchemaFuture, TableSchema, TableSchemas};
pub use value::Kind;
