//! Schemas of tables that the configuration doesn't tell.

use crate::services::dynamodb::{SchemaError, SchemaFuture, TableSchemas};

/// Nobody to ask: `poolgate check` decides nothing and has no runtime for it.
#[derive(Debug)]
pub(super) struct Nobody;

impl TableSchemas for Nobody {
    fn of<'s>(&'s self, _: &'s str) -> SchemaFuture<'s> {
        let why = "there is nobody to ask".to_owned();
        Box::pin(std::future::ready(Err(SchemaError::Unavailable(why))))
    }

    fn forget(&self, _: &str) {}
}
