//! The policy of a form: what its fields may be, and until when
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{PostForm, S3Error};
use crate::{clock::Time, http::strict_object};

/// Checks a form against its policy: it hasn't expired, every condition holds, and there is one for
/// every field.
pub(super) fn check(form: &PostForm, now: Time, length: u64) -> Result<(), S3Error> {
    let text = form.field("policy").unwrap_or_default();
    let document = STANDARD.decode(text.trim_ascii());
    let document = document.map_err(|_| S3Error::PolicyDocument("it is not Base64"))?;
    let document = strict_object(&document, MAX_DEPTH)
        .map_err(|_| S3Error::PolicyDocument("it is not JSON, or has a member twice"))?;
    if document.keys().any(|name| !matches!(name.as_str(), "expiration" | "conditions")) {
        return Err(S3Error::PolicyDocument("it has a member that isn't known"));
    }
    let expiration = document.get("expiration").and_then(Value::as_str);
    let expiration = expiration.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let expiration = expiration.ok_or(S3Error::PolicyDocument("its expiration can't be read"))?;
    if expiration.unix_timestamp() <= now.secs() {
        return Err(denied("Policy expired."));
    }
    let conditions = document.get("conditions").and_then(Value::as_array);
    let conditions = conditions.ok_or(S3Error::PolicyDocument("it has no conditions"))?;
    let mut covered = Vec::new();
    for condition in conditions {
        for condition in Condition::read(condition)? {
            condition.check(form, length)?;
            covered.extend(condition.field());
        }
    }
    // The bucket is in the request's address, where nothing else signs it.
    let named = form.fields.iter().map(|(name, _)| name.as_str()).chain(["bucket"]);
    let loose = { named }.find(|name| {
        let free = matches!(*name, "policy" | "x-amz-signature");
        !free && !name.starts_with("x-ignore-") && !covered.iter().any(|known| known == name)
    });
    match loose {
        Some(name) => Err(denied(&format!("Extra input fields: {name}"))),
        None => Ok(()),
    }
}

/// A condition; names of fields in lower case.
enum Condition {
    Equals(String, String),
    StartsWith(String, String),
    Length(u64, u64),
}

impl Condition {
    /// Reads what is one condition, or as many as an object has members.
    fn read(value: &Value) -> Result<Vec<Self>, S3Error> {
        const UNREADABLE: S3Error = S3Error::PolicyDocument("a condition can't be read");
        match value {
            Value::Object(members) if !members.is_empty() => members
                .iter()
                .map(|(name, value)| {
                    let value = value.as_str().ok_or(UNREADABLE)?;
                    Ok(Self::Equals(name.to_ascii_lowercase(), value.to_owned()))
                })
                .collect(),
            Value::Array(parts) => {
                let [operator, first, second] = parts.as_slice() else { return Err(UNREADABLE) };
                let field = || -> Result<_, S3Error> {
                    let name = first.as_str().and_then(|name| name.strip_prefix('$'));
                    let name = name.ok_or(UNREADABLE)?.to_ascii_lowercase();
                    Ok((name, second.as_str().ok_or(UNREADABLE)?.to_owned()))
                };
                let condition = match operator.as_str() {
                    Some("eq") => field().map(|(name, value)| Self::Equals(name, value))?,
                    Some("starts-with") => {
                        field().map(|(name, value)| Self::StartsWith(name, value))?
                    }
                    Some("content-length-range") => {
                        let number = |value: &Value| match value {
                            Value::String(text) => text.parse().ok(),
                            other => other.as_u64(),
                        };
                        let least = number(first).ok_or(UNREADABLE)?;
                        Self::Length(least, number(second).ok_or(UNREADABLE)?)
                    }
                    _ => return Err(UNREADABLE),
                };
                Ok(vec![condition])
            }
            _ => Err(UNREADABLE),
        }
    }

    /// The field that it is about.
    fn field(self) -> Option<String> {
        match self {
            Self::Equals(name, _) | Self::StartsWith(name, _) => Some(name),
            Self::Length(..) => None,
        }
    }

    fn check(&self, form: &PostForm, length: u64) -> Result<(), S3Error> {
        let value = |name: &str| match name {
            // It is in the request's address.
            "bucket" => Some(form.bucket.as_str()),
            name => form.field(name),
        };
        let (operator, name, wanted, holds) = match self {
            Self::Length(least, _) if length < *least => return Err(S3Error::EntityTooSmall),
            Self::Length(_, most) if length > *most => return Err(S3Error::EntityTooLarge),
            Self::Length(..) => return Ok(()),
            Self::Equals(name, wanted) => {
                ("eq", name, wanted, value(name).is_some_and(|value| value == wanted))
            }
            Self::StartsWith(name, start) => {
                // A list of content types is as good as each of them.
                let each = |value: &str| match name.as_str() {
                    "content-type" => {
                        value.split(',').all(|one| one.trim().starts_with(start.as_str()))
                    }
                    _ => value.starts_with(start.as_str()),
                };
                ("starts-with", name, start, value(name).is_some_and(each))
            }
        };
        match holds {
            true => Ok(()),
            false => {
                // What signs the form, or encrypts its file, is told to nobody, and in no log.
                let secret =
                    super::SIGNING.contains(&name.as_str()) || name.contains("customer-key");
                let wanted = if secret { "…" } else { wanted };
                let condition = serde_json::json!([operator, format!("${name}"), wanted]);
                Err(denied(&format!("Policy Condition failed: {condition}")))
            }
        }
    }
}

fn denied(why: &str) -> S3Error {
    S3Error::NotByPolicy(format!("Invalid according to Policy: {why}").into())
}

/// The document, its conditions, and a condition.
const MAX_DEPTH: usize = 3;
