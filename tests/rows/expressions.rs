//! Expressions, and the parameters that came before them.

use serde_json::{Map, Value, json};

use super::{
    cases::Maker,
    world::{Kind, Table, attribute},
};

/// The placeholders of an expression, and of the others beside it.
#[derive(Default)]
pub(super) struct Placeholders {
    names: Map<String, Value>,
    values: Map<String, Value>,
}

impl Maker<'_> {
    /// A path as expressions write it.
    pub(super) fn path(&mut self, path: &str, placeholders: &mut Placeholders) -> String {
        let segment = |name: &str| {
            if !RESERVED.contains(&name) && self.random.chance(60) {
                return name.to_owned();
            }
            let placeholder = match self.random.chance(20) {
                true => format!("#{}", placeholders.names.len()),
                false => format!("#{name}"),
            };
            placeholders.names.insert(placeholder.clone(), json!(name));
            placeholder
        };
        path.split('.').map(segment).collect::<Vec<_>>().join(".")
    }

    pub(super) fn placeholder(value: Value, placeholders: &mut Placeholders) -> String {
        let name = format!(":v{}", placeholders.values.len());
        placeholders.values.insert(name.clone(), value);
        name
    }

    /// A condition that may name any attribute: it is about the row that the key names.
    pub(super) fn condition(&mut self, table: &Table, placeholders: &mut Placeholders) -> String {
        if self.random.chance(40) {
            // True of every row.
            return match self.random.chance(50) {
                true => "attribute_not_exists(never)".to_owned(),
                false => {
                    let path = self.path("info.owner", placeholders);
                    format!("attribute_exists({path}) OR attribute_not_exists({path})")
                }
            };
        }
        let attribute = self.any(table);
        let path = self.path(attribute, placeholders);
        match self.random.below(9) {
            0 => format!("attribute_exists({path})"),
            1 => format!("attribute_not_exists({path})"),
            2 => format!("NOT attribute_exists( {path} )"),
            3 => {
                let value = self.text();
                format!("begins_with({path},{})", Self::placeholder(value, placeholders))
            }
            4 => {
                let values = [self.value(), self.value()];
                let [one, other] = values.map(|value| Self::placeholder(value, placeholders));
                format!("{path} IN ({one}, {other})")
            }
            5 => {
                let size = self.small();
                format!("size({path}) >= {}", Self::placeholder(size, placeholders))
            }
            6 => {
                let (one, other) =
                    (self.condition(table, placeholders), self.condition(table, placeholders));
                format!("({one}) {} {other}", self.random.pick(&["AND", "OR", "or"]))
            }
            7 => {
                let person = self.anybody();
                let value = self.owner(table, person);
                let path = self.path(table.owner.0, placeholders);
                let value = Self::placeholder(value, placeholders);
                format!("{path}{}{value}", self.random.pick(&["=", " <> ", "<="]))
            }
            _ => {
                let value = self.value();
                format!("{path} = {}", Self::placeholder(value, placeholders))
            }
        }
    }

    pub(super) fn project(
        &mut self,
        table: &Table,
        legacy: bool,
        body: &mut Value,
        placeholders: &mut Placeholders,
    ) {
        let mut attributes: Vec<&str> = Vec::new();
        for _ in 0..self.random.some(3) {
            let attribute = self.any(table);
            let top = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
            if !attributes.iter().any(|known| top(known) == top(attribute)) {
                attributes.push(attribute);
            }
        }
        match self.random.below(4) {
            0 | 1 if legacy => {
                let tops = attributes.iter().map(|path| path.split('.').next());
                body["AttributesToGet"] = tops.collect();
            }
            0..=2 => {
                let paths = attributes.iter().map(|path| self.path(path, placeholders));
                body["ProjectionExpression"] = json!(paths.collect::<Vec<_>>().join(", "));
            }
            _ => {}
        }
    }

    pub(super) fn updates(&mut self, table: &Table, placeholders: &mut Placeholders) -> String {
        let mut set = |maker: &mut Self, path: &str, value: Value| {
            let path = maker.path(path, placeholders);
            (path, Self::placeholder(value, placeholders))
        };
        match self.random.below(8) {
            0 => {
                let value = self.small();
                let (path, value) = set(self, "at", value);
                format!("SET {path} = {path} + {value}")
            }
            1 => {
                let value = self.text();
                let (path, value) = set(self, "info.owner", value);
                format!("SET {path}={value}")
            }
            2 => {
                let value = self.small();
                let (path, value) = set(self, "at", value);
                format!("ADD {path} {value}")
            }
            3 => {
                let path = self.path("note", placeholders);
                format!("REMOVE {path}, kind")
            }
            4 => {
                let value = self.text();
                let (path, value) = set(self, "note", value);
                format!("SET {path} = if_not_exists({path}, {value}) REMOVE nothing")
            }
            5 => {
                // A key can't be changed; a backend that does it would make a row another's.
                self.odd = true;
                let person = self.anybody();
                let value = self.owner(table, person);
                let (path, value) = set(self, table.owner.0, value);
                format!("SET {path} = {value}")
            }
            _ => {
                let value = self.text();
                let (path, value) = set(self, "note", value);
                format!("SET {path} = {value}")
            }
        }
    }

    pub(super) fn key_conditions(
        &mut self,
        table: &Table,
        sort: Option<(&str, Kind)>,
        person: usize,
    ) -> Value {
        let is = |operator: &str, value: Value| json!({ "ComparisonOperator": operator, "AttributeValueList": [value] });
        let mut conditions = Map::new();
        conditions.insert(table.owner.0.to_owned(), is("EQ", self.owner(table, person)));
        if let Some((name, kind)) = sort.filter(|_| self.random.chance(40)) {
            let text = self.sort_value(table, name, kind, person);
            let operator = self.random.word(&["EQ", "LE", "GT"]);
            conditions.insert(name.to_owned(), is(operator, attribute(kind, &text)));
        }
        conditions.into()
    }

    pub(super) fn sort_value(
        &mut self,
        table: &Table,
        name: &str,
        kind: Kind,
        person: usize,
    ) -> String {
        match table.sort {
            Some((own, _)) if own == name => self.sort_text(table, person),
            _ if kind == Kind::N => self.random.below(1000).to_string(),
            _ => "note".to_owned(),
        }
    }

    pub(super) fn key_condition(
        &mut self,
        table: &Table,
        sort: Option<(&str, Kind)>,
        person: usize,
        placeholders: &mut Placeholders,
    ) -> String {
        let owner = self.owner(table, person);
        let path = self.path(table.owner.0, placeholders);
        let value = Self::placeholder(owner, placeholders);
        let equal = match self.random.below(8) {
            0 => format!("{value} = {path}"),
            1 => format!("({path} = {value})"),
            2 => format!("{path}={value}"),
            3 if self.random.chance(60) => {
                self.odd = true;
                let person = self.anybody();
                let other = self.owner(table, person);
                let other = Self::placeholder(other, placeholders);
                let strange = [
                    format!("{path} = {value} OR {path} = {other}"),
                    format!("{path} = {value} AND {path} = {other}"),
                    format!("{path} IN ({value}, {other})"),
                    format!("{path} BETWEEN {value} AND {other}"),
                    format!("NOT {path} = {value}"),
                    format!("{path} <> {value}"),
                    format!("{path} >= {value}"),
                    format!("begins_with({path}, {value})"),
                    format!("{path}[0] = {value}"),
                    format!("info.{path} = {value}"),
                    format!("{value} = {value}"),
                    format!("{path} = {path}"),
                    format!("((({path} = {value})))"),
                    format!("{path} = {value} = {other}"),
                    format!("{path}  =\n{value}\t"),
                    format!("size({path}) = {value}"),
                ];
                self.random.pick(&strange).clone()
            }
            _ => format!("{path} = {value}"),
        };
        let Some((name, kind)) = sort.filter(|_| self.random.chance(40)) else { return equal };
        let path = self.path(name, placeholders);
        let bound = self.sort_value(table, name, kind, person);
        let bound = self.spelled(kind, &bound);
        let bound = Self::placeholder(bound, placeholders);
        let and = match self.random.below(4) {
            0 if kind == Kind::S => format!("begins_with({path}, {bound})"),
            1 => format!("{path} BETWEEN {bound} AND {bound}"),
            2 => format!("{path} {} {bound}", self.random.pick(&["<", "<=", ">", ">="])),
            _ => format!("{path} = {bound}"),
        };
        match self.random.chance(25) {
            true => format!("{and} AND {equal}"),
            false => format!("{equal} AND {and}"),
        }
    }
}

impl Placeholders {
    pub(super) fn add_to(self, body: &mut Value) {
        for (member, placeholders) in
            [("ExpressionAttributeNames", self.names), ("ExpressionAttributeValues", self.values)]
        {
            if !placeholders.is_empty() {
                body[member] = placeholders.into();
            }
        }
    }
}

/// Attributes of the tables here that can't be in an expression as they are.
const RESERVED: [&str; 3] = ["at", "owner", "key"];
