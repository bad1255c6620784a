//! The DynamoDB that `poolgate demo` stands in front of: tables in a file of SQLite's, by `dynoxide`.
//!
//! It answers the data operations, PartiQL, transactions, indexes, streams and time to live;
//! backups, exports, global tables and resource policies answer UnknownOperationException. Requests
//! have to look signed; by whom, it doesn't look at.
//!
//! Of a request, its body is bounded (16 MiB) and its head (by hyper), but neither the time it takes
//! nor the number of connections: `dynoxide` takes no other server than its own. So it is for a
//! loopback address.

use std::fs;
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};

use dynoxide::{Database, DynoxideError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::user_pool::StandinError;

/// DynamoDB over a file.
pub struct DynamoDb {
    file: PathBuf,
    database: Database,
    threads: Threads,
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
        let threads = Threads::new().map_err(|error| StandinError::io(&file, error))?;
        Ok(Self { file, database, threads })
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

    /// Serves until the future is dropped, which closes every connection.
    pub async fn serve(self, listener: TcpListener) {
        let Self { database, threads, .. } = self;
        let serving = async move {
            // A socket wakes the threads that it was registered by.
            let listener = TcpListener::from_std(listener.into_std()?)?;
            let served = dynoxide::server::serve_with_shutdown(listener, database, pending());
            served.await.map_err(io::Error::other)
        };
        if let Some(runtime) = &threads.0 {
            // A listener that fails leaves nothing to serve.
            let _ = runtime.spawn(serving).await;
        }
    }

    fn request<T: DeserializeOwned>(&self, request: Value) -> Result<T, StandinError> {
        serde_json::from_value(request).map_err(|error| StandinError::io(&self.file, error.into()))
    }
}

/// Threads of its own. `dynoxide` waits for its file and for the lock on it on the thread that
/// serves, which others would have to wait for; and its connections are tasks that nobody but their
/// runtime ends.
struct Threads(Option<Runtime>);

impl Threads {
    fn new() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(WORKERS).thread_name("dynamodb").enable_all();
        Ok(Self(Some(builder.build()?)))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Without waiting for what is being written: this may be an asynchronous task.
            runtime.shutdown_background();
        }
    }
}

fn failed(file: &Path, error: DynoxideError) -> StandinError {
    StandinError::io(file, io::Error::other(error))
}

#[cfg(test)]
mod tests;

/// One request holds the file; another is read or answered meanwhile.
const WORKERS: usize = 2;
