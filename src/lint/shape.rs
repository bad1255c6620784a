//! Whether the pattern of an ARN can match a type of resource at all.

use crate::{
    iam::{Span, Version, spans, split_colons},
    services::catalog::ResourceType,
};

/// A value of `Resource`, taken apart.
#[derive(Debug)]
pub(super) struct Shape {
    /// `*` where the pattern is too short to say.
    pub(super) service: String,
    region: String,
    account: String,
    resource: Vec<Piece>,
}

/// A step of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Char(char),
    One,
    /// `*`, or a variable: any text.
    Any,
}

impl Shape {
    /// The shape of an ARN; none of `*`.
    pub(super) fn of(pattern: &str, version: Version) -> Option<Self> {
        if pattern == "*" {
            return None;
        }
        let mut parts = split_colons(pattern, version).into_iter();
        let mut part = || parts.next().unwrap_or_else(|| "*".to_owned());
        let (_, _, service) = (part(), part(), part());
        let (region, account, resource) = (part(), part(), part());
        let mut pieces = Vec::with_capacity(resource.len());
        for span in spans(&resource, version) {
            match span {
                Span::Text(text) => pieces.extend(text.chars().map(|c| match c {
                    '*' => Piece::Any,
                    '?' => Piece::One,
                    c => Piece::Char(c),
                })),
                Span::Reference(escape @ ("*" | "?" | "$")) => {
                    pieces.extend(escape.chars().map(Piece::Char));
                }
                Span::Reference(_) => pieces.push(Piece::Any),
            }
        }
        Some(Self { service, region, account, resource: pieces })
    }

    /// Can it match a resource of that type?
    pub(super) fn fits(&self, wanted: &ResourceType) -> bool {
        let part = |written: &str, has: bool| match has {
            true => !written.is_empty(),
            false => written.bytes().all(|byte| byte == b'*'),
        };
        (self.service == wanted.service || self.service == "*")
            && part(&self.region, wanted.region)
            && part(&self.account, wanted.account)
            && meets(&self.resource, wanted.resource)
    }
}

/// A step of a type's template: one character, with or without `/`, or any number of them.
#[derive(Clone, Copy)]
enum Step {
    Char(char),
    One { slash: bool },
    Many { slash: bool },
}

/// Is there a text that both match? Walks over the pattern with the set of places in the template
/// that are reached, as bits.
fn meets(pattern: &[Piece], template: &str) -> bool {
    let steps: Vec<Step> = template
        .chars()
        .flat_map(|c| match c {
            '#' => vec![Step::One { slash: false }, Step::Many { slash: false }],
            '*' => vec![Step::One { slash: true }, Step::Many { slash: true }],
            c => vec![Step::Char(c)],
        })
        .collect();
    debug_assert!(steps.len() < 64, "{template}");
    // What may be passed over is.
    let settled = |places: u64| {
        steps.iter().enumerate().fold(places, |places, (at, step)| match step {
            Step::Many { .. } if places >> at & 1 == 1 => places | 2 << at,
            _ => places,
        })
    };
    let mut places = settled(1);
    for piece in pattern {
        let takes = |step: &Step| match (piece, step) {
            (Piece::Char(c), Step::Char(own)) => c == own,
            (Piece::Char('/'), Step::One { slash } | Step::Many { slash }) => *slash,
            _ => true,
        };
        if *piece == Piece::Any {
            // Every step takes some text, so that all that is behind the first place is reached.
            let first = places.trailing_zeros();
            let all = (2_u64 << steps.len()).wrapping_sub(1);
            places = all & (u64::MAX << first);
            continue;
        }
        let mut next = 0;
        for (at, step) in steps.iter().enumerate() {
            if places >> at & 1 == 1 && takes(step) {
                next |= match step {
                    Step::Many { .. } => 1 << at,
                    _ => 2 << at,
                };
            }
        }
        places = settled(next);
        if places == 0 {
            return false;
        }
    }
    places >> steps.len() & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::catalog::Service;

    #[test]
    fn patterns_meet_the_types_that_they_can_match() {
        for (pattern, expected) in [
            ("arn:aws:s3:::b", "bucket"),
            ("arn:aws:s3:::b/*", "object"),
            ("arn:aws:s3:::b*", "bucket object"),
            ("arn:aws:s3:::*", "bucket object"),
            ("arn:aws:s3:::b?c", "bucket object"),
            ("arn:aws:s3:::*/*", "object"),
            ("arn:aws:s3:::b/${aws:PrincipalTag/a}", "object"),
            ("arn:aws:s3:::${aws:PrincipalTag/a}", "bucket object"),
            ("arn:aws:s3:::b${*}", "bucket"),
            ("arn:aws:s3:::b/", ""),
            ("arn:aws:s3:eu-west-1:1:b", ""),
            ("arn:aws:s3:eu-west-1:1:accesspoint/a", "access point"),
            ("arn:aws:s3:*:*:b", "bucket"),
        ] {
            assert_eq!(types("s3", pattern), expected, "{pattern}");
        }
        let all = "bulk operation backup export import index stream";
        for (pattern, expected) in [
            ("arn:aws:dynamodb:*:*:table/t", "table"),
            ("arn:aws:dynamodb:*:*:table/t/index/*", "bulk operation index"),
            ("arn:aws:dynamodb:*:*:table/*/index/i", "bulk operation index"),
            ("arn:aws:dynamodb:*:*:table/t/*", all),
            ("arn:aws:dynamodb:::table/t", ""),
            ("arn:aws:dynamodb::1:global-table/g", "global table"),
            ("arn:aws:dynamodb:*:*:t", ""),
        ] {
            assert_eq!(types("dynamodb", pattern), expected, "{pattern}");
        }
        let short = Shape::of("arn:aws:dynamodb", Version::V2012).unwrap();
        assert!(Service::of("dynamodb").unwrap().types.iter().all(|known| short.fits(known)));
    }

    fn types(service: &str, pattern: &str) -> String {
        let shape = Shape::of(pattern, Version::V2012).unwrap();
        let types = Service::of(service).unwrap().types.iter();
        let types = types.filter(|known| !known.name.starts_with("multi-region"));
        types
            .filter(|known| shape.fits(known))
            .map(|known| known.name)
            .collect::<Vec<_>>()
            .join(" ")
    }
}
