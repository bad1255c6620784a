//! The mix of requests that `poolgate load` sends. `docs/load.md` shows one.
//!
//! It is read as the configuration is: every problem at its line and column, and nothing that isn't
//! known is passed over.

use std::{borrow::Cow, path::Path};

use http::{HeaderName, HeaderValue};

use super::{
    cases::OneOrMore,
    map::Map,
    problem::{Position, Problem},
    read::{Named, Section, Text, read_file, section, text},
    template::Method,
    value::{Size, Words},
    yaml::shorten,
};

/// One kind of request of a mix.
#[derive(Clone, Debug, PartialEq)]
pub struct MixRequest {
    /// What reports call it.
    pub name: String,
    /// How often it is sent, relative to the others.
    pub weight: u32,
    /// Its method.
    pub method: String,
    /// Its path and query, below the path of the URL that is given.
    pub path: Template,
    /// Its headers.
    pub headers: Vec<(HeaderName, Template)>,
    /// Its body; empty if it has none.
    pub body: Template,
    /// The statuses that are no error; if there are none, 200 to 399.
    pub expect: Vec<u16>,
}

/// Text in which `{user}` stands for the number of the user, from 1, and `{n}` for that of the
/// request, from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    User,
    Number,
}

impl Template {
    /// The template that `text` is. Other braces stand for themselves.
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((at, name, part)) = PLACEHOLDERS
            .iter()
            .filter_map(|(name, part)| rest.find(name).map(|at| (at, *name, part)))
            .min_by_key(|(at, ..)| *at)
        {
            let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(part.clone());
            rest = after.strip_prefix(name).unwrap_or("");
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Self(parts)
    }

    /// The text for a user and a request.
    pub fn fill(&self, user: u64, number: u64) -> Cow<'_, str> {
        match self.0.as_slice() {
            [] => Cow::Borrowed(""),
            [Part::Text(text)] => Cow::Borrowed(text),
            parts => {
                let mut filled = String::new();
                for part in parts {
                    match part {
                        Part::Text(text) => filled.push_str(text),
                        Part::User => filled.push_str(&user.to_string()),
                        Part::Number => filled.push_str(&number.to_string()),
                    }
                }
                Cow::Owned(filled)
            }
        }
    }

    /// The text, if it is always the same.
    pub fn fixed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// Reads `text`, which is the mix at `path`.
///
/// # Errors
/// Every problem, in the file's order.
pub fn load(path: &Path, text: &str) -> Result<Vec<MixRequest>, Vec<Problem>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let (file, found) = read_file::<Mix>(text, folder, &|_| None);
    match file {
        Some(Mix(requests)) if found.is_empty() => Ok(requests),
        // INVARIANT: who refuses a value reports why.
        _ if found.is_empty() => Err(vec![Problem::error(path, Position::START, "can't be read")]),
        _ => {
            let problem =
                |(position, severity, message)| Problem::new(path, position, severity, message);
            Err(found.into_iter().map(problem).collect())
        }
    }
}

struct Mix(Vec<MixRequest>);

impl Section for Mix {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let requests: Vec<MixRequest> = map.some("requests", "The requests.")?;
        if requests.len() > MAX_REQUESTS {
            map.error(Some("requests"), format!("has more than {MAX_REQUESTS} requests"));
            return None;
        }
        Some(Self(requests))
    }
}

