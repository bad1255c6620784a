//! Lints of conditions: their keys, and how these are compared.

use super::{
    Lint,
    claim::is_user_writable,
    judge::{Judge, Of},
};
use crate::{
    config::suggest::suggestion,
    iam::{Base, ConditionSource, Missing, Operator, Polarity, PolicyKind, Quantifier, Sense},
    identity::is_of_the_call,
    services::catalog::{self, Key, KeyKind, Seen, Service, keys_of},
};

/// What a condition comes to if its key is absent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    Holds,
    Fails,
    /// AWS doesn't say.
    Open,
}

impl Judge<'_> {
    pub(super) fn conditions(&mut self, of: Of<'_>) {
        for condition in &of.statement.conditions {
            // An operator that can't be read has been refused.
            let Some(operator) = Operator::parse(&condition.operator.text) else { continue };
            self.condition(of, condition, operator);
            self.values(of, condition, operator);
        }
    }

    fn condition(&mut self, of: Of<'_>, condition: &ConditionSource, operator: Operator) {
        let (name, at) = (condition.key.text.as_str(), &condition.key.path);
        let written = &condition.operator.text;
        if operator.base != Base::Null && condition.values.is_empty() {
            let message = format_args!(
                "{written} on {name} has no values, and nothing matches none: write some, or drop it"
            );
            self.report(Lint::EmptyValues, of, at, message);
        }
        let claim = name.to_ascii_lowercase();
        if let Some(claim) = claim.strip_prefix("jwt:")
            && of.allows()
            && is_user_writable(claim)
        {
            let message = format_args!(
                "{name} is what a user may write of himself: allow on groups or on what only administrators write"
            );
            self.report(Lint::UserWritableClaim, of, at, message);
        }
        let key = match look_up(name) {
            LookedUp::Unlisted => None,
            LookedUp::Unknown(hint) => {
                let message = format_args!(
                    "there is no context key {name}{hint}: {}",
                    absent(of, condition, operator)
                );
                return self.report(Lint::UnknownKey, of, at, message);
            }
            LookedUp::Known(key) => Some(key),
        };
        if self.unobservable(of, name, key) {
            let message = format_args!(
                "{name} can't be observed here, it is unknown: {}",
                if of.allows() { "this never allows" } else { "this denies whatever its value" }
            );
            return self.report(Lint::UnobservableKey, of, at, message);
        }
        if key.is_some_and(|key| key.seen == Seen::Never) {
            let message =
                format_args!("no request has {name} here: {}", absent(of, condition, operator));
            return self.report(Lint::AbsentKey, of, at, message);
        }
        // Said once of a key, however many conditions need it.
        let first = of.statement.conditions.iter().find(|other| needs(other, name));
        if first.is_some_and(|first| std::ptr::eq(first, condition)) {
            self.key_of_actions(of, condition);
        }
        self.quantifier(of, condition, operator, key);
        if let Some(key) = key
            && !compares(operator.base, key.kind)
        {
            let message = format_args!(
                "{written} doesn't compare what {name} is ({}): write {}",
                described(key.kind).0,
                described(key.kind).1
            );
            self.report(Lint::WrongOperator, of, at, message);
        }
    }

    /// Set operators where there is nothing to quantify, and none where there is.
    fn quantifier(
        &mut self,
        of: Of<'_>,
        condition: &ConditionSource,
        operator: Operator,
        key: Option<Key>,
    ) {
        let (name, at) = (condition.key.text.as_str(), &condition.key.path);
        let written = &condition.operator.text;
        if operator.base == Base::Null {
            return;
        }
        let many = key.map(|key| key.many);
        if operator.quantifier == Quantifier::Single && many == Some(true) {
            let fires = if of.allows() { "never allows" } else { "never denies" };
            let message = format_args!(
                "{name} has many values, of which {written} is never true: this {fires}; write ForAnyValue:{written} or ForAllValues:{written}"
            );
            return self.report(Lint::MultiValuedKey, of, at, message);
        }
        let optional = key.is_some_and(|key| OPTIONAL.contains(&key.name));
        if operator.quantifier == Quantifier::All && of.allows() && !optional && !demanded(of, name)
        {
            let message = format_args!(
                "{written} is true of a request without {name}: write \"Null\": {{\"{name}\": \"false\"}} beside it"
            );
            return self.report(Lint::ForAllValuesWithoutNull, of, at, message);
        }
        if operator.quantifier != Quantifier::Single && many == Some(false) {
            let plain = written.split_once(':').map_or("", |(_, plain)| plain);
            let message =
                format_args!("{name} has one value: write {plain} without a set operator");
            self.report(Lint::SetOperatorOnSingleValue, of, at, message);
        }
    }

    /// Actions of the statement that don't have a key which has to be there.
    fn key_of_actions(&mut self, of: Of<'_>, condition: &ConditionSource) {
        let name = condition.key.text.as_str();
        let service = name.split_once(':').and_then(|(prefix, _)| Service::of(prefix));
        let Some((service, known)) = service.and_then(|s| Some((s, s.actions_with(name)?))) else {
            return;
        };
        let Some(actions) = of.statement.actions.as_ref().filter(|a| a.sense == Sense::Only) else {
            return;
        };
        let has = |action: &str| {
            known.iter().any(|known| {
                let own = known.split_once(':').map_or("", |(_, own)| own);
                own.eq_ignore_ascii_case(action)
            })
        };
        for action in &actions.values {
            let meant = self.meant(&action.text);
            let own = meant.service.is_some_and(|of| of.prefix == service.prefix);
            if action.text == "*" || meant.actions.is_empty() && meant.service.is_some() {
                continue;
            }
            if own && meant.actions.iter().any(|(action, _)| has(action)) {
                continue;
            }
            let effect = if of.allows() { "allowed" } else { "denied" };
            let message = format_args!(
                "{} has no {name}, and is never {effect} here: give it a statement of its own",
                action.text
            );
            self.report(Lint::KeyNotOfAction, of, &action.path, message);
        }
    }

    /// Is the value of the key always unknown where this statement is evaluated?
    fn unobservable(&self, of: Of<'_>, name: &str, key: Option<Key>) -> bool {
        let lower = name.to_ascii_lowercase();
        let unplaced = self.given.home.is_none() && CONFIGURED.contains(&lower.as_str());
        key.is_some_and(|key| key.seen == Seen::Unknown)
            || unplaced
            || of.policy.kind == PolicyKind::Trust && is_of_the_call(&lower)
    }

    /// The same for a variable; what it is otherwise, in a word: none if it may have a value.
    pub(super) fn variable(&self, of: Of<'_>, name: &str) -> Option<(Lint, String)> {
        let key = match look_up(name) {
            LookedUp::Unlisted => None,
            LookedUp::Unknown(hint) => {
                return Some((Lint::NullVariable, format!("there is no context key {name}{hint}")));
            }
            LookedUp::Known(key) => Some(key),
        };
        if self.unobservable(of, name, key) {
            let what = format!("{name} can't be observed here, it is unknown");
            return Some((Lint::UnobservableKey, what));
        }
        let key = key?;
        if key.many {
            return Some((
                Lint::NullVariable,
                format!("{name} has many values, a variable takes one"),
            ));
        }
        (key.seen == Seen::Never)
            .then(|| (Lint::NullVariable, format!("no request has {name} here")))
    }
}

