//! `multipart/form-data` as browsers send it (RFC 7578, HTML's encoding algorithm): the fields before a
//! file, and where the file ends.
//!
//! Read strictly: the first boundary is where the body begins, lines end in CR LF, a part is in no
//! transfer encoding. Nothing here waits; what is kept is bounded by who calls.

use bytes::Bytes;

/// What parts of a form are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary(Box<[u8]>);

/// Why a form can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the form is not well-formed multipart/form-data: {0}")]
pub struct MultipartError(pub &'static str);

/// A field of a form. `Debug` doesn't show its value, which may be a credential.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name, as it was sent.
    pub name: String,
    /// The name of the file, if it is one: without what looks like a path.
    pub filename: Option<String>,
    /// Its value; of the file nothing.
    pub value: String,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut field = f.debug_struct("Field");
        field.field("name", &self.name).field("filename", &self.filename).finish_non_exhaustive()
    }
}

impl Boundary {
    /// That of a `Content-Type`; `None` if it isn't a form's, or has none that is allowed (RFC 2046
    /// §5.1.1).
    pub fn of(content_type: &str) -> Option<Self> {
        let (essence, parameters) = content_type.split_once(';')?;
        if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let mut found = None;
        for parameter in parameters.split(';') {
            let (name, value) = parameter.split_once('=')?;
            if name.trim().eq_ignore_ascii_case("boundary") {
                let value = value.trim();
                let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                if found.replace(quoted.unwrap_or(value)).is_some() {
                    return None;
                }
            }
        }
        let text = found?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
        let fits = (1..=70).contains(&text.len()) && text.bytes().all(allowed);
        (fits && !text.ends_with(' ')).then(|| Self(format!("\r\n--{text}").into_bytes().into()))
    }

    /// How many bytes follow a form's last value: the closing boundary and a line end.
    pub fn closing(&self) -> usize {
        self.0.len() + 4
    }
}

/// Reads the fields that come before a file.
#[derive(Debug)]
pub struct Fields {
    boundary: Boundary,
    /// What was read so far.
    fields: Vec<Field>,
    /// Where the next part begins, behind its boundary; and how far it was looked through.
    at: usize,
    seen: usize,
}

/// How far a form was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// More has to come.
    More,
    /// All fields up to a file, and where that begins.
    File(usize),
    /// There is no file in it.
    End,
}

impl Fields {
    /// Of a form with this boundary.
    pub fn new(boundary: Boundary) -> Self {
        Self { boundary, fields: Vec::new(), at: 0, seen: 0 }
    }

    /// Reads on in `begun`: what has come of the form, from its beginning.
    ///
    /// # Errors
    /// [`MultipartError`]
    pub fn read(&mut self, begun: &[u8]) -> Result<Read, MultipartError> {
        loop {
            let rest = begun.get(self.at..).unwrap_or_default();
            let first = self.at == 0;
            // The first boundary has no line end before it.
            let mark = self.boundary.0.get(if first { 2 } else { 0 }..).unwrap_or_default();
            if first {
                if rest.len() < mark.len() + 2 {
                    return more(mark.starts_with(rest.get(..mark.len()).unwrap_or(rest)));
                }
                if !rest.starts_with(mark) {
                    return Err(NO_BEGINNING);
                }
                self.at = mark.len();
                self.seen = self.at;
                continue;
            }
            match rest {
                [b'\r', b'\n', part @ ..] => {
                    let Some((field, head)) = head(part)? else { return Ok(Read::More) };
                    let value = self.at + 2 + head;
                    if field.filename.is_some() {
                        self.fields.push(field);
                        return Ok(Read::File(value));
                    }
                    // From before the empty line, which may end an empty value's boundary too.
                    let from = self.seen.max(value);
                    let text = begun.get(from..).unwrap_or_default();
                    let Some(end) = find(text, &self.boundary.0) else {
                        self.seen = begun.len().saturating_sub(self.boundary.0.len()).max(value);
                        return Ok(Read::More);
                    };
                    let text = begun.get(value..from + end).unwrap_or_default();
                    let text = std::str::from_utf8(text).map_err(|_| NOT_UTF8)?;
                    self.fields.push(Field { value: text.to_owned(), ..field });
                    self.at = from + end + self.boundary.0.len();
                    self.seen = self.at;
                }
                [b'-', b'-', ..] => return Ok(Read::End),
                [] | [b'\r' | b'-'] => return Ok(Read::More),
                _ => return Err(MultipartError("a boundary isn't a whole line")),
            }
        }
    }

