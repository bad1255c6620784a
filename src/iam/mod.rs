//! IAM's policy language and its evaluation: pure, without I/O.
//!
//! A [`Policy`] is parsed and compiled once; [`evaluate`] asks a [`Session`]'s policies about a
//! [`Check`]. Everything is decided in Kleene's three-valued logic ([`Truth`]): a context key is
//! present, absent or unknown, and what is unknown never allows and always denies. `docs/iam.md`
//! lists what is decided where IAM's documentation is silent.

mod account;
mod arn;
mod compile;
mod condition;
mod document;
mod evaluate;
mod facts;
mod index;
mod json;
mod layers;
mod observe;
mod organization;
mod pattern;
mod principal;
mod resource;
mod scope;
mod session;
mod set;
pub mod simulate;
#[cfg(test)]
mod tests;
mod truth;
mod variable;
mod verdict;
mod written;

pub use account::{
    Account, AccountError, AccountFile, AccountProblem, AttachError, FileKind, MAX_FILE_BYTES,
};
pub use arn::{Action, Arn, ArnError, MAX_ARN_BYTES, Resource, partition};
pub use compile::{Policy, PolicySource, Statement};
pub(crate) use condition::{Base, Missing, Operator, Polarity, Quantifier};
pub(crate) use document::{
    Clause, ConditionSource, PrincipalsSource, Sense, Sourced, StatementSource,
};
pub use document::{
    Effect, MAX_DOCUMENT_BYTES, MAX_KEY_BYTES, MAX_STATEMENTS, MAX_VALUE_BYTES, MAX_VALUES,
    PolicyError, PolicyKind, PolicyProblem, PrincipalGroup, Version,
};
pub use evaluate::{Check, evaluate, evaluate_trust};
pub use facts::{Both, Context, Fact, Facts, Lookup};
pub(crate) use json::Node;
pub use json::{JsonPath, JsonStep};
pub use layers::Layers;
pub use observe::{
    ConditionSeen, Considered, Interest, NoObserver, Observer, Seen, Shown, Variables,
};
pub use organization::Organization;
pub use session::{Principal, Role, Session};
pub use set::PolicySet;
pub use truth::Truth;
pub use variable::{MAX_VARIABLES, VariableError};
pub(crate) use variable::{Span, spans, split_colons};
pub use verdict::{Denial, Grounds, Layer, StatementRef, Verdict};
pub(crate) use written::{Glob, Written, WrittenFile, WrittenLevel, WrittenManaged, WrittenRole};
