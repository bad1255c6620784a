//! Updates
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html>).

use super::{
    ExpressionError,
    lexer::{Keyword, Token},
    parser::Parser,
};

/// What kind of value a `SET` has.
#[derive(Clone, Copy)]
struct Value {
    /// Whether it is a sum or a difference, which can't be part of another.
    arithmetic: bool,
    /// Whether it is nothing but another value in parentheses.
    grouped: bool,
}

impl Parser<'_, '_, '_> {
    /// One or more clauses, in any order, each at most once.
    pub(super) fn update(&mut self) -> Result<(), ExpressionError> {
        let mut seen: [Option<Keyword>; 4] = [None; 4];
        loop {
            let Token::Keyword(clause) = self.lexer.peek() else { return Err(self.syntax()) };
            let action = match clause {
                Keyword::Set => Self::set,
                Keyword::Remove => Self::target,
                Keyword::Add | Keyword::Delete => Self::add_or_delete,
                _ => return Err(self.syntax()),
            };
            if seen.contains(&Some(clause)) {
                return Err(ExpressionError::RepeatedClause);
            }
            if let Some(free) = seen.iter_mut().find(|seen| seen.is_none()) {
                *free = Some(clause);
            }
            self.lexer.next()?;
            self.list(action)?;
            if self.lexer.peek() == Token::End {
                return Ok(());
            }
        }
    }

    /// The path of what is written.
    fn target(&mut self) -> Result<(), ExpressionError> {
        let before = self.attributes.len();
        self.path()?;
        self.changed.extend(self.attributes.get(before));
        Ok(())
    }

    fn set(&mut self) -> Result<(), ExpressionError> {
        self.target()?;
        self.expect(Token::Equal)?;
        self.set_value().map(drop)
    }

    fn add_or_delete(&mut self) -> Result<(), ExpressionError> {
        self.target()?;
        self.value().map(drop)
    }

    /// An operand, or two with a sign between them.
    fn set_value(&mut self) -> Result<Value, ExpressionError> {
        let first = self.set_group()?;
        if first.arithmetic || !matches!(self.lexer.peek(), Token::Symbol('+' | '-')) {
            return Ok(first);
        }
        self.lexer.next()?;
        self.set_operand()?;
        Ok(Value { arithmetic: true, grouped: false })
    }

    /// An operand, or a value in parentheses.
    fn set_group(&mut self) -> Result<Value, ExpressionError> {
        if self.take(Token::Symbol('('))? {
            let inner = self.nested(Self::set_value)?;
            if inner.grouped {
                return Err(ExpressionError::RedundantParentheses);
            }
            return Ok(Value { grouped: true, ..inner });
        }
        match self.lexer.peek() {
            Token::Value(_) => self.value().map(drop)?,
            Token::Call("if_not_exists") => {
                self.lexer.next()?;
                self.nested(|parser| {
                    parser.path()?;
                    parser.expect(Token::Symbol(','))?;
                    parser.set_operand()
                })?;
            }
            Token::Call("list_append") => {
                self.lexer.next()?;
                self.nested(|parser| {
                    parser.set_operand()?;
                    parser.expect(Token::Symbol(','))?;
                    parser.set_operand()
                })?;
            }
            _ => self.path()?,
        }
        Ok(Value { arithmetic: false, grouped: false })
    }

    /// An operand, maybe in parentheses.
    fn set_operand(&mut self) -> Result<(), ExpressionError> {
        let at = self.lexer.at();
        let operand = self.set_group()?;
        if operand.arithmetic { Err(ExpressionError::Syntax { at }) } else { Ok(()) }
    }
}
