//! Why nothing can be simulated.

use std::fmt;

use crate::iam::document::PolicyError;

/// What is wrong with a request. Its `Display` says which member it is, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimulateError {
    /// It isn't a JSON object of the members.
    Malformed(String),
    /// A member that must be there isn't.
    Missing(&'static str, &'static str),
    /// A value that a member can't have.
    Value {
        /// The member, with its place where it is a list.
        at: String,
        /// What to write.
        advice: String,
    },
    /// A policy document that can't be understood.
    Document {
        /// Which one.
        at: String,
        /// All that is wrong with it.
        errors: Vec<PolicyError>,
    },
    /// More than is simulated at a time.
    Limit {
        /// What is counted.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

impl SimulateError {
    pub(super) fn value(at: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Value { at: at.into(), advice: advice.into() }
    }

    /// The error as IAM names it: a value "that isn't valid, or out of range", documents among them.
    pub fn code(&self) -> &'static str {
        "InvalidInput"
    }
}

impl fmt::Display for SimulateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Malformed(problem) => format!("not a request: {problem}"),
            Self::Missing(member, advice) => format!("{member} is missing: {advice}"),
            Self::Value { at, advice } => format!("{at}: {advice}"),
            Self::Document { at, errors } => {
                let told: Vec<String> =
                    errors.iter().take(MOST_ERRORS).map(ToString::to_string).collect();
                match errors.len().saturating_sub(MOST_ERRORS) {
                    0 => format!("{at}: {}", told.join("; ")),
                    more => format!("{at}: {}; and {more} more", told.join("; ")),
                }
            }
            Self::Limit { what, limit } => format!("more than {limit} {what}: ask in parts"),
        };
        // It may repeat what was written.
        f.write_str(text.get(..text.floor_char_boundary(MOST_BYTES)).unwrap_or_default())
    }
}

impl std::error::Error for SimulateError {}

/// Errors of a document that are told.
const MOST_ERRORS: usize = 5;
/// Bytes of a message.
const MOST_BYTES: usize = 2048;
