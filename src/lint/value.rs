//! Lints of values: wildcards that are none, variables that have no value.

use super::{
    Lint,
    claim::is_user_writable,
    judge::{Judge, Of},
};
use crate::iam::{
    Base, ConditionSource, JsonPath, Operator, Polarity, Sourced, Span, Version, spans,
    split_colons,
};

impl Judge<'_> {
    pub(super) fn values(&mut self, of: Of<'_>, condition: &ConditionSource, operator: Operator) {
        let key = condition.key.text.to_ascii_lowercase();
        let texts = matches!(operator.base, Base::StringEquals | Base::StringEqualsIgnoreCase);
        let variables = texts || matches!(operator.base, Base::StringLike | Base::Arn | Base::Bool);
        for Sourced { path, text } in &condition.values {
            if variables {
                self.variables(of, path, text);
            }
            let wild = spans(text, of.policy.version).into_iter().any(|span| match span {
                Span::Text(text) => text.contains(['*', '?']),
                Span::Reference(_) => false,
            });
            let operator_name = &condition.operator.text;
            if texts && wild {
                let message = format_args!(
                    "in {operator_name} the * and ? of {text:?} are no wildcards: write {}",
                    like(operator)
                );
                self.report(Lint::WildcardInEquals, of, path, message);
            }
            let id = key.starts_with("cognito-identity") && key.ends_with(":sub")
                || key.starts_with("cognito-identity") && key.ends_with(":aud");
            if id && !text.contains(['*', '?', '$']) && !is_identity_id(text) {
                let message = format_args!(
                    "{} is an id such as eu-west-1:7c5b0000-0000-4000-8000-000000000000, {text:?} never is: a user pool's sub and its app clients are others",
                    condition.key.text
                );
                self.report(Lint::NotAnIdentityId, of, path, message);
            }
        }
    }

    /// `${…}` in a resource where AWS documents none.
    pub(super) fn variables_elsewhere(&mut self, of: Of<'_>, path: &JsonPath, text: &str) {
        let parts = split_colons(text, of.policy.version);
        if of.policy.version == Version::V2012 && parts.iter().take(5).any(|p| p.contains("${")) {
            let message = format_args!(
                "{text:?} has a variable before the fifth colon: write it behind, where alone they have values"
            );
            self.report(Lint::NullVariable, of, path, message);
        }
    }

    /// `${…}` in a value or a resource.
    pub(super) fn variables(&mut self, of: Of<'_>, path: &JsonPath, text: &str) {
        if !text.contains("${") {
            return;
        }
        if of.policy.version == Version::V2008 {
            let message = format_args!(
                "in {text:?} the ${{…}} is no variable but text: write \"Version\": \"2012-10-17\""
            );
            return self.report(Lint::LiteralVariable, of, path, message);
        }
        for span in spans(text, of.policy.version) {
            let Span::Reference(inner) = span else { continue };
            if matches!(inner, "*" | "?" | "$") {
                continue;
            }
            let (name, default) = match inner.split_once(',') {
                Some((name, _)) => (name, true),
                None => (inner, false),
            };
            match self.variable(of, name) {
                // It has its default then.
                Some((Lint::NullVariable, what)) if default && what.starts_with("no request") => {}
                Some((Lint::NullVariable, what)) => {
                    let message = format_args!("the value {text:?} matches nothing: {what}");
                    self.report(Lint::NullVariable, of, path, message);
                }
                Some((lint, what)) => {
                    let message = format_args!("what {text:?} matches can't be told: {what}");
                    self.report(lint, of, path, message);
                }
                None => {}
            }
            let claim = name.to_ascii_lowercase();
            if of.allows() && claim.strip_prefix("jwt:").is_some_and(is_user_writable) {
                let message = format_args!(
                    "{name} is what a user may write of himself: let him reach what follows from his sub or identity id"
                );
                self.report(Lint::UserWritableClaim, of, path, message);
            }
        }
    }
}

const fn like(operator: Operator) -> &'static str {
    match operator.polarity {
        Polarity::Positive => "StringLike",
        Polarity::Negated => "StringNotLike",
    }
}

/// `region:uuid`
fn is_identity_id(text: &str) -> bool {
    text.split_once(':').is_some_and(|(region, uuid)| {
        let hex = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        region.contains('-') && uuid.len() == 36 && uuid.bytes().all(hex)
    })
}
