//! Values in a statement.

use super::{PartiqlError, Scalar, lexer::Token, parser::Parser};

/// The members of a tuple, each with its value if that can be a key's.
pub(super) type Tuple<'s> = Vec<(String, Option<Scalar<'s>>)>;

impl<'s> Parser<'s> {
    /// A literal or a parameter; the value, if it can be a key's.
    pub(super) fn value(&mut self) -> Result<Option<Scalar<'s>>, PartiqlError> {
        let at = self.at();
        let token = self.peek();
        match token {
            Token::Text(text) => {
                self.advance();
                Ok(Scalar::string(text.clone()))
            }
            Token::Number(_) | Token::Symbol("-") => self.number().map(Some),
            Token::Symbol("?") => {
                self.advance();
                Ok(self.parameter())
            }
            Token::Symbol("[") => {
                self.advance();
                self.inside(|parser| parser.elements("]", Self::value))?;
                Ok(None)
            }
            Token::Symbol("{") => {
                self.advance();
                self.inside(Self::tuple)?;
                Ok(None)
            }
            Token::Symbol("<<") => {
                self.advance();
                self.set()?;
                Ok(None)
            }
            Token::Word(_) if self.keyword("true") || self.keyword("false") => Ok(None),
            Token::Word(_) if self.keyword("null") => Ok(None),
            // Binary values, dates and so on: not in DynamoDB's language.
            Token::Word(_) if matches!(self.peek_second(), Token::Text(_)) => {
                Err(PartiqlError::Unsupported { what: "a literal with a type", at })
            }
            _ => Err(self.expected("a value")),
        }
    }

    /// A number, maybe below zero. A plus sign would be kept by some programs, which then have
    /// another key.
    fn number(&mut self) -> Result<Scalar<'s>, PartiqlError> {
        let at = self.at();
        let sign = if self.symbol("-") { "-" } else { "" };
        let Token::Number(digits) = self.peek() else { return Err(self.expected("a number")) };
        self.advance();
        let number = Scalar::number(&[sign, digits].concat());
        number.ok_or(PartiqlError::Number { at })
    }

    /// The members of a tuple, after its opening brace.
    pub(super) fn tuple(&mut self) -> Result<Tuple<'s>, PartiqlError> {
        let mut seen = std::collections::HashSet::new();
        self.elements("}", |parser| {
            let at = parser.at();
            let name = match parser.peek() {
                Token::Name(name) => *name,
                Token::Text(name) => name.as_ref(),
                _ => return Err(parser.expected("a name in quotes")),
            };
            parser.advance();
            if name.is_empty() {
                return Err(PartiqlError::Unsupported { what: "an empty name", at });
            }
            if !seen.insert(name) {
                return Err(PartiqlError::Repeated { at });
            }
            parser.expect_symbol(":")?;
            Ok((name.to_owned(), parser.value()?))
        })
    }

    /// The members of a set, after what opens it: strings or numbers, at least one.
    fn set(&mut self) -> Result<(), PartiqlError> {
        self.list(|parser| match parser.peek() {
            Token::Text(_) | Token::Number(_) | Token::Symbol("-") => parser.value(),
            _ => Err(parser.expected("a string or a number")),
        })?;
        self.expect_symbol(">>")
    }

    /// Items with commas between them up to `end`, maybe none.
    fn elements<T>(
        &mut self,
        end: &'static str,
        item: impl FnMut(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<Vec<T>, PartiqlError> {
        if self.symbol(end) {
            return Ok(Vec::new());
        }
        let items = self.list(item)?;
        self.expect_symbol(end)?;
        Ok(items)
    }

    /// What `SET` gives an attribute: a value or a path, a sum or a difference of two, or one of
    /// the functions of lists and sets.
    pub(super) fn assigned(&mut self) -> Result<(), PartiqlError> {
        let called = *self.peek_second() == Token::Symbol("(");
        if called && CHANGES.into_iter().any(|function| self.keyword(function)) {
            self.expect_symbol("(")?;
            self.term()?;
            self.expect_symbol(",")?;
            self.term()?;
            return self.expect_symbol(")");
        }
        self.term()?;
        if self.symbol("+") || self.symbol("-") {
            self.term()?;
        }
        Ok(())
    }

    fn term(&mut self) -> Result<(), PartiqlError> {
        if self.is_path() {
            self.path()?;
        } else {
            self.value()?;
        }
        Ok(())
    }

    /// Whether the next thing is a path rather than a value, or is nothing.
    pub(super) fn is_path(&self) -> bool {
        match self.peek() {
            Token::Name(_) => true,
            Token::Word(word) => {
                let value = ["true", "false", "null"];
                !value.into_iter().any(|value| word.eq_ignore_ascii_case(value))
                    && !matches!(self.peek_second(), Token::Text(_))
            }
            _ => false,
        }
    }
}

/// The functions that `SET` knows
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html>).
const CHANGES: [&str; 3] = ["list_append", "set_add", "set_delete"];
