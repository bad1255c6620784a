//! What `WHERE` says.

use super::{
    PartiqlError, Scalar,
    lexer::Token,
    parser::{Parser, Path},
};

/// A condition, as far as it says which values attributes can have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// It says nothing, or nothing that counts: what isn't equal to something, what isn't so.
    Free,
    /// The attribute has one of these values.
    OneOf { attribute: String, values: Vec<Scalar<'static>> },
    /// All of these.
    All(Vec<Condition>),
    /// One of these at least.
    Any(Vec<Condition>),
}

impl Condition {
    /// See [`super::Statement::values_of`].
    pub(super) fn values_of(&self, attribute: &str) -> Option<Vec<&Scalar<'static>>> {
        let mut values = Vec::new();
        self.collect(attribute, &mut values).then_some(values)
    }

    /// Adds the values to `found`, all or none; whether there are any.
    fn collect<'c>(&'c self, attribute: &str, found: &mut Vec<&'c Scalar<'static>>) -> bool {
        match self {
            Self::Free => false,
            Self::OneOf { attribute: known, values } => {
                let same = known == attribute;
                if same {
                    found.extend(values);
                }
                same
            }
            Self::All(parts) => {
                let mut any = false;
                // No short cut: the values of every part count.
                for part in parts {
                    any |= part.collect(attribute, found);
                }
                any
            }
            Self::Any(parts) => {
                let before = found.len();
                let all = parts.iter().all(|part| part.collect(attribute, found));
                if !all {
                    found.truncate(before);
                }
                all
            }
        }
    }
}

/// One side of a comparison.
enum Operand<'s> {
    Path(Path<'s>),
    /// `size(path)`.
    Size,
    /// A literal or a parameter, with its value if a key can have it.
    Value(Option<Scalar<'s>>),
}

impl<'s> Parser<'s> {
    /// A whole condition.
    pub(super) fn condition(&mut self) -> Result<Condition, PartiqlError> {
        let mut parts = vec![self.conjunction()?];
        while self.keyword("or") {
            parts.push(self.conjunction()?);
        }
        Ok(joined(parts, Condition::Any))
    }

    fn conjunction(&mut self) -> Result<Condition, PartiqlError> {
        let mut parts = vec![self.negation()?];
        while self.keyword("and") {
            parts.push(self.negation()?);
        }
        Ok(joined(parts, Condition::All))
    }

    fn negation(&mut self) -> Result<Condition, PartiqlError> {
        if self.keyword("not") {
            self.inside(Self::negation)?;
            return Ok(Condition::Free);
        }
        if self.symbol("(") {
            let condition = self.inside(Self::condition)?;
            self.expect_symbol(")")?;
            return Ok(condition);
        }
        self.predicate()
    }

    /// A function that is a condition, or a comparison.
    fn predicate(&mut self) -> Result<Condition, PartiqlError> {
        let called = *self.peek_second() == Token::Symbol("(");
        if called && PREDICATES.into_iter().any(|function| self.keyword(function)) {
            self.expect_symbol("(")?;
            self.path()?;
            self.expect_symbol(",")?;
            self.value()?;
            self.expect_symbol(")")?;
            return Ok(Condition::Free);
        }
        let at = self.at();
        let left = self.operand()?;
        if let Some(condition) = self.worded(&left)? {
            return Ok(condition);
        }
        let Token::Symbol(operator @ ("=" | "<>" | "!=" | "<" | "<=" | ">" | ">=")) = self.peek()
        else {
            return Err(self.expected("a comparison"));
        };
        self.advance();
        let right = self.operand()?;
        Ok(match (left, right) {
            (Operand::Value(_), Operand::Value(_)) => {
                let what = "a comparison without an attribute";
                return Err(PartiqlError::Unsupported { what, at });
            }
            (Operand::Path(path), Operand::Value(value))
            | (Operand::Value(value), Operand::Path(path))
                if *operator == "=" =>
            {
                one_of(&path, value.map(|value| vec![value]))
            }
            _ => Condition::Free,
        })
    }

    /// What comes after `left` if it is a comparison in words.
    fn worded(&mut self, left: &Operand<'s>) -> Result<Option<Condition>, PartiqlError> {
        let word = matches!(self.peek(), Token::Word(_));
        if word && matches!(left, Operand::Value(_)) {
            return Err(self.expected("a comparison"));
        }
        if matches!(left, Operand::Path(_)) && self.keyword("is") {
            let _either = self.keyword("not");
            return match self.keyword("missing") || self.keyword("null") {
                true => Ok(Some(Condition::Free)),
                false => Err(self.expected("MISSING or NULL")),
            };
        }
        let negated = self.keyword("not");
        if self.keyword("between") {
            self.operand()?;
            self.expect_keyword("and", "AND")?;
            self.operand()?;
            return Ok(Some(Condition::Free));
        }
        if self.keyword("in") {
            let values = self.members()?;
            return Ok(Some(match left {
                Operand::Path(path) if !negated => one_of(path, values),
                _ => Condition::Free,
            }));
        }
        if negated { Err(self.expected("BETWEEN or IN")) } else { Ok(None) }
    }

    /// The list after `IN`; its values if a key can have all of them.
    fn members(&mut self) -> Result<Option<Vec<Scalar<'s>>>, PartiqlError> {
        let end = if self.symbol("[") {
            "]"
        } else if self.symbol("(") {
            ")"
        } else {
            return Err(self.expected("a list"));
        };
        let members = self.list(Self::operand)?;
        self.expect_symbol(end)?;
        let values = members.into_iter().map(|member| match member {
            Operand::Value(value) => value,
            Operand::Path(_) | Operand::Size => None,
        });
        Ok(values.collect())
    }

    fn operand(&mut self) -> Result<Operand<'s>, PartiqlError> {
        if *self.peek_second() == Token::Symbol("(") && self.keyword("size") {
            self.expect_symbol("(")?;
            self.path()?;
            self.expect_symbol(")")?;
            return Ok(Operand::Size);
        }
        if self.is_path() {
            return self.path().map(Operand::Path);
        }
        self.value().map(Operand::Value)
    }
}

fn joined(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            join(parts)
        }
    }
}

fn one_of(path: &Path<'_>, values: Option<Vec<Scalar<'_>>>) -> Condition {
    match values.filter(|_| path.whole) {
        None => Condition::Free,
        Some(values) => Condition::OneOf {
            attribute: path.first.to_owned(),
            values: values.into_iter().map(Scalar::into_owned).collect(),
        },
    }
}

/// The functions that are conditions
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-functions.html>).
const PREDICATES: [&str; 3] = ["begins_with", "contains", "attribute_type"];
