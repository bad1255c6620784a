//! The fields of a mapping: being read, or being described for the schema.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::problem::{Position, Severity};
use super::read::{Field, Reader, Section};
use super::suggest::suggestion;
use super::yaml::{Entry, Kind, Node, Value, shorten};

/// The fields of one mapping: being read, or being described.
pub(super) struct Map<'m, 'w> {
    mode: Mode<'m, 'w>,
}

enum Mode<'m, 'w> {
    Read {
        position: Position,
        entries: &'m [Entry],
        known: Vec<&'static str>,
        reader: &'m mut Reader<'w>,
    },
    Describe(serde_json::Map<String, Json>, Description),
}

#[derive(Default)]
struct Description {
    required: Vec<&'static str>,
    exactly_one: Option<()>,
}

impl<'w> Map<'_, 'w> {
    /// A field that must be there.
    pub(super) fn required<T: Field>(&mut self, name: &'static str, doc: &str) -> Option<T> {
        if let Mode::Describe(_, description) = &mut self.mode {
            description.required.push(name);
        }
        match self.field(name, doc, None)? {
            Some(value) => Some(value),
            None => {
                self.error(None, format!("`{name}` is missing: {}", lower_first(doc)));
                None
            }
        }
    }

    /// A field that may be absent (`Some(None)`); `None` if it is wrong.
    pub(super) fn optional<T: Field>(
        &mut self,
        name: &'static str,
        doc: &str,
    ) -> Option<Option<T>> {
        self.field(name, doc, None)
    }

    /// A field that is `default`, a scalar as the file would have it, if absent.
    pub(super) fn default<T: Field>(
        &mut self,
        name: &'static str,
        default: &str,
        doc: &str,
    ) -> Option<T> {
        if let Some(value) = self.field(name, doc, Some(default))? {
            return Some(value);
        }
        self.fallback(name, Node::plain(default, self.here()))
    }

    /// As [`Map::default`], from `least` to `most`.
    pub(super) fn bounded<T: Field + PartialOrd>(
        &mut self,
        name: &'static str,
        default: &str,
        [least, most]: [&str; 2],
        doc: &str,
    ) -> Option<T> {
        let value = self.default(name, default, &format!("{doc} From {least} to {most}."))?;
        let limit = |text| scratch(|reader| T::read(&Node::plain(text, Position::START), reader));
        if limit(least).is_some_and(|l| value < l) || limit(most).is_some_and(|m| value > m) {
            self.error(Some(name), format!("must be from {least} to {most}"));
            return None;
        }
        Some(value)
    }

    /// A section that, if absent, is what it would be without fields.
    pub(super) fn section<T: Field>(&mut self, name: &'static str, doc: &str) -> Option<T> {
        if let Some(value) = self.field(name, doc, None)? {
            return Some(value);
        }
        self.fallback(name, Node::empty_mapping(self.here()))
    }

    /// A list that is empty if absent.
    pub(super) fn list<T: Field>(&mut self, name: &'static str, doc: &str) -> Option<Vec<T>> {
        Some(self.optional::<Vec<T>>(name, doc)?.unwrap_or_default())
    }

    /// A list that must be there and not empty.
    pub(super) fn some<T: Field>(&mut self, name: &'static str, doc: &str) -> Option<Vec<T>> {
        let list: Option<Vec<T>> = self.required(name, doc);
        if let Mode::Describe(properties, _) = &mut self.mode
            && let Some(Json::Object(members)) = properties.get_mut(name)
        {
            members.insert("minItems".into(), 1.into());
        }
        let list = list?;
        if list.is_empty() {
            self.error(Some(name), "must not be empty");
            return None;
        }
        Some(list)
    }

    /// One of the fields and no more must be there; says so if not.
    pub(super) fn exactly_one(&mut self) {
        let message = match &mut self.mode {
            Mode::Describe(_, description) => {
                description.exactly_one = Some(());
                return;
            }
            Mode::Read { entries, known, .. } => {
                if entries.iter().filter(|e| known.contains(&e.key.as_str())).count() == 1 {
                    return;
                }
                let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                format!("must have exactly one of {}", names.join(" and "))
            }
        };
        self.error(None, message);
    }

    /// Whether the field is in the file.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Where the mapping is.
    pub(super) fn here(&self) -> Position {
        match &self.mode {
            Mode::Read { position, .. } => *position,
            Mode::Describe(..) => Position::START,
        }
    }

    /// Where the field's value is, or the mapping if it has no such field.
    pub(super) fn position(&self, name: &str) -> Position {
        self.entry(name).map_or(self.here(), |entry| entry.value.position)
    }

    /// Reports an error of `field`, or of the mapping.
    pub(super) fn error(&mut self, field: Option<&str>, message: impl AsRef<str>) {
        self.note(field, Severity::Error, message.as_ref());
    }

    /// Reports a warning about `field`, or about the mapping.
    pub(super) fn warning(&mut self, field: Option<&str>, message: impl AsRef<str>) {
        self.note(field, Severity::Warning, message.as_ref());
    }

    /// The reader, unless the fields are being described.
    pub(super) fn reader(&mut self) -> Option<&mut Reader<'w>> {
        match &mut self.mode {
            Mode::Read { reader, .. } => Some(reader),
            Mode::Describe(..) => None,
        }
    }

    fn note(&mut self, field: Option<&str>, severity: Severity, message: &str) {
        let position = field.map_or(self.here(), |name| self.position(name));
        let Some(reader) = self.reader() else { return };
        match field {
            Some(name) => reader.within(name, |reader| reader.note(position, severity, message)),
            None => reader.note(position, severity, message),
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        match &self.mode {
            Mode::Read { entries, .. } => entries.iter().find(|entry| entry.key == name),
            Mode::Describe(..) => None,
        }
    }

    fn fallback<T: Field>(&mut self, name: &str, node: Node) -> Option<T> {
        let reader = self.reader()?;
        reader.within(name, |reader| T::read(&node, reader))
    }

    fn field<T: Field>(
        &mut self,
        name: &'static str,
        doc: &str,
        default: Option<&str>,
    ) -> Option<Option<T>> {
        match &mut self.mode {
            Mode::Read { entries, known, reader, .. } => {
                known.push(name);
                match entries.iter().find(|entry| entry.key == name) {
                    None => Some(None),
                    Some(entry) => {
                        reader.within(name, |reader| T::read(&entry.value, reader)).map(Some)
                    }
                }
            }
            Mode::Describe(properties, _) => {
                let mut schema = T::schema();
                if let Json::Object(members) = &mut schema {
                    members.insert("description".into(), doc.into());
                    if let Some(default) = default {
                        members.insert("default".into(), default_json(default));
                    }
                }
                properties.insert(name.into(), schema);
                None
            }
        }
    }

    fn refuse_unknown(self) -> Option<()> {
        let Mode::Read { entries, known, reader, .. } = self.mode else { return Some(()) };
        let mut fine = Some(());
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let hint = suggestion(&entry.key, known.iter().copied());
            let name = shorten(&entry.key);
            reader.error(entry.position, format!("`{name}` is not a field here{hint}"));
            fine = None;
        }
        fine
    }
}

