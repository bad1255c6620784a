//! What policies say that surely isn't meant: lints, as IAM Access Analyzer and parliament have them.
//!
//! A lint refuses nothing and changes no decision; `poolgate check` prints what they find. They look
//! at policies as they are written, which have been loaded without an error, and know of services
//! what `services::catalog` lists: of others, and where a pattern leaves it open, they say nothing.
//! Every statement is looked at once, and compared with at most a bounded number of others of its
//! role. `docs/lints.md` has a section for every lint.

mod action;
mod claim;
mod condition;
mod cover;
mod files;
mod judge;
mod kinds;
mod pool;
mod shape;
mod statement;
#[cfg(test)]
mod tests;
mod value;

pub use files::{Given, Home, lint_account};
pub use judge::Finding;
pub use kinds::Lint;
pub use pool::lint_identity_pool;
