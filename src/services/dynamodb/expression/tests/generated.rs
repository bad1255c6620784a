//! Expressions as trees, and how they are written.

use super::*;

/// A path: an attribute, whether it hides behind a placeholder, and the way into it.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) attribute: Name,
    pub(super) way: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) enum Name {
    Bare(String),
    Placeholder(String),
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Member(Name),
    Position(u32),
}

#[derive(Clone, Debug)]
pub(super) enum Operand {
    Path(Path),
    Size(Path),
    Value,
}

#[derive(Clone, Debug)]
pub(super) enum Condition {
    Comparison(Operand, &'static str, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(&'static str, Path),
    Type(Path),
    Contains(&'static str, Operand, Operand),
    Not(Box<Self>),
    Both(Box<Self>, &'static str, Box<Self>),
    Group(Box<Self>),
}

#[derive(Clone, Debug)]
pub(super) enum Set {
    Path(Path),
    Value,
    IfNotExists(Path, Box<Self>),
    ListAppend(Box<Self>, Box<Self>),
    Group(Box<Self>),
}

/// What is set, the first operand, maybe a sign and the second, and whether they are in parentheses.
pub(super) type Assignment = (Path, Set, Option<(&'static str, Set)>, bool);

#[derive(Clone, Debug)]
pub(super) enum Clause {
    Set(Vec<Assignment>),
    Remove(Vec<Path>),
    Value(&'static str, Vec<Path>),
}

/// An expression being written: its tokens, what they stand for, and what should be found.
#[derive(Debug, Default)]
pub(super) struct Text {
    tokens: Vec<String>,
    names: Vec<(String, String)>,
    values: Vec<(String, String)>,
    pub(super) attributes: Vec<String>,
}

impl Text {
    pub(super) fn push(&mut self, token: &str) {
        self.tokens.push(token.to_owned());
    }

    pub(super) fn name(&mut self, name: &Name) {
        match name {
            Name::Bare(name) => self.push(name),
            Name::Placeholder(name) => {
                let placeholder = format!("#n{}", self.names.len());
                self.push(&placeholder);
                self.names.push((placeholder, name.clone()));
            }
        }
    }

    pub(super) fn value(&mut self, text: &str) {
        let placeholder = format!(":v{}", self.values.len());
        self.push(&placeholder);
        self.values.push((placeholder, text.to_owned()));
    }

    pub(super) fn path(&mut self, path: &Path) {
        let (Name::Bare(attribute) | Name::Placeholder(attribute)) = &path.attribute;
        self.attributes.push(attribute.clone());
        self.name(&path.attribute);
        for step in &path.way {
            match step {
                Step::Member(name) => {
                    self.push(".");
                    self.name(name);
                }
                Step::Position(at) => {
                    self.push("[");
                    self.push(&at.to_string());
                    self.push("]");
                }
            }
        }
    }

    /// `function(` and what `arguments` writes, and `)`.
    pub(super) fn call(&mut self, function: &str, arguments: impl FnOnce(&mut Self)) {
        self.push(function);
        self.push("(");
        arguments(self);
        self.push(")");
    }

    pub(super) fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Path(path) => self.path(path),
            Operand::Size(path) => self.call("size", |text| text.path(path)),
            Operand::Value => self.value("x"),
        }
    }

    pub(super) fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Comparison(left, comparator, right) => {
                self.operand(left);
                self.push(comparator);
                self.operand(right);
            }
            Condition::Between(operand, low, high) => {
                self.operand(operand);
                self.push("BETWEEN");
                self.operand(low);
                self.push("AND");
                self.operand(high);
            }
            Condition::In(operand, list) => {
                self.operand(operand);
                self.push("IN");
                self.push("(");
                for (i, item) in list.iter().enumerate() {
                    if i > 0 {
                        self.push(",");
                    }
                    self.operand(item);
                }
                self.push(")");
            }
            Condition::Exists(function, path) => self.call(function, |text| text.path(path)),
            Condition::Type(path) => self.call("attribute_type", |text| {
                text.path(path);
                text.push(",");
                text.value("S");
            }),
            Condition::Contains(function, whole, part) => self.call(function, |text| {
                text.operand(whole);
                text.push(",");
                text.operand(part);
            }),
            Condition::Not(inner) => {
                self.push("NOT");
                self.condition(inner);
            }
            Condition::Both(left, keyword, right) => {
                self.condition(left);
                self.push(keyword);
                self.condition(right);
            }
            // Two around the same would be refused.
            Condition::Group(inner) if matches!(**inner, Condition::Group(_)) => {
                self.condition(inner);
            }
            Condition::Group(inner) => {
                self.push("(");
                self.condition(inner);
                self.push(")");
            }
        }
    }

    pub(super) fn set(&mut self, value: &Set) {
        match value {
            Set::Path(path) => self.path(path),
            Set::Value => self.value("x"),
            Set::IfNotExists(path, other) => self.call("if_not_exists", |text| {
                text.path(path);
                text.push(",");
                text.set(other);
            }),
            Set::ListAppend(first, second) => self.call("list_append", |text| {
                text.set(first);
                text.push(",");
                text.set(second);
            }),
            Set::Group(inner) if matches!(**inner, Set::Group(_)) => self.set(inner),
            Set::Group(inner) => {
                self.push("(");
                self.set(inner);
                self.push(")");
            }
        }
    }

    pub(super) fn clause(&mut self, clause: &Clause) {
        let start = self.tokens.len() + 1;
        let comma = |text: &mut Self| {
            if text.tokens.len() > start {
                text.push(",");
            }
        };
        match clause {
            Clause::Set(actions) => {
                self.push("SET");
                for (path, first, second, grouped) in actions {
                    comma(self);
                    self.path(path);
                    self.push("=");
                    let Some((sign, second)) = second else {
                        self.set(first);
                        continue;
                    };
                    if *grouped {
                        self.push("(");
                    }
                    self.set(first);
                    self.push(sign);
                    self.set(second);
                    if *grouped {
                        self.push(")");
                    }
                }
            }
            Clause::Remove(paths) => {
                self.push("REMOVE");
                for path in paths {
                    comma(self);
                    self.path(path);
                }
            }
            Clause::Value(keyword, paths) => {
                self.push(keyword);
                for path in paths {
                    comma(self);
                    self.path(path);
                    self.value("x");
                }
            }
        }
    }

    /// The expression, its keywords and blanks as `noise` has it.
    pub(super) fn spell(&self, noise: &[u8]) -> String {
        let mut noise = noise.iter().copied().cycle();
        let mut noise = || noise.next().unwrap();
        let mut spelled = String::new();
        for token in &self.tokens {
            let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let blank = ["", "", " ", "  ", "\t", "\r\n"][usize::from(noise() % 6)];
            if blank.is_empty() && spelled.ends_with(in_word) && token.starts_with(in_word) {
                spelled.push('\n');
            }
            spelled.push_str(blank);
            if KEYWORDS.contains(&token.as_str()) {
                let keyword = token.chars();
                spelled.extend(
                    keyword.map(|c| if noise() % 2 == 0 { c.to_ascii_lowercase() } else { c }),
                );
            } else {
                spelled.push_str(token);
            }
        }
        spelled.push_str(["", " "][usize::from(noise() % 2)]);
        spelled
    }

    /// What `f` makes of the expression's placeholders.
    pub(super) fn with<T>(&self, f: impl FnOnce(Placeholders<'_, '_>) -> T) -> T {
        let object = |members: Vec<String>| format!("{{{}}}", members.join(","));
        let text = |text: &str| serde_json::to_string(text).unwrap();
        let names = self.names.iter().map(|(key, name)| format!("{}:{}", text(key), text(name)));
        let values = self.values.iter();
        let values = values.map(|(key, value)| format!("{}:{{\"S\":{}}}", text(key), text(value)));
        with(&object(names.collect()), &object(values.collect()), f)
    }

    /// That `read` finds exactly the attributes, in order.
    pub(super) fn check(&self, read: Read, noise: &[u8]) {
        let spelled = self.spell(noise);
        let mut found = Vec::new();
        let result = self.with(|placeholders| {
            let mut attributes = Vec::new();
            let result = read(&spelled, &placeholders, &mut attributes);
            found = attributes.iter().map(|name| (*name).to_owned()).collect();
            result
        });
        if spelled.len() > 4096 {
            assert_eq!(result, Err(ExpressionError::TooLong));
        } else {
            assert_eq!((result, &found), (Ok(()), &self.attributes), "{spelled}");
        }
    }
}

/// One condition of a key condition: which kind, and where its parentheses are.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) kind: usize,
    pub(super) name: Name,
    pub(super) value: String,
    pub(super) grouped: bool,
}

