//! A statement's tokens.

use std::borrow::Cow;

use super::{PartiqlError, reserved::reserved};

/// A token of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'s> {
    /// A word without quotes: a keyword, a name or a function.
    Word(&'s str),
    /// A name in double quotes, which is never a keyword, and one name whatever is in it.
    Name(&'s str),
    /// A string in single quotes.
    Text(Cow<'s, str>),
    /// A number, without a sign.
    Number(&'s str),
    /// Anything else that has a meaning.
    Symbol(&'static str),
    /// After the last one.
    End,
}

/// A token and where it begins, in characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed<'s> {
    pub(super) token: Token<'s>,
    pub(super) at: usize,
}

impl Token<'_> {
    /// The token in an error.
    pub(super) fn described(&self) -> &'static str {
        match self {
            Self::Word(word) => reserved(word).unwrap_or("a name"),
            Self::Name(_) => "a name",
            Self::Text(_) => "a string",
            Self::Number(_) => "a number",
            Self::Symbol(symbol) => symbol,
            Self::End => "the end",
        }
    }
}

/// The tokens of `text`, of which the last is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Placed<'_>>, PartiqlError> {
    let mut lexer = Lexer { rest: text, at: 1 };
    // A token for every three characters or so.
    let mut tokens = Vec::with_capacity(text.len() / 3 + 2);
    loop {
        lexer.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
        let at = lexer.at;
        let token = lexer.token()?;
        let last = token == Token::End;
        tokens.push(Placed { token, at });
        if last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'s> {
    rest: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    fn token(&mut self) -> Result<Token<'s>, PartiqlError> {
        let Some(first) = self.peek() else { return Ok(Token::End) };
        match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                Ok(Token::Word(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_')))
            }
            '0'..='9' => self.number(),
            '\'' => self.text(),
            '"' => self.name(),
            _ => self.symbol(),
        }
    }

    fn symbol(&mut self) -> Result<Token<'s>, PartiqlError> {
        // DynamoDB skips comments. A program that doesn't, or ends them elsewhere, reads another
        // statement.
        for (start, what) in NEVER {
            if self.rest.starts_with(start) {
                return Err(PartiqlError::Unsupported { what, at: self.at });
            }
        }
        let found = SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol));
        let Some(symbol) = found else {
            return Err(PartiqlError::Unsupported { what: "a character", at: self.at });
        };
        self.take(symbol.len());
        Ok(Token::Symbol(symbol))
    }

    /// Digits, maybe a fraction, maybe an exponent: what JSON has without the sign. Programs differ
    /// about `1.`, `.5`, `007` and `1x`.
    fn number(&mut self) -> Result<Token<'s>, PartiqlError> {
        let (start, at) = (self.rest, self.at);
        let invalid = PartiqlError::Number { at };
        let whole = self.take_digits();
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(invalid);
        }
        if self.skip(|c| c == '.') && self.take_digits().is_empty() {
            return Err(invalid);
        }
        if self.skip(|c| matches!(c, 'e' | 'E')) {
            self.skip(|c| matches!(c, '+' | '-'));
            if self.take_digits().is_empty() {
                return Err(invalid);
            }
        }
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\'' | '"');
        if self.peek().is_some_and(goes_on) {
            return Err(invalid);
        }
        let length = start.len() - self.rest.len();
        start.get(..length).map(Token::Number).ok_or(invalid)
    }

    /// A string. Two quotes in it are one; there are no other escapes, and as some programs know
    /// others, a string can't have what they would begin with.
    fn text(&mut self) -> Result<Token<'s>, PartiqlError> {
        let mut text = Cow::Borrowed("");
        loop {
            let piece = self.quoted('\'')?;
            if text.is_empty() {
                text = Cow::Borrowed(piece);
            } else {
                text.to_mut().push_str(piece);
            }
            if self.peek() != Some('\'') {
                return Ok(Token::Text(text));
            }
            text.to_mut().push('\'');
        }
    }

    /// A name. Two quotes in it are one to some programs, its end to others.
    fn name(&mut self) -> Result<Token<'s>, PartiqlError> {
        let at = self.at;
        let name = self.quoted('"')?;
        if name.is_empty() {
            return Err(PartiqlError::Unsupported { what: "an empty name", at });
        }
        if self.peek() == Some('"') {
            return Err(PartiqlError::Unsupported { what: "a quote in a name", at: self.at });
        }
        Ok(Token::Name(name))
    }

    /// What is between this quote and the next one.
    fn quoted(&mut self, quote: char) -> Result<&'s str, PartiqlError> {
        let start = self.at;
        self.skip(|c| c == quote);
        let inside = self.take_while(|c| c != quote && c != '\\' && !is_control(c));
        match self.peek() {
            Some(end) if end == quote => {
                self.skip(|c| c == quote);
                Ok(inside)
            }
            Some('\\') => {
                let what = "a backslash (other than in a parameter)";
                Err(PartiqlError::Unsupported { what, at: self.at })
            }
            Some(_) => {
                let what = "a control character (other than in a parameter)";
                Err(PartiqlError::Unsupported { what, at: self.at })
            }
            None => Err(PartiqlError::Unterminated { at: start }),
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let found = self.peek().filter(|c| wanted(*c));
        if let Some(c) = found {
            self.take(c.len_utf8());
        }
        found.is_some()
    }

    fn take_digits(&mut self) -> &'s str {
        self.take_while(|c| c.is_ascii_digit())
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'s str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.at += taken.chars().count();
        taken
    }
}

/// Lines and tabs in a string are only text.
fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

/// The longer ones first.
const SYMBOLS: [&str; 22] = [
    "<<", ">>", "<>", "<=", ">=", "!=", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":",
    "*", "?", "+", "-",
];

/// What begins something that isn't read.
const NEVER: [(&str, &str); 5] = [
    ("--", "a comment"),
    ("/*", "a comment"),
    (";", "a semicolon"),
    ("`", "an Ion literal"),
    ("==", "a double equals sign"),
];
