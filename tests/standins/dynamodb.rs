//! The demo's DynamoDB as a program of its own: `dynamodb-standin ADDRESS FOLDER TABLE…`, each table
//! with the key `pk`, `sk`. Prints its address when it serves.

use std::{error::Error, path::Path};

use poolgate::standin::DynamoDb;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, folder, tables @ ..] = arguments.as_slice() else {
        return Err("give ADDRESS FOLDER TABLE…".into());
    };
    let tables_of = DynamoDb::open(Path::new(folder))?;
    for table in tables {
        tables_of.seed(table, &[])?;
    }
    let listener = TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?);
    tables_of.serve(listener).await;
    Ok(())
}
