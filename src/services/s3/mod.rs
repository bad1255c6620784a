//! Amazon S3: a request in IAM's terms.

mod delete;
mod error;
mod parse;

pub use delete::{Delete, Merge, Object, Refused};
pub use error::S3Error;
pub use parse::{Asked, Parsed, RequestFacts};
