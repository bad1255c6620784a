//! Conditions and filters
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>).

use super::{
    ExpressionError,
    lexer::{Keyword, Token},
    parser::Parser,
};

impl Parser<'_, '_, '_> {
    /// A condition. Returns whether it is nothing but another one in parentheses. What binds
    /// tighter than what makes no difference to the attributes.
    pub(super) fn condition(&mut self) -> Result<bool, ExpressionError> {
        let mut grouped = self.term()?;
        while self.take_keyword(Keyword::And)? || self.take_keyword(Keyword::Or)? {
            self.term()?;
            grouped = false;
        }
        Ok(grouped)
    }

    /// What `AND` and `OR` combine. Returns whether it is nothing but a condition in parentheses.
    fn term(&mut self) -> Result<bool, ExpressionError> {
        let mut negated = false;
        while self.take_keyword(Keyword::Not)? {
            negated = true;
        }
        if self.take(Token::Symbol('('))? {
            if self.nested(Self::condition)? {
                return Err(ExpressionError::RedundantParentheses);
            }
            return Ok(!negated);
        }
        if !self.function()? {
            self.comparison()?;
        }
        Ok(false)
    }

    /// A function that is a condition. Returns whether there is one. Their names have one case only.
    fn function(&mut self) -> Result<bool, ExpressionError> {
        match self.lexer.peek() {
            Token::Call("attribute_exists" | "attribute_not_exists") => {
                self.lexer.next()?;
                self.path()?;
            }
            Token::Call("attribute_type") => {
                self.lexer.next()?;
                self.path()?;
                self.expect(Token::Symbol(','))?;
                self.value()?;
            }
            // Either operand may be the value: `contains(:allowed, status)`.
            Token::Call("begins_with" | "contains") => {
                self.lexer.next()?;
                self.operand()?;
                self.expect(Token::Symbol(','))?;
                self.operand()?;
            }
            _ => return Ok(false),
        }
        self.expect(Token::Symbol(')'))?;
        Ok(true)
    }

    fn comparison(&mut self) -> Result<(), ExpressionError> {
        self.operand()?;
        match self.lexer.peek() {
            Token::Equal | Token::NotEqual | Token::Order => {
                self.lexer.next()?;
                self.operand()
            }
            // Its AND is no combination.
            Token::Keyword(Keyword::Between) => {
                self.lexer.next()?;
                self.operand()?;
                self.expect(Token::Keyword(Keyword::And))?;
                self.operand()
            }
            Token::Keyword(Keyword::In) => {
                self.lexer.next()?;
                self.expect(Token::Symbol('('))?;
                self.nested(|parser| parser.list(Self::operand))
            }
            _ => Err(self.syntax()),
        }
    }

    fn operand(&mut self) -> Result<(), ExpressionError> {
        match self.lexer.peek() {
            Token::Value(_) => self.value().map(drop),
            Token::Call("size") => {
                self.lexer.next()?;
                self.nested(Self::path)
            }
            _ => self.path(),
        }
    }
}
