//! What all expressions are made of: paths, values, lists and parentheses.

use super::{
    super::json::Json,
    ExpressionError, Placeholders,
    lexer::{Keyword, Lexer, Token},
};

/// Reads one expression from start to end, without going back.
pub(super) struct Parser<'p, 'r, 'a> {
    pub(super) lexer: Lexer<'r>,
    placeholders: &'p Placeholders<'r, 'a>,
    /// Where the top-level attributes go.
    pub(super) attributes: &'p mut Vec<&'r str>,
    /// Those of them that an update writes.
    pub(super) changed: Vec<&'r str>,
    depth: usize,
}

impl<'p, 'r, 'a> Parser<'p, 'r, 'a> {
    pub(super) fn new(
        text: &'r str,
        placeholders: &'p Placeholders<'r, 'a>,
        attributes: &'p mut Vec<&'r str>,
    ) -> Result<Self, ExpressionError> {
        if text.len() > MAX_LENGTH {
            return Err(ExpressionError::TooLong);
        }
        placeholders.check()?;
        let (lexer, changed) = (Lexer::new(text)?, Vec::new());
        Ok(Self { lexer, placeholders, attributes, changed, depth: 0 })
    }

    /// That there is no more.
    pub(super) fn end(&mut self) -> Result<(), ExpressionError> {
        self.expect(Token::End)
    }

    /// The error that the next token can't be there.
    pub(super) fn syntax(&self) -> ExpressionError {
        ExpressionError::Syntax { at: self.lexer.at() }
    }

    /// Takes the next token if it is `token`.
    pub(super) fn take(&mut self, token: Token<'_>) -> Result<bool, ExpressionError> {
        let there = self.lexer.peek() == token;
        if there {
            self.lexer.next()?;
        }
        Ok(there)
    }

    /// Takes the next token if it is `keyword`.
    pub(super) fn take_keyword(&mut self, keyword: Keyword) -> Result<bool, ExpressionError> {
        self.take(Token::Keyword(keyword))
    }

    /// Takes the next token, which has to be `token`.
    pub(super) fn expect(&mut self, token: Token<'_>) -> Result<(), ExpressionError> {
        let at = self.lexer.at();
        if self.take(token)? { Ok(()) } else { Err(ExpressionError::Syntax { at }) }
    }

    /// One or more of what `item` reads, with commas between them.
    pub(super) fn list(
        &mut self,
        item: fn(&mut Self) -> Result<(), ExpressionError>,
    ) -> Result<(), ExpressionError> {
        item(self)?;
        while self.take(Token::Symbol(','))? {
            item(self)?;
        }
        Ok(())
    }

    /// What `inner` reads and the closing parenthesis after it; the opening one has been taken.
    pub(super) fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, ExpressionError>,
    ) -> Result<T, ExpressionError> {
        if self.depth == MAX_DEPTH {
            return Err(ExpressionError::TooDeep);
        }
        self.depth += 1;
        let result = inner(self)?;
        self.depth -= 1;
        self.expect(Token::Symbol(')'))?;
        Ok(result)
    }

    /// A path: an attribute, and maybe a way into it. The attribute is pushed.
    pub(super) fn path(&mut self) -> Result<(), ExpressionError> {
        let attribute = self.name()?;
        self.attributes.push(attribute);
        loop {
            if self.take(Token::Symbol('.'))? {
                self.name()?;
            } else if self.take(Token::Symbol('['))? {
                self.expect(Token::Index)?;
                self.expect(Token::Symbol(']'))?;
            } else {
                return Ok(());
            }
        }
    }

    /// A name of an attribute, or of a member of one.
    pub(super) fn name(&mut self) -> Result<&'r str, ExpressionError> {
        let name = match self.lexer.peek() {
            Token::Word(name) => name,
            Token::Name(placeholder) => self.placeholders.name(placeholder)?,
            _ => return Err(self.syntax()),
        };
        self.lexer.next()?;
        Ok(name)
    }

    /// A `:value`: its placeholder and what it stands for.
    pub(super) fn value(&mut self) -> Result<(&'r str, &'r Json<'a>), ExpressionError> {
        let Token::Value(placeholder) = self.lexer.peek() else { return Err(self.syntax()) };
        let value = self.placeholders.value(placeholder)?;
        self.lexer.next()?;
        Ok((placeholder, value))
    }
}

/// The most bytes of an expression
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
const MAX_LENGTH: usize = 4096;
/// The most parentheses around anything. Programs that build conditions step by step put one more
/// around all the others with each step; 4096 bytes have room for fewer steps than this.
const MAX_DEPTH: usize = 256;
