//! Requests: mostly ones that DynamoDB takes, each with what its maker knows of it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    json::{Json, Spelling},
    mutations,
    random::Random,
    world::{Kind, PEOPLE, TABLES, Table, World, attribute, own_id},
};

/// A request.
pub(crate) struct Case {
    /// What it is counted as.
    pub(crate) kind: &'static str,
    pub(crate) operation: String,
    /// The request line and headers, but for the credentials and the length.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) intent: Intent,
}

/// What the gate has to make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Only rows of the caller are named, in a way that is documented: it is allowed.
    Own,
    /// Rows of others are named, or what nobody may do: it is denied.
    Others,
    /// Who knows. If it is allowed, it must do no harm.
    Odd,
}

/// What requests are counted as.
pub(crate) const KINDS: [&str; 14] = [
    "GetItem",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "Query",
    "Query an index",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactGetItems",
    "TransactWriteItems",
    "ExecuteStatement",
    "BatchExecuteStatement",
    "ExecuteTransaction",
    FORBIDDEN,
];

/// What nobody may do, on any row.
pub(crate) const FORBIDDEN: &str = "what is forbidden";

/// Makes one request of `person`.
pub(crate) struct Maker<'w> {
    pub(super) random: Random,
    world: &'w World,
    pub(super) person: usize,
    /// In how many cases of a hundred a row of another is named.
    share: usize,
    /// Whether one was.
    pub(super) others: bool,
    /// Whether there is anything odd about the request.
    pub(super) odd: bool,
}

impl<'w> Maker<'w> {
    pub(crate) fn new(mut random: Random, world: &'w World, person: usize) -> Self {
        let share = *random.pick(&[0, 0, 0, 10, 50, 100]);
        Self { random, world, person, share, others: false, odd: false }
    }

    pub(crate) fn case(mut self) -> Case {
        let kind = *self.random.pick(&KINDS);
        let operation = kind.split(' ').next().unwrap_or_default();
        let (operation, body) = match kind {
            "GetItem" => (operation, self.get()),
            "PutItem" => (operation, self.put()),
            "UpdateItem" => (operation, self.update()),
            "DeleteItem" => (operation, self.delete()),
            "Query" => (operation, self.query(false)),
            "Query an index" => (operation, self.query(true)),
            "BatchGetItem" => (operation, self.batch_get()),
            "BatchWriteItem" => (operation, self.batch_write()),
            "TransactGetItems" => (operation, self.transact_get()),
            "TransactWriteItems" => (operation, self.transact_write()),
            "ExecuteStatement" => (operation, self.statement(None)),
            "BatchExecuteStatement" => (operation, self.statements("Statements")),
            "ExecuteTransaction" => (operation, self.statements("TransactStatements")),
            _ => self.forbidden(),
        };
        let mut body = Json::from(body);
        if self.random.chance(30) {
            self.odd = true;
            for _ in 0..self.random.some(3) {
                mutations::of_json(&mut body, &mut self);
            }
        }
        let spelling = *self.random.pick(&[Spelling::Plain, Spelling::Odd, Spelling::Odd]);
        let mut body = body.write(spelling, &mut self.random).into_bytes();
        let mut head = format!(
            "POST / HTTP/1.1\r\nhost: gate\r\nx-amz-target: DynamoDB_20120810.{operation}\r\n\
             content-type: application/x-amz-json-1.0\r\n"
        );
        if self.random.chance(3) {
            self.odd = true;
            mutations::of_bytes(&mut body, &mut self.random);
        }
        if self.random.chance(3) {
            self.odd = true;
            head = mutations::of_head(&head, &mut self.random);
        }
        let intent = match (self.odd, self.others) {
            (true, _) => Intent::Odd,
            (false, true) => Intent::Others,
            (false, false) => Intent::Own,
        };
        Case { kind, operation: operation.to_owned(), head, body, intent }
    }

    /// Whose row is named next.
    pub(super) fn someone(&mut self) -> usize {
        match self.random.chance(self.share) {
            true => {
                self.others = true;
                self.another()
            }
            false => self.person,
        }
    }

    /// Somebody else.
    pub(super) fn another(&mut self) -> usize {
        (self.person + self.random.some(PEOPLE - 1)) % PEOPLE
    }

    pub(super) fn anybody(&mut self) -> usize {
        self.random.below(PEOPLE)
    }

