//! What is known of the tables behind a route.

use std::{collections::HashMap, sync::Arc};

use crate::services::dynamodb::{SchemaError, TableSchema, TableSchemas};

/// The schemas of a route's tables: those the configuration tells, and those the backend does.
#[derive(Clone, Debug)]
pub struct Tables {
    configured: Arc<HashMap<String, Arc<TableSchema>>>,
    learnt: Arc<dyn TableSchemas>,
}

impl Tables {
    /// Tables of which `configured` are known, by name, and the others are asked of `learnt`.
    pub fn new(
        configured: HashMap<String, Arc<TableSchema>>,
        learnt: Arc<dyn TableSchemas>,
    ) -> Self {
        Self { configured: Arc::new(configured), learnt }
    }

    /// The schema of `table` (its name), or `None` if there is no such table. What is configured
    /// asks nobody.
    ///
    /// # Errors
    /// [`SchemaError`]: nothing can be said of its keys.
    pub async fn schema(&self, table: &str) -> Result<Option<Arc<TableSchema>>, SchemaError> {
        match self.configured.get(table) {
            Some(schema) => Ok(Some(Arc::clone(schema))),
            None => self.learnt.of(table).await,
        }
    }

    /// What is known of `table` without asking anybody: its schema, or that there is none such.
    pub fn known(&self, table: &str) -> Option<Option<Arc<TableSchema>>> {
        match self.configured.get(table) {
            Some(schema) => Some(Some(Arc::clone(schema))),
            None => self.learnt.known(table),
        }
    }

    /// Where schemas come from that aren't configured.
    pub fn learnt(&self) -> &Arc<dyn TableSchemas> {
        &self.learnt
    }
}

#[cfg(test)]
mod tests;
