//! DynamoDB's expressions: which attributes they name, and what a key condition asks for.
//!
//! Two context keys depend on them: `dynamodb:Attributes` has the top-level attributes that a request
//! names anywhere, `dynamodb:LeadingKeys` the partition key that a query asks for. Whatever was read
//! wrongly here would be allowed wrongly. So the grammar is DynamoDB's own, as its developer guide has
//! it (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html>) and, more
//! exactly, the parsers in AWS's clients for DAX. Anything else is an error, and what an expression
//! names that nobody has read is unknown.
//!
//! A little less than DynamoDB's grammar is read: no parentheses around single operands of conditions
//! (`(a) = :v`), no `size` of a value. Left to the backend is what makes no difference to the reading:
//! reserved words, types of operands, placeholders without use, paths that overlap, the number of
//! operators.

mod condition;
mod error;
mod key;
mod lexer;
mod parser;
mod placeholders;
mod update;

use self::parser::Parser;
pub(super) use self::{error::ExpressionError, placeholders::Placeholders};
use super::value::Scalar;

/// Pushes the top-level attributes in a condition or a filter (their grammar is one), each as often
/// as it is there.
///
/// # Errors
/// If it isn't one. Some attributes may have been pushed then.
pub(super) fn condition<'r>(
    text: &'r str,
    placeholders: &Placeholders<'r, '_>,
    attributes: &mut Vec<&'r str>,
) -> Result<(), ExpressionError> {
    let mut parser = Parser::new(text, placeholders, attributes)?;
    parser.condition()?;
    parser.end()
}

/// Pushes the top-level attributes of a projection, each as often as it is there.
///
/// # Errors
/// If it isn't one. Some attributes may have been pushed then.
pub(super) fn projection<'r>(
    text: &'r str,
    placeholders: &Placeholders<'r, '_>,
    attributes: &mut Vec<&'r str>,
) -> Result<(), ExpressionError> {
    let mut parser = Parser::new(text, placeholders, attributes)?;
    parser.list(Parser::path)?;
    parser.end()
}

/// Pushes the top-level attributes that an update writes or reads, each as often as it is there, and
/// returns those that it writes.
///
/// # Errors
/// If it isn't one. Some attributes may have been pushed then.
pub(super) fn update<'r>(
    text: &'r str,
    placeholders: &Placeholders<'r, '_>,
    attributes: &mut Vec<&'r str>,
) -> Result<Vec<&'r str>, ExpressionError> {
    let mut parser = Parser::new(text, placeholders, attributes)?;
    parser.update()?;
    parser.end()?;
    Ok(parser.changed)
}

/// Pushes the attributes of a key condition, and returns those that must equal a value, with it.
///
/// # Errors
/// If it isn't one, names an attribute twice, or has an equality with what can't be a key. Some
/// attributes may have been pushed then.
pub(super) fn key_condition<'r, 'a>(
    text: &'r str,
    placeholders: &Placeholders<'r, 'a>,
    attributes: &mut Vec<&'r str>,
) -> Result<Vec<Equality<'r>>, ExpressionError> {
    let mut parser = Parser::new(text, placeholders, attributes)?;
    let equalities = parser.key_condition()?;
    parser.end()?;
    Ok(equalities)
}

/// An attribute, and the value it must have.
pub(super) type Equality<'r> = (&'r str, Scalar<'r>);

#[cfg(test)]
mod tests;
