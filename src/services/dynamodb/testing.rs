//! What the tests of this service have in common: requests, and what is made of them as text.

use ::http::{HeaderMap, HeaderValue, Method};

use super::{Call, DynamoDbError, Input, KeyAttribute, KeySchema, Kind, Place, TableSchema};
use crate::iam::{Check, Fact};

pub(super) const HERE: Place<'static> =
    Place { partition: "aws", region: "eu-west-1", account: "123456789012" };

/// `pk` and `sk`, both strings; the index `by-owner` (`owner`, `at`), and `by-two` of two attributes.
pub(super) fn schema() -> TableSchema {
    let key = |partition: &[&str], sort: &[&str]| {
        let attributes = |names: &[&str]| {
            let of = |name: &&str| KeyAttribute {
                name: (*name).to_owned(),
                kind: Some(if *name == "at" { Kind::Number } else { Kind::Text }),
            };
            names.iter().map(of).collect()
        };
        KeySchema { partition: attributes(partition), sort: Some(attributes(sort)) }
    };
    TableSchema {
        key: key(&["pk"], &["sk"]),
        indexes: [
            ("by-owner".to_owned(), key(&["owner"], &["at"])),
            ("by-two".to_owned(), key(&["tenant", "region"], &[])),
        ]
        .into(),
    }
}

/// The call of `operation`.
pub(super) fn call(operation: &str) -> Result<Call, DynamoDbError> {
    let mut headers = HeaderMap::new();
    let api = match super::operation::OPERATIONS.iter().find(|known| known.name == operation) {
        Some(known) => known.api,
        None => super::operation::Api::Tables,
    };
    let target = format!("{}{operation}", api.prefix());
    headers.insert("x-amz-target", HeaderValue::try_from(target).unwrap());
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
    Call::of(&Method::POST, "/", &headers)
}

/// What `body` asks of `operation`: its checks as text, or the reason why it has none.
pub(super) fn checks(operation: &str, body: &str) -> Result<Vec<String>, &'static str> {
    checks_with(operation, body, Some(&schema()))
}

pub(super) fn checks_with(
    operation: &str,
    body: &str,
    schema: Option<&TableSchema>,
) -> Result<Vec<String>, &'static str> {
    let input = Input::read(body.as_bytes()).map_err(|error| error.reason())?;
    let described = call(operation).and_then(|call| call.describe(&input, HERE));
    let described = described.map_err(|error| error.reason())?;
    Ok(described.accesses.iter().flat_map(|access| access.checks(schema)).map(text).collect())
}

/// `GetItem table/demo leadingkeys=[a] …`, the keys in alphabetical order.
fn text(check: Check) -> String {
    let action = check.action.as_str().strip_prefix("dynamodb:").unwrap().to_owned();
    let resource = check.resource.as_str();
    let resource =
        resource.strip_prefix("arn:aws:dynamodb:eu-west-1:123456789012:").unwrap_or(resource);
    let mut keys: Vec<String> = check
        .context
        .iter()
        .filter(|(key, _)| !key.ends_with("partitionkeyvalues"))
        .map(|(key, fact)| {
            let key = key.strip_prefix("dynamodb:").unwrap_or(key);
            match fact {
                Fact::One(value) => format!("{key}={value}"),
                Fact::Many(values) => format!("{key}=[{}]", values.join(",")),
                Fact::Unknown => format!("{key}=?"),
            }
        })
        .collect();
    keys.sort_unstable();
    [action, resource.to_owned()].into_iter().chain(keys).collect::<Vec<_>>().join(" ")
}