    /// The fields, in their order; the last is the file, if one was found.
    pub fn into_fields(self) -> Vec<Field> {
        self.fields
    }
}

fn more(so_far: bool) -> Result<Read, MultipartError> {
    if so_far { Ok(Read::More) } else { Err(NO_BEGINNING) }
}

/// A part's head: its name, and how many bytes the head has with the empty line.
fn head(part: &[u8]) -> Result<Option<(Field, usize)>, MultipartError> {
    let Some(end) = find(part.get(..MAX_HEAD).unwrap_or(part), b"\r\n\r\n") else {
        return match part.len() < MAX_HEAD {
            true => Ok(None),
            false => Err(MultipartError("a part's head is too long")),
        };
    };
    let text = std::str::from_utf8(part.get(..end).unwrap_or_default()).map_err(|_| NOT_UTF8)?;
    let mut found = None;
    for line in text.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or(MultipartError("a part has no head"))?;
        if name.eq_ignore_ascii_case("content-disposition") {
            if found.replace(disposition(value)?).is_some() {
                return Err(MultipartError("a part says twice what it is"));
            }
        } else if name.eq_ignore_ascii_case("content-transfer-encoding")
            && !["binary", "8bit", "7bit"]
                .iter()
                .any(|as_is| value.trim().eq_ignore_ascii_case(as_is))
        {
            return Err(MultipartError("a part is in a transfer encoding"));
        }
    }
    let field = found.ok_or(MultipartError("a part doesn't say what it is"))?;
    Ok(Some((field, end + 4)))
}

/// `form-data; name="…"; filename="…"`.
fn disposition(value: &str) -> Result<Field, MultipartError> {
    const UNREADABLE: MultipartError = MultipartError("a part's Content-Disposition can't be read");
    let mut rest = value.trim().strip_prefix("form-data").ok_or(UNREADABLE)?;
    let (mut name, mut filename) = (None, None);
    while let Some(parameter) = rest.trim_start().strip_prefix(';') {
        let (key, after) = parameter.split_once('=').ok_or(UNREADABLE)?;
        let (text, after) = quoted(after).ok_or(UNREADABLE)?;
        rest = after;
        let place = match key.trim() {
            key if key.eq_ignore_ascii_case("name") => &mut name,
            key if key.eq_ignore_ascii_case("filename") => &mut filename,
            _ => return Err(UNREADABLE),
        };
        if place.replace(text).is_some() {
            return Err(UNREADABLE);
        }
    }
    if !rest.trim().is_empty() {
        return Err(UNREADABLE);
    }
    // Some browsers have sent the whole path of a file.
    let last = |path: String| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let filename = filename.map(last);
    Ok(Field { name: name.ok_or(UNREADABLE)?, filename, value: String::new() })
}

/// A quoted text, and what follows it. Browsers escape quotes and line ends with percent signs, other
/// programs quotes with a backslash.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut found = String::new();
    loop {
        let at = rest.find(['"', '\\'])?;
        let (plain, after) = rest.split_at_checked(at)?;
        found.push_str(plain);
        if let Some(after) = after.strip_prefix('"') {
            let ends = [("%22", "\""), ("%0D", "\r"), ("%0A", "\n")];
            let text = ends.into_iter().fold(found, |text, (from, to)| text.replace(from, to));
            return Some((text, after));
        }
        let escaped = after.strip_prefix("\\\"").map(|after| ('"', after));
        let (char, after) = escaped.or_else(|| after.strip_prefix('\\').map(|a| ('\\', a)))?;
        found.push(char);
        rest = after;
    }
}

fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    text.windows(mark.len()).position(|window| window == mark)
}

/// Finds the end of a file, wherever the form is cut.
#[derive(Debug)]
pub struct FileEnd {
    boundary: Boundary,
    /// How much of the boundary was there at the end of what was read.
    matched: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    File,
    /// Behind the file, and its boundary; with the first of the two bytes that end that line.
    Behind(Option<u8>),
    /// Other fields, or nothing.
    Ignored,
}

impl FileEnd {
    /// Of a file in a form with this boundary.
    pub fn new(boundary: Boundary) -> Self {
        Self { boundary, matched: 0, state: State::File }
    }

    /// Takes bytes off `input` as far as the next piece of the file ends, and gives out that.
    ///
    /// # Errors
    /// [`MultipartError`]
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, MultipartError> {
        while let Some(first) = input.first() {
            match self.state {
                State::Ignored => input.clear(),
                State::Behind(seen) => {
                    self.state = match (seen, *first) {
                        (None, first @ (b'\r' | b'-')) => State::Behind(Some(first)),
                        (Some(b'\r'), b'\n') | (Some(b'-'), b'-') => State::Ignored,
                        _ => return Err(MultipartError("a boundary isn't a whole line")),
                    };
                    drop(input.split_to(1));
                }
                State::File if self.matched > 0 => {
                    let rest = self.boundary.0.get(self.matched..).unwrap_or_default();
                    let same = rest.iter().zip(input.iter()).take_while(|(a, b)| a == b).count();
                    if same == rest.len() {
                        drop(input.split_to(same));
                        self.matched = 0;
                        self.state = State::Behind(None);
                    } else if same == input.len() {
                        self.matched += same;
                        input.clear();
                    } else {
                        // It was the file's after all. Nothing that begins in it can be a boundary:
                        // that has a carriage return at its beginning alone.
                        let held = self.boundary.0.get(..self.matched).unwrap_or_default();
                        self.matched = 0;
                        return Ok(Some(Bytes::copy_from_slice(held)));
                    }
                }
                State::File => match self.begins(input) {
                    // All of it is there, or its beginning is where the input ends.
                    Some(0) => {
                        let here = input.len().min(self.boundary.0.len());
                        drop(input.split_to(here));
                        if here == self.boundary.0.len() {
                            self.state = State::Behind(None);
                        } else {
                            self.matched = here;
                        }
                    }
                    Some(at) => return Ok(Some(input.split_to(at))),
                    None => return Ok(Some(std::mem::take(input))),
                },
            }
        }
        Ok(None)
    }

    /// Where in `input` a boundary begins, whole or as far as the input goes.
    fn begins(&self, input: &[u8]) -> Option<usize> {
        let mut from = 0;
        loop {
            let rest = input.get(from..)?;
            let at = from + rest.iter().position(|byte| *byte == b'\r')?;
            let here = input.get(at..).unwrap_or_default();
            let compared = here.len().min(self.boundary.0.len());
            if here.get(..compared) == self.boundary.0.get(..compared) {
                return Some(at);
            }
            from = at + 1;
        }
    }

    /// Whether the end was there.
    ///
    /// # Errors
    /// [`MultipartError`]
    pub fn finish(&self) -> Result<(), MultipartError> {
        match self.state {
            State::Ignored => Ok(()),
            _ => Err(MultipartError("it ends early")),
        }
    }
}

/// Bytes of a part's head, with the longest name that a file may have.
const MAX_HEAD: usize = 4096;

const NO_BEGINNING: MultipartError = MultipartError("it doesn't begin with its boundary");
const NOT_UTF8: MultipartError = MultipartError("a field isn't UTF-8");

#[cfg(test)]
mod tests;
