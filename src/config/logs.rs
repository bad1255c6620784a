//! The decision log, the access log and the program's own log.

use std::path::PathBuf;

use super::map::Map;
use super::problem::At;
use super::read::{Section, section, words};
use super::value::Url;

/// Where decisions are logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionLog {
    /// Where to.
    pub sink: Sink,
    /// Which of them.
    pub only: Only,
}

/// Where requests are logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// Where to; never [`Sink::Http`].
    pub sink: Sink,
}

/// Where a log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Nowhere.
    None,
    /// To standard output.
    Stdout,
    /// To the end of a file.
    File(At<PathBuf>),
    /// By POST to a URL.
    Http(Url),
}

words! {
    /// The names of the decision log's sinks.
    SinkName {
        /// Nowhere.
        None = "none",
        /// Standard output.
        Stdout = "stdout",
        /// A file.
        File = "file",
        /// A URL.
        Http = "http",
    }
}

words! {
    /// The names of the access log's sinks.
    AccessSinkName {
        /// Nowhere.
        None = "none",
        /// Standard output.
        Stdout = "stdout",
        /// A file.
        File = "file",
    }
}

words! {
    /// Which decisions are logged.
    pub Only {
        /// Every decision.
        All = "all",
        /// Denials.
        Denials = "denials",
    }
}

/// The program's own log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// From which level on.
    pub level: LogLevel,
    /// In which form.
    pub format: LogFormat,
}

words! {
    /// Levels of the program's own log.
    pub LogLevel {
        /// What failed.
        Error = "error",
        /// What may need attention.
        Warn = "warn",
        /// What changed.
        Info = "info",
        /// What happens.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

words! {
    /// Forms of the program's own log.
    pub LogFormat {
        /// A line of text an event.
        Text = "text",
        /// A line of JSON an event.
        Json = "json",
    }
}

impl Section for DecisionLog {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let sink = map.default("sink", "none", "Where to; it never holds a request up.");
        let path = map.optional("path", "The file, for `sink: file`.");
        let url = map.optional("url", "The URL that lines are posted to, for `sink: http`.");
        let only = map.default("only", "all", "Which decisions.");
        let sink = sink_of(map, sink?, path?, url?);
        Some(Self { sink: sink?, only: only? })
    }
}

impl Section for AccessLog {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let sink = map.default("sink", "none", "Where to; it never holds a request up.");
        let path = map.optional("path", "The file, for `sink: file`.");
        let sink = match sink? {
            AccessSinkName::None => SinkName::None,
            AccessSinkName::Stdout => SinkName::Stdout,
            AccessSinkName::File => SinkName::File,
        };
        Some(Self { sink: sink_of(map, sink, path?, None)? })
    }
}

impl Section for Log {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let level = map.default("level", "info", "From which level on.");
        let format = map.default("format", "text", "In which form.");
        Some(Self { level: level?, format: format? })
    }
}

section!(AccessLog, DecisionLog, Log);

/// The sink of that name, with what belongs to it and nothing else.
fn sink_of(
    map: &mut Map<'_, '_>,
    name: SinkName,
    path: Option<At<PathBuf>>,
    url: Option<Url>,
) -> Option<Sink> {
    let mut fine = Some(());
    for (field, wanted) in [("path", SinkName::File), ("url", SinkName::Http)] {
        let word = wanted.as_str();
        if name == wanted && !map.has(field) {
            map.error(Some("sink"), format!("`{word}` needs a `{field}`"));
            fine = None;
        } else if name != wanted && map.has(field) {
            map.error(Some(field), format!("is for `sink: {word}` only"));
            fine = None;
        }
    }
    fine?;
    match name {
        SinkName::None => Some(Sink::None),
        SinkName::Stdout => Some(Sink::Stdout),
        SinkName::File => path.map(Sink::File),
        SinkName::Http => url.map(Sink::Http),
    }
}
