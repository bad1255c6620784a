//! The demo's S3 as a program of its own: `s3-standin ADDRESS FOLDER ACCESS_KEY_ID SECRET_ACCESS_KEY BUCKET…`.
//! Prints its address when it serves.

use std::{error::Error, path::Path};

use poolgate::standin::S3;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, folder, access_key_id, secret_access_key, buckets @ ..] = arguments.as_slice()
    else {
        return Err("give ADDRESS FOLDER ACCESS_KEY_ID SECRET_ACCESS_KEY BUCKET…".into());
    };
    let s3 = S3::open(Path::new(folder), access_key_id, secret_access_key)?;
    for bucket in buckets {
        s3.seed(bucket, &[])?;
    }
    let listener = TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?);
    s3.serve(listener).await;
    Ok(())
}
