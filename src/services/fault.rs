//! What an AWS service answers when it doesn't do what it was asked for.

/// An exception of an AWS service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Fault {
    /// Its name.
    pub code: &'static str,
    /// A sentence for the caller.
    pub message: String,
}

impl Fault {
    /// An exception with its message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// A regular expression as AWS writes it, and what it comes to.
type Pattern<'p> = (&'p str, fn(&str) -> bool);

/// Collects what is wrong with the members of a request, in the words that AWS's services have in
/// common.
#[derive(Debug, Default)]
pub(super) struct Constraints(Vec<String>);

impl Constraints {
    /// The member `at` has to satisfy `must` ("satisfy regular expression pattern: …"). `value` is
    /// repeated, so it must not be a secret.
    pub(super) fn fail(&mut self, at: &str, value: Option<&str>, must: &str) {
        let value = match value {
            None => "Value null".to_owned(),
            Some(value) => {
                let end = value.floor_char_boundary(MAX_REPEATED);
                format!("Value '{}'", value.get(..end).unwrap_or_default())
            }
        };
        self.0.push(format!("{value} at '{at}' failed to satisfy constraint: Member must {must}"));
    }

    /// As [`Constraints::fail`], of a value that must not be repeated.
    pub(super) fn fail_secret(&mut self, at: &str, must: &str) {
        self.0.push(format!("Value at '{at}' failed to satisfy constraint: Member must {must}"));
    }

    /// The member must be there, `least` to `most` characters long, and `fits` the `pattern`.
    pub(super) fn text(
        &mut self,
        at: &str,
        value: Option<&str>,
        (least, most): (usize, usize),
        pattern: Option<Pattern<'_>>,
    ) {
        let Some(text) = value else { return self.fail(at, None, "not be null") };
        let length = text.chars().count();
        if length < least {
            let must = format!("have length greater than or equal to {least}");
            self.fail(at, value, &must);
        } else if length > most {
            self.fail(at, value, &format!("have length less than or equal to {most}"));
        }
        if let Some((pattern, fits)) = pattern
            && !fits(text)
        {
            self.fail(at, value, &format!("satisfy regular expression pattern: {pattern}"));
        }
    }

    /// All that is wrong.
    ///
    /// # Errors
    /// A fault with this code if anything is.
    pub(super) fn finish(self, code: &'static str) -> Result<(), Fault> {
        let errors = match self.0.len() {
            0 => return Ok(()),
            1 => "1 validation error".to_owned(),
            more => format!("{more} validation errors"),
        };
        Err(Fault::new(code, format!("{errors} detected: {}", self.0.join("; "))))
    }
}

/// Most bytes of a value that are repeated in a message.
const MAX_REPEATED: usize = 256;
