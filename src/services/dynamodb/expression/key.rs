//! Key conditions
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html>).

use super::{
    super::{json::Json, value::Scalar},
    Equality, ExpressionError,
    lexer::{Keyword, Token},
    parser::Parser,
};

impl<'r, 'a> Parser<'_, 'r, 'a> {
    /// A key condition, all of it. Returns its equalities.
    pub(super) fn key_condition(&mut self) -> Result<Vec<Equality<'r>>, ExpressionError> {
        let mut keys = Keys { first: self.attributes.len(), equalities: Vec::new() };
        self.key_conditions(&mut keys)?;
        Ok(keys.equalities)
    }

    /// Conditions that must all hold. Returns whether they are nothing but others in parentheses.
    fn key_conditions(&mut self, keys: &mut Keys<'r>) -> Result<bool, ExpressionError> {
        let mut grouped = self.key_term(keys)?;
        while self.take_keyword(Keyword::And)? {
            self.key_term(keys)?;
            grouped = false;
        }
        Ok(grouped)
    }

    /// One condition, or some in parentheses. Returns whether there are parentheses.
    fn key_term(&mut self, keys: &mut Keys<'r>) -> Result<bool, ExpressionError> {
        let grouped = self.take(Token::Symbol('('))?;
        if !grouped {
            self.key_comparison(keys)?;
        } else if self.nested(|parser| parser.key_conditions(keys))? {
            return Err(ExpressionError::RedundantParentheses);
        }
        Ok(grouped)
    }

    fn key_comparison(&mut self, keys: &mut Keys<'r>) -> Result<(), ExpressionError> {
        match self.lexer.peek() {
            Token::Call("begins_with") => {
                self.lexer.next()?;
                self.key_name(keys)?;
                self.expect(Token::Symbol(','))?;
                self.value()?;
                self.expect(Token::Symbol(')'))
            }
            Token::Value(_) => {
                let value = self.value()?;
                let equal = self.key_comparator()?;
                // No way into the attribute may follow, here or below: only `AND`, `)` or the end can.
                let name = self.key_name(keys)?;
                if equal { keys.push(name, value) } else { Ok(()) }
            }
            _ => {
                let name = self.key_name(keys)?;
                if self.take_keyword(Keyword::Between)? {
                    self.value()?;
                    self.expect(Token::Keyword(Keyword::And))?;
                    return self.value().map(drop);
                }
                let equal = self.key_comparator()?;
                let value = self.value()?;
                if equal { keys.push(name, value) } else { Ok(()) }
            }
        }
    }

    /// The name of an attribute that no condition was about yet.
    fn key_name(&mut self, keys: &Keys<'r>) -> Result<&'r str, ExpressionError> {
        let name = self.name()?;
        let known = self.attributes.get(keys.first..).unwrap_or_default();
        if known.contains(&name) {
            return Err(ExpressionError::RepeatedKey);
        }
        if known.len() == MAX_KEYS {
            return Err(ExpressionError::TooManyKeys);
        }
        self.attributes.push(name);
        Ok(name)
    }

    /// A comparator that is of use with keys. Returns whether it is `=`.
    fn key_comparator(&mut self) -> Result<bool, ExpressionError> {
        let equal = match self.lexer.peek() {
            Token::Equal => true,
            Token::Order => false,
            _ => return Err(self.syntax()),
        };
        self.lexer.next()?;
        Ok(equal)
    }
}

/// What has been read.
struct Keys<'r> {
    /// Where its attributes start among all those of the request.
    first: usize,
    equalities: Vec<Equality<'r>>,
}

impl<'r, 'a> Keys<'r> {
    fn push(
        &mut self,
        name: &'r str,
        (placeholder, value): (&'r str, &'r Json<'a>),
    ) -> Result<(), ExpressionError> {
        let scalar = Scalar::of(value).ok_or_else(|| ExpressionError::NoKey(placeholder.into()))?;
        self.equalities.push((name, scalar));
        Ok(())
    }
}

/// The most attributes of a key: four of the partition key and four of the sort key of a global
/// index
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html>).
const MAX_KEYS: usize = 8;
