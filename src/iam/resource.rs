//! `Resource` and `NotResource`: patterns of ARNs, matched part by part.

use super::arn::{Arn, Resource};
use super::document::{PolicyProblem, Sense, ShortArns, Version};
use super::observe::Shown;
use super::pattern::Case;
use super::scope::{Scope, Unknowns};
use super::truth::Truth;
use super::variable::{Template, VariableError, Wildcards, split_colons};

/// One value of `Resource` or `NotResource`.
#[derive(Clone, Debug)]
pub(super) enum ResourcePattern {
    /// `*`: the one pattern that matches actions without a resource type.
    Any,
    /// The pattern of an ARN.
    Arn(Box<ArnPattern>),
    /// A short ARN of a kind of policy where that matches nothing. Nor does it leave anything out.
    Never,
}

/// Six patterns, of which the last may have variables.
#[derive(Clone, Debug)]
pub(super) struct ArnPattern {
    head: Head,
    resource: Template,
    /// There are variables before the fifth colon, where AWS documents none, and has some in policies of
    /// its own: what they stand for isn't known.
    elsewhere: bool,
}

/// The first five parts.
#[derive(Clone, Debug)]
enum Head {
    /// Without wildcards, and with the fifth colon: compared as a whole.
    Exact(Box<str>),
    Parts(Box<[Template; 5]>),
}

impl ResourcePattern {
    /// The pattern that `text` is.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead.
    pub(super) fn parse(
        text: &str,
        version: Version,
        short_arns: ShortArns,
    ) -> Result<Self, PolicyProblem> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let refused = |advice| PolicyProblem::Resource { written: text.to_owned(), advice };
        let mut parts = split_colons(text, version);
        let [first, second, ..] = parts.as_slice() else {
            return Err(refused("write \"*\" or an ARN"));
        };
        if first != "arn" || second.is_empty() {
            return Err(refused(
                "write \"*\" or an ARN, arn:partition:service:region:account:resource",
            ));
        }
        if parts.get(2).is_some_and(|service| service.contains(['*', '?'])) {
            return Err(refused(
                "name one service, wildcards aren't allowed in that part of an ARN",
            ));
        }
        if parts.len() < 6 {
            match short_arns {
                ShortArns::PaddedIfWild if !text.contains(['*', '?']) => return Ok(Self::Never),
                ShortArns::TrailingStar if !text.ends_with('*') => {
                    return Err(refused("write all six parts of the ARN, or * at its end"));
                }
                _ => parts.resize(6, "*".to_owned()),
            }
        }
        let Some((resource, head)) = parts.split_last() else {
            return Err(refused("write \"*\" or an ARN"));
        };
        let resource = Template::parse(resource, version, Wildcards::Active)?;
        let templates = head
            .iter()
            .map(|part| Template::parse(part, version, Wildcards::Active))
            .collect::<Result<Vec<_>, VariableError>>()?;
        let elsewhere = templates.iter().any(Template::has_variables);
        let mut templates = templates;
        for template in templates.iter_mut().filter(|template| template.has_variables()) {
            *template = Template::parse("*", version, Wildcards::Active)?;
        }
        let head = if elsewhere || head.iter().any(|part| part.contains(['*', '?'])) {
            let parts = <[Template; 5]>::try_from(templates);
            Head::Parts(Box::new(parts.map_err(|_| refused("write \"*\" or an ARN"))?))
        } else {
            Head::Exact(format!("{}:", head.join(":")).into())
        };
        Ok(Self::Arn(Box::new(ArnPattern { head, resource, elsewhere })))
    }

    /// Does it match? `sense` is whether it is listed to be covered or to be left out.
    pub(super) fn matches(
        &self,
        resource: &Resource,
        sense: Sense,
        scope: Scope<'_>,
        unknowns: &mut Unknowns,
    ) -> Truth {
        let (pattern, arn) = match (self, resource) {
            (Self::Any, _) => return Truth::True,
            (Self::Never, _) => return never(sense),
            (Self::Arn(pattern), _)
                if sense == Sense::AllBut && pattern.valueless(scope, unknowns) =>
            {
                return never(sense);
            }
            (Self::Arn(_), Resource::Any) => return Truth::False,
            (Self::Arn(pattern), Resource::Arn(arn)) => (pattern, arn),
        };
        if !pattern.head.matches(arn) {
            return Truth::False;
        }
        let found = pattern.resource.matches(arn.resource(), Case::Sensitive, scope, unknowns);
        if pattern.elsewhere { found.and(Truth::Unknown) } else { found }
    }

    /// The pattern with the values of its variables in their places; none without variables.
    pub(super) fn substituted(&self, scope: Scope<'_>) -> Option<Shown> {
        let Self::Arn(pattern) = self else { return None };
        let ArnPattern { head, resource, .. } = &**pattern;
        if !resource.has_variables() {
            return None;
        }
        let resource = resource.resolve(scope).shown();
        let head = match head {
            Head::Exact(head) => head.clone().into(),
            Head::Parts(parts) => {
                parts.iter().map(|part| format!("{}:", part.resolve(scope))).collect::<String>()
            }
        };
        Some(Shown::plain(head).join("", resource))
    }

    /// The keys of its variables, as written.
    pub(super) fn variable_names(&self) -> impl Iterator<Item = &str> {
        let template = match self {
            Self::Any | Self::Never => None,
            Self::Arn(pattern) => Some(&pattern.resource),
        };
        template.into_iter().flat_map(Template::variable_names)
    }

    /// With what the sixth part of what it matches begins, and whether that is all of it.
    pub(super) fn beginning(&self) -> (&str, bool) {
        match self {
            Self::Any | Self::Never => ("", false),
            Self::Arn(pattern) => pattern.resource.beginning(),
        }
    }
}

