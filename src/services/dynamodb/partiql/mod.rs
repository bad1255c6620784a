//! `PartiQL`, as far as a statement says whose rows it is about.
//!
//! The language is the one of
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html>, read
//! narrowly. Between the gate's reading and the backend's there must be no room: a statement that
//! the two could take for different ones is somebody else's row, a statement that is refused is
//! only an inconvenience, and most of what is refused can be said with a parameter or in quotes. So
//! no spelling is accepted that isn't documented, and of those that are documented none that
//! programs are known to read in different ways.

mod condition;
mod error;
mod lexer;
mod parser;
mod reserved;
mod value;

pub(super) use error::PartiqlError;

use self::condition::Condition;
use super::{json::Json, value::Scalar};

/// A statement that has been understood. It borrows nothing of the request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    verb: Verb,
    condition_check: bool,
    table: String,
    index: Option<String>,
    attributes: Vec<String>,
    projection: Option<Projection>,
    returning: Option<&'static str>,
    /// What an `UPDATE` sets or removes.
    changed: Vec<String>,
    condition: Condition,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// `SELECT`, also in `EXISTS(SELECT …)`.
    Select,
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
}

/// Which attributes a `SELECT` answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Projection {
    /// `*`.
    All,
    /// Those it lists; they are among [`Statement::attributes`].
    Specific,
}

impl Statement {
    /// Reads `text`, each `?` in it standing for the next of `parameters` (attribute values, as in
    /// `{"S": "x"}`).
    ///
    /// # Errors
    /// If it isn't a statement, isn't one that every reader takes in the same way, or has fewer
    /// or more `?` than there are parameters.
    pub(super) fn parse(text: &str, parameters: &[Json<'_>]) -> Result<Self, PartiqlError> {
        if text.len() > MAX_BYTES {
            return Err(PartiqlError::TooLong);
        }
        let tokens = lexer::tokens(text)?;
        parser::Parser::new(&tokens, parameters).statement()
    }

    /// What it does.
    pub(super) fn verb(&self) -> Verb {
        self.verb
    }

    /// Whether it is `EXISTS(SELECT …)`, which only a transaction may have.
    pub(super) fn is_condition_check(&self) -> bool {
        self.condition_check
    }

    /// The table as it is written: a name or an ARN.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// The index that a `SELECT` reads.
    pub(super) fn index(&self) -> Option<&str> {
        self.index.as_deref()
    }

    /// The top-level attributes that it names anywhere, in order, some of them maybe repeatedly.
    pub(super) fn attributes(&self) -> &[String] {
        &self.attributes
    }

    /// What a `SELECT` answers with; `None` for other statements.
    pub(super) fn projection(&self) -> Option<Projection> {
        self.projection
    }

    /// What `RETURNING` asks for, as the parameter `ReturnValues` of other operations says it.
    pub(super) fn returning(&self) -> Option<&'static str> {
        self.returning
    }

    /// The values that `attribute` can have in any item that the statement reads or writes, in
    /// order, some of them maybe repeatedly; `None` if it doesn't say. Where `AND` joins two
    /// lists of values, both are given: which one a backend looks up is its own choice. What an
    /// `UPDATE` changes can have any value; DynamoDB lets no key be changed.
    ///
    /// Whatever a reader's notion of how tightly `AND` and `OR` bind, no other value is possible.
    pub(super) fn values_of(&self, attribute: &str) -> Option<Vec<&Scalar<'static>>> {
        if self.changed.iter().any(|changed| changed == attribute) {
            return None;
        }
        self.condition.values_of(attribute)
    }
}

/// DynamoDB's limit of a statement
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html>),
/// which counts characters; bytes are never fewer.
const MAX_BYTES: usize = 8192;

#[cfg(test)]
mod tests;
