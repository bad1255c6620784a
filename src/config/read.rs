//! One definition of every setting, from which the file is read and the JSON Schema is made.
//!
//! A [`Section`] names its fields once, with type, default and description, on a [`Map`]. The map
//! either reads them from a mapping of the file, or notes them down for the schema; what it hands
//! back is `None` where there is nothing to go on with, and then the reason has been reported.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::map::{Map, read_section};
use super::problem::{At, Position, Severity};
use super::suggest::suggestion;
use super::yaml::{self, Entry, Kind, Node, Value, shorten};

/// A type of setting.
pub(super) trait Field: Sized {
    /// Reads a value; `None` if it is wrong, which has been reported to `reader`.
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;
    /// Its JSON Schema.
    fn schema() -> Json;
}

/// A mapping with known fields.
pub(super) trait Section: Sized {
    /// Names every field, unconditionally, and only then builds the value of those that could be
    /// read: the schema sees the fields up to the first `return`.
    fn fields(map: &mut Map<'_, '_>) -> Option<Self>;
}

/// A setting written as text.
pub(super) trait Text: Sized {
    /// What it is, with an article and an example: "a duration such as 10s".
    const WHAT: &'static str;
    /// A regular expression (ECMA 262) that every valid text matches.
    const PATTERN: &'static str;
    /// Parses it, or says what is wrong with it.
    fn parse(text: &str) -> Result<Self, String>;
}

/// Implements [`Field`] for sections.
macro_rules! section {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::config::read::Field for $name {
            fn read(
                node: &$crate::config::yaml::Node,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                $crate::config::map::read_section(node, reader)
            }
            fn schema() -> serde_json::Value {
                $crate::config::map::section_schema::<Self>()
            }
        }
    )+};
}

/// Implements [`Field`] for settings written as text.
macro_rules! text {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::config::read::Field for $name {
            fn read(
                node: &$crate::config::yaml::Node,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                $crate::config::read::read_text(node, reader)
            }
            fn schema() -> serde_json::Value {
                $crate::config::read::text_schema::<Self>()
            }
        }
    )+};
}

/// An enum of words, of which some may be refused with a reason.
macro_rules! words {
    (
        $(#[$about:meta])* $vis:vis $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }
        $($refused:literal => $why:expr,)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// The word that stands for it in the file.
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl $crate::config::read::Field for $name {
            fn read(
                node: &$crate::config::yaml::Node,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                let known = [$(($word, Self::$variant),)+];
                reader.word(node, &known, &[$(($refused, $why),)*])
            }
            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": [$(Self::$variant.as_str(),)+] })
            }
        }
    };
}

pub(super) use {section, text, words};

/// Where the problems go, and what reading needs to know of the world.
pub(super) struct Reader<'w> {
    folder: &'w Path,
    environment: &'w dyn Fn(&str) -> Option<OsString>,
    path: String,
    found: Vec<(Position, Severity, String)>,
}

impl<'w> Reader<'w> {
    /// A reader of a file in `folder`, for which `environment` looks environment variables up.
    pub(super) fn new(folder: &'w Path, environment: &'w dyn Fn(&str) -> Option<OsString>) -> Self {
        Self { folder, environment, path: String::new(), found: Vec::new() }
    }

    /// Reports an error of the setting that is being read.
    pub(super) fn error(&mut self, position: Position, message: impl AsRef<str>) {
        self.note(position, Severity::Error, message.as_ref());
    }

    /// Reports a warning about the setting that is being read.
    pub(super) fn warning(&mut self, position: Position, message: impl AsRef<str>) {
        self.note(position, Severity::Warning, message.as_ref());
    }

    pub(super) fn note(&mut self, position: Position, severity: Severity, message: &str) {
        let message = match self.path.as_str() {
            "" => message.to_owned(),
            path => format!("{path}: {message}"),
        };
        self.found.push((position, severity, message));
    }

    /// What was reported, in the file's order.
    pub(super) fn into_found(mut self) -> Vec<(Position, Severity, String)> {
        self.found.sort_by_key(|(position, ..)| *position);
        self.found
    }

    /// `path` seen from the file's folder.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// The environment variable `name`.
    pub(super) fn variable(&self, name: &str) -> Option<OsString> {
        (self.environment)(name)
    }

