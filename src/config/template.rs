//! Operations of an API's own naming: which method and path is which action on which resource.

use super::map::Map;
use super::problem::Position;
use super::read::{Section, Text, section, text};
use super::value::{is_token, made_of, wrong};
use super::yaml::shorten;

/// A request that fits `method` and `path` is `action` on `resource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRule {
    /// Where it is in the file.
    pub position: Position,
    /// The method, in upper case.
    pub method: String,
    /// The path, segment by segment.
    pub path: PathTemplate,
    /// The action, as `pets:Read`.
    pub action: String,
    /// The resource's ARN.
    pub resource: ResourceTemplate,
}

/// A path, segment by segment; its text begins with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    /// As written.
    pub text: String,
    /// Its segments: of `/pets/{id}` two, of `/` none, of `/pets/` two of which the last is empty.
    pub segments: Vec<Segment>,
}

/// One segment of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this.
    Literal(String),
    /// Any segment that is not empty, as this parameter's value.
    Parameter(String),
}

/// An ARN into which a path's parameters are put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceTemplate {
    /// As written.
    pub text: String,
    /// Its pieces, in order.
    pub pieces: Vec<Piece>,
}

/// One piece of an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Exactly this.
    Literal(String),
    /// The value of this parameter.
    Parameter(String),
}

impl Section for ActionRule {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let method = map.required("method", "The method, in upper case.");
        let path = map.required("path", "The path, as /pets/{id}.");
        let action = map.required("action", "The action in policies, as pets:Read.");
        let doc = "The resource in policies: an ARN, as \
                   arn:aws:pets:eu-west-1:123456789012:pet/{id}.";
        let resource = map.required("resource", doc);
        let (path, resource): (PathTemplate, ResourceTemplate) = (path?, resource?);
        let known = |name: &String| {
            path.segments.iter().any(|s| matches!(s, Segment::Parameter(known) if known == name))
        };
        for piece in &resource.pieces {
            if let Piece::Parameter(name) = piece
                && !known(name)
            {
                map.error(Some("resource"), format!("{{{name}}} is not in the path {}", path.text));
                return None;
            }
        }
        let (Method(method), ActionName(action)) = (method?, action?);
        Some(Self { position: map.here(), method, path, action, resource })
    }
}

section!(ActionRule);

/// Refuses two rules for the same requests; a literal segment comes before a parameter, so that
/// others never tie.
pub(super) fn check_rules(map: &mut Map<'_, '_>, rules: &[ActionRule]) {
    for (index, rule) in rules.iter().enumerate() {
        let same = |earlier: &&ActionRule| {
            earlier.method == rule.method && earlier.path.shape().eq(rule.path.shape())
        };
        if let Some(earlier) = rules.iter().take(index).find(same)
            && let Some(reader) = map.reader()
        {
            let (method, path, line) = (&rule.method, &rule.path.text, earlier.position.line);
            let message =
                format!("{method} {path} fits the same requests as the rule of line {line}");
            reader.error(rule.position, message);
        }
    }
}

impl PathTemplate {
    /// What it fits, whatever the parameters are called.
    fn shape(&self) -> impl Iterator<Item = Option<&str>> {
        self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => Some(text.as_str()),
            Segment::Parameter(_) => None,
        })
    }
}

/// Checks a path of the file: it begins with `/`, and every segment is one that `fits`, is not `.`
/// or `..`, and is not empty unless it is the last.
pub(super) fn check_path(text: &str, fits: impl Fn(&str) -> bool) -> Result<Vec<&str>, String> {
    let shown = shorten(text);
    let Some(rest) = text.strip_prefix('/') else {
        return Err(format!("must begin with /, not \"{shown}\""));
    };
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let segments: Vec<&str> = rest.split('/').collect();
    let last = segments.len() - 1;
    for (index, segment) in segments.iter().enumerate() {
        match *segment {
            "" if index == last => {}
            "" => {
                return Err(format!("\"{shown}\" has an empty segment, which no request may have"));
            }
            "." | ".." => {
                return Err(format!(
                    "\"{shown}\" has the segment {segment}, which no request may have"
                ));
            }
            segment if fits(segment) => {}
            segment => {
                let segment = shorten(segment);
                return Err(format!(
                    "the segment \"{segment}\" has a character that is not in A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + , = : @"
                ));
            }
        }
    }
    Ok(segments)
}

