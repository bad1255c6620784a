//! The tokens of an expression, one at a time.

use super::ExpressionError;

/// A token. DynamoDB takes the longest that fits, and between tokens any blanks or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'r> {
    /// A word that is no keyword and has no parenthesis after it: an attribute.
    Word(&'r str),
    /// A word and the parenthesis after it: a function. Its parenthesis is no token of its own,
    /// so that no attribute is ever taken for a function or the other way round.
    Call(&'r str),
    /// `#name`, with the `#`.
    Name(&'r str),
    /// `:value`, with the `:`.
    Value(&'r str),
    /// A position in a list.
    Index,
    /// A word that is never an attribute, in whichever expression.
    Keyword(Keyword),
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`, `<=`, `>` or `>=`
    Order,
    /// One of `( ) [ ] . , + -`
    Symbol(char),
    /// There is no more.
    End,
}

/// The keywords, in whatever case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Not,
    Between,
    In,
    Set,
    Remove,
    Add,
    Delete,
}

impl Keyword {
    fn named(word: &str) -> Option<Self> {
        // Most words are attributes and of another length.
        let candidates: &[(&str, Self)] = match word.len() {
            2 => &[("OR", Self::Or), ("IN", Self::In)],
            3 => &[("AND", Self::And), ("NOT", Self::Not), ("SET", Self::Set), ("ADD", Self::Add)],
            6 => &[("REMOVE", Self::Remove), ("DELETE", Self::Delete)],
            7 => &[("BETWEEN", Self::Between)],
            _ => return None,
        };
        let found = candidates.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        found.map(|(_, keyword)| *keyword)
    }
}

/// Reads one token ahead.
pub(super) struct Lexer<'r> {
    /// The token that comes next.
    token: Token<'r>,
    /// Where it starts, in bytes.
    at: usize,
    /// What comes after it.
    rest: &'r str,
    /// All of the expression, in bytes.
    length: usize,
}

impl<'r> Lexer<'r> {
    pub(super) fn new(text: &'r str) -> Result<Self, ExpressionError> {
        let mut lexer = Self { token: Token::End, at: 0, rest: text, length: text.len() };
        lexer.read()?;
        Ok(lexer)
    }

    /// The next token, which stays the next.
    pub(super) fn peek(&self) -> Token<'r> {
        self.token
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Result<Token<'r>, ExpressionError> {
        let token = self.token;
        self.read()?;
        Ok(token)
    }

    /// Where the next token starts, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn read(&mut self) -> Result<(), ExpressionError> {
        let text = after_blanks(self.rest);
        self.at = self.length - text.len();
        let mut bytes = text.bytes();
        let Some(first) = bytes.next() else {
            (self.token, self.rest) = (Token::End, text);
            return Ok(());
        };
        let syntax = ExpressionError::Syntax { at: self.at };
        let length = match first {
            b'#' | b':' => match bytes.take_while(in_word).count() {
                0 => return Err(syntax),
                name => 1 + name,
            },
            // Not `_`, although it may come later in a word.
            b'A'..=b'Z' | b'a'..=b'z' => 1 + bytes.take_while(in_word).count(),
            b'1'..=b'9' => 1 + bytes.take_while(u8::is_ascii_digit).count(),
            b'<' if matches!(bytes.next(), Some(b'>' | b'=')) => 2,
            b'>' if bytes.next() == Some(b'=') => 2,
            // No position has a zero before it.
            b'0' | b'=' | b'<' | b'>' => 1,
            b'(' | b')' | b'[' | b']' | b'.' | b',' | b'+' | b'-' => 1,
            _ => return Err(syntax),
        };
        let (lexeme, rest) = text.split_at_checked(length).ok_or(syntax)?;
        self.rest = rest;
        self.token = match first {
            b'#' => Token::Name(lexeme),
            b':' => Token::Value(lexeme),
            b'A'..=b'Z' | b'a'..=b'z' => self.word(lexeme),
            b'0'..=b'9' => Token::Index,
            b'=' => Token::Equal,
            b'<' if lexeme == "<>" => Token::NotEqual,
            b'<' | b'>' => Token::Order,
            symbol => Token::Symbol(char::from(symbol)),
        };
        Ok(())
    }

    /// The token that starts with `word`.
    fn word(&mut self, word: &'r str) -> Token<'r> {
        if let Some(keyword) = Keyword::named(word) {
            return Token::Keyword(keyword);
        }
        match after_blanks(self.rest).strip_prefix('(') {
            None => Token::Word(word),
            Some(rest) => {
                self.rest = rest;
                Token::Call(word)
            }
        }
    }
}

/// What comes after the blanks that `text` starts with. Nothing but these four is one.
fn after_blanks(text: &str) -> &str {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    text.get(text.bytes().take_while(blank).count()..).unwrap_or_default()
}

/// What a word may have after its first letter, and placeholders after their sign.
pub(super) fn in_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}
