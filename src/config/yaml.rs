//! YAML text as a tree in which every key and value knows its place.
//!
//! One document of YAML 1.2 with core-schema scalars. Refused, because what they mean is not what
//! stands there: duplicate keys, anchors and aliases, tags, several documents, keys that are not
//! scalars. Size, depth and number of nodes are capped.

use std::collections::HashSet;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::problem::Position;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) position: Position,
    pub(super) value: Value,
}

/// A value; a scalar keeps its text as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar { text: String, kind: Kind },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) position: Position,
    pub(super) value: Node,
}

/// What a scalar is under the core schema (YAML 1.2.2 §10.3.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    /// An integer; `None` if it doesn't fit.
    Integer(Option<i64>),
    Float,
    Text,
}

/// Something the text gets wrong.
#[derive(Debug, PartialEq)]
pub(super) struct Wrong {
    pub(super) position: Position,
    pub(super) message: String,
}

impl Node {
    /// The node that `text` would be as a plain scalar.
    pub(super) fn plain(text: &str, position: Position) -> Self {
        let value = Value::Scalar { text: text.to_owned(), kind: resolve(text) };
        Self { position, value }
    }

    /// A mapping without keys.
    pub(super) fn empty_mapping(position: Position) -> Self {
        Self { position, value: Value::Mapping(Vec::new()) }
    }

    /// What the node is, with an article.
    pub(super) fn noun(&self) -> &'static str {
        match &self.value {
            Value::Scalar { kind, .. } => match kind {
                Kind::Null => "nothing",
                Kind::Bool(_) => "a boolean",
                Kind::Integer(_) | Kind::Float => "a number",
                Kind::Text => "text",
            },
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// Reads `text` as one document. `None` if it has none; problems that leave a tree to go on with
/// are in the list beside it.
pub(super) fn parse(text: &str) -> (Option<Node>, Vec<Wrong>) {
    if text.len() > MAX_BYTES {
        return (None, vec![Wrong::new(Position::START, "the file is larger than 1 MiB")]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let step = match event {
            Ok((event, span)) => tree.take(event, place(&span.start)),
            Err(error) => {
                let message = format!("this is not YAML: {}", error.info());
                Err(Wrong::new(place(error.marker()), message))
            }
        };
        if let Err(wrong) = step {
            tree.wrongs.push(wrong);
            return (None, tree.wrongs);
        }
    }
    (tree.root, tree.wrongs)
}

impl Wrong {
    fn new(position: Position, message: impl Into<String>) -> Self {
        Self { position, message: message.into() }
    }
}

#[derive(Default)]
struct Tree {
    root: Option<Node>,
    open: Vec<Open>,
    documents: usize,
    nodes: usize,
    wrongs: Vec<Wrong>,
}

/// A collection whose end has not come yet.
struct Open {
    position: Position,
    inside: Inside,
}

enum Inside {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, keys: HashSet<String>, key: Option<(String, Position)> },
}

impl Tree {
    /// Takes the next event; an error means that there is no going on.
    fn take(&mut self, event: Event<'_>, position: Position) -> Result<(), Wrong> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Wrong::new(position, "a configuration is one YAML document"));
                }
            }
            Event::Alias(_) => return Err(Wrong::new(position, NO_ANCHORS)),
            Event::Scalar(text, style, anchor, tag) => {
                self.admit(position, anchor, tag.is_some())?;
                let kind = match style {
                    ScalarStyle::Plain => resolve(&text),
                    _ => Kind::Text,
                };
                let value = Value::Scalar { text: text.into_owned(), kind };
                return self.add(Node { position, value });
            }
            Event::SequenceStart(anchor, tag) => {
                self.admit(position, anchor, tag.is_some())?;
                self.open(position, Inside::Sequence(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.admit(position, anchor, tag.is_some())?;
                let (entries, keys) = (Vec::new(), HashSet::new());
                self.open(position, Inside::Mapping { entries, keys, key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { position, inside }) = self.open.pop() {
                    let value = match inside {
                        Inside::Sequence(items) => Value::Sequence(items),
                        Inside::Mapping { entries, .. } => Value::Mapping(entries),
                    };
                    return self.add(Node { position, value });
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn admit(&mut self, position: Position, anchor: usize, tagged: bool) -> Result<(), Wrong> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Wrong::new(position, "the file has more than 50000 values"));
        }
        if anchor != 0 {
            return Err(Wrong::new(position, NO_ANCHORS));
        }
        if tagged {
            return Err(Wrong::new(position, "tags are not supported; quote what is text"));
        }
        Ok(())
    }

    fn open(&mut self, position: Position, inside: Inside) -> Result<(), Wrong> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Wrong::new(position, "values are nested more than 32 deep"));
        }
        if let Some(Open { inside: Inside::Mapping { key: None, .. }, .. }) = self.open.last() {
            return Err(Wrong::new(position, "a key must be a plain word"));
        }
        self.open.push(Open { position, inside });
        Ok(())
    }

    /// Puts a complete node where it belongs: into what is open, or as the root.
    fn add(&mut self, node: Node) -> Result<(), Wrong> {
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::Sequence(items)) => items.push(node),
            Some(Inside::Mapping { entries, keys, key }) => match key.take() {
                Some((name, position)) => {
                    if keys.insert(name.clone()) {
                        entries.push(Entry { key: name, position, value: node });
                    } else {
                        let name = shorten(&name);
                        let message = format!("`{name}` is in this mapping already");
                        self.wrongs.push(Wrong::new(position, message));
                    }
                }
                None => match node.value {
                    Value::Scalar { text, .. } => *key = Some((text, node.position)),
                    _ => return Err(Wrong::new(node.position, "a key must be a plain word")),
                },
            },
        }
        Ok(())
    }
}

/// `text`, or its beginning if it is long, fit for a message of one line.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

fn place(marker: &Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

/// What a plain scalar is.
fn resolve(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Kind::Float,
        _ => resolve_number(text),
    }
}

fn resolve_number(text: &str) -> Kind {
    if let Some(octal) = text.strip_prefix("0o").filter(|digits| all(digits, |b| b < b'8')) {
        return Kind::Integer(i64::from_str_radix(octal, 8).ok());
    }
    if let Some(hex) = text.strip_prefix("0x").filter(|d| all_hex(d)) {
        return Kind::Integer(i64::from_str_radix(hex, 16).ok());
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Kind::Float;
    }
    if all(unsigned, |_| true) {
        return Kind::Integer(text.parse().ok());
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = mantissa.replacen('.', "", 1);
    let exponent_fits = exponent.is_none_or(|e| {
        let digits = e.strip_prefix(['-', '+']).unwrap_or(e);
        all(digits, |_| true)
    });
    if all(&digits, |_| true) && exponent_fits { Kind::Float } else { Kind::Text }
}

/// Whether `text` is digits, one at least, and `also` holds for each.
fn all(text: &str, also: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() && also(b))
}

fn all_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

const MAX_BYTES: usize = 1 << 20;
const MAX_NODES: usize = 50_000;
const MAX_DEPTH: usize = 32;
const NO_ANCHORS: &str = "anchors and aliases are not supported; write the value out";

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
