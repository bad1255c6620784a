//! Templates of one's own: a method and a path become an action and a resource.
//!
//! `GET /orders/{id}` may be `orders:Read` on `arn:aws:orders:::order/{id}`. A `{name}` stands for
//! exactly one whole path segment, decoded; the more literal template wins, segment by segment.

use std::cmp::Reverse;

use ::http::Method;

use crate::{
    http::Target,
    iam::{Action, Arn, Check, Resource},
};

/// The templates of a route, the most literal one first.
#[derive(Debug, Default)]
pub struct Templates(Vec<Template>);

/// One template.
#[derive(Debug)]
pub struct Template {
    /// `None` is any method.
    pub method: Option<Method>,
    /// The path's segments: of `/orders/{id}` two, of `/` none.
    pub segments: Vec<Segment>,
    /// The action.
    pub action: Action,
    /// The resource's ARN, in pieces.
    pub resource: Vec<Piece>,
}

/// A segment of a template's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text.
    Literal(String),
    /// Any text but none.
    Parameter,
}

/// A piece of a template's resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Exactly this text.
    Literal(String),
    /// The value of the path's segment at this place.
    Segment(usize),
}

/// Another template has the same method and the same path but for the names of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another action of this route has the same method and path")]
pub struct Duplicate;

impl Templates {
    /// Adds a template.
    ///
    /// # Errors
    /// [`Duplicate`] where two templates would fit the same requests.
    pub fn add(&mut self, template: Template) -> Result<(), Duplicate> {
        let same = |t: &Template| t.method == template.method && t.segments == template.segments;
        if self.0.iter().any(same) {
            return Err(Duplicate);
        }
        self.0.push(template);
        self.0.sort_by_key(Template::rank);
        Ok(())
    }

    /// The check of the first template that fits.
    pub fn check(&self, method: &Method, target: &Target) -> Option<Check> {
        let values: Vec<&str> = target.segments().collect();
        self.0.iter().find(|t| t.fits(method, &values)).and_then(|t| t.check(&values))
    }
}

impl Template {
    /// Literal before parameter at the first segment that differs; a named method before any.
    fn rank(&self) -> (Reverse<Vec<bool>>, bool) {
        let literal = self.segments.iter().map(|s| matches!(s, Segment::Literal(_)));
        (Reverse(literal.collect()), self.method.is_none())
    }

    fn fits(&self, method: &Method, values: &[&str]) -> bool {
        self.method.as_ref().is_none_or(|own| own == method)
            && self.segments.len() == values.len()
            && self.segments.iter().zip(values).all(|(segment, value)| match segment {
                Segment::Literal(text) => text == value,
                // An empty segment is a trailing slash, not a value.
                Segment::Parameter => !value.is_empty(),
            })
    }

    fn check(&self, values: &[&str]) -> Option<Check> {
        let mut arn = String::new();
        for piece in &self.resource {
            match piece {
                Piece::Literal(text) => arn.push_str(text),
                Piece::Segment(at) => arn.push_str(values.get(*at)?),
            }
        }
        let arn = Arn::parse(&arn).ok()?;
        Some(Check::new(self.action.clone(), Resource::Arn(arn)))
    }
}

#[cfg(test)]
mod tests;
