//! From tokens to a statement.

use std::collections::HashSet;

use super::{
    Condition, Json, PartiqlError, Projection, Scalar, Statement, Verb,
    lexer::{Placed, Token},
    reserved::reserved,
};

/// Where in a statement the reading is, and what was seen on the way.
pub(super) struct Parser<'s> {
    tokens: &'s [Placed<'s>],
    parameters: &'s [Json<'s>],
    /// The tokens and the parameters that are read.
    position: usize,
    used: usize,
    depth: usize,
    /// The first steps of all paths, and where they are.
    paths: Vec<(String, usize)>,
}

/// A table, and the index that goes with it.
struct Target {
    table: String,
    index: Option<String>,
}

impl<'s> Parser<'s> {
    /// `tokens` as the lexer has them.
    pub(super) fn new(tokens: &'s [Placed<'s>], parameters: &'s [Json<'s>]) -> Self {
        Self { tokens, parameters, position: 0, used: 0, depth: 0, paths: Vec::new() }
    }

    /// The whole statement.
    pub(super) fn statement(mut self) -> Result<Statement, PartiqlError> {
        let statement = if self.keyword("select") {
            self.select()
        } else if self.keyword("insert") {
            self.insert()
        } else if self.keyword("update") {
            self.update()
        } else if self.keyword("delete") {
            self.delete()
        } else if self.keyword("exists") {
            self.exists()
        } else {
            Err(self.expected("SELECT, INSERT, UPDATE, DELETE or EXISTS"))
        }?;
        if *self.peek() != Token::End {
            return Err(self.expected("the end"));
        }
        if self.used != self.parameters.len() {
            let given = self.parameters.len();
            return Err(PartiqlError::Parameters { expected: self.used, given });
        }
        self.check_paths(&statement)?;
        Ok(statement)
    }

    /// `SELECT` …
    fn select(&mut self) -> Result<Statement, PartiqlError> {
        let projection = if self.symbol("*") {
            Projection::All
        } else {
            self.list(Self::path)?;
            Projection::Specific
        };
        self.expect_keyword("from", "FROM")?;
        let target = self.target()?;
        let condition = match self.keyword("where") {
            true => self.condition()?,
            false => Condition::Free,
        };
        if self.keyword("order") {
            self.expect_keyword("by", "BY")?;
            self.list(|parser| {
                parser.path()?;
                let _said = parser.keyword("asc") || parser.keyword("desc");
                Ok(())
            })?;
        }
        let statement = self.made(Verb::Select, target, condition);
        Ok(Statement { projection: Some(projection), ..statement })
    }

    /// `EXISTS` `(SELECT …)`
    fn exists(&mut self) -> Result<Statement, PartiqlError> {
        self.expect_symbol("(")?;
        self.expect_keyword("select", "SELECT")?;
        let statement = self.select()?;
        self.expect_symbol(")")?;
        Ok(Statement { condition_check: true, ..statement })
    }

    /// `INSERT` `INTO table VALUE {…}`
    fn insert(&mut self) -> Result<Statement, PartiqlError> {
        self.expect_keyword("into", "INTO")?;
        let target = self.table_only()?;
        self.expect_keyword("value", "VALUE")?;
        self.expect_symbol("{")?;
        let item = self.tuple()?;
        let names = item.iter().map(|(name, _)| name.clone()).collect();
        let keys = item.into_iter().filter_map(|(attribute, value)| {
            Some(Condition::OneOf { attribute, values: vec![value?.into_owned()] })
        });
        let statement = self.made(Verb::Insert, target, Condition::All(keys.collect()));
        Ok(Statement { attributes: names, ..statement })
    }

    /// `UPDATE` `table SET … REMOVE … WHERE … RETURNING …`
    fn update(&mut self) -> Result<Statement, PartiqlError> {
        let target = self.table_only()?;
        let mut changed = Vec::new();
        loop {
            if self.keyword("set") {
                changed.extend(self.list(|parser| {
                    let path = parser.path()?;
                    parser.expect_symbol("=")?;
                    parser.assigned()?;
                    Ok(path.first.to_owned())
                })?);
            } else if self.keyword("remove") {
                // One path: DynamoDB wants REMOVE before each.
                changed.push(self.path()?.first.to_owned());
            } else {
                break;
            }
        }
        if changed.is_empty() {
            return Err(self.expected("SET or REMOVE"));
        }
        self.expect_keyword("where", "WHERE")?;
        let condition = self.condition()?;
        let returning = self.returning()?;
        let statement = self.made(Verb::Update, target, condition);
        Ok(Statement { changed, returning, ..statement })
    }

    /// `DELETE` `FROM table WHERE … RETURNING ALL OLD *`
    fn delete(&mut self) -> Result<Statement, PartiqlError> {
        self.expect_keyword("from", "FROM")?;
        let target = self.table_only()?;
        // Without it some programs delete everything.
        self.expect_keyword("where", "WHERE")?;
        let condition = self.condition()?;
        let at = self.at();
        let returning = self.returning()?;
        if returning.is_some_and(|returning| returning != "ALL_OLD") {
            let what = "DELETE that returns anything but ALL OLD *";
            return Err(PartiqlError::Unsupported { what, at });
        }
        let statement = self.made(Verb::Delete, target, condition);
        Ok(Statement { returning, ..statement })
    }

    fn returning(&mut self) -> Result<Option<&'static str>, PartiqlError> {
        if !self.keyword("returning") {
            return Ok(None);
        }
        let all = self.keyword("all");
        if !all {
            self.expect_keyword("modified", "ALL or MODIFIED")?;
        }
        let old = self.keyword("old");
        if !old {
            self.expect_keyword("new", "OLD or NEW")?;
        }
        self.expect_symbol("*")?;
        Ok(Some(match (all, old) {
            (true, true) => "ALL_OLD",
            (true, false) => "ALL_NEW",
            (false, true) => "UPDATED_OLD",
            (false, false) => "UPDATED_NEW",
        }))
    }

    fn made(&self, verb: Verb, target: Target, condition: Condition) -> Statement {
        Statement {
            verb,
            condition_check: false,
            table: target.table,
            index: target.index,
            attributes: self.paths.iter().map(|(name, _)| name.clone()).collect(),
            projection: None,
            returning: None,
            changed: Vec::new(),
            condition,
        }
    }

    /// In `PartiQL` proper a table's name is a variable that holds the row: `SELECT t.a FROM t` is
    /// its attribute `a`, and `SELECT t FROM t` all of them.
    fn check_paths(&self, statement: &Statement) -> Result<(), PartiqlError> {
        // The names in an ARN are between slashes.
        let names = statement.table.split('/').chain(statement.index.as_deref());
        // A statement has room for thousands of either.
        let variables: HashSet<String> = names.map(str::to_ascii_lowercase).collect();
        let is_variable = |name: &str| variables.contains(&name.to_ascii_lowercase());
        match self.paths.iter().find(|(name, _)| is_variable(name)) {
            None => Ok(()),
            Some((_, at)) => {
                let what = "an attribute by the name of the table";
                Err(PartiqlError::Unsupported { what, at: *at })
            }
        }
    }

    /// A table, and maybe an index, which takes quotes around both.
    fn target(&mut self) -> Result<Target, PartiqlError> {
        let quoted = matches!(self.peek(), Token::Name(_));
        let table = self.resource()?;
        if !quoted || !self.symbol(".") {
            return Ok(Target { table, index: None });
        }
        match self.peek() {
            Token::Name(_) => Ok(Target { table, index: Some(self.resource()?) }),
            _ => Err(self.expected("the index's name in double quotes")),
        }
    }

    fn table_only(&mut self) -> Result<Target, PartiqlError> {
        Ok(Target { table: self.resource()?, index: None })
    }

    /// The name of a table or an index, or an ARN.
    fn resource(&mut self) -> Result<String, PartiqlError> {
        let at = self.at();
        let name = self.name("a table")?;
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
        match name.chars().all(known) {
            true => Ok(name.to_owned()),
            false => Err(PartiqlError::Unsupported { what: "the name of no table or index", at }),
        }
    }

    /// A path, of which the first step is noted.
    pub(super) fn path(&mut self) -> Result<Path<'s>, PartiqlError> {
        let at = self.at();
        let first = self.name("a name")?;
        self.paths.push((first.to_owned(), at));
        let mut whole = true;
        loop {
            if self.symbol(".") {
                self.name("a name")?;
            } else if self.symbol("[") {
                match self.peek() {
                    Token::Number(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                        self.position += 1;
                    }
                    _ => return Err(self.expected("a position in a list")),
                }
                self.expect_symbol("]")?;
            } else {
                return Ok(Path { first, whole });
            }
            whole = false;
        }
    }

    /// A name: a word that means nothing else, or anything in double quotes.
    fn name(&mut self, what: &'static str) -> Result<&'s str, PartiqlError> {
        let name = match self.peek() {
            Token::Name(name) => name,
            Token::Word(word) => {
                let at = self.at();
                if *self.peek_second() == Token::Symbol("(") {
                    return Err(PartiqlError::Unsupported { what: "this function", at });
                }
                if let Some(word) = reserved(word) {
                    return Err(PartiqlError::Reserved { word, at });
                }
                word
            }
            _ => return Err(self.expected(what)),
        };
        self.position += 1;
        Ok(name)
    }

    /// What `?` stands for here, if it can be a key.
    pub(super) fn parameter(&mut self) -> Option<Scalar<'s>> {
        let parameter = self.parameters.get(self.used);
        self.used += 1;
        parameter.and_then(Scalar::of)
    }

    /// One or more, with commas between them.
    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<Vec<T>, PartiqlError> {
        let mut items = vec![item(self)?];
        while self.symbol(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Something inside something else.
    pub(super) fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        if self.depth == MAX_DEPTH {
            return Err(PartiqlError::TooDeep { at: self.at() });
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    pub(super) fn peek(&self) -> &'s Token<'s> {
        self.tokens.get(self.position).map_or(&Token::End, |placed| &placed.token)
    }

    pub(super) fn peek_second(&self) -> &'s Token<'s> {
        self.tokens.get(self.position + 1).map_or(&Token::End, |placed| &placed.token)
    }

    /// Where the next token is.
    pub(super) fn at(&self) -> usize {
        let placed = self.tokens.get(self.position).or(self.tokens.last());
        placed.map_or(1, |placed| placed.at)
    }

    /// Goes past the next token, which was looked at.
    pub(super) fn advance(&mut self) {
        self.position += 1;
    }

    /// Whether the next token is this keyword (in lower case); goes past it if so.
    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        self.position += usize::from(found);
        found
    }

    pub(super) fn expect_keyword(
        &mut self,
        keyword: &str,
        expected: &'static str,
    ) -> Result<(), PartiqlError> {
        if self.keyword(keyword) { Ok(()) } else { Err(self.expected(expected)) }
    }

    /// Whether the next token is this symbol; goes past it if so.
    pub(super) fn symbol(&mut self, symbol: &'static str) -> bool {
        let found = *self.peek() == Token::Symbol(symbol);
        self.position += usize::from(found);
        found
    }

    pub(super) fn expect_symbol(&mut self, symbol: &'static str) -> Result<(), PartiqlError> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.expected(symbol)) }
    }

    pub(super) fn expected(&self, expected: &'static str) -> PartiqlError {
        PartiqlError::Syntax { expected, found: self.peek().described(), at: self.at() }
    }
}

/// A path, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path<'s> {
    /// The attribute.
    pub(super) first: &'s str,
    /// Whether the path is the attribute and nothing in it.
    pub(super) whole: bool,
}

/// How deep conditions and values may be nested; DynamoDB stores 32 levels.
const MAX_DEPTH: usize = 64;
