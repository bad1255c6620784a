//! Actions that are named as an API's: `get /pets/{id}`, in the manner of an API-linked policy store.

/// The API actions of a schema, the most literal one first.
#[derive(Debug, Default)]
pub(super) struct Paths(Vec<(Template, usize)>);

/// The method and path of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// In lower case; none is any.
    method: Option<String>,
    segments: Vec<Segment>,
}

/// A segment of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Exactly this text, decoded.
    Literal(String),
    /// `{name}`: any text but none.
    One(String),
    /// `{name+}`: whatever is left, nothing too.
    Rest(String),
}

/// An action's id that begins as an API's and isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a method and a path such as `get /pets/{{id}}`: {0}")]
pub(super) struct Malformed(&'static str);

impl Template {
    /// Reads an action's id; `None` for one that isn't named as an API's.
    pub(super) fn parse(id: &str) -> Result<Option<Self>, Malformed> {
        let Some((method, path)) = id.split_once(" /") else { return Ok(None) };
        if method.is_empty() || !method.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(Malformed("the method must be in lower case, or `any`"));
        }
        let count = path.split('/').count();
        let mut segments = Vec::new();
        for (at, text) in path.split('/').enumerate() {
            segments.push(segment(text, at + 1 == count)?);
        }
        let method = (method != "any").then(|| method.to_owned());
        Ok(Some(Self { method, segments }))
    }

    /// The names of its parameters.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::One(name) | Segment::Rest(name) => Some(name.as_str()),
        })
    }

    /// The values of its parameters in a path that it fits.
    pub(super) fn values<'a>(
        &'a self,
        path: &'a [&str],
    ) -> impl Iterator<Item = (&'a str, String)> + 'a {
        self.segments.iter().enumerate().filter_map(|(at, segment)| match segment {
            Segment::Literal(_) => None,
            Segment::One(name) => Some((name.as_str(), (*path.get(at)?).to_owned())),
            Segment::Rest(name) => Some((name.as_str(), path.get(at..)?.join("/"))),
        })
    }

    fn fits(&self, method: &str, path: &[&str]) -> bool {
        if !self.method.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(method)) {
            return false;
        }
        let rest = matches!(self.segments.last(), Some(Segment::Rest(_)));
        let fixed = self.segments.len() - usize::from(rest);
        let long_enough = if rest { path.len() >= fixed } else { path.len() == fixed };
        long_enough
            && self.segments.iter().zip(path).all(|(segment, value)| match segment {
                Segment::Literal(text) => text == value,
                // An empty segment is a trailing slash, not a value.
                Segment::One(_) => !value.is_empty(),
                Segment::Rest(_) => true,
            })
    }

    /// Literal before parameter before rest at the first segment that differs; a method before any.
    fn rank(&self) -> (Vec<u8>, bool) {
        let kind = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::One(_) => 1,
            Segment::Rest(_) => 2,
        };
        let kinds = self.segments.iter().map(kind).collect();
        (kinds, self.method.is_none())
    }

    /// Whether both fit the same requests: their parameters may be named otherwise.
    fn is_like(&self, other: &Self) -> bool {
        let alike = |pair: (&Segment, &Segment)| match pair {
            (Segment::Literal(one), Segment::Literal(other)) => one == other,
            (Segment::One(_), Segment::One(_)) | (Segment::Rest(_), Segment::Rest(_)) => true,
            _ => false,
        };
        self.method == other.method
            && self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(alike)
    }
}

impl Paths {
    /// Adds the action at `index`; the index of one that fits the same requests, if there is one.
    pub(super) fn add(&mut self, template: Template, index: usize) -> Result<(), usize> {
        if let Some((_, other)) = self.0.iter().find(|(known, _)| known.is_like(&template)) {
            return Err(*other);
        }
        self.0.push((template, index));
        self.0.sort_by_key(|(template, _)| template.rank());
        Ok(())
    }

    /// The most literal action that fits.
    pub(super) fn find(&self, method: &str, path: &[&str]) -> Option<(&Template, usize)> {
        let found = self.0.iter().find(|(template, _)| template.fits(method, path));
        found.map(|(template, index)| (template, *index))
    }
}

fn segment(text: &str, last: bool) -> Result<Segment, Malformed> {
    let Some(inner) = text.strip_prefix('{') else {
        return match text.contains(['{', '}', '%', '?', '#']) {
            true => Err(Malformed("a parameter is a whole segment, and literals are not encoded")),
            false => Ok(Segment::Literal(text.to_owned())),
        };
    };
    let name = inner.strip_suffix('}').ok_or(Malformed("`{` without `}` at the segment's end"))?;
    let (name, rest) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(word) {
        return Err(Malformed("a parameter is named with letters, digits, `_`, `-` and `.`"));
    }
    match (rest, last) {
        (true, false) => Err(Malformed("`{name+}` must be the last segment")),
        (true, true) => Ok(Segment::Rest(name.to_owned())),
        (false, _) => Ok(Segment::One(name.to_owned())),
    }
}
