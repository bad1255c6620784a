//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// A place in a text file. Both numbers count from one; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from one.
    pub line: usize,
    /// The column, in characters, from one.
    pub column: usize,
}

impl Position {
    /// Where a file begins: the place of what is missing from the whole file.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The place of the byte at `offset` in `text`; past the end, the end.
    pub fn of_offset(text: &str, offset: usize) -> Self {
        let mut position = Self::START;
        for (at, character) in text.char_indices() {
            if at >= offset {
                break;
            }
            if character == '\n' {
                position = Self { line: position.line + 1, column: 1 };
            } else {
                position.column += 1;
            }
        }
        position
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.line, self.column)
    }
}

/// A setting and the place of its value in the file (for a default, of the mapping that could
/// have had it), so that a later stage can report what is wrong with it.
///
/// Two are equal if their settings are: what only moved in the file is what it was.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// The setting.
    pub value: T,
    /// Where it is written.
    pub position: Position,
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Whether a problem stops the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration works, perhaps not as meant.
    Warning,
    /// It works as meant, most likely.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that is wrong, and where. Its message never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// The file, as it was named when it was loaded.
    pub file: PathBuf,
    /// The line, from one.
    pub line: usize,
    /// The column, in characters, from one.
    pub column: usize,
    /// Whether it stops the program.
    pub severity: Severity,
    /// What to do about it, beginning with the setting's path.
    pub message: String,
    /// The lint that found it, by its stable id.
    pub lint: Option<&'static str>,
}

impl Problem {
    /// A problem that stops the program.
    pub fn error(file: &Path, position: Position, message: impl Into<String>) -> Self {
        Self::new(file, position, Severity::Error, message.into())
    }

    /// A problem worth telling.
    pub fn warning(file: &Path, position: Position, message: impl Into<String>) -> Self {
        Self::new(file, position, Severity::Warning, message.into())
    }

    /// What a lint found.
    pub fn lint(
        file: &Path,
        position: Position,
        (id, severity): (&'static str, Severity),
        message: String,
    ) -> Self {
        Self { lint: Some(id), ..Self::new(file, position, severity, message) }
    }

    pub(super) fn new(
        file: &Path,
        position: Position,
        severity: Severity,
        message: String,
    ) -> Self {
        let Position { line, column } = position;
        Self { file: file.to_owned(), line, column, severity, message, lint: None }
    }

    /// The lint's id, `config_error` or `config_warning`.
    pub fn reason(&self) -> &'static str {
        match (self.lint, self.severity) {
            (Some(id), _) => id,
            (None, Severity::Error) => "config_error",
            (None, Severity::Warning | Severity::Note) => "config_warning",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}: ", self.file.display(), self.line, self.column)?;
        if self.severity != Severity::Error {
            write!(out, "{}: ", self.severity.as_str())?;
        }
        out.write_str(&self.message)?;
        self.lint.map_or(Ok(()), |id| write!(out, " [{id}]"))
    }
}