/// Reads a mapping as the section `T`.
pub(super) fn read_section<T: Section>(node: &Node, reader: &mut Reader<'_>) -> Option<T> {
    let Value::Mapping(entries) = &node.value else {
        reader.error(node.position, format!("must be a mapping, not {}", node.noun()));
        return None;
    };
    let known = Vec::new();
    let mut map = Map { mode: Mode::Read { position: node.position, entries, known, reader } };
    let section = T::fields(&mut map);
    map.refuse_unknown().and(section)
}

/// The schema of the section `T`.
pub(super) fn section_schema<T: Section>() -> Json {
    let mut map = Map { mode: Mode::Describe(serde_json::Map::new(), Description::default()) };
    T::fields(&mut map);
    let Mode::Describe(properties, description) = map.mode else { return Json::Null };
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if let Json::Object(members) = &mut schema {
        if !description.required.is_empty() {
            members.insert("required".into(), json!(description.required));
        }
        if description.exactly_one.is_some() {
            members.insert("minProperties".into(), 1.into());
            members.insert("maxProperties".into(), 1.into());
        }
    }
    schema
}

/// Reads with a reader whose problems are of no interest.
fn scratch<T>(read: impl FnOnce(&mut Reader<'_>) -> T) -> T {
    read(&mut Reader::new(Path::new(""), &|_| None))
}

fn default_json(text: &str) -> Json {
    match Node::plain(text, Position::START).value {
        Value::Scalar { kind: Kind::Bool(value), .. } => value.into(),
        Value::Scalar { kind: Kind::Integer(Some(value)), .. } => value.into(),
        _ => text.into(),
    }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    let text: String = first.into_iter().chain(characters).collect();
    text.split_once(". ").map_or(text.as_str(), |(first, _)| first).trim_end_matches('.').to_owned()
}