impl Section for MixRequest {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let name: Option<Option<Words>> =
            map.optional("name", "What reports call it; method and path if nobody says.");
        let doc = "How often it is sent, relative to the others.";
        let weight: Option<u32> = map.bounded("weight", "1", ["1", "1000000"], doc);
        let method: Option<Method> = map.default("method", "GET", "The method, in upper case.");
        let path: Option<PathText> = map.required("path", "The path, as /orders/{n}?user={user}.");
        let headers: Option<Option<Named<HeaderText, ValueText>>> =
            map.optional("headers", "Its headers.");
        let body: Option<Option<BodyText>> = map.optional("body", "Its body, as text.");
        let size: Option<Option<Size>> = map.optional("body_size", "The size of a body of x's.");
        let doc = "Statuses that are no error; 200 to 399 if nobody says.";
        let expect: Option<Option<OneOrMore<u32>>> = map.optional("expect", doc);
        let (name, Method(method), PathText(path)) = (name?, method?, path?);
        let body = match (body?, size?) {
            (Some(BodyText(text)), None) => Template::new(&text),
            (None, Some(Size(size))) => match usize::try_from(size) {
                Ok(size) if size <= MAX_BODY => Template::new(&"x".repeat(size)),
                _ => {
                    map.error(Some("body_size"), "must be at most 16MiB");
                    return None;
                }
            },
            (None, None) => Template::new(""),
            (Some(_), Some(_)) => {
                map.error(None, "has two bodies; keep one of `body`, `body_size`");
                return None;
            }
        };
        let expect = expect?.map_or_else(Vec::new, |OneOrMore(statuses)| statuses);
        let expect: Option<Vec<u16>> = expect
            .into_iter()
            .map(|status| u16::try_from(status).ok().filter(|s| (200..600).contains(s)))
            .collect();
        if expect.is_none() {
            map.error(Some("expect"), "must be statuses from 200 to 599");
        }
        let headers = headers?.map_or_else(Vec::new, |Named(headers)| headers);
        let header =
            |(HeaderText(name), ValueText(value)): (_, ValueText)| (name, Template::new(&value));
        Some(Self {
            name: name.map_or_else(|| format!("{method} {path}"), |Words(name)| name),
            weight: weight?,
            path: Template::new(&path),
            headers: headers.into_iter().map(header).collect(),
            method,
            body,
            expect: expect?,
        })
    }
}

section!(Mix, MixRequest);

/// A path and perhaps a query, with placeholders.
struct PathText(String);

impl Text for PathText {
    const WHAT: &'static str = "a path such as /orders/{n}?user={user}";
    const PATTERN: &'static str = r"^/[^\s#]*$";

    fn parse(text: &str) -> Result<Self, String> {
        let short = shorten(text);
        let plain = Template::new(text).fill(1, 1).into_owned();
        if plain.contains(['{', '}']) {
            return Err(format!("\"{short}\" has a placeholder other than {{user}} and {{n}}"));
        }
        match plain.parse::<http::uri::PathAndQuery>() {
            Ok(_) if plain.starts_with('/') && !plain.contains('#') => Ok(Self(text.to_owned())),
            _ => Err(format!("must be {}, not \"{short}\"", Self::WHAT)),
        }
    }
}

/// A header that a request may be given.
struct HeaderText(HeaderName);

impl Text for HeaderText {
    const WHAT: &'static str = "a header's name";
    const PATTERN: &'static str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$";

    fn parse(text: &str) -> Result<Self, String> {
        let name = HeaderName::try_from(text)
            .map_err(|_| format!("must be {}, not \"{}\"", Self::WHAT, shorten(text)))?;
        match OWN_HEADERS.contains(&name.as_str()) {
            true => Err(format!("{name} is written by the program itself")),
            false => Ok(Self(name)),
        }
    }
}

struct ValueText(String);

impl Text for ValueText {
    const WHAT: &'static str = "a header's value";
    const PATTERN: &'static str = r"^[\t\u0020-\u007e]{0,2048}$";

    fn parse(text: &str) -> Result<Self, String> {
        let fits = text.len() <= 2048 && text.is_ascii() && HeaderValue::from_str(text).is_ok();
        match fits {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("must be {} of at most 2048 visible characters", Self::WHAT)),
        }
    }
}

struct BodyText(String);

impl Text for BodyText {
    const WHAT: &'static str = "text; quote it, also where it looks like JSON";
    const PATTERN: &'static str = r"^[\s\S]*$";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

text!(PathText, HeaderText, ValueText, BodyText);

const PLACEHOLDERS: [(&str, Part); 2] = [("{user}", Part::User), ("{n}", Part::Number)];
/// How a body is framed and who asks isn't the mix's to say.
const OWN_HEADERS: [&str; 6] =
    ["authorization", "connection", "content-length", "host", "te", "transfer-encoding"];
const MAX_REQUESTS: usize = 100;
const MAX_BODY: usize = 16 << 20;

#[cfg(test)]
#[path = "mix_tests.rs"]
mod tests;
