//! Which attributes of an item are its key: without it nobody can tell whose row a request is about.

use std::{collections::HashMap, fmt, future::Future, pin::Pin, sync::Arc};

use super::value::Kind;

/// The keys of a table and of its indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSchema {
    /// The table's own key.
    pub key: KeySchema,
    /// Those of its indexes, global and local, by name.
    pub indexes: HashMap<String, KeySchema>,
}

/// The key of a table or an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySchema {
    /// The partition key: one attribute, or up to four of a global index.
    pub partition: Vec<KeyAttribute>,
    /// The sort key, maybe of no attribute; `None` where nobody says.
    pub sort: Option<Vec<KeyAttribute>>,
}

/// An attribute of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    /// Its name.
    pub name: String,
    /// Its type; `None` where nobody says.
    pub kind: Option<Kind>,
}

/// Where the schemas of tables come from that the configuration doesn't describe.
pub trait TableSchemas: fmt::Debug + Send + Sync {
    /// What is known of `table` (its name) at the moment: its schema, or that there is none such.
    fn known(&self, table: &str) -> Option<Option<Arc<TableSchema>>> {
        let _ = table;
        None
    }

    /// The schema of `table`, or `None` if there is no such table; looked up if it isn't known.
    fn of<'s>(&'s self, table: &'s str) -> SchemaFuture<'s>;

    /// Forgets what is known of `table`: it may be another one from now on.
    fn forget(&self, table: &str);

    /// How many look-ups there were since the start, by result, for metrics.
    fn look_ups(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// A schema that is being looked up.
pub type SchemaFuture<'s> =
    Pin<Box<dyn Future<Output = Result<Option<Arc<TableSchema>>, SchemaError>> + Send + 's>>;

/// Why a schema can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The backend didn't answer, or not with a description.
    #[error("the backend doesn't describe the table: {0}")]
    Unavailable(String),
    /// Too many others wait for schemas.
    #[error("too many tables are being looked up; try again")]
    Busy,
}

impl SchemaError {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "table_schema_unavailable",
            Self::Busy => "table_schemas_busy",
        }
    }
}
