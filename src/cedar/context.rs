//! The context of a request: which of its attributes an action declares, and their values.

use std::net::IpAddr;

use cedar_policy::RestrictedExpression;

use super::paths::Template;
use super::schema::{Attribute, Declared};

/// What is known of a request beside the caller and what it asks for.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The client's address.
    pub source_ip: IpAddr,
    /// When it was received, in milliseconds since 1970.
    pub millis: i64,
    /// Whether it came over TLS.
    pub secure: bool,
    /// The SPIFFE id of the caller's certificate.
    pub spiffe_id: Option<&'a str>,
}

/// An attribute of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Field {
    /// The claims of an access token.
    Token,
    /// The client's address.
    SourceIp,
    /// The time of the request.
    Time,
    /// Whether it came over TLS.
    Secure,
    /// The SPIFFE id of the caller's certificate; not of all callers.
    SpiffeId,
    /// The method of a request to an API.
    Method,
    /// Its path, decoded, without the query.
    Path,
    /// The parameters of the action's path.
    PathParameters,
    /// The action in IAM's terms.
    Action,
}

impl Field {
    const ALL: [Self; 9] = [
        Self::Token,
        Self::SourceIp,
        Self::Time,
        Self::Secure,
        Self::SpiffeId,
        Self::Method,
        Self::Path,
        Self::PathParameters,
        Self::Action,
    ];

    /// Its name in schemas and policies.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::SourceIp => "sourceIp",
            Self::Time => "time",
            Self::Secure => "secure",
            Self::SpiffeId => "spiffeId",
            Self::Method => "method",
            Self::Path => "path",
            Self::PathParameters => "pathParameters",
            Self::Action => "action",
        }
    }

    /// The type it has.
    const fn kind(self) -> &'static str {
        match self {
            Self::Token | Self::PathParameters => "Record",
            Self::SourceIp => "ipaddr",
            Self::Time => "datetime",
            Self::Secure => "Boolean",
            Self::SpiffeId | Self::Method | Self::Path | Self::Action => "String",
        }
    }

    /// Whether requests of this kind of action have it.
    const fn is_of(self, api: bool) -> bool {
        match self {
            Self::Token | Self::SourceIp | Self::Time | Self::Secure | Self::SpiffeId => true,
            Self::Method | Self::Path | Self::PathParameters => api,
            Self::Action => !api,
        }
    }
}

/// The attributes that an action's context declares and a request has.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub(super) all: Vec<Field>,
    /// The claims in `token`, if it is declared.
    pub(super) token: Option<Token>,
    /// The declared names in `pathParameters`.
    pub(super) parameters: Vec<String>,
}

/// The claims that an action's `token` declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) claims: Vec<String>,
    /// The same for the same type.
    pub(super) fingerprint: String,
}

impl Fields {
    /// What `attributes` declare. `api` is the path of an action that is named as an API's. One that is
    /// not `of_route` is asked about by name only, with whatever context its callers have.
    ///
    /// # Errors
    /// What no request could conform to, a sentence each.
    pub(super) fn of(
        attributes: &[Attribute<'_>],
        declared: &Declared,
        api: Option<&Template>,
        of_route: bool,
    ) -> Result<Self, Vec<String>> {
        let (mut fields, mut wrong) = (Self::default(), Vec::new());
        for attribute in attributes {
            let name = attribute.name;
            let known = Field::ALL.into_iter().find(|f| f.name() == name && f.is_of(api.is_some()));
            let Some(field) = known else {
                if attribute.required() {
                    let known = Field::ALL.iter().filter(|f| f.is_of(api.is_some()));
                    let known: Vec<&str> = known.map(|f| f.name()).collect();
                    let known = known.join(", ");
                    wrong.push(format!(
                        "no request has `{name}` in its context (there are {known}); make it optional, or remove it"
                    ));
                }
                continue;
            };
            if field == Field::SpiffeId && attribute.required() {
                let why = "not every caller has a client certificate; make it optional";
                wrong.push(format!("`{name}` of the context can't be required: {why}"));
                continue;
            }
            let kind = attribute.kind(declared);
            if kind != field.kind() {
                wrong.push(format!(
                    "`{name}` of the context is of type {}, not {kind}",
                    field.kind()
                ));
                continue;
            }
            match field {
                Field::Token => {
                    let record = attribute.record(declared);
                    let claims = record.map(|record| record.attributes()).unwrap_or_default();
                    let claims = claims.iter().map(|claim| claim.name.to_owned()).collect();
                    let fingerprint = attribute.fingerprint();
                    fields.token = Some(Token { claims, fingerprint });
                }
                Field::PathParameters => {
                    let record = attribute.record(declared);
                    for one in record.map(|record| record.attributes()).unwrap_or_default() {
                        let has = api.is_some_and(|path| path.parameters().any(|p| p == one.name));
                        match (one.kind(declared), has) {
                            ("String", true) => fields.parameters.push(one.name.to_owned()),
                            ("String", false) if !one.required() => {}
                            ("String", false) => wrong.push(format!(
                                "`pathParameters.{}` isn't in the action's path",
                                one.name
                            )),
                            _ => wrong.push(format!("`pathParameters.{}` is a String", one.name)),
                        }
                    }
                }
                _ => {}
            }
            fields.all.push(field);
        }
        if wrong.is_empty() || !of_route { Ok(fields) } else { Err(wrong) }
    }
}

impl Surroundings<'_> {
    /// The value of a field that doesn't hang on what is asked.
    pub(super) fn value(&self, field: Field) -> Option<RestrictedExpression> {
        match field {
            Field::SourceIp => Some(RestrictedExpression::new_ip(self.source_ip.to_string())),
            Field::Secure => Some(RestrictedExpression::new_bool(self.secure)),
            Field::SpiffeId => {
                self.spiffe_id.map(|id| RestrictedExpression::new_string(id.to_owned()))
            }
            Field::Time => RestrictedExpression::new_datetime(datetime(self.millis)?).into(),
            _ => None,
        }
    }
}

/// `2024-10-15T11:35:00.000Z`, which is what Cedar reads.
fn datetime(millis: i64) -> Option<String> {
    let nanos = i128::from(millis).checked_mul(1_000_000)?;
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    let milli = at.millisecond();
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"))
}
