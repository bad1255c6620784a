//! Amazon S3: a request in IAM's terms.
//!
//! A request's head is parsed once, into an operation of the table on a bucket or a key
//! ([`Parsed::of`]); its body is read only where a condition may ask for what is in it. What goes
//! upstream is serialised anew from what was parsed, path-style, so that a backend reads the bucket
//! and the key that were authorized. `docs/s3.md` has the table, what is refused, and what is
//! decided where AWS's documentation is silent.

mod address;
mod catalog;
mod checks;
mod checksum;
mod configuration;
mod content;
mod context;
mod delete;
mod error;
mod headers;
mod parse;
mod policy;
mod post;
mod query;
mod row;
mod source;
mod table;
#[cfg(test)]
mod testing;
mod xml;

pub use catalog::CATALOG;
pub use delete::{Delete, Merge, Object, Refused};
pub use error::S3Error;
pub use parse::{Asked, Parsed, RequestFacts};
pub use policy::{MAX_POLICY, PutPolicy, check_owner};
pub use post::{MAX_FIELDS, PostAnswer, PostForm};
pub use table::action_of_operation;
