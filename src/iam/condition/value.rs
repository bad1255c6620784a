//! The values of a condition, compiled for their operator, and their comparison with one value of
//! the request.

use std::cmp::Ordering;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::{IpNet, Ipv4Net};

use super::arn::ArnValue;
use super::date::{Digits, Instant};
use super::decimal::Decimal;
use super::operator::{Base, Order};
use crate::iam::document::{PolicyProblem, Version};
use crate::iam::observe::Shown;
use crate::iam::pattern::Case;
use crate::iam::scope::{Scope, Unknowns};
use crate::iam::truth::Truth;
use crate::iam::variable::{Template, Wildcards};

/// One value of a condition.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// `StringEquals`, `StringLike`: as the template was parsed.
    Text(Template),
    IgnoringCase(Template),
    Number(Box<str>, Order),
    Date(Box<str>, Instant, Order, Digits),
    Bool(bool),
    /// With variables.
    OpenBool(Template),
    Binary(Box<str>, Box<[u8]>),
    Address(Box<str>, IpNet),
    Arn(ArnValue),
}

/// A value of the request, read as what an operator compares.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked<'r> {
    Text(&'r str),
    Number(Decimal<'r>),
    Date(Instant),
    Bool(bool),
    Address(IpAddr),
}

impl Value {
    /// Compiles `text` for `base`, under a key in lower case.
    pub(super) fn compile(
        text: &str,
        base: Base,
        key: &str,
        version: Version,
    ) -> Result<Self, PolicyProblem> {
        let refused = |advice| PolicyProblem::Value { written: text.to_owned(), advice };
        let template = |wildcards| Template::parse(text, version, wildcards);
        let written = Box::<str>::from(text);
        Ok(match base {
            Base::StringEquals => Self::Text(template(Wildcards::Literal)?),
            Base::StringEqualsIgnoreCase => Self::IgnoringCase(template(Wildcards::Literal)?),
            Base::StringLike => Self::Text(template(Wildcards::Active)?),
            Base::Numeric(order) => match Decimal::parse(text) {
                Some(_) => Self::Number(written, order),
                None => return Err(refused("write a decimal number such as 10 or -2.5")),
            },
            Base::Date(order) => {
                let digits = digits(key);
                let date = Instant::parse(text, digits).ok_or_else(|| {
                    refused("write a date such as 2026-11-24T03:01:31Z, with its zone, or seconds since 1970")
                })?;
                Self::Date(written, date, order, digits)
            }
            // Null is compiled by the condition itself.
            Base::Bool | Base::Null => {
                let template = template(Wildcards::Literal)?;
                match boolean(text) {
                    _ if template.has_variables() => Self::OpenBool(template),
                    Some(fixed) => Self::Bool(fixed),
                    None => return Err(refused("write \"true\" or \"false\"")),
                }
            }
            Base::BinaryEquals => match STANDARD.decode(text) {
                Ok(bytes) => Self::Binary(written, bytes.into()),
                Err(_) => return Err(refused("write the bytes in base64, with padding")),
            },
            Base::IpAddress => match network(text) {
                Some(network) => Self::Address(written, network),
                None => {
                    return Err(refused(
                        "write an address or a block such as 203.0.113.0/24 or 2001:db8::/32",
                    ));
                }
            },
            Base::Arn => Self::Arn(ArnValue::parse(text, version)?),
        })
    }

    /// Reads a value of the request as this one is compared with it, as all values of a condition
    /// are. None if it isn't of that type.
    pub(super) fn read<'r>(&self, request: &'r str) -> Option<Asked<'r>> {
        Some(match self {
            Self::Text(_) | Self::IgnoringCase(_) | Self::Binary(..) | Self::Arn(_) => {
                Asked::Text(request)
            }
            Self::Number(..) => Asked::Number(Decimal::parse(request)?),
            Self::Date(.., digits) => Asked::Date(Instant::parse(request, *digits)?),
            Self::Bool(_) | Self::OpenBool(_) => Asked::Bool(boolean(request)?),
            Self::Address(..) => Asked::Address(request.parse::<IpAddr>().ok()?.to_canonical()),
        })
    }

    /// Does a value of the request match this one?
    pub(super) fn compare(
        &self,
        request: Asked<'_>,
        scope: Scope<'_>,
        unknowns: &mut Unknowns,
    ) -> Truth {
        match (self, request) {
            (Self::Text(template), Asked::Text(request)) => {
                template.matches(request, Case::Sensitive, scope, unknowns)
            }
            (Self::IgnoringCase(template), Asked::Text(request)) => {
                ignoring_case(template, request, scope, unknowns)
            }
            (Self::Number(number, order), Asked::Number(request)) => {
                let number = Decimal::parse(number);
                number.is_some_and(|number| order.admits(request.compare(number))).into()
            }
            (Self::Date(_, date, order, _), Asked::Date(request)) => {
                order.admits(request.cmp(date)).into()
            }
            (Self::Bool(fixed), Asked::Bool(request)) => (*fixed == request).into(),
            (Self::OpenBool(template), Asked::Bool(request)) => {
                equals_boolean(template, request, scope, unknowns)
            }
            (Self::Binary(_, bytes), Asked::Text(request)) => {
                (request.as_bytes() == &**bytes).into()
            }
            (Self::Address(_, network), Asked::Address(request)) => {
                network.contains(&request).into()
            }
            (Self::Arn(value), Asked::Text(request)) => value.matches(request, scope, unknowns),
            // Not reached: values are compared with what they read.
            _ => Truth::Unknown,
        }
    }

    /// The keys of its variables, as written.
    pub(super) fn variable_names(&self) -> impl Iterator<Item = &str> {
        let templates = match self {
            Self::Text(template) | Self::IgnoringCase(template) | Self::OpenBool(template) => {
                std::slice::from_ref(template)
            }
            Self::Arn(value) => value.templates(),
            _ => &[],
        };
        templates.iter().flat_map(Template::variable_names)
    }

    /// As compared, for explanations: variables replaced by what they stand for.
    pub(super) fn shown(&self, scope: Scope<'_>) -> Shown {
        match self {
            Self::Text(template) | Self::IgnoringCase(template) | Self::OpenBool(template) => {
                template.resolve(scope).shown()
            }
            Self::Number(written, _)
            | Self::Date(written, ..)
            | Self::Binary(written, _)
            | Self::Address(written, _) => Shown::plain(written.clone()),
            Self::Bool(fixed) => Shown::plain(fixed.to_string()),
            Self::Arn(value) => value.shown(scope),
        }
    }
}

