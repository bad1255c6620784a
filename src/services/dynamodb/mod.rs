//! Amazon DynamoDB: what a request would do with tables, items and indexes.

mod json;
#[allow(dead_code, reason = "the operations that take statements come with the next step")]
mod partiql;
mod schema;
mod value;

pub use schema::{KeyAttribute, KeySchema, SchemaError, SchemaFuture, TableSchema, TableSchemas};
pub use value::Kind;
