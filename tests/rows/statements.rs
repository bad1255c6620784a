//! Statements of PartiQL.

use serde_json::{Value, json};

use super::{
    cases::Maker,
    world::{Kind, Table},
};

/// What statements are among.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Others, or none.
    Alone,
    /// A transaction, which takes not all of them.
    Transaction,
}

impl Maker<'_> {
    /// A request with one statement.
    pub(super) fn statement(&mut self, verb: Option<&str>) -> Value {
        let verb = verb.unwrap_or_else(|| self.verb());
        let mut body = self.entry(verb, Style::Alone);
        self.reading(&mut body);
        self.capacity(&mut body);
        if self.random.chance(15) {
            body["Limit"] = json!(self.random.some(5));
        }
        body
    }

    /// A request with several: all of them read, or all of them write.
    pub(super) fn statements(&mut self, list: &str) -> Value {
        let reads = self.random.chance(40);
        let style = match list == "TransactStatements" {
            true => Style::Transaction,
            false => Style::Alone,
        };
        let mut entries: Vec<Value> = (0..self.random.some(3))
            .map(|_| match reads {
                true => self.entry("SELECT", style),
                false => {
                    let verb = self.random.word(&["INSERT", "UPDATE", "DELETE"]);
                    self.entry(verb, style)
                }
            })
            .collect();
        if !reads && style == Style::Transaction && self.random.chance(30) {
            entries.push(self.entry("EXISTS", style));
        }
        let mut body = json!({ list: entries });
        if list == "TransactStatements" {
            self.token(&mut body);
        }
        body
    }

    fn verb(&mut self) -> &'static str {
        self.random.word(&["SELECT", "SELECT", "INSERT", "UPDATE", "DELETE"])
    }

    fn entry(&mut self, verb: &str, style: Style) -> Value {
        let table = self.table();
        let mut parameters = Vec::new();
        let mut text = self.text_of(verb, style, table, &mut parameters);
        if self.random.chance(8) {
            self.odd = true;
            text = self.garbled(&text, table);
        }
        let mut entry = json!({ "Statement": text });
        if !parameters.is_empty() {
            entry["Parameters"] = parameters.into();
        }
        if matches!(verb, "UPDATE" | "DELETE") && self.random.chance(20) {
            entry["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
        }
        entry
    }

    fn text_of(
        &mut self,
        verb: &str,
        style: Style,
        table: &Table,
        parameters: &mut Vec<Value>,
    ) -> String {
        // Most of what a transaction doesn't take isn't worth asking.
        let alone = style == Style::Alone || self.random.chance(5);
        let person = self.someone();
        match verb {
            "INSERT" => {
                let owner = self.owner(table, person);
                let mut members = vec![(table.owner.0, owner)];
                if let (Some((name, _)), Some(value)) =
                    (table.sort, self.sort_attribute(table, person))
                {
                    members.push((name, value));
                }
                if self.random.chance(50) {
                    members.push(("note", json!({ "S": "it's new" })));
                }
                self.random.shuffle(&mut members);
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(name, value)| {
                        format!("'{name}'{}: {}", self.space(0), self.literal(value, parameters))
                    })
                    .collect();
                let (into, table) = (self.word("INSERT INTO"), self.from(table, false));
                format!("{into} {table} {} {{{}}}", self.word("VALUE"), members.join(", "))
            }
            "UPDATE" => {
                let (update, table_text) = (self.word("UPDATE"), self.from(table, false));
                let change = match self.random.below(5) {
                    0 => "SET \"at\" = 5".to_owned(),
                    1 => "REMOVE \"kind\"".to_owned(),
                    2 => "SET note = 'x' SET \"at\" = 7".to_owned(),
                    3 if self.random.chance(40) => {
                        self.odd = true;
                        let anybody = self.anybody();
                        let owner = self.owner(table, anybody);
                        format!("SET \"{}\" = {}", table.owner.0, self.literal(owner, parameters))
                    }
                    _ => {
                        let note = json!({ "S": "blue" });
                        format!("SET \"note\" = {}", self.literal(note, parameters))
                    }
                };
                let key = self.whole_key(table, person, parameters);
                let returning = match alone && self.random.chance(30) {
                    true => " RETURNING ALL NEW *",
                    false => "",
                };
                format!("{update} {table_text} {change} {} {key}{returning}", self.word("WHERE"))
            }
            "DELETE" => {
                let (from, table_text) = (self.word("DELETE FROM"), self.from(table, false));
                let key = self.whole_key(table, person, parameters);
                let returning = match alone && self.random.chance(40) {
                    true => " RETURNING ALL OLD *",
                    false => "",
                };
                format!("{from} {table_text} {} {key}{returning}", self.word("WHERE"))
            }
            "EXISTS" => {
                let table_text = self.from(table, false);
                let key = self.whole_key(table, person, parameters);
                format!("EXISTS(SELECT * FROM {table_text} WHERE {key})")
            }
            _ => {
                let columns =
                    self.random.word(&["*", "*", "\"secret\", note", "\"info\".\"owner\""]);
                let (select, from) = (self.word("SELECT"), self.word("FROM"));
                let table_text = self.from(table, alone);
                let condition = match !alone || self.random.chance(50) {
                    true => self.whole_key(table, person, parameters),
                    false => self.condition_of(table, person, parameters),
                };
                format!("{select} {columns} {from} {table_text} {} {condition}", self.word("WHERE"))
            }
        }
    }

    /// `owner = … AND id = …`.
    fn whole_key(&mut self, table: &Table, person: usize, parameters: &mut Vec<Value>) -> String {
        let owner = self.owner(table, person);
        let owner = format!(
            "\"{}\"{}={}{}",
            table.owner.0,
            self.space(0),
            self.space(0),
            self.literal(owner, parameters)
        );
        let Some((name, _)) = table.sort else { return owner };
        let Some(value) = self.sort_attribute(table, person) else { return owner };
        format!("{owner} {} \"{name}\" = {}", self.word("AND"), self.literal(value, parameters))
    }

    /// Other conditions by which a `SELECT` says whose rows it wants.
    fn condition_of(
        &mut self,
        table: &Table,
        person: usize,
        parameters: &mut Vec<Value>,
    ) -> String {
        let name = table.owner.0;
        let mut owner = |maker: &mut Self, person: usize| {
            let value = maker.owner(table, person);
            maker.literal(value, parameters)
        };
        let first = owner(self, person);
        match self.random.below(8) {
            0 => {
                let person = self.someone();
                let second = owner(self, person);
                format!("\"{name}\" IN [{first}, {second}]")
            }
            1 => format!("\"{name}\" = {first} AND \"note\" <> 'x'"),
            2 => format!("\"{name}\" = {first} AND (\"kind\" = 'red' OR \"at\" > 3)"),
            3 => format!("\"{name}\" = {first} AND begins_with(\"note\", 'note')"),
            4 => {
                self.odd = true;
                let anybody = self.anybody();
                let second = owner(self, anybody);
                let strange = [
                    format!("\"{name}\" = {first} OR \"{name}\" = {second}"),
                    format!("(\"{name}\" = {first}) OR \"note\" = {second}"),
                    format!("\"{name}\" = {first} AND \"note\" = 'x' OR \"{name}\" = {second}"),
                    format!("\"{name}\" = {first} OR \"note\" = 'x' AND \"{name}\" = {second}"),
                    format!("\"{name}\" = {first} AND \"{name}\" = {second}"),
                    format!("\"{name}\" IN [{first}] AND \"{name}\" IN [{second}]"),
                    format!("NOT \"{name}\" = {first} AND \"{name}\" = {second}"),
                    format!("NOT (\"{name}\" = {first} AND \"{name}\" = {second})"),
                    format!("\"{name}\" <> {first} AND \"{name}\" <> {second}"),
                    format!("\"{name}\" BETWEEN {first} AND {second}"),
                    format!("\"{name}\" >= {first} AND \"id\" <> {second}"),
                    format!("begins_with(\"{name}\", {first}) AND \"note\" <> {second}"),
                    format!("{first} = \"{name}\" OR {second} = \"{name}\""),
                    format!("\"{name}\" IN ({first}, {second})"),
                    format!("'{name}' = {first} OR '{name}' = {second}"),
                    format!("\"info\".\"{name}\" = {first} OR {name}.x = {second}"),
                    format!("\"{name}\" = {first} -- {second}"),
                    format!("\"{name}\" = {first} /* {second} */"),
                    format!("\"{name}\" = {first}; SELECT * FROM \"things\" WHERE {second} = 1"),
                    format!("\"{name}\" IS NOT MISSING AND (\"{name}\" = {first} OR {second} = 1)"),
                    format!("\"{name}\" = {first} || {second}"),
                    format!("contains(\"{name}\", {first}) OR contains(\"{name}\", {second})"),
                ];
                self.random.pick(&strange).clone()
            }
            5 => format!("(\"{name}\" = {first})"),
            _ => format!("\"{name}\" = {first}"),
        }
    }

    fn from(&mut self, table: &Table, index: bool) -> String {
        match (table.indexes, index) {
            ([(index, _), ..], true) if self.random.chance(25) => {
                format!("\"{}\".\"{index}\"", table.name)
            }
            _ => format!("\"{}\"", table.name),
        }
    }

    fn space(&mut self, least: usize) -> &'static str {
        let spaces = ["", " ", "  ", "\n", "\t"];
        self.random.word(&spaces[least..])
    }

    /// Keywords in any case.
    fn word(&mut self, words: &str) -> String {
        let words: Vec<String> = words
            .split(' ')
            .map(|word| match self.random.below(4) {
                0 => word.to_lowercase(),
                1 => word
                    .chars()
                    .map(|letter| match self.random.chance(50) {
                        true => letter.to_ascii_lowercase(),
                        false => letter,
                    })
                    .collect(),
                _ => word.to_owned(),
            })
            .collect();
        let space = self.space(1);
        words.join(space)
    }

    /// A value in the text, or as a parameter.
    fn literal(&mut self, value: Value, parameters: &mut Vec<Value>) -> String {
        let text = |kind: Kind| {
            let name = match kind {
                Kind::S => "S",
                Kind::N => "N",
                Kind::B => "B",
            };
            value.get(name).and_then(Value::as_str)
        };
        let written = match (text(Kind::S), text(Kind::N)) {
            (Some(text), _) => Some(format!("'{}'", text.replace('\'', "''"))),
            // A number that begins with zeros, or is rounded, isn't read by all in one way.
            (_, Some(number))
                if !number.contains(['e', 'E'])
                    && !number.trim_start_matches('-').starts_with("00") =>
            {
                Some(number.to_owned())
            }
            _ => None,
        };
        // The rest of the text is written from left to right, so are the parameters.
        match written.filter(|_| self.random.chance(60)) {
            Some(written) => written,
            None => {
                parameters.push(value);
                "?".to_owned()
            }
        }
    }

    /// A statement with a mistake, or with more than it should have.
    fn garbled(&mut self, text: &str, table: &Table) -> String {
        let person = self.another();
        let other = self.owner(table, person);
        let other = self.literal(other, &mut Vec::new());
        let name = table.owner.0;
        match self.random.below(16) {
            0 => format!("{text} OR \"{name}\" = {other}"),
            1 => format!("{text} OR 1 = 1"),
            2 => format!("{text};"),
            3 => format!("{text} -- \"{name}\" = {other}"),
            4 => text.replacen('=', "<>", 1),
            5 => text.replacen('=', ">=", 1),
            6 => text.replacen("AND", "OR", 1),
            7 => text.replacen('"', "'", 2),
            8 => text.replace('"', ""),
            9 => text.replacen("WHERE", "WHERE NOT", 1),
            10 => text.replacen(&format!("\"{name}\""), &format!("\"{}\"", name.to_uppercase()), 1),
            11 => text.replacen('}', &format!(", '{name}': {other}}}"), 1),
            12 => text.replacen('{', &format!("{{'{name}': {other}, "), 1),
            13 => {
                text.replacen(&format!("\"{}\"", table.name), &format!("\"{}\" t", table.name), 1)
            }
            14 => format!("{text} AND \"{name}\" = {other}"),
            _ => {
                let at = self.random.below(text.len());
                let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
                let (before, after) = text.split_at(at);
                let inserted =
                    self.random.pick(&["'", "\"", " ", "?", "(", "/**/", "\u{a0}", "\0"]);
                format!("{before}{inserted}{after}")
            }
        }
    }
}