impl Text {
    /// Writes one condition; returns its equality.
    pub(super) fn key(&mut self, key: &Key) -> Option<(String, String)> {
        let attribute = Path { attribute: key.name.clone(), way: Vec::new() };
        if key.grouped {
            self.push("(");
        }
        match key.kind {
            0 => {
                self.value(&key.value);
                self.push("=");
                self.path(&attribute);
            }
            1..=3 => {
                self.path(&attribute);
                self.push("=");
                self.value(&key.value);
            }
            4 => {
                self.path(&attribute);
                self.push("BETWEEN");
                self.value(&key.value);
                self.push("AND");
                self.value(&key.value);
            }
            5 => self.call("begins_with", |text| {
                text.path(&attribute);
                text.push(",");
                text.value(&key.value);
            }),
            6 => {
                self.path(&attribute);
                self.push("<=");
                self.value(&key.value);
            }
            _ => {
                self.value(&key.value);
                self.push(">");
                self.path(&attribute);
            }
        }
        if key.grouped {
            self.push(")");
        }
        let (Name::Bare(name) | Name::Placeholder(name)) = &key.name;
        (key.kind <= 3).then(|| (name.clone(), key.value.clone()))
    }
}

pub(super) const KEYWORDS: [&str; 9] =
    ["AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"];