    /// Runs `read` with `step` added to the path that messages begin with.
    pub(super) fn within<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        let result = read(self);
        self.path.truncate(length);
        result
    }

    /// Reads each of a list's nodes; `None` if one of them is wrong.
    pub(super) fn list<T: Field>(&mut self, node: &Node) -> Option<Vec<Option<T>>> {
        let Value::Sequence(items) = &node.value else {
            self.error(node.position, format!("must be a list, not {}", node.noun()));
            return None;
        };
        if items.len() > MAX_ENTRIES {
            self.error(node.position, "has more than 1000 entries");
            return None;
        }
        let read = |(index, item): (usize, &Node)| {
            self.within(&format!("[{index}]"), |reader| T::read(item, reader))
        };
        Some(items.iter().enumerate().map(read).collect())
    }

    /// The text of a scalar that is text, and not by accident something else.
    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        self.text_that(node, what, |_| true)
    }

    /// The same; to quote what isn't text is advised where that `fits`.
    fn text_that<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Option<&'n str> {
        match &node.value {
            Value::Scalar { text, kind: Kind::Text } => return Some(text),
            Value::Scalar { kind: Kind::Null, .. } => {
                let message = format!("has no value; give it {what}, or remove it");
                self.error(node.position, message);
            }
            Value::Scalar { text, .. } => {
                let (noun, short) = (node.noun(), shorten(text));
                let advice = match fits(text) {
                    true => format!("; quote it: \"{short}\""),
                    false => String::new(),
                };
                self.error(node.position, format!("must be {what}, and this is {noun}{advice}"));
            }
            _ => self.error(node.position, format!("must be {what}, not {}", node.noun())),
        }
        None
    }

    /// One of the `known` words; a `refused` one is answered with its reason.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &Node,
        known: &[(&'static str, T)],
        refused: &[(&str, &str)],
    ) -> Option<T> {
        let names: Vec<_> = known.iter().map(|(word, _)| *word).collect();
        let what = match names.as_slice() {
            [only] => format!("`{only}`"),
            _ => format!("one of {}", names.join(", ")),
        };
        let text = self.text(node, &what)?;
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let message = match refused.iter().find(|(word, _)| *word == text) {
            Some((word, why)) => format!("`{word}` {why}"),
            None => {
                let hint = suggestion(text, names.iter().copied());
                format!("must be {what}, not \"{}\"{hint}", shorten(text))
            }
        };
        self.error(node.position, message);
        None
    }
}

/// Reads a scalar as the text `T`.
pub(super) fn read_text<T: Text>(node: &Node, reader: &mut Reader<'_>) -> Option<T> {
    let text = reader.text_that(node, T::WHAT, |text| T::parse(text).is_ok())?;
    match T::parse(text) {
        Ok(value) => Some(value),
        Err(message) => {
            reader.error(node.position, message);
            None
        }
    }
}

/// The schema of the text `T`.
pub(super) fn text_schema<T: Text>() -> Json {
    json!({ "type": "string", "pattern": T::PATTERN })
}

impl<T: Field> Field for Vec<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.list(node)?.into_iter().collect()
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }
}

/// A mapping whose keys are names of the file's own choosing, in its order.
pub(super) struct Named<N, T>(pub(super) Vec<(N, T)>);

impl<N: Text, T: Field> Field for Named<N, T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Mapping(entries) = &node.value else {
            reader.error(node.position, format!("must be a mapping, not {}", node.noun()));
            return None;
        };
        if entries.len() > MAX_ENTRIES {
            reader.error(node.position, "has more than 1000 entries");
            return None;
        }
        let mut read = |entry: &Entry| {
            let name = N::parse(&entry.key).map_err(|why| reader.error(entry.position, why));
            let step = shorten(&entry.key);
            let value = reader.within(&step, |reader| T::read(&entry.value, reader));
            Some((name.ok()?, value?))
        };
        // All of them, so that every problem is told.
        let all: Vec<_> = entries.iter().map(&mut read).collect();
        all.into_iter().collect::<Option<_>>().map(Self)
    }

    fn schema() -> Json {
        json!({
            "type": "object",
            "propertyNames": { "pattern": N::PATTERN },
            "additionalProperties": T::schema(),
        })
    }
}

impl<T: Field> Field for At<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(node, reader).map(|value| At { value, position: node.position })
    }

    fn schema() -> Json {
        T::schema()
    }
}

impl Field for bool {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Scalar { kind: Kind::Bool(value), .. } = node.value {
            return Some(value);
        }
        reader.error(node.position, format!("must be true or false, not {}", node.noun()));
        None
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

impl Field for u32 {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Scalar { kind: Kind::Integer(Some(value)), .. } = node.value
            && let Ok(value) = u32::try_from(value)
        {
            return Some(value);
        }
        reader.error(node.position, "must be a whole number, without quotes and without a unit");
        None
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 0 })
    }
}

impl Field for PathBuf {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.text(node, "a path")?;
        if text.is_empty() || text.contains('\0') {
            reader.error(node.position, "must be a path");
            return None;
        }
        Some(reader.resolve(text))
    }

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

/// Parses and reads a whole file's text as the section `T`; the problems are in its order.
pub(super) fn read_file<T: Section>(
    text: &str,
    folder: &Path,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> (Option<T>, Vec<(Position, Severity, String)>) {
    let mut reader = Reader::new(folder, environment);
    let (root, wrongs) = yaml::parse(text);
    let sound = wrongs.is_empty();
    for wrong in wrongs {
        reader.error(wrong.position, wrong.message);
    }
    let value = match root {
        Some(node) => read_section(&node, &mut reader),
        None if sound => read_section(&Node::empty_mapping(Position::START), &mut reader),
        None => None,
    };
    (value.filter(|_| sound), reader.into_found())
}

const MAX_ENTRIES: usize = 1000;
