//! Cedar beside IAM: a policy set with schema and entities, in the manner of Amazon Verified
//! Permissions, and its answer to one request.
//!
//! [`Policies::load`] reads and validates the files, strictly: every policy, entity and link must
//! conform to the schema. [`Policies::principal`] makes a caller's entities, once a session;
//! [`Policies::decide`] asks about one action. Policies are sliced at load by action and by the types
//! of principal and resource, since Cedar's own evaluation looks at every policy of a set. A policy
//! that fails to evaluate is an error of the whole decision, never skipped: a `forbid` that fails must
//! not turn into none. Pure, without I/O. `docs/cedar.md` says how requests become Cedar's.

mod ask;
mod context;
mod error;
mod load;
mod mention;
mod paths;
mod policies;
mod principal;
mod reach;
mod resource;
mod schema;
mod slices;
mod terms;
#[cfg(test)]
mod tests;
mod types;

pub use ask::{Typed, Who};
pub use context::Surroundings;
pub use error::{CedarError, LoadError, Place};
pub use load::{File, Files, MAX_ENTITIES, MAX_POLICIES};
pub use policies::{Answer, Policies, Question, Verdict};
pub use principal::{Caller, CallerKind, Principal};
pub use terms::{Around, Given, MAX_GIVEN, Name, TermsError, Written};
pub use types::{TypeNames, Types};
