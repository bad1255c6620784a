//! What a request says of the policy of a table or a stream that is kept at the gate
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html>).

use super::{DynamoDbError, Place, json::Json, members::Members, members::UNEXPECTED, name::Named};
use crate::iam::{Arn, Resource};

/// An operation on the policy of a table or a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyCall {
    /// PutResourcePolicy.
    Put {
        /// Whose policy it is.
        resource: Arn,
        /// The document, as it was sent.
        policy: String,
        /// `ExpectedRevisionId`.
        expected: Option<String>,
        /// Whether the caller knows that the policy may keep it from putting another one.
        confirmed: bool,
    },
    /// GetResourcePolicy.
    Get {
        /// Whose policy it is.
        resource: Arn,
    },
    /// DeleteResourcePolicy.
    Delete {
        /// Whose policy it is.
        resource: Arn,
        /// `ExpectedRevisionId`.
        expected: Option<String>,
    },
}

impl PolicyCall {
    /// The one that `operation` is, if it is one.
    ///
    /// # Errors
    /// If its ARN isn't that of a table or a stream of here, or a member isn't what it must be.
    pub(super) fn read(
        operation: &str,
        request: Members<'_, '_>,
        place: Place<'_>,
    ) -> Result<Option<Self>, DynamoDbError> {
        if !["PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy"].contains(&operation)
        {
            return Ok(None);
        }
        let resource = resource(request.required_text("ResourceArn")?, place)?;
        let expected = || request.text("ExpectedRevisionId").map(|id| id.map(str::to_owned));
        Ok(Some(match operation {
            "PutResourcePolicy" => {
                let policy = request.required_text("Policy")?;
                if policy.len() > MAX_POLICY {
                    return Err(DynamoDbError::Validation(format!(
                        "The policy document has {} bytes; it may have {MAX_POLICY}",
                        policy.len()
                    )));
                }
                let confirmed = match request.get("ConfirmRemoveSelfResourceAccess") {
                    None => false,
                    Some(Json::Bool(confirmed)) => *confirmed,
                    Some(_) => return Err(UNEXPECTED),
                };
                let (policy, expected) = (policy.trim_ascii().to_owned(), expected()?);
                Self::Put { resource, policy, expected, confirmed }
            }
            "GetResourcePolicy" => Self::Get { resource },
            _ => Self::Delete { resource, expected: expected()? },
        }))
    }
}

/// The table or the stream, which has to be in the region that the gate is in: a policy counts for
/// the ARN that it is of, letter by letter.
fn resource(text: &str, place: Place<'_>) -> Result<Arn, DynamoDbError> {
    let named = match Named::below(text, "stream", place) {
        Err(DynamoDbError::Validation(_)) => Named::table(text, place)?,
        named => named?,
    };
    match named.resources()?.as_slice() {
        [Resource::Arn(arn)] if arn.as_str() == text => Ok(arn.clone()),
        _ => Err(DynamoDbError::Validation(format!(
            "1 validation error detected: Value at 'resourceArn' failed to satisfy constraint: \
             Member must be the ARN of a table or a stream in {}",
            place.region
        ))),
    }
}

/// The longest policy, in bytes (Quotas, DynamoDB Developer Guide: 20 KB, white space included).
const MAX_POLICY: usize = 20 * 1024;