    pub(super) fn table(&mut self) -> &'static Table {
        self.random.pick(&TABLES)
    }

    /// A table as requests name it.
    pub(super) fn named(&mut self, table: &Table) -> String {
        match self.random.chance(5) {
            true => format!("arn:aws:dynamodb:us-east-1:111122223333:table/{}", table.name),
            false => table.name.to_owned(),
        }
    }

    pub(super) fn owner(&mut self, table: &Table, person: usize) -> Value {
        let text = self.world.owner(table, person);
        self.spelled(table.owner.1, &text)
    }

    pub(super) fn spelled(&mut self, kind: Kind, text: &str) -> Value {
        match kind {
            Kind::N => attribute(kind, &self.number(text)),
            _ => attribute(kind, text),
        }
    }

    /// One of the ways to write a number.
    pub(super) fn number(&mut self, plain: &str) -> String {
        let (sign, unsigned) = plain.strip_prefix('-').map_or(("", plain), |rest| ("-", rest));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = [whole, fraction].concat();
        let scale = fraction.len();
        let ways = [
            plain.to_owned(),
            plain.to_owned(),
            plain.to_owned(),
            format!("{sign}{digits}e-{scale}"),
            format!("{sign}{digits}00E-{}", scale + 2),
            format!("{sign}0.{digits}e+{}", whole.len()),
            format!("{sign}00{unsigned}"),
            format!("{sign}{whole}.{fraction}000"),
        ];
        self.random.pick(&ways).clone()
    }

    pub(super) fn sort_text(&mut self, table: &Table, person: usize) -> String {
        let number = matches!(table.sort, Some((_, Kind::N)));
        match self.random.below(10) {
            0 => own_id(table, person),
            1 => own_id(table, self.random.below(PEOPLE)),
            2 if number => "7".to_owned(),
            2 => "new".to_owned(),
            3..=5 if number => "2".to_owned(),
            3..=5 => "b".to_owned(),
            _ if number => "1".to_owned(),
            _ => "a".to_owned(),
        }
    }

    pub(super) fn key(&mut self, table: &Table, person: usize) -> Map<String, Value> {
        let sort = self.sort_text(table, person);
        self.key_with(table, person, &sort)
    }

    pub(super) fn key_with(
        &mut self,
        table: &Table,
        person: usize,
        sort: &str,
    ) -> Map<String, Value> {
        let mut key = Map::new();
        key.insert(table.owner.0.to_owned(), self.owner(table, person));
        if let Some((name, kind)) = table.sort {
            key.insert(name.to_owned(), self.spelled(kind, sort));
        }
        key
    }

    /// Different keys, as batches must have them.
    pub(super) fn keys(&mut self, table: &Table) -> Vec<Map<String, Value>> {
        let mut seen = BTreeSet::new();
        let mut keys = Vec::new();
        for _ in 0..self.random.some(4) {
            let person = self.someone();
            let sort = self.sort_text(table, person);
            if seen.insert((person, table.sort.map(|_| sort.clone()))) {
                keys.push(self.key_with(table, person, &sort));
            }
        }
        keys
    }

    pub(super) fn item(&mut self, table: &Table, person: usize) -> Map<String, Value> {
        let key = self.key(table, person);
        self.item_of(key)
    }

    pub(super) fn item_of(&mut self, mut item: Map<String, Value>) -> Map<String, Value> {
        for _ in 0..self.random.below(4) {
            let (name, value) = match self.random.below(6) {
                0 => ("note", self.text()),
                1 => ("at", self.small()),
                2 => ("kind", self.text()),
                3 => ("info", json!({ "M": { "owner": self.text(), "id": self.text() } })),
                4 => ("flags", json!({ "SS": ["red", "blue"] })),
                _ => ("nothing", json!({ "NULL": true })),
            };
            item.insert(name.to_owned(), value);
        }
        item
    }

    /// Some text, often one that would be somebody's row in a key.
    pub(super) fn text(&mut self) -> Value {
        json!({ "S": self.random.pick(&["red", "blue", "Red", "a", "x y", "it's", "1", "\u{e9}"]) })
    }

    pub(super) fn small(&mut self) -> Value {
        json!({ "N": self.random.below(100).to_string() })
    }

    pub(super) fn value(&mut self) -> Value {
        if self.random.chance(70) { self.text() } else { self.small() }
    }

    /// An attribute that is no key of the table itself.
    pub(super) fn plain(&mut self) -> &'static str {
        self.random.word(&["note", "at", "kind", "secret", "info.owner", "nothing"])
    }

    /// Any attribute.
    pub(super) fn any(&mut self, table: &Table) -> &'static str {
        match self.random.below(4) {
            0 => table.owner.0,
            1 => table.sort.map_or("secret", |(name, _)| name),
            _ => self.plain(),
        }
    }

    pub(super) fn sort_attribute(&mut self, table: &Table, person: usize) -> Option<Value> {
        let (_, kind) = table.sort?;
        let text = self.sort_text(table, person);
        Some(self.spelled(kind, &text))
    }
}