enum LookedUp {
    Known(Key),
    /// Nobody has it. With what may have been meant.
    Unknown(String),
    /// Of a service or a provider that isn't listed.
    Unlisted,
}

fn look_up(name: &str) -> LookedUp {
    if let Some(key) = catalog::key(name) {
        return LookedUp::Known(key);
    }
    let Some((prefix, _)) = name.split_once(':') else {
        return LookedUp::Unknown(", it has no prefix".to_owned());
    };
    let lower = prefix.to_ascii_lowercase();
    let pool = lower.starts_with("cognito-identity") && lower.contains(".amazonaws.com");
    if lower == "aws" || lower == "poolgate" || pool || Service::of(prefix).is_some() {
        return LookedUp::Unknown(suggestion(name, keys_of(prefix)));
    }
    LookedUp::Unlisted
}

/// What comes of the condition, in words.
fn absent(of: Of<'_>, condition: &ConditionSource, operator: Operator) -> &'static str {
    match (when_absent(condition, operator), of.allows()) {
        (Absent::Fails, true) => "this never allows",
        (Absent::Fails, false) => "this never denies",
        (Absent::Holds, _) => "the condition always holds",
        (Absent::Open, true) => "this never allows, since AWS doesn't say what is true without it",
        (Absent::Open, false) => "this denies, since AWS doesn't say what is true without it",
    }
}

fn when_absent(condition: &ConditionSource, operator: Operator) -> Absent {
    let holds = |holds: bool| if holds { Absent::Holds } else { Absent::Fails };
    if operator.base == Base::Null {
        return holds(condition.values.iter().any(|v| v.text.eq_ignore_ascii_case("true")));
    }
    match (operator.quantifier, operator.missing) {
        (Quantifier::Any, Missing::Holds) => Absent::Open,
        (Quantifier::Any, Missing::AsOperator) => Absent::Fails,
        (Quantifier::All, _) | (Quantifier::Single, Missing::Holds) => Absent::Holds,
        (Quantifier::Single, Missing::AsOperator) => holds(operator.polarity == Polarity::Negated),
    }
}

/// Does the statement demand elsewhere that the key is there?
fn demanded(of: Of<'_>, name: &str) -> bool {
    of.statement.conditions.iter().any(|condition| needs(condition, name))
}

/// Does the condition fail without the key `name`?
fn needs(condition: &ConditionSource, name: &str) -> bool {
    condition.key.text.eq_ignore_ascii_case(name)
        && Operator::parse(&condition.operator.text)
            .is_some_and(|operator| when_absent(condition, operator) == Absent::Fails)
}

/// Can the operator compare such values in earnest?
fn compares(base: Base, kind: KeyKind) -> bool {
    match base {
        Base::StringEquals | Base::StringEqualsIgnoreCase | Base::StringLike => {
            !matches!(kind, KeyKind::IpAddress | KeyKind::Date)
        }
        Base::Numeric(_) => matches!(kind, KeyKind::Numeric | KeyKind::Epoch),
        Base::Date(_) => matches!(kind, KeyKind::Date | KeyKind::Epoch),
        Base::Bool => kind == KeyKind::Bool,
        Base::IpAddress => kind == KeyKind::IpAddress,
        Base::Arn => kind == KeyKind::Arn,
        Base::BinaryEquals | Base::Null => true,
    }
}

/// What values of a kind are, and what compares them.
const fn described(kind: KeyKind) -> (&'static str, &'static str) {
    match kind {
        KeyKind::String => ("text", "StringEquals or StringLike"),
        KeyKind::Numeric => ("a number", "NumericEquals or its kin"),
        KeyKind::Date => ("a date", "DateLessThan or its kin"),
        KeyKind::Epoch => ("seconds since 1970", "NumericLessThan, DateLessThan or their kin"),
        KeyKind::Bool => ("true or false", "Bool"),
        KeyKind::IpAddress => ("an address", "IpAddress or NotIpAddress"),
        KeyKind::Arn => ("an ARN", "ArnLike, ArnEquals or StringEquals"),
    }
}

/// Lists that a request needn't have: who restricts them means those that it has.
const OPTIONAL: [&str; 2] = ["aws:TagKeys", "s3:RequestObjectTagKeys"];
/// Keys whose value is in the configuration: `aws`.
const CONFIGURED: [&str; 3] = ["aws:requestedregion", "aws:resourceaccount", "s3:resourceaccount"];
