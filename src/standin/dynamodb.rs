//! The DynamoDB that `poolgate demo` stands in front of: tables in a file of SQLite's, by `dynoxide`.
//!
//! It answers the data operations, PartiQL, transactions, indexes, streams and time to live;
//! backups, exports, global tables and resource policies answer UnknownOperationException. Requests
//! have to look signed; by whom, it doesn't look at.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dynoxide::{Database, DynoxideError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::user_pool::StandinError;

/// DynamoDB over a file.
#[derive(Clone)]
pub struct DynamoDb {
    file: PathBuf,
    database: Database,
}

impl std::fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamoDb").field("file", &self.file).finish_non_exhaustive()
    }
}

impl DynamoDb {
    /// Opens the tables in a folder, which is made if need be.
    ///
    /// # Errors
    /// If the folder or the file in it can't be used.
    pub fn open(folder: &Path) -> Result<Self, StandinError> {
        fs::create_dir_all(folder).map_err(|error| StandinError::io(folder, error))?;
        let file = folder.join("tables.sqlite");
        let not_text = || io::Error::new(io::ErrorKind::InvalidFilename, "its path isn't text");
        let path = file.to_str().ok_or_else(not_text);
        let path = path.map_err(|error| StandinError::io(&file, error))?;
        let database = Database::new(path).map_err(|error| failed(&file, error))?;
        Ok(Self { file, database })
    }

    /// Makes a table with the key `pk`, `sk`, both strings, and puts rows of these keys and notes
    /// into it. One that is there already stays as it is.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn seed(&self, table: &str, rows: &[(&str, &str, &str)]) -> Result<(), StandinError> {
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let text = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let create = json!({
            "TableName": table,
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "AttributeDefinitions": [text("pk"), text("sk")],
            "BillingMode": "PAY_PER_REQUEST",
        });
        match self.database.create_table(self.request(create)?) {
            Ok(_) => {}
            Err(DynoxideError::ResourceInUseException(_)) => return Ok(()),
            Err(error) => return Err(failed(&self.file, error)),
        }
        for (pk, sk, note) in rows {
            let text = |text: &str| json!({ "S": text });
            let item = json!({ "pk": text(pk), "sk": text(sk), "note": text(note) });
            let put = json!({ "TableName": table, "Item": item });
            let put = self.database.put_item(self.request(put)?);
            put.map_err(|error| failed(&self.file, error))?;
        }
        Ok(())
    }

    /// Serves until the future is dropped: no more connections are taken then, and those there are
    /// end with the request they are at.
    pub async fn serve(self, listener: TcpListener) {
        // Its connections are tasks of their own, which end when they are told to.
        let (held, dropped) = oneshot::channel::<()>();
        let stopped = async move {
            let _ = dropped.await;
        };
        let server = dynoxide::server::serve_with_shutdown(listener, self.database, stopped);
        // A listener that fails leaves nothing to serve.
        let _ = tokio::spawn(server).await;
        drop(held);
    }

    fn request<T: DeserializeOwned>(&self, request: Value) -> Result<T, StandinError> {
        serde_json::from_value(request).map_err(|error| StandinError::io(&self.file, error.into()))
    }
}

fn failed(file: &Path, error: DynoxideError) -> StandinError {
    StandinError::io(file, io::Error::other(error))
}

#[cfg(test)]
mod tests;
