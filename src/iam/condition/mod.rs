//! Conditions: one operator, one context key, its values, and when they hold.
//!
//! A condition holds if the request's value matches one of the policy's values; a negated one if it
//! matches none. A key that is absent fails a positive operator and satisfies a negated one; an
//! unknown key makes the condition unknown. Cases that IAM's documentation leaves open are unknown
//! too, without naming a key, so that they never allow and always deny: `docs/iam.md` lists them.

mod arn;
mod date;
mod decimal;
mod operator;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use operator::{Base, Missing, Operator, Polarity, Quantifier};

use value::{Value, boolean};

use super::document::{ConditionSource, MAX_KEY_BYTES, PolicyError, PolicyProblem, Version};
use super::facts::Lookup;
use super::observe::{ConditionSeen, Seen, Shown};
use super::scope::{Scope, Unknowns};
use super::truth::Truth;

/// A compiled condition.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    operator: Operator,
    operator_written: Box<str>,
    /// In lower case.
    key: Box<str>,
    key_written: Box<str>,
    values: Box<[Value]>,
    /// The values of `Null`: must the key be absent?
    absent: Box<[bool]>,
}

impl Condition {
    /// Compiles one key of one operator, reporting all that is wrong with it.
    pub(super) fn compile(
        source: &ConditionSource,
        version: Version,
        errors: &mut Vec<PolicyError>,
    ) -> Option<Self> {
        let key = &source.key;
        if key.text.is_empty() || key.text.len() > MAX_KEY_BYTES || key.text.contains("${") {
            let problem = PolicyProblem::Key(key.text.clone());
            errors.push(PolicyError { path: key.path.clone(), problem });
        }
        let Some(operator) = Operator::parse(&source.operator.text) else {
            let problem = PolicyProblem::Operator(source.operator.text.clone());
            let error = PolicyError { path: source.operator.path.clone(), problem };
            // One operator may stand over several keys.
            if !errors.contains(&error) {
                errors.push(error);
            }
            return None;
        };
        let lower = key.text.to_ascii_lowercase();
        let (mut values, mut absent) = (Vec::new(), Vec::new());
        for value in &source.values {
            if operator.base == Base::Null {
                match boolean(&value.text) {
                    Some(must) => absent.push(must),
                    None => errors.push(PolicyError {
                        path: value.path.clone(),
                        problem: PolicyProblem::Value {
                            written: value.text.clone(),
                            advice: "write \"true\" if the key must be absent, else \"false\"",
                        },
                    }),
                }
                continue;
            }
            match Value::compile(&value.text, operator.base, &lower, version) {
                Ok(value) => values.push(value),
                Err(problem) => errors.push(PolicyError { path: value.path.clone(), problem }),
            }
        }
        Some(Self {
            operator,
            operator_written: source.operator.text.as_str().into(),
            key: lower.into(),
            key_written: key.text.as_str().into(),
            values: values.into(),
            absent: absent.into(),
        })
    }

    /// Does it hold? The names of unknown keys that leave it open are added to `unknowns`.
    pub(super) fn evaluate(&self, scope: Scope<'_>, unknowns: &mut Unknowns) -> Truth {
        let found = scope.lookup(&self.key);
        if found == Lookup::Unknown {
            unknowns.add(&self.key_written);
            return Truth::Unknown;
        }
        let absent = match &found {
            Lookup::Absent => true,
            Lookup::Many(values) => values.is_empty(),
            _ => false,
        };
        if self.operator.base == Base::Null {
            return self.absent.contains(&absent).into();
        }
        if absent {
            return self.without_key();
        }
        match (self.operator.quantifier, &found) {
            (Quantifier::Single, Lookup::One(value)) => self.holds(value, scope, unknowns),
            // A multi-valued key needs a set operator.
            (Quantifier::Single, _) => Truth::False,
            (Quantifier::All, _) => {
                let mut values = each(&found);
                // "or if the context key value resolves to a null dataset, such as an empty string"
                if each(&found).all(str::is_empty) {
                    return Truth::True;
                }
                values
                    .try_fold(Truth::True, |truth, value| {
                        match truth.and(self.holds(value, scope, unknowns)) {
                            Truth::False => Err(Truth::False),
                            truth => Ok(truth),
                        }
                    })
                    .unwrap_or_else(|truth| truth)
            }
            (Quantifier::Any, _) => {
                Truth::any(each(&found).map(|value| self.holds(value, scope, unknowns)))
            }
        }
    }

    /// The context keys that it asks for, as written: its own and those of its variables.
    pub(super) fn context_keys(&self) -> impl Iterator<Item = &str> {
        let variables = self.values.iter().flat_map(Value::variable_names);
        std::iter::once(&*self.key_written).chain(variables)
    }

    /// The condition with what was compared, for explanations.
    pub(super) fn explain(&self, scope: Scope<'_>, truth: Truth) -> ConditionSeen {
        let values = if self.operator.base == Base::Null {
            self.absent.iter().map(|absent| Shown::plain(absent.to_string())).collect()
        } else {
            self.values.iter().map(|value| value.shown(scope)).collect()
        };
        let request = match scope.lookup(&self.key) {
            Lookup::Absent => Seen::Absent,
            Lookup::Unknown => Seen::Unknown,
            Lookup::One(value) => Seen::One(value.into_owned()),
            Lookup::Many(values) => Seen::Many(values.into_owned()),
        };
        ConditionSeen {
            operator: self.operator_written.clone().into(),
            key: self.key_written.clone().into(),
            truth,
            request,
            values,
        }
    }

    /// The answer for a key that is absent or has no values.
    fn without_key(&self) -> Truth {
        match (self.operator.quantifier, self.operator.missing, self.operator.polarity) {
            // The documentation of IfExists says true, that of ForAnyValue false.
            (Quantifier::Any, Missing::Holds, _) => Truth::Unknown,
            (Quantifier::Any, Missing::AsOperator, _) => Truth::False,
            (Quantifier::All, ..) | (_, Missing::Holds, _) => Truth::True,
            (Quantifier::Single, _, Polarity::Negated) => Truth::True,
            (Quantifier::Single, _, Polarity::Positive) => Truth::False,
        }
    }

    /// Does one value of the request satisfy the operator?
    fn holds(&self, request: &str, scope: Scope<'_>, unknowns: &mut Unknowns) -> Truth {
        let mut matched = Truth::False;
        if let Some(first) = self.values.first() {
            let Some(request) = first.read(request) else {
                return match self.operator.polarity {
                    Polarity::Positive => Truth::False,
                    // Is "abc" not equal to 5? IAM's documentation doesn't say.
                    Polarity::Negated => Truth::Unknown,
                };
            };
            let compared = self.values.iter().map(|value| value.compare(request, scope, unknowns));
            matched = Truth::any(compared);
        }
        match self.operator.polarity {
            Polarity::Positive => matched,
            Polarity::Negated => !matched,
        }
    }
}

/// The values of a present key, one by one.
fn each<'l>(found: &'l Lookup<'_>) -> impl Iterator<Item = &'l str> {
    let (one, many) = match found {
        Lookup::One(value) => (Some(&**value), None),
        Lookup::Many(values) => (None, Some(values.iter().map(String::as_str))),
        Lookup::Absent | Lookup::Unknown => (None, None),
    };
    one.into_iter().chain(many.into_iter().flatten())
}
