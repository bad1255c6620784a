//! What is configured asks nobody.

use std::sync::Mutex;

use super::*;
use crate::services::dynamodb::{KeySchema, SchemaFuture};

/// Knows the table `other`; notes what it is asked.
#[derive(Debug, Default)]
struct Backend(Mutex<Vec<String>>);

impl TableSchemas for Backend {
    fn of<'s>(&'s self, table: &'s str) -> SchemaFuture<'s> {
        self.0.lock().unwrap().push(table.to_owned());
        let known = (table == "other").then(Arc::default);
        Box::pin(std::future::ready(match table {
            "down" => Err(SchemaError::Busy),
            _ => Ok(known),
        }))
    }

    fn forget(&self, _: &str) {}
}

#[tokio::test]
async fn the_backend_is_asked_for_what_is_not_configured_alone() {
    let schema = TableSchema {
        key: KeySchema { partition: Vec::new(), sort: Some(Vec::new()) },
        indexes: HashMap::new(),
    };
    let backend = Arc::new(Backend::default());
    let configured = HashMap::from([("demo".to_owned(), Arc::new(schema.clone()))]);
    let tables = Tables::new(configured, Arc::<Backend>::clone(&backend));
    assert_eq!(tables.schema("demo").await, Ok(Some(Arc::new(schema))));
    assert_eq!(tables.schema("other").await, Ok(Some(Arc::default())));
    assert_eq!(tables.schema("none").await, Ok(None));
    assert_eq!(tables.schema("down").await, Err(SchemaError::Busy));
    assert_eq!(*backend.0.lock().unwrap(), ["other", "none", "down"]);
}