impl ArnPattern {
    /// Has a variable no value, or may it have none, being unknown?
    fn valueless(&self, scope: Scope<'_>, unknowns: &mut Unknowns) -> bool {
        self.resource.has_variables() && {
            let resolved = self.resource.resolve(scope);
            resolved.report(unknowns);
            resolved.is_null() || resolved.is_unknown()
        }
    }
}

impl Head {
    fn matches(&self, arn: &Arn) -> bool {
        match self {
            Self::Exact(head) => arn.head() == &**head,
            Self::Parts(templates) => templates
                .iter()
                .zip(arn.parts())
                .all(|(template, part)| template.matches_fixed(part, Case::Sensitive)),
        }
    }
}

/// What an element says that can match no resource. In `Resource`, that it doesn't match. In
/// `NotResource` it must not turn into a match of everything: unknown neither allows nor spares.
fn never(sense: Sense) -> Truth {
    match sense {
        Sense::Only => Truth::False,
        Sense::AllBut => Truth::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds of policies that don't pad short ARNs: such an ARN matches nothing, and in
    /// `NotResource` must not turn into everything.
    #[test]
    fn short_arns_that_are_not_padded_never_match() {
        let none = crate::iam::Facts::new();
        let scope = Scope { check: &none, session: &none, request: &none };
        let resource = Resource::Arn(Arn::parse("arn:aws:s3:::b/k").unwrap());
        let rule = ShortArns::PaddedIfWild;
        for (written, sense, truth) in [
            ("arn:aws:s3", Sense::Only, Truth::False),
            ("arn:aws:s3", Sense::AllBut, Truth::Unknown),
            ("arn:aws:s3:*", Sense::Only, Truth::True),
            ("arn:aws:s3:::b/*", Sense::Only, Truth::True),
        ] {
            let pattern = ResourcePattern::parse(written, Version::V2012, rule).unwrap();
            let found = pattern.matches(&resource, sense, scope, &mut Unknowns::default());
            assert_eq!(found, truth, "{written} {sense:?}");
        }
    }

    /// Both are in policies of AWS's own.
    #[test]
    fn what_aws_writes_and_does_not_document_is_open_or_matches_nothing() {
        let mut known = crate::iam::Facts::new();
        known.set("aws:principalaccount", crate::iam::Fact::One("123456789012".to_owned()));
        let scope = Scope { check: &known, session: &known, request: &known };
        for (written, arn, truth) in [
            ("arn:*:kms:*:${aws:PrincipalAccount}:key/*", "arn:aws:kms:r:1:key/k", Truth::Unknown),
            ("arn:*:kms:*:${aws:PrincipalAccount}:key/*", "arn:aws:kms:r:1:alias/k", Truth::False),
            ("arn:*:kms:*:${aws:PrincipalAccount}:key/*", "arn:aws:s3:r:1:key/k", Truth::False),
            ("arn:aws:kms:r:${x}:key/k", "arn:aws:kms:r:1:key/k", Truth::Unknown),
            ("arn:aws:organizations::*:", "arn:aws:organizations::1:account/o-1/1", Truth::False),
        ] {
            let rule = ShortArns::PaddedIfWild;
            let pattern = ResourcePattern::parse(written, Version::V2012, rule).unwrap();
            let resource = Resource::Arn(Arn::parse(arn).unwrap());
            for sense in [Sense::Only, Sense::AllBut] {
                let found = pattern.matches(&resource, sense, scope, &mut Unknowns::default());
                assert_eq!(found, truth, "{written} {arn} {sense:?}");
            }
        }
    }
}