impl Order {
    fn admits(self, request: Ordering) -> bool {
        match self {
            Self::Equal => request.is_eq(),
            Self::Less => request.is_lt(),
            Self::LessOrEqual => request.is_le(),
            Self::Greater => request.is_gt(),
            Self::GreaterOrEqual => request.is_ge(),
        }
    }
}

/// `true` or `false` in any case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn digits(key: &str) -> Digits {
    if key == "aws:epochtime" { Digits::Epoch } else { Digits::YearOrEpoch }
}

fn equals_boolean(
    template: &Template,
    request: bool,
    scope: Scope<'_>,
    unknowns: &mut Unknowns,
) -> Truth {
    let resolved = template.resolve(scope);
    if resolved.is_null() {
        return Truth::False;
    }
    if resolved.is_unknown() {
        resolved.report(unknowns);
        return Truth::Unknown;
    }
    let word = if request { "true" } else { "false" };
    resolved.chars().map(|c| c.to_ascii_lowercase()).eq(word.chars()).into()
}

/// Equal but for the case of ASCII letters is equal; equal only under Unicode's folding can't be
/// decided, since IAM doesn't say which alphabet it folds.
fn ignoring_case(
    template: &Template,
    request: &str,
    scope: Scope<'_>,
    unknowns: &mut Unknowns,
) -> Truth {
    let resolved = template.resolve(scope);
    if resolved.is_null() {
        return Truth::False;
    }
    if resolved.is_unknown() {
        resolved.report(unknowns);
        return Truth::Unknown;
    }
    let ascii = |c: char| c.to_ascii_lowercase();
    if resolved.chars().map(ascii).eq(request.chars().map(ascii)) {
        return Truth::True;
    }
    let folded = |c: char| c.to_uppercase().flat_map(char::to_lowercase);
    if resolved.chars().flat_map(folded).eq(request.chars().flat_map(folded)) {
        return Truth::Unknown;
    }
    Truth::False
}

/// An address or a CIDR block. IPv4 written as IPv6 (`::ffff:203.0.113.0/120`) is IPv4, as it is in
/// requests.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    let IpNet::V6(v6) = network else { return Some(network) };
    match v6.prefix_len().checked_sub(MAPPED_BITS).zip(v6.addr().to_ipv4_mapped()) {
        Some((bits, address)) => Ipv4Net::new(address, bits).ok().map(IpNet::V4),
        None => Some(network),
    }
}

/// The fixed bits of `::ffff:0:0/96` (RFC 4291 §2.5.5.2).
const MAPPED_BITS: u8 = 96;
