//! The names of condition operators.
//!
//! `[ForAllValues:|ForAnyValue:]Base[IfExists]`, in any case
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>).

/// A condition operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) quantifier: Quantifier,
    pub(crate) base: Base,
    pub(crate) polarity: Polarity,
    pub(crate) missing: Missing,
}

/// How many of a key's values have to satisfy the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// The key's only one.
    Single,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// What is compared, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    BinaryEquals,
    IpAddress,
    Arn,
    Null,
}

/// How the value of the request has to stand to that of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Whether the value of the request has to match one of the policy's values, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polarity {
    Positive,
    Negated,
}

/// What an absent key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// What the operator says.
    AsOperator,
    /// `…IfExists`: the condition holds.
    Holds,
}

impl Operator {
    /// The operator of that name; none if there isn't one.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (quantifier, rest) = if let Some(rest) = name.strip_prefix("forallvalues:") {
            (Quantifier::All, rest)
        } else if let Some(rest) = name.strip_prefix("foranyvalue:") {
            (Quantifier::Any, rest)
        } else {
            (Quantifier::Single, name.as_str())
        };
        let (missing, rest) = match rest.strip_suffix("ifexists") {
            Some(rest) => (Missing::Holds, rest),
            None => (Missing::AsOperator, rest),
        };
        let (_, base, polarity) = BASES.iter().find(|(base, ..)| *base == rest)?;
        match (base, missing) {
            // Null asks whether the key exists; "if it exists" would make no sense.
            (Base::Null, Missing::Holds) => None,
            _ => Some(Self { quantifier, base: *base, polarity: *polarity, missing }),
        }
    }
}

use Polarity::{Negated, Positive};

const BASES: &[(&str, Base, Polarity)] = &[
    ("stringequals", Base::StringEquals, Positive),
    ("stringnotequals", Base::StringEquals, Negated),
    ("stringequalsignorecase", Base::StringEqualsIgnoreCase, Positive),
    ("stringnotequalsignorecase", Base::StringEqualsIgnoreCase, Negated),
    ("stringlike", Base::StringLike, Positive),
    ("stringnotlike", Base::StringLike, Negated),
    ("numericequals", Base::Numeric(Order::Equal), Positive),
    ("numericnotequals", Base::Numeric(Order::Equal), Negated),
    ("numericlessthan", Base::Numeric(Order::Less), Positive),
    ("numericlessthanequals", Base::Numeric(Order::LessOrEqual), Positive),
    ("numericgreaterthan", Base::Numeric(Order::Greater), Positive),
    ("numericgreaterthanequals", Base::Numeric(Order::GreaterOrEqual), Positive),
    ("dateequals", Base::Date(Order::Equal), Positive),
    ("datenotequals", Base::Date(Order::Equal), Negated),
    ("datelessthan", Base::Date(Order::Less), Positive),
    ("datelessthanequals", Base::Date(Order::LessOrEqual), Positive),
    ("dategreaterthan", Base::Date(Order::Greater), Positive),
    ("dategreaterthanequals", Base::Date(Order::GreaterOrEqual), Positive),
    ("bool", Base::Bool, Positive),
    ("binaryequals", Base::BinaryEquals, Positive),
    ("ipaddress", Base::IpAddress, Positive),
    ("notipaddress", Base::IpAddress, Negated),
    ("arnequals", Base::Arn, Positive),
    ("arnlike", Base::Arn, Positive),
    ("arnnotequals", Base::Arn, Negated),
    ("arnnotlike", Base::Arn, Negated),
    ("null", Base::Null, Positive),
];