pub(super) struct Method(pub(super) String);

impl Text for Method {
    const WHAT: &'static str = "a method in upper case, such as GET";
    const PATTERN: &'static str = "^[A-Z][A-Z-]{0,31}$";

    fn parse(text: &str) -> Result<Self, String> {
        let fits = made_of(text, 32, |b| is_token(b) && (b.is_ascii_uppercase() || b == b'-'))
            && !text.starts_with('-');
        if fits { Ok(Self(text.to_owned())) } else { Err(wrong::<Self>(text)) }
    }
}

struct ActionName(String);

impl Text for ActionName {
    const WHAT: &'static str = "an action such as pets:Read";
    const PATTERN: &'static str = "^[a-z0-9-]{1,64}:[A-Za-z0-9]{1,128}$";

    fn parse(text: &str) -> Result<Self, String> {
        let fits = text.split_once(':').is_some_and(|(service, name)| {
            made_of(service, 64, |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
                && made_of(name, 128, |b| b.is_ascii_alphanumeric())
        });
        if fits { Ok(Self(text.to_owned())) } else { Err(wrong::<Self>(text)) }
    }
}

impl Text for PathTemplate {
    const WHAT: &'static str = "a path such as /pets/{id}";
    const PATTERN: &'static str = r"^/[A-Za-z0-9._~!$&'()*+,=:@/{}-]*$";

    fn parse(text: &str) -> Result<Self, String> {
        let plain = |segment: &str| {
            made_of(segment, 256, |b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&b))
        };
        let fits = |segment: &str| plain(segment) || parameter(segment).is_some();
        let mut segments: Vec<Segment> = Vec::new();
        for segment in check_path(text, fits)? {
            let segment = match parameter(segment) {
                Some(name) => Segment::Parameter(name.to_owned()),
                None => Segment::Literal(segment.to_owned()),
            };
            if matches!(segment, Segment::Parameter(_)) && segments.contains(&segment) {
                return Err(format!("\"{}\" has a parameter twice", shorten(text)));
            }
            segments.push(segment);
        }
        if segments.len() > 64 {
            return Err("has more than 64 segments".into());
        }
        Ok(Self { text: text.to_owned(), segments })
    }
}

impl Text for ResourceTemplate {
    const WHAT: &'static str = "an ARN such as arn:aws:pets:eu-west-1:123456789012:pet/{id}";
    const PATTERN: &'static str =
        "^arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12})?:[^*?\\s]{1,1024}$";

    fn parse(text: &str) -> Result<Self, String> {
        let bad = || wrong::<Self>(text);
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = parts.as_slice() else {
            return Err(bad());
        };
        let word =
            |part: &str| made_of(part, 64, |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let account_fits = account.is_empty()
            || account.len() == 12 && made_of(account, 12, |b| b.is_ascii_digit());
        let region_fits = region.is_empty() || word(region);
        if !word(partition) || !word(service) || !region_fits || !account_fits {
            return Err(bad());
        }
        if !(1..=1024).contains(&resource.len())
            || resource.contains(|c: char| c.is_whitespace() || c.is_control() || "*?".contains(c))
        {
            return Err(bad());
        }
        let head = text.strip_suffix(resource).ok_or_else(bad)?;
        let mut pieces = Vec::new();
        let mut literal = head.to_owned();
        let mut rest = *resource;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(bad)?;
            if !is_name(name) || before.contains('}') {
                return Err(bad());
            }
            literal.push_str(before);
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            pieces.push(Piece::Parameter(name.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err(bad());
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        pieces.retain(|piece| *piece != Piece::Literal(String::new()));
        Ok(Self { text: text.to_owned(), pieces })
    }
}

text!(ActionName, Method, PathTemplate, ResourceTemplate);

/// The name of a segment that is a parameter.
fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}').filter(|name| is_name(name))
}

fn is_name(text: &str) -> bool {
    made_of(text, 64, |b| b.is_ascii_alphanumeric() || b == b'_')
}
