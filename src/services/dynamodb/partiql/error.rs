//! Why a statement isn't accepted.

/// Why a statement isn't accepted. Positions count characters from 1. Nothing of the statement is
/// repeated: what it compares with may be nobody else's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::services::dynamodb) enum PartiqlError {
    /// It is longer than DynamoDB takes.
    #[error("the statement is longer than 8192 bytes")]
    TooLong,
    /// It is nested deeper than anybody needs.
    #[error("the statement is nested too deeply at character {at}")]
    TooDeep {
        /// Where.
        at: usize,
    },
    /// It isn't a statement.
    #[error("expected {expected} at character {at} of the statement, found {found}")]
    Syntax {
        /// What could stand there.
        expected: &'static str,
        /// What does.
        found: &'static str,
        /// Where.
        at: usize,
    },
    /// It has something that isn't read here, be it that DynamoDB doesn't take it, or that not
    /// every program takes it in the same way.
    #[error("{what} at character {at} of the statement can't be authorized")]
    Unsupported {
        /// What.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// A name that the language has another use for.
    #[error(
        "{word} at character {at} of the statement is a reserved word; as a name it needs double quotes"
    )]
    Reserved {
        /// The word.
        word: &'static str,
        /// Where.
        at: usize,
    },
    /// A quote that never ends.
    #[error("the quote at character {at} of the statement never ends")]
    Unterminated {
        /// Where it begins.
        at: usize,
    },
    /// A number that DynamoDB can't store, or in a form that not everybody reads.
    #[error("the number at character {at} of the statement isn't one that DynamoDB stores")]
    Number {
        /// Where.
        at: usize,
    },
    /// A tuple names a member twice; which one counts is each reader's own choice.
    #[error("the name at character {at} of the statement is in its tuple already")]
    Repeated {
        /// Where.
        at: usize,
    },
    /// Each `?` stands for one parameter.
    #[error("the statement has {expected} parameters, the request has {given}")]
    Parameters {
        /// How many `?` there are.
        expected: usize,
        /// How many parameters.
        given: usize,
    },
}

impl PartiqlError {
    /// A stable code for metrics and logs.
    pub(in crate::services::dynamodb) fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "partiql_too_long",
            Self::TooDeep { .. } => "partiql_too_deep",
            Self::Syntax { .. } => "partiql_syntax",
            Self::Unsupported { .. } => "partiql_unsupported",
            Self::Reserved { .. } => "partiql_reserved_word",
            Self::Unterminated { .. } => "partiql_unterminated_quote",
            Self::Number { .. } => "partiql_number",
            Self::Repeated { .. } => "partiql_repeated_name",
            Self::Parameters { .. } => "partiql_parameters",
        }
    }
}
