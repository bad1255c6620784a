//! The demo's S3: a folder of files behind S3's API, by the crates `s3s` (the protocol) and
//! `s3s-fs` (the files), for one access key that every request must be signed with.
//!
//! A bucket is a subfolder, an object a file in it; what S3 keeps beside the bytes (metadata, ETag,
//! uploads that aren't complete) are hidden files in the folder itself. What differs from S3:
//!
//! - An object can't be named like a part of another's path: with `a/b`, there is no `a`, and
//!   `PutObject` of one of them fails with InternalError. Keys have at most 255 bytes between
//!   slashes, and about 150 in all, for the hidden files carry them in their names.
//! - A key that ends in a slash makes a folder, which neither `GetObject` nor a listing shows.
//! - Keys that a file system would resolve (`.`, `..` and empty segments) are refused. `s3s-fs` alone
//!   resolves them, into other buckets too.
//! - Only `/` delimits listings. `ListParts` knows no ETags, and not which key an upload is for.
//! - `If-Match` and `If-None-Match` are obeyed, conditions on dates aren't. `DeleteBucket` removes a
//!   bucket with everything in it. There are no ACLs, tags, versions, policies or locks: those operations
//!   answer NotImplemented, and the headers of that kind are ignored.
//!
//! [`folder`] mends what `s3s-fs` does beyond these: its listings ignore `encoding-type=url`, so that
//! a `+` in a key reached SDKs as a space, objects could be put into buckets that don't exist, those
//! that came in chunks had the coding `aws-chunked` for ever, and those that were put together of parts had
//! the checksums of what was there before.

mod folder;

use super::serve;
use super::user_pool::StandinError;
use bytes::Bytes;
use folder::{Folder, Owner};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::service::service_fn;
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, Sleep, sleep};

/// S3 over a folder. Bodies are streamed both ways.
#[derive(Clone, Debug)]
pub struct S3 {
    folder: PathBuf,
    service: S3Service,
}

impl S3 {
    /// Opens a folder, which is made if need be, for requests signed with this access key. Removes
    /// what unfinished writes left in it.
    ///
    /// # Errors
    /// If the folder can't be used.
    pub fn open(
        folder: &Path,
        access_key_id: &str,
        secret_access_key: &str,
    ) -> Result<Self, StandinError> {
        let io = |source| StandinError::io(folder, source);
        fs::create_dir_all(folder).map_err(io)?;
        let root = fs::canonicalize(folder).map_err(io)?;
        let files =
            Folder::open(&root).map_err(|error| io(io::Error::other(s3s::S3Error::from(error))))?;
        let mut config = S3Config::default();
        config.xml_max_body_size = MAX_XML;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        builder.set_auth(SimpleAuth::from_single(access_key_id, secret_access_key));
        builder.set_access(Owner::of(&root));
        Ok(Self { folder: root, service: builder.build() })
    }

    /// Makes a bucket and puts objects of these keys and texts into it. One that is there already
    /// stays as it is.
    ///
    /// # Errors
    /// If the files can't be written.
    pub fn seed(&self, bucket: &str, objects: &[(&str, &str)]) -> Result<(), StandinError> {
        let folder = self.folder.join(bucket);
        if folder.exists() {
            return Ok(());
        }
        let write = |path: &Path, text: &str| {
            fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            fs::write(path, text)
        };
        for (key, text) in objects {
            let path = folder.join(key);
            write(&path, text).map_err(|error| StandinError::io(&path, error))?;
        }
        fs::create_dir_all(&folder).map_err(|error| StandinError::io(&folder, error))
    }

    /// Serves until the future is dropped, which closes every connection.
    pub async fn serve(self, listener: TcpListener) {
        let service = service_fn(move |request: http::Request<Incoming>| {
            let service = self.service.clone();
            let request = request.map(|body| s3s::Body::http_body_unsync(Paced::new(body)));
            async move { service.call(request).await }
        });
        serve::connections(listener, MAX_CONNECTIONS, service).await;
    }
}

/// A request's body that fails when nothing comes for [`PAUSE`].
struct Paced {
    body: Incoming,
    pause: Pin<Box<Sleep>>,
}

impl Paced {
    fn new(body: Incoming) -> Self {
        Self { body, pause: Box::pin(sleep(PAUSE)) }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.pause.as_mut().reset(Instant::now() + PAUSE);
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        self.pause.as_mut().poll(context).map(|()| Some(Err(io::ErrorKind::TimedOut.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;

/// Enough for a load test; beyond it connections wait.
const MAX_CONNECTIONS: usize = 1024;
/// The longest body that is read whole, in bytes: DeleteObjects and the like.
const MAX_XML: usize = 2 * 1024 * 1024;
/// The longest silence in a request's body.
const PAUSE: Duration = Duration::from_secs(30);
